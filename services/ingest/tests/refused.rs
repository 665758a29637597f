//! What clients get for what is wrong: one table, each row with its exact answer, and nothing of it in the log.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use medtrace_ingest::http::CAPTURE_PAUSE_MS_MAX;
use medtrace_ingest::jobs::CAPTURE_BYTES_MAX;
use medtrace_ingest::{HOSPITAL as HOSPITAL_SERVICE, MANUFACTURER, view::AHEAD_MS_MAX};
use medtrace_ledger::submission::SubmissionKind;
use reqwest::{Body, RequestBuilder};
use serde_json::{Value, json};

/// Sends every row and puts the answers into one snapshot.
async fn answers(running: &Running, rows: Vec<(&str, RequestBuilder)>) -> Vec<Value> {
    let mut table = Vec::new();
    for (what, request) in rows {
        let answer = running.send(request).await;
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}: {}", answer.body);
        assert_eq!(answer.body["status"], answer.status, "{what}");
        table.push(json!({ "sent": what, "answer": answer.body }));
    }
    assert!(running.log.taken().is_empty(), "nothing of this is stored");
    table
}

fn with(mut value: Value, changes: Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        value[name] = change.clone();
    }
    value
}

/// A scan request with these codes.
fn codes(codes: &[&str]) -> Value {
    let items: Vec<Value> = codes.iter().map(|code| json!({ "code": code })).collect();
    with(commission(1), json!({ "items": items }))
}

// epcis: POST /capture GS1-Capture-Error-Behaviour
// epcis: GET /capture perPage nextPageToken
// epcis: exception SecurityException UnsupportedMediaTypeException NoSuchResourceException QueryParameterException
#[tokio::test]
async fn tokens_services_methods_and_media_types() {
    let running = start(MANUFACTURER, &folder("who"), world(), FakeLog::new()).await;
    let scan = |who| running.post(who, "/v1/scans").json(&commission(1));
    let rows = vec![
        ("no token", running.http.post(format!("{}/v1/scans", running.base)).json(&commission(1))),
        ("unknown token", running.http.post(format!("{}/v1/scans", running.base)).bearer_auth("mt_x").json(&json!({}))),
        ("unknown token and a body over the limit", {
            running.http.post(format!("{}/v1/scans", running.base)).bearer_auth("mt_x").body(vec![b' '; 5 << 20])
        }),
        ("a party that another service serves", scan(HOSPITAL)),
        ("a party that is not hosted here and served elsewhere", scan(CARRIER)),
        ("a party that says nothing of goods", scan(AUTHORITY)),
        ("a party that nobody knows", scan(NOBODY)),
        ("a party that nobody knows, a document", running.post(NOBODY, "/capture").json(&document(&[seen("S1")]))),
        ("wrong method", running.http.put(format!("{}/v1/scans", running.base))),
        ("wrong path", running.get(FACTORY, "/v1/nothing")),
        ("XML that is no document", running.post_as(FACTORY, "/capture", "application/xml").body("<x/>")),
        ("XML that ends too early", running.post_as(FACTORY, "/capture", "text/xml; charset=utf-8").body(TORN_XML)),
        ("XML as an event", running.post_as(FACTORY, "/events", "application/xml").body("<x/>")),
        ("CSV", running.post_as(FACTORY, "/capture", "text/csv").body("a;b")),
        ("text", running.post_as(FACTORY, "/v1/scans", "text/plain; charset=utf-8").body("hello")),
        ("unknown job", running.get(FACTORY, "/capture/0190e0a0-0000-4000-8000-000000000001")),
        ("unknown query parameter", running.get(FACTORY, "/capture?page=1")),
        ("page of nothing", running.get(FACTORY, "/capture?perPage=0")),
        ("wrong page token", running.get(FACTORY, "/capture?nextPageToken=x")),
        ("wrong error behaviour", {
            running.post(FACTORY, "/capture").header("GS1-Capture-Error-Behaviour", "maybe").json(&document(&[]))
        }),
    ];
    insta::assert_json_snapshot!(answers(&running, rows).await);
}

/// A document whose end did not arrive.
const TORN_XML: &str = r#"<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" schemaVersion="1.2"
    creationDate="2026-03-01T08:00:00Z"><EPCISBody><EventList><ObjectEvent>"#;

