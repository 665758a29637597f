//! Steps 15 and 16: goods without serials, and packs with a Chinese drug code.

use medtrace_tests::{
    Scan,
    codes::{label, lot, pack, uri},
    county::{AGENT, FACTORY, HEPARIN, HEPARIN_CODE, STORE, WAREHOUSE, WIRES},
};
use serde_json::json;

use crate::{
    say,
    world::{World, factory_box},
};

pub async fn quantities(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let (wires, case) = (lot(WIRES, "W1"), label(&factory_box(300)));
    let scan = |step: &str, day, place: &str, quantity: u32| {
        Scan::new(step, &world.time(day, "08:00"), place, [""; 0]).amount(&wires, quantity)
    };
    let scans = [
        scan("commission", 0, FACTORY, 1000),
        scan("ship", 1, FACTORY, 400).with("to", AGENT),
        scan("pack", 2, FACTORY, 100).with("parent", case.as_str()),
    ];
    world.done(&county.factory, &scans).await?;
    // Ten are missing at arrival; a box of a hundred follows.
    world.done(&county.agent, &[scan("receive", 3, AGENT, 390), scan("ship", 4, AGENT, 50).with("to", STORE)]).await?;
    world.done(&county.hospital, &[scan("receive", 5, STORE, 50), scan("use", 6, STORE, 5)]).await?;

    let reach = county.query.ask("/v1/reach", &[("gtin", WIRES), ("lot", "W1")]).await?;
    assert_eq!((&reach["commissioned"], &reach["unaccounted"]), (&json!("1000"), &json!("0")), "{reach}");
    // 500 and the box of 100 at the factory; of 400 sent 390 arrived, of which 50 went on and 5 were used.
    assert_eq!(say::holders(&reach), "agent 340, county-hospital 50, factory 10, factory 600");
    assert_eq!(say::states(&reach), "active 500, dispensed 5, in_progress 485, in_transit 10");
    let boxed = say::list(&reach["holders"]).flat_map(|holder| say::list(&holder["sealedIn"]));
    assert_eq!(boxed.collect::<Vec<_>>(), [&json!({"unit": uri::unit(&factory_box(300)), "amount": "100"})]);
    assert_eq!(say::verdict(&county.query.verify(&wires).await?), "accept: genuine");
    // Part of it lies at the store, none at the warehouse.
    assert_eq!(say::verdict(&county.query.verify_at(&wires, STORE, "receive").await?), "accept: genuine");
    assert_eq!(say::verdict(&county.query.verify_at(&wires, WAREHOUSE, "receive").await?), "check: elsewhere");
    let arriving = county.query.ask("/v1/deliveries", &[("to", AGENT), ("state", "partly_received")]).await?;
    let [delivery] = arriving["deliveries"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        panic!("ten of one delivery are missing: {arriving}");
    };
    let check = format!("/v1/deliveries/{}/check", delivery["event"].as_str().unwrap_or_default());
    let answer = county.query.post(&check, &json!({"codes": [{"code": wires, "quantity": 390}]})).await?.good()?;
    assert_eq!(say::counts(&answer), "missing 1");
    assert_eq!(answer["lines"][1]["detail"]["en"], "400 expected, 390 scanned");
    // Letters count: lot w1 is another.
    assert_eq!(say::verdict(&county.query.verify(&lot(WIRES, "w1")).await?), "reject: never-commissioned");
    Ok(())
}

pub async fn two_codes(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let chinese = |serial: u32| format!("{HEPARIN_CODE}{serial:013}");
    let beside = pack(HEPARIN, "H1", &world.expiry, "H1");
    let scans = [
        Scan::new("commission", &world.time(0, "08:00"), FACTORY, [""; 0]).also(&beside, &[&chinese(1)]),
        // The code alone says neither lot nor expiry: the request does.
        Scan::new("commission", &world.time(0, "08:00"), FACTORY, [chinese(2)])
            .with("lot", "H2")
            .with("expiry", "2030-12-31"),
        Scan::new("ship", &world.time(1, "08:00"), FACTORY, [chinese(1), chinese(2)]).with("to", STORE),
    ];
    world.done(&county.factory, &scans).await?;
    for code in [&beside, &chinese(1)] {
        let answer = county.query.provenance(code, None, None).await?;
        assert_eq!(say::steps(&answer), "commissioning shipping", "{code}");
        assert_eq!(say::whereabouts(&answer["item"]), format!("in_transit for {STORE} by factory"));
        assert_eq!((&answer["item"]["lot"], &answer["item"]["product"]["id"]), (&json!("H1"), &json!("heparin-5ml")));
        let things: Vec<_> = say::list(&answer["things"]).collect();
        assert!(things.contains(&&json!(uri::item(HEPARIN, "H1"))), "{things:?}");
        assert!(things.contains(&&json!(format!("urn:medtrace:cn-drug:{}", chinese(1)))), "{things:?}");
        assert_eq!(say::verdict(&county.query.verify_at(code, STORE, "receive").await?), "accept: genuine");
    }
    let answer = county.query.verify_at(&chinese(2), STORE, "receive").await?;
    assert_eq!(say::verdict(&answer), "accept: genuine");
    assert_eq!((&answer["item"]["lot"], &answer["item"]["expiry"]), (&json!("H2"), &json!("2030-12-31")));
    let answer = county.query.verify_at(&chinese(3), STORE, "receive").await?;
    assert_eq!(say::verdict(&answer), "reject: never-commissioned");
    // Two packs, of which one carries two codes.
    let reach = county.query.ask("/v1/reach", &[("product", "heparin-5ml")]).await?;
    assert_eq!((&reach["commissioned"], &reach["neverCommissioned"]), (&json!("2"), &json!("0")), "{reach}");
    assert_eq!(say::states(&reach), "in_transit 2");
    // A pack that is used under one of its codes is used.
    let receive = Scan::new("receive", &world.time(2, "08:00"), STORE, [chinese(1)]);
    let usage = Scan::new("use", &world.time(3, "08:00"), STORE, [chinese(1)]);
    world.done(&county.hospital, &[receive, usage]).await?;
    assert_eq!(say::verdict(&county.query.verify_at(&beside, STORE, "use").await?), "reject: already-used");
    Ok(())
}
