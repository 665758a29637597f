//! Scan requests: every step becomes a valid event, every code gets its answer, and the same request the same events.

use medtrace_event::scan::{
    Amount, Answer, Outcome, ScanBody, ScanItem, ScanRequest, Scanned, Temperature, Who, event_id,
};
use medtrace_event::steps::{Need, STEPS};
use medtrace_event::{Action, EVENT_BYTES_MAX, EVENTS_MAX, Event, Kind, SealedEvent, seal};
use proptest::prelude::*;
use std::collections::HashSet;

const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";
const GTIN: &str = "09521141012345";
const SSCC: &str = "106141412345678908";

/// A request with members added or replaced.
fn request(step: &str, members: &str) -> ScanRequest {
    let comma = if members.is_empty() { "" } else { "," };
    let text = format!(
        r#"{{"id":"{ID}","step":"{step}","time":"2026-03-01T08:15:00+08:00","place":"0614141073467"{comma}{members}}}"#
    );
    let mut body = ScanBody::parse(text.as_bytes()).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    body.requests.remove(0)
}

fn who() -> Who {
    Who { operator: Some("op-1".into()), device: None }
}

/// The events of a request that must be fine, sealed.
fn sealed(request: &ScanRequest) -> Vec<SealedEvent> {
    let scanned = request.events(&who());
    let faults: Vec<_> = scanned.all_faults().collect();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(request.events(&who()), scanned, "the same request gives the same events");
    let seal = |entry: &medtrace_event::document::Entry| {
        seal(entry.json.clone(), &entry.context, "acme").unwrap_or_else(|faults| panic!("{}: {faults:?}", entry.json))
    };
    scanned.events.iter().map(seal).collect()
}

fn event(step: &str, members: &str) -> Event {
    let mut events = sealed(&request(step, members));
    assert_eq!(events.len(), 1);
    events.remove(0).event
}

fn answer<'a>(scanned: &'a Scanned, path: &str) -> &'a Answer {
    scanned.answers.iter().find(|answer| answer.path == path).expect(path)
}

