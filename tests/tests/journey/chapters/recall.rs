//! Step 14: a lot is recalled while it is on its way.

use std::time::{Duration, Instant};

use medtrace_tests::{
    Scan,
    codes::{label, pack, uri},
    county::{AGENT, FACTORY, STENT},
    wait::{SOON_MS, until},
};
use serde_json::{Value, json};

use crate::{
    say,
    world::{World, factory_box},
};

/// From the notice's receipt until the pack is rejected.
const REJECTED_WITHIN: Duration = Duration::from_secs(1);
/// Lots that are recalled one after the other, so that one pause of a busy machine decides nothing.
const TRIES: u32 = 3;

pub async fn in_transit(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let mut scans = Vec::new();
    for n in 0..TRIES {
        let codes: Vec<String> = (1..=4).map(|serial| stent(world, n, serial)).collect();
        let case = label(&factory_box(200 + n));
        scans.extend([
            Scan::new("commission", &world.time(20, "08:00"), FACTORY, &codes),
            Scan::new("pack", &world.time(20, "09:00"), FACTORY, &codes).with("parent", case.as_str()),
            Scan::new("ship", &world.time(20, "10:00"), FACTORY, [&case]).with("to", AGENT),
        ]);
    }
    world.done(&county.factory, &scans).await?;

    let mut delays = Vec::new();
    for n in 0..TRIES {
        let answer = county.query.verify_at(&stent(world, n, 1), AGENT, "receive").await?;
        assert_eq!(say::verdict(&answer), "accept: genuine, inferred");
        county.factory.notices(&[issue(world, n)]).await?;
        let taken = Instant::now();
        let rejected = async || {
            let answer = county.query.verify_at(&stent(world, n, 1), AGENT, "receive").await?;
            Ok((answer["verdict"] == "reject").then_some(answer))
        };
        let answer = until("the recall to be in force", SOON_MS, rejected).await?;
        delays.push(taken.elapsed());
        assert_eq!(say::verdict(&answer), "reject: inferred, recalled");
        // Nobody has to open the case to learn it.
        let answer = county.query.verify_at(&label(&factory_box(200 + n)), AGENT, "receive").await?;
        assert_eq!(say::verdict(&answer), "reject: recalled");
        assert_eq!(
            (&answer["reasons"][0]["inside"]["count"], &answer["reasons"][0]["inside"]["of"]),
            (&json!(4), &json!(4))
        );
    }
    let best = delays.iter().min().expect("a few tries");
    assert!(*best < REJECTED_WITHIN, "rejected after {delays:?}");
    // Its neighbours of another lot are not meant.
    assert_eq!(say::verdict(&county.query.verify(&world.stent("S2")).await?), "accept: genuine");
    reached(world).await?;
    answered(world).await
}

async fn reached(world: &World) -> anyhow::Result<()> {
    let query = &world.county.query;
    let reach = query.ask("/v1/recalls/lot-r0/reach", &[]).await?;
    assert_eq!((&reach["commissioned"], &reach["unaccounted"]), (&json!("4"), &json!("0")));
    assert_eq!((say::states(&reach), say::holders(&reach)), ("in_transit 4".to_owned(), "factory 4".to_owned()));
    let [holder] = reach["holders"].as_array().map(Vec::as_slice).unwrap_or_default() else { panic!("{reach}") };
    assert_eq!(holder["sealedIn"], json!([{"unit": uri::unit(&factory_box(200)), "amount": "4"}]));
    assert_eq!(holder["contact"]["email"], "recalls@factory.example");
    assert_eq!(holder["lastEvent"]["step"], "shipping");
    let open = query.ask("/v1/recalls", &[("state", "open")]).await?;
    assert_eq!(say::list(&open["recalls"]).count(), TRIES as usize);
    Ok(())
}

async fn answered(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let answer = json!({
        "type": "acknowledgement", "recall": "lot-r0", "party": "agent", "revision": 1, "status": "quarantined",
        "quantity": 4,
    });
    county.query.until_indexed(&county.agent.notices(&[answer]).await?).await?;
    let answers = county.query.ask("/v1/recalls/lot-r0/acknowledgements", &[]).await?;
    let [answer] = answers["acknowledgements"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        panic!("one has answered: {answers}")
    };
    assert_eq!((&answer["party"], &answer["status"]), (&json!("agent"), &json!("quarantined")));

    let lift = json!({
        "type": "recall", "recall": "lot-r0", "revision": 2, "action": "lift", "reason": {"en": "found to be sound"},
    });
    county.query.until_indexed(&county.factory.notices(&[lift]).await?).await?;
    let answer = county.query.verify_at(&stent(world, 0, 1), AGENT, "receive").await?;
    assert_eq!(say::verdict(&answer), "accept: genuine, inferred");
    let recall = county.query.ask("/v1/recalls/lot-r0", &[]).await?;
    assert_eq!(recall["state"], "lifted");
    assert_eq!(say::list(&recall["history"]).count(), 2);
    Ok(())
}

fn stent(world: &World, lot: u32, serial: u32) -> String {
    pack(STENT, &format!("R{lot}"), &world.expiry, &format!("R{lot}-{serial}"))
}

fn issue(world: &World, lot: u32) -> Value {
    json!({
        "type": "recall", "recall": format!("lot-r{lot}"), "revision": 1, "action": "issue", "class": 1,
        "scope": [{"gtin": STENT, "lots": [format!("R{lot}")]}],
        "reason": {"zh-CN": "输送系统缺陷", "en": "delivery system defect"},
        "instructions": {"zh-CN": "停止使用并隔离", "en": "stop use, set aside"},
        "jurisdiction": "CN", "effective": utc(&world.time(21, "08:00")),
    })
}

/// The one spelling of an instant in notices.
fn utc(time: &str) -> String {
    time.parse::<jiff::Timestamp>().map(|time| time.to_string()).unwrap_or_default()
}
