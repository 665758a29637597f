//! Sealed bytes: what they carry, what they leave out, and that nothing but content decides them.

use medtrace_event::{Context, Document, EVENT_BYTES_MAX, Event, IDENTIFIERS_MAX, Json, event_key, open, seal};

const STANDARD: &str = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld";
const EVENT: &str = r#"{"type":"ObjectEvent","action":"OBSERVE","eventTime":"2026-03-01T08:15:00+08:00",
    "eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sgtin:0614141.107346.2017"],"recordTime":"2026-03-02T00:00:00Z"}"#;

fn event() -> Json {
    Json::parse(EVENT.as_bytes()).expect("JSON")
}

fn context(text: &str) -> Context {
    Context::read(&Json::parse(text.as_bytes()).expect("JSON")).expect(text)
}

/// The vector from which a second implementation can be checked; SHA-256 was computed with coreutils.
#[test]
fn bytes_key_and_event_id() {
    let sealed = seal(event(), &Context::standard(), "acme").expect("valid");
    let without = concat!(
        r#"{"action":"OBSERVE","epcList":["urn:epc:id:sgtin:0614141.107346.2017"],"#,
        r#""eventTime":"2026-03-01T08:15:00+08:00","eventTimeZoneOffset":"+08:00","type":"ObjectEvent"}"#,
    );
    let hex: String = event_key("acme", without.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "5136b9098b506fc20ba35a0aa6d291c1dc7a421e1fcc355e373623d6fd1032e1");
    assert_eq!(sealed.event_id, "urn:uuid:5136b909-8b50-8fc2-8ba3-5a0aa6d291c1");
    let with = without.replace(r#""eventTime":"#, &format!(r#""eventID":"{}","eventTime":"#, sealed.event_id));
    assert_eq!(String::from_utf8(sealed.bytes.clone()).expect("UTF-8"), with);
    assert_eq!(sealed.key, event_key("acme", &sealed.bytes));
    assert_eq!(sealed.event.event_id.as_deref(), Some(sealed.event_id.as_str()));
}

#[test]
fn the_same_content_seals_alike_and_the_party_counts() {
    let one = seal(event(), &Context::standard(), "acme").expect("valid");
    let mut again = event();
    again.as_object_mut().expect("object").insert("recordTime", "2030-01-01T00:00:00Z");
    assert_eq!(seal(again, &Context::standard(), "acme").expect("valid"), one);
    // Sealed bytes seal to themselves.
    let own = Json::parse(&one.bytes).expect("JSON");
    assert_eq!(seal(own, &Context::standard(), "acme").expect("valid"), one);
    let other = seal(event(), &Context::standard(), "bolt").expect("valid");
    assert_ne!((&other.event_id, other.key), (&one.event_id, one.key));
}

#[test]
fn the_effective_context_is_sealed() {
    let of = |context: &Context| seal(event(), context, "acme").expect("valid").event.json.get("@context").cloned();
    for standard in [format!("{STANDARD:?}"), format!("[{STANDARD:?}]")] {
        assert_eq!(of(&context(&standard)), None);
    }
    let json = |text: &str| Json::parse(text.as_bytes()).ok();
    let extended = format!(r#"[{STANDARD:?},{{"a":"urn:a:"}}]"#);
    assert_eq!(of(&context(&extended)), json(&extended));
    let outer = context(&extended);
    let inner = context(r#"{"b":"urn:b:"}"#);
    let both = format!(r#"[{STANDARD:?},{{"a":"urn:a:"}},{{"b":"urn:b:"}}]"#);
    assert_eq!(of(&inner.clone().within(&outer)), json(&both));
    assert_eq!(of(&outer.clone().within(&outer)), json(&extended));
    assert_eq!(of(&Context::standard().within(&outer)), json(&extended));
    assert_eq!(of(&outer.clone().within(&Context::standard())), json(&extended));
    assert_eq!(of(&inner.within(&Context::standard())), json(&format!(r#"[{STANDARD:?},{{"b":"urn:b:"}}]"#)));
    let ours = format!(r#"[{STANDARD:?},{{"medtrace":"urn:medtrace:ns:"}}]"#);
    assert_eq!(of(&Context::standard().with_medtrace()), json(&ours));
    assert_eq!(of(&Context::medtrace().with_medtrace()), json(&ours));
    // Sealed contexts are effective ones: reading them back changes nothing.
    for context in [outer, Context::medtrace(), Context::standard()] {
        assert_eq!(Context::read(&context.to_json().unwrap_or_else(|| STANDARD.into())), Ok(context));
    }
}

#[test]
fn bytes_signed_at_home_must_be_the_sealed_form() {
    let sealed = seal(event(), &Context::medtrace(), "acme").expect("valid");
    assert_eq!(open(&sealed.bytes, "acme").as_ref(), Ok(&sealed));
    let text = String::from_utf8(sealed.bytes).expect("UTF-8");
    let id = format!(r#""eventID":"{}","#, sealed.event_id);
    for (bytes, path, code) in [
        (text.replace(r#""action""#, r#" "action""#), "", "not-canonical"),
        (text.replace(&id, ""), "/eventID", "missing"),
        (text.replace(r#","type""#, r#","recordTime":"2026-03-01T00:00:00Z","type""#), "/recordTime", "record-time"),
        (text.replace(r#",{"medtrace":"urn:medtrace:ns:"}"#, ""), "/@context", "not-canonical"),
        (text.replace("OBSERVE", "LOOK"), "/action", "action"),
    ] {
        let faults = open(bytes.as_bytes(), "acme").expect_err(&bytes);
        assert_eq!((faults[0].path.as_str(), faults[0].code), (path, code), "{bytes}");
    }
}

#[test]
fn limits() {
    let with = |list: Vec<Json>| {
        let mut event = event();
        event.as_object_mut().expect("object").insert("epcList", list);
        seal(event, &Context::standard(), "acme")
    };
    let short = |n: usize| (0..n).map(|n| Json::from(format!("u:{n}"))).collect::<Vec<_>>();
    assert!(with(short(IDENTIFIERS_MAX)).is_ok());
    let faults = with(short(IDENTIFIERS_MAX + 1)).expect_err("too many");
    assert_eq!(
        (faults[0].code, faults[0].exception),
        ("too-many-identifiers", "epcisException:CaptureLimitExceededException")
    );
    let mut large = event();
    let object = large.as_object_mut().expect("object");
    object.insert("x:note", "x".repeat(EVENT_BYTES_MAX));
    let faults = seal(large, &Context::standard(), "acme").expect_err("too large");
    assert_eq!(faults[0].code, "too-large");
    assert_eq!(seal(Json::Null, &Context::standard(), "acme").expect_err("no object")[0].code, "type");
}

#[test]
fn documents_come_apart_with_paths_and_contexts() {
    let text = format!(
        r#"{{"@context":[{STANDARD:?},{{"a":"urn:a:"}}],"type":"EPCISDocument","schemaVersion":"2.0","id":"urn:x:doc",
            "creationDate":"1970-01-01T00:00:01Z","epcisHeader":{{"epcisMasterData":{{"vocabularyList":[]}}}},
            "epcisBody":{{"eventList":[{EVENT},{{"@context":[{{"b":"urn:b:"}}],"type":"ObjectEvent"}}]}}}}"#
    );
    let document = Document::parse(text.as_bytes()).expect("a document");
    assert_eq!((document.schema_version.as_deref(), document.created), (Some("2.0"), Some(1_000_000)));
    assert_eq!(document.header.get_str("id"), Some("urn:x:doc"));
    assert_eq!(document.header.get("epcisBody").map(ToString::to_string).as_deref(), Some("{}"));
    assert_eq!(document.master_data.as_ref().map(ToString::to_string).as_deref(), Some(r#"{"vocabularyList":[]}"#));
    assert_eq!(document.events[1].path, "/epcisBody/eventList/1");
    assert_eq!(document.events[0].context.lookup("b"), None);
    assert_eq!(document.events[1].context.lookup("b"), Some("urn:b:"));
    assert_eq!(document.events[1].context.lookup("a"), Some("urn:a:"));
    assert!(Event::from_json(document.events[0].json.clone()).is_ok());
    assert_eq!(Document::parse(EVENT.as_bytes()).expect("a bare event").events[0].path, "");
}

#[test]
fn documents_are_refused_with_paths() {
    let document = |patch: &str, list: &str| format!(r#"{{"type":"EPCISDocument",{patch}"epcisBody":{{{list}}}}}"#);
    let fine = r#""schemaVersion":"2.0","creationDate":"2026-03-01T00:00:00Z","#;
    let events = r#""eventList":[{}]"#;
    for (text, path, code) in [
        ("{}".to_owned(), "/type", "document-type"),
        (r#"{"type":"EPCISMasterDataDocument"}"#.to_owned(), "/type", "document-type"),
        ("[".to_owned(), "/0", "syntax"),
        (document(r#""creationDate":"2026-03-01T00:00:00Z","#, events), "/schemaVersion", "missing"),
        (
            document(r#""schemaVersion":"1.2","creationDate":"2026-03-01T00:00:00Z","#, events),
            "/schemaVersion",
            "schema-version",
        ),
        (
            document(r#""schemaVersion":2,"creationDate":"2026-03-01T00:00:00Z","#, events),
            "/schemaVersion",
            "schema-version",
        ),
        (document(r#""schemaVersion":"2.0","#, events), "/creationDate", "missing"),
        (document(r#""schemaVersion":"2.0","creationDate":"now","#, events), "/creationDate", "time"),
        (document(fine, ""), "/epcisBody/eventList", "missing"),
        (document(fine, r#""eventList":{}"#), "/epcisBody/eventList", "type"),
        (document(fine, r#""eventList":[]"#), "/epcisBody/eventList", "empty"),
        (document(fine, r#""eventList":[{"@context":7}]"#), "/epcisBody/eventList/0/@context", "context"),
        (document(&format!(r#"{fine}"@context":[7],"#), events), "/@context/0", "context"),
    ] {
        let faults = Document::parse(text.as_bytes()).expect_err(&text);
        let found: Vec<_> = faults.iter().map(|fault| (fault.path.as_str(), fault.code)).collect();
        assert_eq!(found, [(path, code)], "{text}");
    }
}
