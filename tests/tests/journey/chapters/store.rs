//! Steps 6 to 9: what the hospital sees.

use medtrace_tests::{
    Live, Scan,
    codes::{label, pack, uri},
    county::{CATH_LAB, PROVINCE, STENT, STORE},
};
use serde_json::json;

use crate::{
    say,
    world::{CASE_1, World, factory_box},
};

pub async fn checked(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let case = factory_box(CASE_1);
    let codes = [
        world.stent("S1"),
        world.stent("S2"),
        // The pack again, or a copy of its code.
        world.stent("S1"),
        pack(STENT, "Z", &world.expiry, "S3"),
        // At the province, shipped to nobody since.
        world.stent("S5"),
        world.stent("S7"),
        world.stent("S999"),
        "]d2010950600010001321S1".to_owned(),
    ];
    let check = format!("/v1/deliveries/{case}/check");
    let answer = county.query.post(&check, &json!({ "codes": codes })).await?.good()?;
    let expected =
        "duplicate 1, extra 1, in-another-delivery 1, matched 2, missing 2, unknown 1, unreadable 1, wrong-lot 1";
    assert_eq!(say::counts(&answer), expected, "{answer}");
    let missing =
        say::list(&answer["lines"]).filter(|line| line["result"] == "missing").map(|line| line["key"].clone());
    assert_eq!(missing.collect::<Vec<_>>(), [json!(uri::item(STENT, "S3")), json!(uri::item(STENT, "S4"))]);
    // The box alone stands for all that is in it.
    let answer = county.query.post(&check, &json!({ "codes": [label(&case)] })).await?.good()?;
    assert_eq!(say::counts(&answer), "matched 4");
    Ok(())
}

pub async fn used(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let case = factory_box(CASE_1);
    let stents: Vec<String> = (1..=4).map(|n| world.stent(&format!("S{n}"))).collect();
    let scans = [
        Scan::new("receive", &world.time(8, "08:00"), STORE, [label(&case)]),
        Scan::new("unpack", &world.time(8, "08:30"), STORE, &stents).with("parent", label(&case)),
        Scan::new("transfer", &world.time(9, "07:00"), STORE, [world.stent("S1")]).with("to", CATH_LAB),
    ];
    world.done(&county.hospital, &scans).await?;
    let answer = county.query.verify_at(&world.stent("S1"), CATH_LAB, "use").await?;
    assert_eq!(say::verdict(&answer), "accept: genuine");
    assert_eq!(say::whereabouts(&answer["item"]), format!("in_progress at {CATH_LAB} by county-hospital"));

    world
        .done(&county.hospital, &[Scan::new("implant", &world.time(9, "09:00"), CATH_LAB, [world.stent("S1")])])
        .await?;
    let answer = county.query.verify_at(&world.stent("S1"), CATH_LAB, "use").await?;
    assert_eq!(say::verdict(&answer), "reject: already-used");
    let hands = county.query.provenance(&world.stent("S1"), None, None).await?;
    assert!(say::steps(&hands).ends_with("receiving^ unpacking transporting installing"), "{}", say::steps(&hands));
    Ok(())
}

pub async fn used_again(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let mut live = Live::open(&county.query, None).await?;
    let again = Scan::new("implant", &world.time(10, "09:00"), CATH_LAB, [world.stent("S1")]);
    let height = world.done(&county.hospital, &[again]).await?;
    let answer = county.query.verify(&world.stent("S1")).await?;
    assert_eq!(say::verdict(&answer), "reject: already-used, used-twice");

    let key = json!(uri::item(STENT, "S1"));
    let alert = live.until("an alert", |said| said.kind == "alert" && said.data["key"] == key).await?;
    assert_eq!(alert.data["code"], "used-twice");
    let block = live.until("a block", |said| said.kind == "block").await?;
    assert!(block.data["height"].as_u64().is_some_and(|sealed| sealed <= height), "{block:?}");
    // Who comes back after the block before hears of it again.
    let before = block.data["height"].as_u64().unwrap_or(0) - 1;
    let mut resumed = Live::open(&county.query, Some(&before.to_string())).await?;
    let told = resumed.until("the same alert", |said| said.kind == "alert").await?;
    assert_eq!(told.data, alert.data);
    Ok(())
}

pub async fn counterfeit(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let answer = county.query.verify_at(&world.stent("S1O"), STORE, "receive").await?;
    assert_eq!(say::verdict(&answer), "reject: never-commissioned");
    let answer = county.query.verify_at(&pack(STENT, "Z", &world.expiry, "S2"), STORE, "use").await?;
    assert_eq!(say::verdict(&answer), "reject: wrong-lot");
    let answer = county.query.verify_at(&pack(STENT, "A", "270101", "S2"), STORE, "use").await?;
    assert_eq!(say::verdict(&answer), "reject: wrong-expiry");
    // The province knows nothing of a stent that the store has.
    let answer = county.query.verify_at(&world.stent("S2"), PROVINCE, "receive").await?;
    assert_eq!(say::verdict(&answer), "check: elsewhere");
    // Nobody has registered the product; a code that cannot be read.
    let answer = county.query.verify("(01)09506000134352(21)1").await?;
    assert_eq!(say::verdict(&answer), "reject: never-commissioned, unknown-product");
    let answer = county.query.verify("(01)09506000134353(21)1").await?;
    assert_eq!((say::verdict(&answer), &answer["item"]), ("reject: unreadable".to_owned(), &json!(null)));
    Ok(())
}