#[test]
fn every_step_makes_one_valid_event_of_its_row() {
    for step in STEPS {
        let mut members = vec![format!(r#""items":[{{"code":"(01){GTIN}(21)1"}}]"#)];
        if step.parent == Need::Required {
            members.push(format!(r#""parent":"{SSCC}""#));
        }
        if step.to == Need::Required {
            members.push(r#""to":"https://id.gs1.org/414/0614141007776""#.into());
        }
        if step.failed.is_some() {
            members.push(r#""result":"fail""#.into());
        }
        if step.temperature == Need::Required {
            members.push(r#""temperature":5.5"#.into());
        }
        let event = event(step.name, &members.join(","));
        assert_eq!((event.kind, event.action), (step.kind, Some(step.action)), "{}", step.name);
        assert_eq!(event.biz_step.as_deref(), Some(step.biz_step));
        assert_eq!(event.disposition.as_deref(), step.failed.or(step.disposition));
        assert_eq!(event.event_id, Some(format!("urn:uuid:{ID}")));
        assert_eq!(event.operator.as_deref(), Some("op-1"));
        assert_eq!(event.offset, "+08:00");
        assert_eq!(event.things().count(), if step.parent == Need::Required { 2 } else { 1 });
        assert_eq!(event.warnings, []);
    }
}

/// The wire form of one request of each shape, for a second reader.
#[test]
fn events_as_sealed() {
    let mut lines = Vec::new();
    for (step, members) in [
        ("commission", format!(r#""items":[{{"code":"(01){GTIN}(17)271231(10)A-1(21)1","also":["81234567890123456789"]}}]"#)),
        ("receive", format!(r#""items":[{{"code":"(01){GTIN}(17)271231(10)A-1(21)1"}},{{"code":"{SSCC}"}}],"from":"https://id.gs1.org/417/0614141073467""#)),
        ("ship", format!(r#""items":[{{"code":"(01){GTIN}(10)A-1","quantity":"2.5","uom":"KGM"}}],"to":"0614141007776","documents":[{{"type":"desadv","id":"DN 4711/1"}},{{"type":"testres","id":"urn:x:1"}}]"#)),
        ("unpack", format!(r#""parent":"(00){SSCC}""#)),
        ("temperature", r#""temperature":{"min":2,"max":8.5,"start":"2026-03-01T00:00:00Z","end":"2026-03-01T01:00:00Z","device":"urn:x:s"}"#.to_owned()),
        ("undo", r#""event":"urn:uuid:11111111-1111-8111-8111-111111111111","reason":"incorrect_data","corrective":["urn:x:2"]"#.to_owned()),
    ] {
        for sealed in sealed(&request(step, &members)) {
            lines.push(String::from_utf8(sealed.bytes).expect("UTF-8"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn commissioning_makes_one_event_for_each_product_and_lot() {
    let items: Vec<String> = [("A", 1), ("B", 2), ("A", 3)]
        .map(|(lot, serial)| format!(r#"{{"code":"(01){GTIN}(10){lot}(17)271231(21){serial}"}}"#))
        .into();
    let events = sealed(&request("commission", &format!(r#""items":[{},{{"code":"{SSCC}"}}]"#, items.join(","))));
    let seen: Vec<_> = events.iter().map(|sealed| (sealed.event.lot.as_deref(), sealed.event.epcs.len())).collect();
    assert_eq!(seen, [(Some("A"), 2), (Some("B"), 1), (None, 1)]);
    assert_eq!(events[0].event.expiry.map(|day| day.to_string()).as_deref(), Some("2027-12-31"));
    let ids: Vec<_> = events.iter().map(|sealed| sealed.event_id.clone()).collect();
    let id = ID.parse().expect("a UUID");
    assert_eq!(ids, [0, 1, 2].map(|n| event_id(&id, n)));
    // printf 'medtrace/scan-event/v1\n0f8fad5b-d9cb-469f-a165-70867728950e\n1' | sha256sum, version and variant set
    assert_eq!(ids[1], "urn:uuid:87c3e658-7bd9-8ac3-a79a-6b8576b77973");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);
}

#[test]
fn lot_and_expiry_come_from_the_code_first_then_from_the_request() {
    let more = r#""lot":"R","expiry":"2028-01-31""#;
    let event = event("commission", &format!(r#""items":[{{"code":"(01){GTIN}(21)1"}}],{more}"#));
    assert_eq!(
        (event.lot.as_deref(), event.expiry.map(|day| day.to_string()).as_deref()),
        (Some("R"), Some("2028-01-31"))
    );
    let event = self::event("commission", &format!(r#""items":[{{"code":"(01){GTIN}(21)1(10)C"}}],{more}"#));
    assert_eq!(event.lot.as_deref(), Some("C"));
    // A bare GTIN with the request's lot is that lot.
    let event = self::event("receive", &format!(r#""items":[{{"code":"{GTIN}","quantity":10}}],{more}"#));
    assert_eq!(event.quantities[0].thing.lot(), Some("R"));
    // Elsewhere what the label said is noted, not set.
    let event = self::event("receive", &format!(r#""items":[{{"code":"(01){GTIN}(21)1(10)C"}}]"#));
    assert_eq!((event.lot, event.labels[0].lot.as_deref()), (None, Some("C")));
}

#[test]
fn a_transfer_moves_and_a_shipment_leaves() {
    let item = format!(r#""items":[{{"code":"{SSCC}"}}],"to":"0614141007776""#);
    let to = "https://id.gs1.org/414/0614141007776";
    let transfer = event("transfer", &item);
    assert_eq!(transfer.biz_location.expect("a place").text, to);
    assert_eq!(transfer.destinations, []);
    let ship = event("ship", &item);
    assert_eq!(ship.biz_location, None);
    assert_eq!((ship.destinations[0].kind.as_ref(), ship.destinations[0].thing.uri()), ("location", to.to_owned()));
    let party = event("ship", &item.replace("0614141007776", "https://id.gs1.org/417/0614141007776"));
    assert_eq!(party.destinations[0].kind, "possessing_party");
}

#[test]
fn undo_withdraws_under_the_same_event_id() {
    let target = "urn:uuid:11111111-1111-8111-8111-111111111111";
    let undone = event("undo", &format!(r#""event":"{target}""#));
    assert_eq!(undone.event_id.as_deref(), Some(target));
    assert_eq!(undone.request_id.as_deref(), Some(ID));
    let error = undone.error.expect("a declaration");
    assert_eq!((error.reason.as_deref(), error.time), (Some("did_not_occur"), undone.time));
}

#[test]
fn every_code_has_its_answer() {
    let items = format!(
        r#""items":[{{"code":"(01){GTIN}(21)1"}},{{"code":"(01)09521141012346(21)1"}},{{"code":"(01){GTIN}(21)1"}},
            {{"code":"{GTIN}"}},{{"code":"(01){GTIN}(10)A"}},{{"code":"(01){GTIN}(21)2","quantity":2}},
            {{"code":"(01){GTIN}(10)A","quantity":0}},{{"code":"(01){GTIN}(10)A","quantity":1,"uom":"kg"}},
            {{"code":"(01){GTIN}(21)3","also":["(01){GTIN}(21)3","nothing"]}},{{"code":"(414)0614141073467"}},
            {{"code":"(01){GTIN}(10)A","quantity":"ten"}},{{"code":"(01){GTIN}(10)A","quantity":"0.1234567890123456789"}}]"#
    );
    let scanned = request("receive", &items).events(&who());
    assert_eq!(scanned.events, []);
    assert_eq!(scanned.answers.len(), 14);
    assert!(answer(&scanned, "/items/0/code").result.is_ok());
    assert!(answer(&scanned, "/items/2/code").doubt.is_some(), "scanned twice");
    for (path, at, code) in [
        ("/items/1/code", "/items/1/code", "check-digit"),
        ("/items/3/code", "/items/3/code", "level"),
        ("/items/4/code", "/items/4/quantity", "missing"),
        ("/items/5/code", "/items/5/quantity", "quantity"),
        ("/items/6/code", "/items/6/quantity", "quantity"),
        ("/items/7/code", "/items/7/uom", "uom"),
        ("/items/8/also/0", "/items/8/also/0", "repeated"),
        ("/items/9/code", "/items/9/code", "level"),
        ("/items/10/code", "/items/10/quantity", "quantity"),
        ("/items/11/code", "/items/11/quantity", "quantity"),
    ] {
        let fault = answer(&scanned, path).result.as_ref().expect_err(path);
        assert_eq!((fault.path.as_str(), fault.code), (at, code));
    }
    assert!(answer(&scanned, "/items/8/also/1").result.is_err());
}

#[test]
fn one_lot_has_one_expiry_and_nothing_is_inside_itself() {
    let items =
        format!(r#""items":[{{"code":"(01){GTIN}(10)A(17)271231(21)1"}},{{"code":"(01){GTIN}(10)A(17)280131(21)2"}}]"#);
    let scanned = request("commission", &items).events(&who());
    assert_eq!(answer(&scanned, "/items/1/code").result.as_ref().expect_err("differs").code, "expiry");
    assert_eq!(sealed(&request("receive", &items))[0].event.labels.len(), 2);
    let again = items.replace("(21)2", "(21)1");
    let scanned = request("receive", &again).events(&who());
    let fault = answer(&scanned, "/items/1/code").result.as_ref();
    assert_eq!(fault.expect_err("another label").code, "repeated");
    let scanned = request("pack", &format!(r#""items":[{{"code":"{SSCC}"}}],"parent":"(00){SSCC}""#)).events(&who());
    assert_eq!(answer(&scanned, "/items/0/code").result.as_ref().expect_err("itself").code, "self-parent");
}

#[test]
fn requests_are_refused_with_paths() {
    let item = format!(r#""items":[{{"code":"{SSCC}"}}]"#);
    for (step, members, path, code) in [
        ("teleport", item.clone(), "/step", "step"),
        ("receive", String::new(), "/items", "missing"),
        ("receive", format!(r#"{item},"time":"2026-03-01T08:15:00""#), "/time", "time"),
        ("receive", format!(r#"{item},"place":"0614141073468""#), "/place", "check-digit"),
        ("receive", format!(r#"{item},"place":"https://id.gs1.org/417/0614141073467""#), "/place", "place"),
        ("receive", format!(r#"{item},"place":"https://id.gs1.org/00/{SSCC}""#), "/place", "place"),
        ("receive", format!(r#"{item},"id":"00000000-0000-0000-0000-000000000000""#), "/id", "id"),
        ("receive", format!(r#"{item},"parent":"(01){GTIN}(21)9""#), "/parent", "not-allowed"),
        ("receive", format!(r#"{item},"result":"pass""#), "/result", "not-allowed"),
        ("receive", format!(r#"{item},"event":"urn:x:1""#), "/event", "not-allowed"),
        ("receive", format!(r#"{item},"expiry":"281231""#), "/expiry", "date"),
        ("receive", format!(r#"{item},"temperature":{{}}"#), "/temperature", "missing"),
        ("receive", format!(r#"{item},"temperature":{{"value":1,"start":"now"}}"#), "/temperature/start", "time"),
        ("receive", format!(r#"{item},"documents":[{{"type":"note","id":"1"}}]"#), "/documents/0/type", "vocabulary"),
        ("receive", format!(r#"{item},"documents":[{{"type":"po","id":""}}]"#), "/documents/0/id", "uri"),
        (
            "receive",
            format!(r#"{item},"place":"urn:x:p","documents":[{{"type":"po","id":"1"}}]"#),
            "/documents/0/id",
            "uri",
        ),
        ("ship", item.clone(), "/to", "missing"),
        ("transfer", format!(r#"{item},"to":"https://id.gs1.org/417/0614141073467""#), "/to", "place"),
        ("pack", item.clone(), "/parent", "missing"),
        ("inspect", item.clone(), "/result", "missing"),
        ("temperature", String::new(), "/temperature", "missing"),
        ("undo", String::new(), "/event", "missing"),
        ("undo", r#""event":"7""#.to_owned(), "/event", "uri"),
        ("undo", r#""event":"urn:x:1","reason":"boredom""#.to_owned(), "/reason", "vocabulary"),
        ("undo", r#""event":"urn:x:1","corrective":["7"]"#.to_owned(), "/corrective/0", "uri"),
    ] {
        // Later members of the same name are the row's: the base request's are taken out.
        let scanned = overridden(step, &members).events(&who());
        let found: Vec<_> = scanned.all_faults().map(|fault| (fault.path.as_str(), fault.code)).collect();
        assert_eq!(found, [(path, code)], "{step} {members}");
        assert_eq!(scanned.events, []);
    }
}

fn overridden(step: &str, members: &str) -> ScanRequest {
    let base = serde_json::to_value(request(step, "")).expect("JSON");
    let patch: serde_json::Value = serde_json::from_str(&format!("{{{members}}}")).expect(members);
    let (serde_json::Value::Object(mut base), serde_json::Value::Object(patch)) = (base, patch) else {
        panic!("objects");
    };
    base.extend(patch);
    serde_json::from_value(base.into()).expect(members)
}

#[test]
fn bodies_are_refused_with_paths() {
    let fine = serde_json::to_string(&request("receive", "")).expect("JSON");
    assert_eq!(
        ScanBody::parse(format!("[{fine},{fine}]").as_bytes()).map(|body| (body.requests.len(), body.list)),
        Ok((2, true))
    );
    for (body, path, code) in [
        ("{".to_owned(), "", "syntax"),
        ("[]".to_owned(), "", "empty"),
        ("7".to_owned(), "", "scan"),
        (format!(r#"[{fine},{{"id":"x"}}]"#), "/1/id", "scan"),
        (fine.replace(r#""items":[]"#, r#""items":[{"code":7}]"#), "/items/0/code", "scan"),
        (fine.replace(r#""items":[]"#, r#""items":[{"code":"7","quantity":[]}]"#), "/items/0/quantity", "scan"),
        (fine.replace(r#""items":[]"#, r#""items":[{"code":"7","count":1}]"#), "/items/0/count", "scan"),
        (fine.replace(r#""items":[]"#, r#""items":[],"items":[]"#), "/items", "duplicate-member"),
        (fine.replace(r#""items":[]"#, r#""result":"maybe""#), "/result", "scan"),
    ] {
        let faults = ScanBody::parse(body.as_bytes()).expect_err(&body);
        assert_eq!((faults[0].path.as_str(), faults[0].code), (path, code), "{body}: {faults:?}");
    }
}

/// 20,000 packs in one pallet: several ADD events, each within the limit, together exactly what was scanned.
#[test]
fn large_aggregations_are_split() {
    let items = |count: usize| {
        let items: Vec<String> =
            (0..count).map(|n| format!(r#"{{"code":"https://id.gs1.org/01/{GTIN}/21/{n:020}"}}"#)).collect();
        format!(r#""items":[{}],"parent":"{SSCC}""#, items.join(","))
    };
    let events = sealed(&request("pack", &items(20_000)));
    assert!(events.len() > 1 && events.len() < EVENTS_MAX);
    let mut children = HashSet::new();
    for sealed in &events {
        assert!(sealed.bytes.len() <= EVENT_BYTES_MAX);
        assert_eq!((sealed.event.kind, sealed.event.action), (Kind::Aggregation, Some(Action::Add)));
        assert_eq!(sealed.event.parent.as_ref().map(|parent| parent.id()), Some(SSCC));
        children.extend(sealed.event.children.iter().cloned());
    }
    assert_eq!(children.len(), 20_000);
    let scanned = request("pack", &items(20_001)).events(&who());
    assert_eq!(scanned.faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["too-many-identifiers"]);
}

#[test]
fn more_lots_than_events_are_refused() {
    let items: Vec<String> = (0..=EVENTS_MAX).map(|n| format!(r#"{{"code":"(01){GTIN}(10)L{n}(21){n}"}}"#)).collect();
    let scanned = request("commission", &format!(r#""items":[{}]"#, items.join(","))).events(&who());
    assert_eq!(scanned.faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["too-many-events"]);
}

#[test]
fn an_empty_lot_is_none() {
    let item = format!(r#""lot":"","items":[{{"code":"(01){GTIN}(21)1"}}]"#);
    let scanned = request("store", &item).events(&who());
    let sealed = seal(scanned.events[0].json.clone(), &scanned.events[0].context, "acme").expect("a valid event");
    assert!(sealed.event.labels.is_empty());
}

proptest! {
    /// Whatever is scanned: an answer for each code, and what becomes events is valid and can be sealed.
    #[test]
    fn any_request_is_answered_or_sealed(
        step in prop::sample::select(STEPS.iter().map(|step| step.name).chain(["undo"]).collect::<Vec<_>>()),
        codes in prop::collection::vec(prop_oneof![
            r"\(01\)09521141012345\(21\)[!-z]{1,20}",
            r"\(01\)09521141012345\(10\)[!-z]{1,20}",
            "[0-9]{12,20}",
            r"https://id\.gs1\.org/01/09521141012345/21/[ -~]{1,8}",
            any::<String>(),
        ], 0..4),
        quantity in prop::option::of(any::<f64>()),
        text in prop::option::of(any::<String>()),
        all in any::<bool>(),
    ) {
        let mut scan = request(step, "");
        let amount = |number: f64| Amount::Number(number.abs().rem_euclid(1e6).round());
        scan.items = codes.into_iter()
            .map(|code| ScanItem { code, quantity: quantity.map(amount), ..ScanItem::default() })
            .collect();
        scan.lot = text.clone();
        if all {
            scan.parent = Some(SSCC.into());
            scan.to = Some("0614141007776".into());
            scan.result = Some(Outcome::Pass);
            scan.event = Some(format!("urn:x:{}", text.unwrap_or_default()));
            scan.temperature = quantity.map(Temperature::Celsius);
        }
        let scanned = scan.events(&who());
        prop_assert_eq!(scanned.events.is_empty(), scanned.all_faults().next().is_some());
        for entry in &scanned.events {
            let sealed = seal(entry.json.clone(), &entry.context, "acme");
            prop_assert!(sealed.is_ok(), "{:?}", sealed);
        }
    }
}
