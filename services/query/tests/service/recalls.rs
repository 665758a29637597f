//! How far a recall reaches, and who has answered it.

use serde_json::json;

use crate::goods::{DRUG_CODE, World, joined, lots_made, made, moved, recall};
use crate::story::{FACTORY_GLN, GTIN, HOSPITAL_GLN, item};

#[tokio::test]
async fn every_pack_is_reached_once() {
    let mut world = World::new().await;
    let drug_code = format!("urn:medtrace:cn-drug:{DRUG_CODE}{:013}", 1);
    let packs: Vec<String> = (1..=3).map(|n| item(&format!("S{n}"))).collect();
    let fake = moved("storing", 5, FACTORY_GLN, &[item("S9")], &[]);
    world
        .says("factory", &[joined(made(0, "L1", &packs), &packs[0], &drug_code), lots_made(0, &[("L1", 10)]), fake])
        .await;
    // Three packs, one of them with two codes, and ten without serials; the recall names their lot in two lines.
    let reach = world.0.json(200, "/v1/recalls/r-1/reach").await;
    assert_eq!((&reach["commissioned"], &reach["unaccounted"]), (&json!("13"), &json!("0")), "{reach}");
    assert_eq!(reach["states"], json!([{"state": "active", "amount": "13"}]));
    assert_eq!(reach["neverCommissioned"], "0");
    let reach = world.0.json(200, &format!("/v1/reach?gtin={GTIN}")).await;
    assert_eq!((&reach["commissioned"], &reach["neverCommissioned"]), (&json!("13"), &json!("1")), "{reach}");
    assert_eq!(reach["states"], json!([{"state": "active", "amount": "13"}]));
}

#[tokio::test]
async fn an_answer_speaks_of_what_was_recalled_when_it_was_given() {
    let mut world = World::new().await;
    world.says("factory", &[made(0, "L1", &[item("S1")]), moved("shipping", 1, FACTORY_GLN, &[item("S1")], &[])]).await;
    world.says("hospital", &[moved("receiving", 2, HOSPITAL_GLN, &[item("S1")], &[])]).await;
    let holder = async |world: &World| {
        let reach = world.0.json(200, "/v1/recalls/r-1/reach").await;
        let holder = &reach["holders"][0];
        assert_eq!(holder["party"], "hospital", "{reach}");
        let acknowledged = &holder["acknowledged"];
        (acknowledged["status"].as_str().map(str::to_owned), holder["late"].as_bool().unwrap())
    };
    // The chain stands still at the hour of the recall; by the clock its day is long over.
    assert_eq!(holder(&world).await, (None, true));
    let answer = |revision| json!({"type": "acknowledgement", "recall": "r-1", "party": "hospital", "revision": revision, "status": "quarantined"});
    let said = Some("quarantined".to_owned());
    world.notice("hospital", answer(1)).await;
    assert_eq!(holder(&world).await, (said.clone(), false));
    // The same goods in other words need no other answer, further lots do.
    world.notice("factory", recall(2, json!([{"gtin": GTIN, "lots": ["L1"]}]))).await;
    assert_eq!(holder(&world).await, (said.clone(), false));
    world.notice("factory", recall(3, json!([{"gtin": GTIN, "lots": ["L1", "L7"]}]))).await;
    assert_eq!(holder(&world).await, (None, true));
    let answers = world.0.json(200, "/v1/recalls/r-1/acknowledgements").await;
    assert_eq!(answers["acknowledgements"][0]["current"], false);
    assert_eq!(world.0.json(200, "/v1/recalls/r-1").await["acknowledgements"], 0);
    world.notice("hospital", answer(2)).await;
    assert_eq!(holder(&world).await, (said, false));
}
