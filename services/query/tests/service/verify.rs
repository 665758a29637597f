//! Verdicts on containers and lots.

use serde_json::json;

use crate::goods::{OTHER_GLN, World, at, lot, lots_made, made, moved, packed, quantities, sscc};
use crate::story::{FACTORY_GLN, HOSPITAL_GLN, item};

#[tokio::test]
async fn a_container_is_judged_by_what_is_in_it() {
    let mut world = World::new().await;
    let packs: Vec<String> = (1..=5).map(|n| item(&format!("S{n}"))).collect();
    let (clean, recalled, of_lots, pallet) = (sscc(11), sscc(12), sscc(13), sscc(14));
    world
        .says(
            "factory",
            &[
                made(0, "L2", &packs[..2]),
                made(0, "L1", &packs[2..4]),
                lots_made(0, &[("L1", 10), ("L3", 10)]),
                packed(1, &clean, &packs[..2], &[]),
                packed(1, &recalled, &packs[1..5], &[]),
                packed(1, &of_lots, &[], &[("L1", 5), ("L3", 5)]),
                packed(2, &pallet, &[recalled.clone(), of_lots.clone()], &[]),
            ],
        )
        .await;
    // S2 is in two cases at once; S5 was never commissioned: nobody knows of which lot it is.
    assert!(world.verdict(&clean, None).await.starts_with("accept: "));
    let verdict = world.verdict(&recalled, None).await;
    assert_eq!(verdict, "reject: conflicting 1/4, maybe-recalled 1/4, never-commissioned 1/4, recalled 2/4");
    assert_eq!(world.verdict(&of_lots, None).await, "reject: recalled 1/2");
    let verdict = world.verdict(&pallet, None).await;
    assert_eq!(verdict, "reject: conflicting 1/8, maybe-recalled 1/8, never-commissioned 1/8, recalled 3/8");
    let answer = world.post("/v1/verify", json!({ "code": recalled })).await;
    let reasons = answer["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["code"] == "recalled").unwrap();
    let text = format!("2 of 4 things inside: recalled: r-1 ({}, {})", item("S3"), item("S4"));
    assert_eq!(reason["text"]["en"], text);
    assert_eq!(reason["inside"]["keys"], json!([item("S3"), item("S4")]));
}

#[tokio::test]
async fn a_lot_is_somewhere() {
    let mut world = World::new().await;
    world
        .says(
            "factory",
            &[lots_made(0, &[("L2", 100), ("L4", 1)]), moved("shipping", 1, FACTORY_GLN, &[], &[("L2", 40)])],
        )
        .await;
    let (all, one) = (lot("L2"), lot("L4"));
    for (code, place, verdict) in [
        (&all, FACTORY_GLN, "accept: genuine"),
        (&all, HOSPITAL_GLN, "accept: genuine"),
        (&all, OTHER_GLN, "check: elsewhere"),
        (&one, FACTORY_GLN, "accept: genuine"),
        (&one, HOSPITAL_GLN, "check: elsewhere"),
    ] {
        assert_eq!(world.verdict(code, Some(place)).await, verdict, "{code} at {place}");
    }
    let gone = at(
        "ObjectEvent",
        5,
        FACTORY_GLN,
        json!({
            "action": "DELETE", "bizStep": "destroying", "disposition": "destroyed", "quantityList": quantities(&[("L4", 1)]),
        }),
    );
    world.says("factory", &[gone]).await;
    assert_eq!(world.verdict(&one, None).await, "reject: destroyed");
    assert_eq!(world.verdict(&one, Some(FACTORY_GLN)).await, "reject: destroyed");
}
