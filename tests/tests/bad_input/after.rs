//! What is answered before it is judged, and what is taken but counts once.

use anyhow::Context;
use medtrace_tests::{
    Scan,
    codes::uri,
    county::{FACTORY, STENT},
    tool::Proofs,
};
use serde_json::{Value, json};

use crate::{
    events::observed,
    notices,
    scans::commission,
    signed,
    world::{HOME, World},
};

fn document(events: &[Value]) -> Vec<u8> {
    let document = json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"example": "https://example.org/"}],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00Z",
        "epcisBody": {"eventList": events},
    });
    document.to_string().into_bytes()
}

/// A document is spooled before it is judged: its job tells what is wrong, and nothing of it is stored.
pub async fn documents(world: &World) -> anyhow::Result<()> {
    let changed = |name: &str, value: Value| {
        let mut event = observed();
        event[name] = value;
        event
    };
    let table = [
        (
            "one of two breaks the standard",
            vec![observed(), changed("action", json!("STEAL"))],
            "action /epcisBody/eventList/1/action",
        ),
        (
            "one of two is not the factory's to say",
            vec![changed("bizStep", json!("dispensing")), observed()],
            "not-entitled /epcisBody/eventList/0/bizStep",
        ),
        (
            "one of two is to come",
            vec![observed(), changed("eventTime", json!("2999-01-01T00:00:00Z"))],
            "future /epcisBody/eventList/1/eventTime",
        ),
    ];
    for (what, events, expected) in table {
        let job = world.county.factory.capture(document(&events)).await?;
        assert_eq!((&job["running"], &job["success"]), (&json!(false), &json!(false)), "{what}: {job}");
        let errors = job["errors"].as_array().context("a job has errors")?;
        let violation = &errors[0]["errors"][0];
        let found =
            format!("{} {}", violation["code"].as_str().unwrap_or(""), violation["path"].as_str().unwrap_or(""));
        assert_eq!((errors.len(), found.as_str()), (1, expected), "{what}: {job}");
        assert_eq!(job["receipts"], json!([]), "{what}");
    }
    Ok(())
}

/// The same again is taken and counts once; the same name with other content is taken and has no effect.
pub async fn taken_once(world: &World) -> anyhow::Result<()> {
    let (query, factory) = (&world.county.query, &world.county.factory);
    let mut good = commission();
    good["items"] = json!([{"code": format!("(01){STENT}(10)ONCE(21)ONCE")}]);
    let first = factory.client.post("/v1/scans", &good).await?.good()?;
    let again = factory.client.post("/v1/scans", &good).await?.good()?;
    for member in ["events", "keys"] {
        assert_eq!(first["results"][0][member], again["results"][0][member], "the same request, the same {member}");
    }
    let placed = medtrace_tests::placed(again["results"][0]["receipt"].as_str().context("a receipt")?)?;
    query.until_indexed(&placed).await?;
    let event_id = first["results"][0]["events"][0].as_str().context("an event")?;
    let events = query.events(event_id).await?;
    assert_eq!(events.len(), 1, "{events:?}");
    let name = events[0]["event"].as_str().context("an event has a name")?;
    let shown = query.ask(&format!("/v1/events/{name}"), &[]).await?;
    assert_eq!(shown["replays"].as_array().map(Vec::len), Some(1), "{shown}");
    let way = query.provenance(&uri::item(STENT, "ONCE"), None, None).await?;
    assert_eq!(way["history"].as_array().map(Vec::len), Some(1), "{way}");

    // The same id with other content: stored, flagged, without effect.
    let mut other = good.clone();
    other["items"] = json!([{"code": format!("(01){STENT}(10)TWICE(21)TWICE")}]);
    let placed = factory.scan(&[Scan(other)]).await?;
    query.until_indexed(&placed).await?;
    let events = query.events(event_id).await?;
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[1]["flags"].as_array().is_some_and(|flags| flags.contains(&json!("conflict"))), "{events:?}");
    let verdict = query.verify(&uri::item(STENT, "TWICE")).await?;
    assert_eq!(verdict["verdict"], "reject", "{verdict}");
    Ok(())
}

/// The requests from which the bad ones were made are taken: each was refused for what was changed in it.
pub async fn good_ones(world: &World) -> anyhow::Result<()> {
    let (query, factory) = (&world.county.query, &world.county.factory);
    factory.taken("/v1/scans", &commission()).await?;
    let seen = factory.client.post("/events", &observed()).await?;
    assert_eq!(seen.status, 201, "{}", seen.text());
    factory.notices(&[notices::place(FACTORY, "factory", 2)]).await?;
    factory.notices(&[notices::product(json!({})), notices::recall(json!({}))]).await?;

    let home = world.county.stack.speaker(HOME)?;
    let notice = home.taken("/v1/notices", &world.home.notices(&[signed::place()])?).await?;
    let event = signed::event(json!({}));
    let placed = home.taken("/v1/submissions", &world.home.events(std::slice::from_ref(&event))?).await?;
    query.until_indexed(&notice).await?;
    query.until_indexed(&placed).await?;
    // The proof says that the party holds its own key.
    let name = query.name_of(event["eventID"].as_str().context("an event has its ID")?).await?;
    let stack = &world.county.stack;
    let proofs = Proofs::new(&stack.data().join("proofs"), &stack.layout().genesis())?;
    assert_eq!(proofs.hold(&name, &query.proof(&name).await?)?, event);
    let shown = proofs.by_tool(&proofs.keep("home", query.proof(&name).await?)?)?.json()?;
    assert_eq!((&shown["party"], &shown["custody"]), (&json!(HOME), &json!("own")));
    Ok(())
}
