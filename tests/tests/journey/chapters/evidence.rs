//! Steps 17 to 20: documents, EPCIS queries, proofs, the audit.

use std::collections::BTreeSet;

use anyhow::Context;
use medtrace_tests::{
    Answer, Scan,
    codes::uri,
    county::{FACTORY, STENT},
    tool::medtrace,
};
use serde_json::{Value, json};

use crate::{say, world::World};

/// Stents of lot D that the document commissions, one event each.
const DOCUMENT_EVENTS: u32 = 12;
/// Events of one page.
const PER_PAGE: &str = "5";

fn document(world: &World) -> Value {
    let event = |n: u32| {
        json!({
            "type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "disposition": "active",
            "eventID": format!("https://factory.example/events/{n}"),
            "eventTime": world.time(22, &format!("08:{n:02}")), "eventTimeZoneOffset": "+08:00",
            "epcList": [uri::item(STENT, &format!("D{n}"))], "readPoint": {"id": uri::place(FACTORY)},
            "ilmd": {"cbvmda:lotNumber": "D"},
        })
    };
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
        "schemaVersion": "2.0", "creationDate": world.time(22, "09:00"),
        "epcisBody": {"eventList": (1..=DOCUMENT_EVENTS).map(event).collect::<Vec<_>>()},
    })
}

pub async fn captured(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let bytes = document(world).to_string().into_bytes();
    let job = county.factory.capture(bytes.clone()).await?;
    assert_eq!((&job["running"], &job["success"], &job["errors"]), (&json!(false), &json!(true), &json!([])));
    // A finished job is an indexed job.
    let answer = county.query.verify(&uri::item(STENT, "D1")).await?;
    assert_eq!((say::verdict(&answer), &answer["item"]["lot"]), ("accept: genuine".to_owned(), &json!("D")));
    let again = county.factory.capture(bytes).await?;
    assert_eq!(again["captureID"], job["captureID"]);
    let found = county.query.events("https://factory.example/events/1").await?;
    assert_eq!(found.len(), 1, "{found:?}");
    // A job is its party's alone.
    let path = format!("/capture/{}", job["captureID"].as_str().unwrap_or_default());
    assert_eq!(county.agent.client.get(&path, &[]).await?.status, 404);
    Ok(())
}

pub async fn paged(world: &World) -> anyhow::Result<()> {
    let county = &world.county;
    let since = world.time(22, "00:00");
    let query = [
        ("eventType", "ObjectEvent"),
        ("GE_eventTime", &since),
        ("EQ_bizStep", "commissioning"),
        ("perPage", PER_PAGE),
    ];
    let mut page = county.query.get("/events", &query).await?;
    let mut found = event_ids(&page)?;
    // Between the first page and the next one, another event comes.
    let late = Scan::new("commission", &world.time(22, "07:00"), FACTORY, [world.stent("E1")]);
    world.done(&county.factory, std::slice::from_ref(&late)).await?;
    let mut pages = 1;
    while let Some(next) = next_page(&page) {
        page = county.query.get(&next, &[]).await?;
        found.extend(event_ids(&page)?);
        pages += 1;
    }
    assert_eq!((pages, found.len()), (3, DOCUMENT_EVENTS as usize), "{found:?}");
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "no event comes twice: {found:?}");
    assert!(!found.contains(&late.event_id()), "a query is answered as of its first page");
    let page = county.query.get("/events", &[("GE_eventTime", since.as_str()), ("perPage", "100")]).await?;
    assert!(event_ids(&page)?.contains(&late.event_id()));

    let s1 = uri::item(STENT, "S1");
    let page = county.query.get("/events", &[("MATCH_epc", s1.as_str()), ("perPage", "100")]).await?;
    assert!(event_ids(&page)?.len() >= 4, "{}", page.text());
    let one = county.query.get("/events/https:%2F%2Ffactory.example%2Fevents%2F3", &[]).await?;
    assert_eq!(event_ids(&one)?, ["https://factory.example/events/3"]);
    let mut event = one.json()?["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0].clone();
    assert!(event["recordTime"].is_string());
    // Each event stands with the context that was in force for it: here the document's.
    let context = event.as_object_mut().and_then(|members| members.remove("@context"));
    assert_eq!(context, Some(document(world)["@context"].clone()));
    let mut sent = document(world)["epcisBody"]["eventList"][2].clone();
    sent["recordTime"] = event["recordTime"].clone();
    assert_eq!(event, sent, "an event comes back as it was sent");
    Ok(())
}

fn event_ids(page: &Answer) -> anyhow::Result<Vec<String>> {
    let document = page.good()?;
    let events = &document["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
    let id = |event: &Value| event["eventID"].as_str().map(str::to_owned).context("an event has an eventID");
    say::list(events).map(id).collect()
}

/// The path of the next page, from `Link: </events?…>; rel="next"`.
fn next_page(page: &Answer) -> Option<String> {
    let link = page.header("link")?;
    let (target, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("rel=\"next\"").then(|| target.to_owned())
}

pub async fn proven(world: &World) -> anyhow::Result<()> {
    let query = &world.county.query;
    // A scan's event.
    let way = query.provenance(&world.stent("S1"), None, None).await?;
    let names: BTreeSet<&str> = say::list(&way["history"]).filter_map(|line| line["event"].as_str()).collect();
    for name in &names {
        let item = world.proofs.hold(name, &query.proof(name).await?)?;
        let shown = query.ask(&format!("/v1/events/{name}"), &[]).await?;
        let mut sealed = shown["json"].clone();
        sealed.as_object_mut().context("an event is an object")?.remove("recordTime");
        assert_eq!(item, sealed, "{name}: what is shown is what is proven");
    }
    // A captured event and the document's own item before it; a recall.
    let captured = query.name_of("https://factory.example/events/1").await?;
    let item = world.proofs.hold(&captured, &query.proof(&captured).await?)?;
    assert_eq!(item["eventID"], "https://factory.example/events/1");
    let (height, index) = captured.split_once('-').context("a name is HEIGHT-INDEX")?;
    let document = format!("{height}-{}", index.parse::<u64>()? - 1);
    let item = world.proofs.hold(&document, &query.proof(&document).await?)?;
    assert_eq!((&item["type"], &item["count"]), (&json!("document"), &json!(DOCUMENT_EVENTS)));
    let recall = query.ask("/v1/recalls/lot-r1", &[]).await?;
    let notice = recall["event"].as_str().context("a recall has its event")?;
    let item = world.proofs.hold(notice, &query.proof(notice).await?)?;
    assert_eq!((&item["type"], &item["recall"]), (&json!("recall"), &json!("lot-r1")));
    // The tool fetches the same proof by eventID.
    let file = world.county.stack.data().join("fetched.proof");
    let file = file.to_str().context("a path of UTF-8")?;
    let got =
        medtrace(Some(world.county.stack.data()), &["proof", "get", "https://factory.example/events/1", "-o", file])?;
    assert_eq!(got.code, Some(0), "{got:?}");
    let checked = world.proofs.by_tool(file.as_ref())?;
    assert_eq!((checked.code, &checked.json()?["event"]), (Some(0), &json!(captured)));
    assert_eq!(query.get("/v1/events/999999-0/proof", &[]).await?.status, 404);
    Ok(())
}

pub fn audited(world: &World) -> anyhow::Result<()> {
    let audit = medtrace(Some(world.county.stack.data()), &["audit"])?;
    assert_eq!(audit.code, Some(0), "{audit:?}");
    Ok(())
}