// epcis: exception CaptureLimitExceededException
#[tokio::test]
async fn sizes_are_refused_before_anything_is_decoded() {
    let running = start(MANUFACTURER, &folder("sizes"), world(), FakeLog::new()).await;
    // Not JSON at all: what is too large is not even looked at.
    let blob = |bytes: usize| vec![b'x'; bytes];
    // Without a length, the stream is cut at the limit.
    let chunks = |n: usize| {
        Body::wrap_stream(futures::stream::iter((0..n).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1 << 20]))))
    };
    let rows = vec![
        ("scans of 10 MB", running.post(FACTORY, "/v1/scans").body(blob(10_000_000))),
        ("scans of 5 MiB, chunked", running.post(FACTORY, "/v1/scans").body(chunks(5))),
        ("event of 1 MiB", running.post(FACTORY, "/events").body(blob(1 << 20))),
        ("document of 257 MiB", {
            let rest = Body::wrap_stream(futures::stream::pending::<std::io::Result<Vec<u8>>>());
            running.post(FACTORY, "/capture").header("content-length", 257 << 20).body(rest)
        }),
        ("submission of 5 MiB", running.post(FACTORY, "/v1/submissions").body(blob(5 << 20))),
        ("notices of 5 MiB", running.post(FACTORY, "/v1/notices").body(blob(5 << 20))),
        ("20,001 codes", running.post(FACTORY, "/v1/scans").json(&codes(&vec!["(01)09506000134352(21)1"; 20_001]))),
        ("501 requests", { running.post(FACTORY, "/v1/scans").json(&(0..501).map(commission).collect::<Vec<_>>()) }),
        ("a list of more than 900 KiB", running.post(FACTORY, "/v1/scans").json(&long_list())),
        ("500,001 events", running.post(FACTORY, "/capture").json(&document(&vec![json!({}); 500_001]))),
        ("501 notices", running.post(FACTORY, "/v1/notices").json(&vec![json!({}); 501])),
        ("501 signed items", {
            running.post(FACTORY, "/v1/submissions").json(&json!({ "note": "x", "items": vec![json!({}); 501] }))
        }),
        ("an event of more than 256 KiB", {
            let long = "x".repeat(300 << 10);
            running.post(FACTORY, "/events").json(&with(seen("S1"), json!({ "example:long": long })))
        }),
    ];
    let mut table = answers(&running, rows).await;
    for row in &mut table {
        if let Some(errors) = row["answer"]["errors"].as_array_mut() {
            errors.truncate(2);
        }
    }
    insta::assert_json_snapshot!(table);
}

