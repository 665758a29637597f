//! Steps 10 to 13: what comes late, each asked before and after, as true at a time and as known at a height.

use medtrace_tests::{
    Scan,
    codes::{self, label},
    county::{FACTORY, PROVINCE, STENT, WAREHOUSE},
};

use crate::{
    say,
    world::{World, province_box},
};

pub async fn pack(world: &World) -> anyhow::Result<()> {
    let (query, province) = (&world.county.query, &world.county.province);
    let (stent, case) = (world.stent("S5"), province_box(3));
    let ship = Scan::new("ship", &world.time(10, "10:00"), PROVINCE, [label(&case)]).with("to", WAREHOUSE);
    let before = world.done(province, &[ship]).await?;
    let alone = format!("in_progress at {PROVINCE} by province");
    let answer = query.provenance(&stent, None, None).await?;
    assert_eq!(say::whereabouts(&answer["item"]), alone);

    let pack = Scan::new("pack", &world.time(10, "08:00"), PROVINCE, [&stent]).with("parent", label(&case));
    world.done(province, &[pack]).await?;
    let answer = query.provenance(&stent, None, None).await?;
    assert_eq!(say::whereabouts(&answer["item"]), format!("in_transit for {WAREHOUSE} by province in {case}"));
    assert!(say::steps(&answer).ends_with("unpacking packing shipping^"), "{}", say::steps(&answer));
    // As known before, it is at the province still; as known now, it was alone until eight o'clock.
    let answer = query.provenance(&stent, None, Some(before)).await?;
    assert_eq!(say::whereabouts(&answer["item"]), alone);
    let answer = query.provenance(&stent, Some(&world.time(10, "07:59")), None).await?;
    assert_eq!(say::whereabouts(&answer["item"]), alone);
    let answer = query.provenance(&stent, Some(&world.time(10, "09:00")), None).await?;
    assert_eq!(say::whereabouts(&answer["item"]), format!("{alone} in {case}"));
    Ok(())
}

pub async fn ship(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let (query, stent, case) = (&county.query, world.stent("S6"), province_box(4));
    let pack = Scan::new("pack", &world.time(10, "08:00"), PROVINCE, [&stent]).with("parent", label(&case));
    world.done(&county.province, &[pack]).await?;
    let scans = [
        Scan::new("receive", &world.time(12, "08:00"), WAREHOUSE, [label(&case)]),
        Scan::new("unpack", &world.time(12, "09:00"), WAREHOUSE, [&stent]).with("parent", label(&case)),
    ];
    let before = world.done(&county.warehouse, &scans).await?;
    let answer = query.verify_at(&stent, WAREHOUSE, "use").await?;
    assert_eq!(say::verdict(&answer), "check: received-not-shipped");

    let late = Scan::new("ship", &world.time(11, "08:00"), PROVINCE, [label(&case)]).with("to", WAREHOUSE);
    world.done(&county.province, &[late]).await?;
    let answer = query.verify_at(&stent, WAREHOUSE, "use").await?;
    assert_eq!(say::verdict(&answer), "accept: genuine");
    let there = format!("in_progress at {WAREHOUSE} by warehouse");
    assert_eq!(say::whereabouts(&answer["item"]), there);
    let answer = query.provenance(&stent, None, None).await?;
    assert!(say::steps(&answer).ends_with("packing shipping^ receiving^ unpacking"), "{}", say::steps(&answer));
    assert_eq!(answer["irregular"], serde_json::json!([]));
    let answer = query.provenance(&stent, Some(&world.time(11, "20:00")), None).await?;
    assert_eq!(say::whereabouts(&answer["item"]), format!("in_transit for {WAREHOUSE} by province in {case}"));

    let answer = query.provenance(&stent, None, Some(before)).await?;
    assert_eq!(say::whereabouts(&answer["item"]), there);
    assert_eq!(answer["irregular"], serde_json::json!(["received-not-shipped"]));
    let answer = query.provenance(&stent, Some(&world.time(11, "20:00")), Some(before)).await?;
    assert_eq!(say::whereabouts(&answer["item"]), format!("in_progress at {PROVINCE} by province in {case}"));
    Ok(())
}

