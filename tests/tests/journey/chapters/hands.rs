//! Steps 1 to 5: from the factory through five hands to the hospital's store.

use medtrace_tests::{
    Scan,
    codes::{label, uri},
    county::{AGENT, FACTORY, PROVINCE, STENT, STORE, WAREHOUSE},
};
use serde_json::json;

use crate::{
    say,
    world::{CASE_1, CASE_2, PALLET, World, factory_box, labels, province_box},
};

/// SHA-256 of the inspection report, which stays at the factory.
const REPORT: &str = "ni:///sha-256;f4OxZX_x_FO5LcGBSKHWXfwtSx-j1ncoSt3SABJtkGk";

pub async fn commissioned(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let codes: Vec<String> = (1..=8).map(|n| world.stent(&format!("S{n}"))).collect();
    let scan = Scan::new("commission", &world.time(0, "08:00"), FACTORY, &codes);
    world.done(&county.factory, &[scan]).await?;

    let answer = county.query.verify(&world.stent("S1")).await?;
    assert_eq!(say::verdict(&answer), "accept: genuine");
    assert_eq!(say::whereabouts(&answer["item"]), format!("active at {FACTORY} by factory"));
    let item = &answer["item"];
    assert_eq!(item["key"], uri::item(STENT, "S1"));
    assert_eq!((&item["gtin"], &item["lot"], &item["serial"]), (&json!(STENT), &json!("A"), &json!("S1")));
    assert_eq!(item["product"]["name"]["en"], "Drug-eluting stent 3×18");
    // Every spelling is the same pack.
    for spelling in
        [format!("(01){STENT}(21)S1"), uri::item(STENT, "S1"), "urn:epc:id:sgtin:95060001.00001.S1".to_owned()]
    {
        let answer = county.query.verify(&spelling).await?;
        assert_eq!(answer["item"]["key"], item["key"], "{spelling}");
    }
    let answer = county.query.verify(&world.stent("S999")).await?;
    assert_eq!(say::verdict(&answer), "reject: never-commissioned");
    Ok(())
}

pub async fn packed(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let (case_1, case_2, pallet) = (factory_box(CASE_1), factory_box(CASE_2), factory_box(PALLET));
    let stents =
        |range: std::ops::RangeInclusive<u32>| range.map(|n| world.stent(&format!("S{n}"))).collect::<Vec<_>>();
    let pack = |clock: &str, codes: &[String], parent: &str| {
        Scan::new("pack", &world.time(0, clock), FACTORY, codes).with("parent", label(parent))
    };
    let scans = [
        pack("09:00", &stents(1..=4), &case_1),
        pack("09:00", &stents(5..=8), &case_2),
        pack("10:00", &labels(&[case_1.clone(), case_2.clone()]), &pallet),
        Scan::new("inspect", &world.time(0, "09:30"), FACTORY, stents(1..=8))
            .with("result", "pass")
            .document("testres", REPORT),
    ];
    world.done(&county.factory, &scans).await?;

    let answer = county.query.provenance(&world.stent("S1"), None, None).await?;
    assert_eq!(say::steps(&answer), "commissioning packing inspecting packing^");
    assert_eq!(
        say::whereabouts(&answer["item"]),
        format!("in_progress at {FACTORY} by factory in {case_1} < {pallet}")
    );
    let inspected = &answer["history"][2];
    let event = county.query.ask(&format!("/v1/events/{}", inspected["event"].as_str().unwrap_or("")), &[]).await?;
    assert_eq!(event["json"]["bizTransactionList"], json!([{"type": "testres", "bizTransaction": REPORT}]));
    Ok(())
}

pub async fn shipped(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let pallet = factory_box(PALLET);
    let scan = Scan::new("ship", &world.time(1, "08:00"), FACTORY, [label(&pallet)])
        .with("to", AGENT)
        .document("desadv", "urn:epcglobal:cbv:bt:9506000100012:DN-1");
    world.done(&county.factory, &[scan]).await?;

    let arriving = county.query.ask("/v1/deliveries", &[("to", "agent"), ("state", "in_transit")]).await?;
    let [delivery] = arriving["deliveries"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        panic!("one delivery is on its way to the agent: {arriving}");
    };
    assert_eq!(delivery["from"]["party"], "factory");
    assert_eq!(delivery["units"], json!([uri::unit(&pallet)]));
    let whole = county.query.ask(&format!("/v1/deliveries/{pallet}"), &[]).await?;
    assert_eq!(whole["contents"]["expected"], 8);
    assert_eq!(whole["event"], delivery["event"], "found by the box, too");

    let answer = county.query.verify_at(&world.stent("S1"), AGENT, "receive").await?;
    assert_eq!(say::verdict(&answer), "accept: genuine, inferred");
    let heading = format!("in_transit for {AGENT} by factory in {} < {pallet}", factory_box(CASE_1));
    assert_eq!(say::whereabouts(&answer["item"]), heading);
    let answer = county.query.verify_at(&world.stent("S1"), STORE, "receive").await?;
    assert_eq!(say::verdict(&answer), "check: in-container, inferred, not-shipped-to-you");
    Ok(())
}

