//! Deliveries and their check.

use serde_json::{Value, json};

use crate::goods::{DRUG_CODE, World, joined, lot, lots_made, made, moved, packed, sscc};
use crate::story::{CASE, FACTORY_GLN, GTIN, HOSPITAL_GLN, item};
use crate::support::service::answered;

#[tokio::test]
async fn quantities_arrive() {
    let mut world = World::new().await;
    let (case, pack) = (sscc(21), item("S1"));
    let height = world
        .says(
            "factory",
            &[
                lots_made(0, &[("L2", 1000), ("L3", 30)]),
                made(0, "L2", std::slice::from_ref(&pack)),
                packed(1, &case, std::slice::from_ref(&pack), &[("L3", 30)]),
                moved("shipping", 2, FACTORY_GLN, std::slice::from_ref(&case), &[("L2", 400)]),
                moved("shipping", 3, FACTORY_GLN, &[], &[("L2", 50)]),
            ],
        )
        .await;
    let (first, second) = (format!("{height}-4"), format!("{height}-5"));
    let states = async |world: &World| {
        let mut told = Vec::new();
        for id in [&first, &second] {
            let answer = world.0.json(200, &format!("/v1/deliveries/{id}")).await;
            let lots = answer["contents"]["lots"].as_array().unwrap();
            let lot = lots.iter().find(|line| line["key"] == lot("L2")).unwrap();
            told.push(format!("{} {}/{}", answer["state"], lot["received"], lot["quantity"]).replace('"', ""));
        }
        told.join(", ")
    };
    assert_eq!(states(&world).await, "in_transit 0/400, in_transit 0/50");

    let (lines, counts) = world.check(&first, json!([{"code": lot("L2"), "quantity": 390}, case])).await;
    assert_eq!(counts, "matched 2, missing 1", "{lines}");
    let missing = lines.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&missing["key"], &missing["expected"], &missing["got"]),
        (&json!(lot("L2")), &json!("400"), &json!("390"))
    );
    assert_eq!(missing["detail"]["en"], "400 expected, 390 scanned");
    // The label of a carton counts what is in it: AI 30.
    let carton = format!("(01){GTIN}(10)L2(30)400");
    let (lines, counts) = world.check(&first, json!([carton, pack, lot("L3")])).await;
    assert_eq!(counts, "matched 2, missing 1", "{lines}");
    let (lines, counts) = world.check(&first, json!([carton, carton, pack])).await;
    assert_eq!(counts, "extra 1, matched 2, missing 1", "{lines}");

    let received =
        |minute, things: &[String], amount| moved("receiving", minute, HOSPITAL_GLN, things, &[("L2", amount)]);
    world.says("hospital", &[received(10, std::slice::from_ref(&case), 390)]).await;
    assert_eq!(states(&world).await, "partly_received 390/400, in_transit 0/50");
    // What is accepted was received before.
    let accepted = moved("accepting", 11, HOSPITAL_GLN, &[], &[("L2", 390)]);
    world.says("hospital", &[accepted, received(12, &[], 30)]).await;
    assert_eq!(states(&world).await, "received 400/400, partly_received 20/50");
}

#[tokio::test]
async fn a_check_tells_copies_and_second_codes() {
    let mut world = World::new().await;
    let drug_code = format!("{DRUG_CODE}{:013}", 1);
    let packs: Vec<String> = (1..=4).map(|n| item(&format!("S{n}"))).collect();
    let case = [CASE.to_owned()];
    let height = world
        .says(
            "factory",
            &[
                joined(made(0, "L2", &packs), &item("S3"), &drug_code),
                packed(1, CASE, &packs, &[]),
                moved("shipping", 2, FACTORY_GLN, &case, &[]),
            ],
        )
        .await;
    let id = format!("{height}-3");
    let label = |serial: &str, expiry: &str| format!("(01){GTIN}(17){expiry}(10)L2(21){serial}");
    // S1 three times; S2 with another expiry; S3 by its second code, and again by its first.
    let codes =
        [label("S1", "281231"), label("S1", "281231"), item("S1"), label("S2", "291231"), drug_code, item("S3")];
    let (lines, counts) = world.check(&id, json!(codes)).await;
    assert_eq!(counts, "duplicate 3, matched 2, missing 2, wrong-expiry 1", "{lines}");
    assert_eq!(lines[3]["detail"]["en"], "expires 2029-12-31, should be 2028-12-31");
    // Where it is to be used is no matter of a check: members that nobody reads are refused.
    let asked = world.0.http.post(format!("{}/v1/deliveries/{id}/check", world.0.url));
    let refused = answered(400, asked.json(&json!({"codes": [], "place": FACTORY_GLN})).send().await.unwrap()).await;
    assert_eq!(refused["errors"][0]["path"], "/place");
    let asked = world.0.http.post(format!("{}/v1/deliveries/{id}/check", world.0.url));
    let nothing = json!({"codes": [{"code": lot("L2"), "quantity": 0}]});
    let refused = answered(400, asked.json(&nothing).send().await.unwrap()).await;
    assert_eq!(refused["errors"][0]["path"], "/codes/0/quantity");
}

#[tokio::test]
async fn deliveries_of_one_state_are_looked_for_page_by_page() {
    let mut world = World::new().await;
    let boxes: Vec<String> = (1..=205).map(sscc).collect();
    let shipped: Vec<Value> =
        boxes.iter().map(|sscc| moved("shipping", 1, FACTORY_GLN, std::slice::from_ref(sscc), &[])).collect();
    world.says("factory", &shipped).await;
    // The oldest has arrived: it is found, though not at once.
    world.says("hospital", &[moved("receiving", 2, HOSPITAL_GLN, &boxes[..1], &[])]).await;
    let first = world.0.json(200, "/v1/deliveries?state=received&perPage=7").await;
    assert_eq!(first["deliveries"], json!([]));
    let next = first["next"].as_str().unwrap();
    let second = world.0.json(200, &format!("/v1/deliveries?state=received&perPage=7&cursor={next}")).await;
    assert_eq!((second["deliveries"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
    let page = world.0.json(200, "/v1/deliveries?state=in_transit&perPage=200").await;
    assert_eq!(page["deliveries"].as_array().unwrap().len(), 200);
}

/// Twenty cases of a thousand packs, each pack scanned by its whole label.
#[tokio::test]
#[ignore = "prints how long it takes"]
async fn twenty_thousand_codes_are_checked() {
    let mut world = World::new().await;
    let mut label = Vec::new();
    let mut cases = Vec::new();
    for case in 1..=20 {
        let serials: Vec<String> = (0..1_000).map(|n| format!("C{case}-{n}")).collect();
        label.extend(serials.iter().map(|serial| format!("(01){GTIN}(17)281231(10)L2(21){serial}")));
        let packs: Vec<String> = serials.iter().map(|serial| item(serial)).collect();
        cases.push(sscc(case));
        world.says("factory", &[made(0, "L2", &packs), packed(1, &sscc(case), &packs, &[])]).await;
    }
    let height = world.says("factory", &[moved("shipping", 2, FACTORY_GLN, &cases, &[])]).await;
    for count in [2_000, 20_000] {
        let began = std::time::Instant::now();
        let (_, counts) = world.check(&format!("{height}-1"), json!(label[..count])).await;
        println!("{count} codes in {:?}: {counts}", began.elapsed());
    }
    let began = std::time::Instant::now();
    let verdict = world.verdict(&cases[0], None).await;
    println!("a case of 1,000 packs in {:?}: {verdict}", began.elapsed());
}