pub async fn lot(world: &World) -> anyhow::Result<()> {
    let (query, factory) = (&world.county.query, &world.county.factory);
    let printed = codes::pack(STENT, "B1", &world.expiry, "T1");
    let wrong =
        Scan::new("commission", &world.time(13, "08:00"), FACTORY, [codes::pack(STENT, "B0", &world.expiry, "T1")]);
    let before = world.done(factory, std::slice::from_ref(&wrong)).await?;
    assert_eq!(say::verdict(&query.verify(&printed).await?), "reject: wrong-lot");

    let right = Scan::new("commission", &world.time(13, "08:00"), FACTORY, [&printed]);
    let undo = Scan::undo(&world.time(14, "08:00"), FACTORY, &wrong.event_id(), "incorrect_data")
        .with("corrective", vec![right.event_id()]);
    // The declaration comes first: until what is right is sealed, the original stays in force.
    world.done(factory, &[undo]).await?;
    assert_eq!(say::verdict(&query.verify(&printed).await?), "reject: wrong-lot");
    let original = query.ask(&format!("/v1/events/{}", query.name_of(&wrong.event_id()).await?), &[]).await?;
    let related: Vec<_> = say::list(&original["related"]).map(|other| other["relation"].clone()).collect();
    assert_eq!(related, ["declaration"], "{original}");
    world.done(factory, &[right]).await?;
    let answer = query.verify(&printed).await?;
    assert_eq!(
        (say::verdict(&answer), answer["item"]["lot"].as_str()),
        ("accept: corrected, genuine".into(), Some("B1"))
    );

    let answer = query.provenance(&printed, None, None).await?;
    assert_eq!(answer["item"]["lot"], "B1");
    assert!(
        say::list(&answer["history"]).any(|line| line["inForce"] == false && line["voidedBy"].is_string()),
        "{answer}"
    );
    let answer = query.provenance(&printed, None, Some(before)).await?;
    assert_eq!((answer["item"]["lot"].as_str(), say::steps(&answer)), (Some("B0"), "commissioning".to_owned()));
    Ok(())
}

pub async fn add(world: &World) -> anyhow::Result<()> {
    let (query, province) = (&world.county.query, &world.county.province);
    let (stent, case) = (world.stent("S8"), province_box(5));
    let scans = [
        // Something must be in it for it to be emptied.
        Scan::new("pack", &world.time(14, "08:00"), PROVINCE, [label(&province_box(6))]).with("parent", label(&case)),
        Scan::new("unpack", &world.time(14, "12:00"), PROVINCE, [""; 0]).with("parent", label(&case)),
    ];
    let before = world.done(province, &scans).await?;
    let pack = |clock: &str| Scan::new("pack", &world.time(14, clock), PROVINCE, [&stent]).with("parent", label(&case));
    world.done(province, &[pack("10:00")]).await?;
    let alone = format!("in_progress at {PROVINCE} by province");
    let inside = format!("{alone} in {case}");
    for (clock, expected) in
        [("09:59", &alone), ("10:00", &inside), ("11:59", &inside), ("12:00", &alone), ("20:00", &alone)]
    {
        let answer = query.provenance(&stent, Some(&world.time(14, clock)), None).await?;
        assert_eq!(&say::whereabouts(&answer["item"]), expected, "at {clock}");
    }
    let answer = query.provenance(&stent, None, None).await?;
    assert!(say::steps(&answer).ends_with("packing unpacking^"), "{}", say::steps(&answer));
    let answer = query.provenance(&stent, Some(&world.time(14, "11:00")), Some(before)).await?;
    assert_eq!(say::whereabouts(&answer["item"]), alone, "nobody knew of it then");
    // Put in again after it was emptied, it stays.
    world.done(province, &[pack("13:00")]).await?;
    let answer = query.provenance(&stent, None, None).await?;
    assert_eq!(say::whereabouts(&answer["item"]), inside);
    Ok(())
}