pub async fn received(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let pallet = factory_box(PALLET);
    let scan = Scan::new("receive", &world.time(2, "08:00"), AGENT, [label(&pallet)]);
    world.done(&county.agent, &[scan]).await?;

    let delivery = county.query.ask(&format!("/v1/deliveries/{pallet}"), &[]).await?;
    assert_eq!((&delivery["state"], &delivery["received"]), (&json!("received"), &json!(1)));
    let arriving = county.query.ask("/v1/deliveries", &[("to", AGENT), ("state", "in_transit")]).await?;
    assert_eq!(arriving["deliveries"], json!([]));
    let answer = county.query.verify_at(&world.stent("S1"), AGENT, "receive").await?;
    assert_eq!(say::verdict(&answer), "accept: genuine, inferred");
    let case = factory_box(CASE_1);
    assert_eq!(say::whereabouts(&answer["item"]), format!("in_progress at {AGENT} by agent in {case} < {pallet}"));
    Ok(())
}

pub async fn onward(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let (case_1, case_2, pallet) = (factory_box(CASE_1), factory_box(CASE_2), factory_box(PALLET));
    let to = |step: &str, day, clock: &str, place: &str, sscc: &str, to: &str| {
        Scan::new(step, &world.time(day, clock), place, [label(sscc)]).with("to", to)
    };
    let receive = |day, place: &str, sscc: &str| Scan::new("receive", &world.time(day, "08:00"), place, [label(sscc)]);
    world.done(&county.agent, &[to("ship", 3, "08:00", AGENT, &pallet, PROVINCE)]).await?;
    let unpack = |parent: &str, codes: &[String]| {
        Scan::new("unpack", &world.time(4, "09:00"), PROVINCE, codes).with("parent", label(parent))
    };
    let stents: Vec<String> = (5..=8).map(|n| world.stent(&format!("S{n}"))).collect();
    let scans = [
        receive(4, PROVINCE, &pallet),
        // Without items: everything that is on it.
        unpack(&pallet, &[]),
        unpack(&case_2, &stents),
        to("ship", 5, "08:00", PROVINCE, &case_1, WAREHOUSE),
        // A second delivery to the store, later: one stent in a box of the province.
        Scan::new("pack", &world.time(5, "09:00"), PROVINCE, [world.stent("S7")])
            .with("parent", label(&province_box(7))),
        to("ship", 5, "10:00", PROVINCE, &province_box(7), STORE),
    ];
    world.done(&county.province, &scans).await?;
    world
        .done(&county.warehouse, &[receive(6, WAREHOUSE, &case_1), to("ship", 7, "08:00", WAREHOUSE, &case_1, STORE)])
        .await?;

    for (to, in_transit) in [(AGENT, 0), (PROVINCE, 0), (WAREHOUSE, 0), (STORE, 2), ("county-hospital", 2)] {
        let arriving = county.query.ask("/v1/deliveries", &[("to", to), ("state", "in_transit")]).await?;
        assert_eq!(say::list(&arriving["deliveries"]).count(), in_transit, "on its way to {to}: {arriving}");
    }
    let answer = county.query.provenance(&world.stent("S1"), None, None).await?;
    let way = "commissioning packing inspecting packing^ shipping^ receiving^ shipping^ receiving^ unpacking^ shipping^ \
               receiving^ shipping^";
    assert_eq!(say::steps(&answer), way);
    let hands: Vec<&str> = say::list(&answer["history"]).filter_map(|line| line["party"].as_str()).collect();
    assert!(["factory", "agent", "province", "warehouse"].iter().all(|hand| hands.contains(hand)), "{hands:?}");
    assert_eq!(say::whereabouts(&answer["item"]), format!("in_transit for {STORE} by warehouse in {case_1}"));
    // At the end of day 4 it stood at the province, in its case alone.
    let then = county.query.provenance(&world.stent("S1"), Some(&world.time(4, "23:00")), None).await?;
    assert_eq!(say::whereabouts(&then["item"]), format!("in_progress at {PROVINCE} by province in {case_1}"));
    Ok(())
}