#[tokio::test]
async fn who_sends_nothing_keeps_nobody_out_and_is_told_so_in_the_end() {
    let running = start(MANUFACTURER, &folder("idle"), world(), FakeLog::new()).await;
    // Each holds the longest document in prospect, five of them more than may arrive at once.
    let idle = || {
        let nothing = Body::wrap_stream(futures::stream::pending::<std::io::Result<Vec<u8>>>());
        let request = running.post(FACTORY, "/capture").header("content-length", CAPTURE_BYTES_MAX).body(nothing);
        tokio::spawn(request.send())
    };
    let idle: Vec<_> = (0..5).map(|_| idle()).collect();
    let other = running.post(FACTORY, "/capture").json(&document(&[seen("S1")]));
    assert_eq!(running.send(other).await.status, 202);
    // The clock goes on by itself while everybody waits.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    for answer in idle {
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), 408);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
    assert!(begun.elapsed().as_millis() >= u128::from(CAPTURE_PAUSE_MS_MAX) - 30_000, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_chain_whose_clock_is_far_ahead_takes_nothing() {
    for (ahead_ms, status) in [(AHEAD_MS_MAX, 200), (AHEAD_MS_MAX + 1, 503)] {
        let view = world();
        let mut block = block(1, &[]);
        block.header.time_ms = NOW_MS + ahead_ms;
        view.apply(&block).unwrap();
        let running = start(MANUFACTURER, &folder(&format!("ahead-{status}")), view, FakeLog::new()).await;
        let answer = running.send(running.post(FACTORY, "/v1/scans").json(&commission(1))).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(
            (running.app.readiness().ready, running.log.taken().len()),
            (status == 200, usize::from(status == 200))
        );
        if status == 503 {
            assert!(answer.body["detail"].as_str().unwrap().contains("600 s ahead"), "{}", answer.body);
            assert_eq!(running.app.readiness().details["ahead_seconds"], 600);
        }
    }
}

#[test]
fn of_what_the_chain_names_bad_the_latest_is_remembered() {
    let view = world();
    // More than is remembered: the later block's partition has the lower number.
    for (height, partition) in [(1, 1), (2, 0)] {
        view.apply(&bad_block(height, partition, 40_000)).unwrap();
    }
    assert_eq!(view.bad(0, 0).as_deref(), Some("root"));
    assert_eq!((view.bad(0, 39_999), view.bad(1, 39_999)), (Some("root".into()), Some("root".into())));
    assert_eq!(view.bad(1, 0), None);
}

#[test]
fn what_was_bad_before_a_gap_says_nothing_of_the_same_offsets_after_it() {
    let view = world();
    view.apply(&bad_block(1, 0, 2)).unwrap();
    let gap = |lost, new| {
        let notice = json!({"type": "gap", "topic": "scan-events", "revision": 1, "lost": lost, "new": new,
            "reason": {"en": "a disk"}});
        sealed_notices("moh", &[key(1)], &[notice])
    };
    let new = medtrace_ledger::TopicUuid([9; 16]);
    view.apply(&block(2, &[gap(new, uuid())])).unwrap();
    assert_eq!(view.bad(0, 1).as_deref(), Some("root"), "that one did nothing");
    view.apply(&block(3, &[gap(uuid(), new)])).unwrap();
    assert_eq!(view.bad(0, 1), None);
}

/// 100 requests of 200 items each: about 1 MB as events.
fn long_list() -> Vec<Value> {
    let items = |n: u32| (0..200).map(|i| format!("(01)09506000134352(21)N{n}SERIAL{i}(10)L1")).collect::<Vec<_>>();
    (0..100)
        .map(|n| {
            let items: Vec<Value> = items(n).into_iter().map(|code| json!({ "code": code })).collect();
            with(commission(n), json!({ "items": items }))
        })
        .collect()
}

#[tokio::test]
async fn bytes_that_mean_more_than_one_thing() {
    let running = start(MANUFACTURER, &folder("json"), world(), FakeLog::new()).await;
    let nested = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let event = |member: &str| {
        let sent = seen("S1").to_string();
        format!("{},{member}}}", sent.strip_suffix('}').unwrap())
    };
    let bodies: Vec<(&str, &str, Vec<u8>)> = vec![
        ("nothing", "/v1/scans", b"".to_vec()),
        ("half a value", "/v1/scans", b"{\"id\":".to_vec()),
        ("two values", "/v1/scans", b"[] []".to_vec()),
        ("an empty list", "/v1/scans", b"[]".to_vec()),
        ("a number", "/v1/scans", b"1".to_vec()),
        ("invalid UTF-8", "/v1/scans", b"[\"\xff\"]".to_vec()),
        ("deep nesting", "/v1/scans", nested.clone().into_bytes()),
        ("a member twice", "/v1/scans", b"{\"id\":1,\"id\":2}".to_vec()),
        ("a lone surrogate", "/v1/scans", b"[\"\\ud800\"]".to_vec()),
        ("a member twice in an event", "/events", event("\"action\":\"ADD\"").into_bytes()),
        ("a number that no double holds", "/events", event("\"example:n\":0.1234567890123456789").into_bytes()),
        ("deep nesting in an event", "/events", event(&format!("\"example:n\":{nested}")).into_bytes()),
        ("a document where an event should be", "/events", document(&[seen("S1")]).to_string().into_bytes()),
        ("no event at all", "/events", b"{\"type\":\"Thing\"}".to_vec()),
        ("half a document", "/capture", b"{\"type\":\"EPCISDocument\"".to_vec()),
        ("an envelope with faults", "/capture", b"{\"type\":\"EPCISDocument\",\"schemaVersion\":\"1.2\"}".to_vec()),
        ("a document without events", "/capture", document(&[]).to_string().into_bytes()),
        ("half a submission", "/v1/submissions", b"{\"note\":".to_vec()),
        ("a submission without a note", "/v1/submissions", b"{\"items\":[]}".to_vec()),
        ("an empty submission", "/v1/submissions", b"{\"note\":\"x\",\"items\":[]}".to_vec()),
        ("half a notice", "/v1/notices", b"{".to_vec()),
        ("a notice of no kind", "/v1/notices", b"{\"type\":\"rumour\"}".to_vec()),
        ("an empty list of notices", "/v1/notices", b"[]".to_vec()),
    ];
    let rows = bodies.into_iter().map(|(what, path, body)| (what, running.post(FACTORY, path).body(body))).collect();
    insta::assert_json_snapshot!(answers(&running, rows).await);
}

#[tokio::test]
async fn codes_steps_places_times_and_rights() {
    let running = start(MANUFACTURER, &folder("scan"), world(), FakeLog::new()).await;
    let good = commission(1);
    let rows = [
        ("wrong check digit", codes(&["(01)09506000134353(21)S1"])),
        ("second of two codes is wrong", codes(&["(01)09506000134352(21)S1", "(01)09506000134352(99x)"])),
        ("FNC1 cut off", codes(&["]d201095060001343522"])),
        ("unknown AI", codes(&["(01)09506000134352(21)S1(666)X"])),
        ("an empty code", codes(&[""])),
        ("no code at all", codes(&[])),
        ("unknown step", with(good.clone(), json!({ "step": "teleport" }))),
        ("unknown member", with(good.clone(), json!({ "mood": "good" }))),
        ("no id", {
            let mut scan = good.clone();
            scan.as_object_mut().unwrap().remove("id");
            scan
        }),
        ("an id that is no UUID", with(good.clone(), json!({ "id": "17" }))),
        ("a time without a zone", with(good.clone(), json!({ "time": "2026-03-01T08:00:00" }))),
        ("a time in the future", with(good.clone(), json!({ "time": "2026-03-01T09:00:00Z" }))),
        ("a place with a wrong check digit", with(good.clone(), json!({ "place": "9506000134353" }))),
        ("a place of somebody else", with(good.clone(), json!({ "place": "9506000140445" }))),
        ("a prefix of somebody else", codes(&["(01)09506000134352(21)S1", "(01)04006381333931(21)S1"])),
        ("a step of somebody else", with(good.clone(), json!({ "step": "use" }))),
        ("ship without a destination", with(good.clone(), json!({ "step": "ship" }))),
        ("pack without a parent", with(good.clone(), json!({ "step": "pack" }))),
        ("the second of a list", json!([good.clone(), with(commission(2), json!({ "step": "use" }))])),
    ];
    let rows = rows.iter().map(|(what, scan)| (*what, running.post(FACTORY, "/v1/scans").json(scan))).collect();
    insta::assert_json_snapshot!(answers(&running, rows).await);
}

// epcis: POST /events
// epcis: exception ValidationException
#[tokio::test]
async fn events_that_break_the_standard_or_the_rights() {
    let running = start(MANUFACTURER, &folder("events"), world(), FakeLog::new()).await;
    let rows = [
        ("no eventTime", {
            let mut event = seen("S1");
            event.as_object_mut().unwrap().remove("eventTime");
            event
        }),
        ("unknown action", with(seen("S1"), json!({ "action": "STEAL" }))),
        ("an EPC that is none", with(seen("S1"), json!({ "epcList": ["hello"] }))),
        ("an EPC with a wrong check digit", {
            with(seen("S1"), json!({ "epcList": ["https://id.gs1.org/01/09506000134353/21/1"] }))
        }),
        ("a unit that is none", {
            let lot = json!({ "epcClass": "https://id.gs1.org/01/09506000134352/10/L", "quantity": 1, "uom": "BOX" });
            with(seen("S1"), json!({ "quantityList": [lot] }))
        }),
        ("a time in the future", with(seen("S1"), json!({ "eventTime": "2026-03-01T08:00:00-08:00" }))),
        ("a step of somebody else", with(seen("S1"), json!({ "bizStep": "dispensing" }))),
        ("a place of somebody else", {
            with(seen("S1"), json!({ "readPoint": { "id": "https://id.gs1.org/414/9506000140445" } }))
        }),
    ];
    let rows = rows.iter().map(|(what, event)| (*what, running.post(FACTORY, "/events").json(event))).collect();
    insta::assert_json_snapshot!(answers(&running, rows).await);
}

#[tokio::test]
async fn notes_that_do_not_hold() {
    let running = start(HOSPITAL_SERVICE, &folder("notes"), world(), FakeLog::new()).await;
    const EVENTS: SubmissionKind = SubmissionKind::Events;
    let event = || receiving("urn:uuid:0190e0a0-0000-4000-8000-000000000001");
    let good = home_signed("hospital-01", 11, EVENTS, &[("E", event())]);
    let note = good["note"].as_str().unwrap();
    let renote = |note: String| with(good.clone(), json!({ "note": note }));
    let last = note.lines().last().unwrap();
    let other_line = home_signed("hospital-01", 99, EVENTS, &[("E", event())]);
    let other_line = other_line["note"].as_str().unwrap().lines().last().unwrap().to_owned();
    // One bit of the signature, well inside its base64.
    let at = note.len() - 20;
    let flipped = if &note[at..=at] == "A" { "B" } else { "A" };
    let mut other_body = good.clone();
    other_body["items"][0]["body"]["action"] = "ADD".into();
    let mut other_salt = good.clone();
    other_salt["items"][0]["salt"] = "AQAAAAAAAAAAAAAAAAAAAA==".into();
    let mut no_salt = good.clone();
    no_salt["items"][0]["salt"] = "AA".into();
    let mut no_kind = good.clone();
    no_kind["items"][0]["kind"] = "N".into();
    let mut without_id = event();
    without_id.as_object_mut().unwrap().remove("eventID");
    let rows = [
        ("another body", other_body),
        ("another salt", other_salt),
        ("a salt that is none", no_salt),
        ("a notice among events", no_kind),
        ("a flipped signature", renote(format!("{}{flipped}{}", &note[..at], &note[at + 1..]))),
        ("a signature line twice", renote(format!("{note}{last}\n"))),
        ("two signature lines", renote(format!("{note}{other_line}\n"))),
        ("another origin", renote(note.replace("test.medtrace", "other.medtrace"))),
        ("a note that is none", renote("hello".into())),
        ("signed by a key that is not the party's", home_signed("hospital-01", 99, EVENTS, &[("E", event())])),
        ("signed by another party", home_signed("factory-01", 10, EVENTS, &[("E", event())])),
        ("an event without its ID", home_signed("hospital-01", 11, EVENTS, &[("E", without_id)])),
        ("an event that breaks the standard in words", {
            let lot = json!({ "epcClass": "https://id.gs1.org/01/09506000134352/10/L", "quantity": 0.5 });
            home_signed("hospital-01", 11, EVENTS, &[("E", with(event(), json!({ "quantityList": [lot] })))])
        }),
        ("a record time", {
            let event = with(event(), json!({ "recordTime": "2026-03-01T08:00:00Z" }));
            home_signed("hospital-01", 11, EVENTS, &[("E", event)])
        }),
        ("a step that a hospital may not do", {
            let event = with(event(), json!({ "bizStep": "commissioning", "action": "ADD" }));
            home_signed("hospital-01", 11, EVENTS, &[("E", event)])
        }),
        ("a place of somebody else", {
            let event = with(event(), json!({ "readPoint": { "id": "https://id.gs1.org/414/9506000134352" } }));
            home_signed("hospital-01", 11, EVENTS, &[("E", event)])
        }),
    ];
    let rows = rows.iter().map(|(what, body)| (*what, running.post(HOSPITAL, "/v1/submissions").json(body))).collect();
    insta::assert_json_snapshot!(answers(&running, rows).await);
}

#[tokio::test]
async fn notices_that_do_not_follow() {
    let running = start(MANUFACTURER, &folder("notes-n"), world(), FakeLog::new()).await;
    let place = |gln: &str, revision: u32| {
        json!({ "type": "place", "place": format!("https://id.gs1.org/414/{gln}"), "revision": revision,
                "party": "factory-01", "name": { "en": "x" }, "region": "CN" })
    };
    let again = party_notice("factory-01", 10, &["manufacturer"], "9506000134352", &["9506000"]);
    let rows = [
        ("a place of somebody else", FACTORY, place("9506000140445", 1)),
        ("a revision too far", FACTORY, place("9506000134352", 2)),
        ("the second of two", FACTORY, json!([place("9506000134352", 1), place("9506000134352", 3)])),
        ("a party, by one who may not", FACTORY, party_notice("x", 50, &["hospital"], "9506000117843", &[])),
        ("a party again", AUTHORITY, again),
        ("a region that is none", FACTORY, with(place("9506000134352", 1), json!({ "region": "Atlantis" }))),
        ("not hosted here", CARRIER, place("9506000164908", 1)),
    ];
    let rows = rows.iter().map(|(what, who, body)| (*what, running.post(*who, "/v1/notices").json(body))).collect();
    insta::assert_json_snapshot!(answers(&running, rows).await);
}
