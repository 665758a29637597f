//! EPCIS XML out: what is written reads back as the same events.

mod foreign;

use medtrace_event::document::{DocumentKind, Entry};
use medtrace_event::hash::event_hash_in;
use medtrace_event::json::Object;
use medtrace_event::xml::{Events, WriteError, Writer};
use medtrace_event::{CbvVersion, Context, Document, Event, Json, seal};
use proptest::prelude::*;

const CREATED: &str = "2026-03-01T08:45:16Z";

fn write<'a>(kind: DocumentKind, header: &Json, events: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut writer = Writer::start(Vec::new(), kind, header, CREATED).expect("a header");
    for entry in events {
        writer.event(&entry.json, &entry.context).unwrap_or_else(|error| panic!("{}: {error}", entry.path));
    }
    writer.finish().expect("bytes")
}

fn read(xml: &[u8]) -> (Json, Vec<Entry>) {
    let shown = || String::from_utf8_lossy(xml).into_owned();
    let events = Events::open(xml).unwrap_or_else(|fault| panic!("{fault}: {}", shown()));
    let header = events.header().clone();
    (header, events.map(|event| event.unwrap_or_else(|faults| panic!("{faults:?}: {}", shown())).entry).collect())
}

fn hashes(entries: &[Entry]) -> Vec<String> {
    let of = |entry: &Entry, version: CbvVersion| event_hash_in(&entry.json, &entry.context, version).to_string();
    entries.iter().flat_map(|entry| [of(entry, CbvVersion::V2_0), of(entry, CbvVersion::V2_1)]).collect()
}

/// XML → JSON → XML → JSON.
fn round(name: &str, xml: &[u8]) {
    let (header, entries) = read(xml);
    let (header_again, again) = read(&write(DocumentKind::Capture, &header, &entries));
    assert_eq!(header.get("epcisHeader"), header_again.get("epcisHeader"), "{name}");
    for member in ["sender", "receiver", "instanceIdentifier", "creationDate"] {
        assert_eq!(header.get(member), header_again.get(member), "{name}");
    }
    assert_eq!(entries.len(), again.len(), "{name}");
    for (entry, again) in entries.iter().zip(&again) {
        assert_eq!(entry.json, again.json, "{name}");
    }
    assert_eq!(hashes(&entries), hashes(&again), "{name}");
}

#[test]
fn own_documents() {
    round("us-1.2", include_bytes!("documents/us-1.2.xml"));
}

#[test]
fn foreign_xml() {
    let Some(root) = foreign::root() else { return };
    let files = foreign::files(&root.join("event-hash/examples"));
    let xml = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "xml"));
    assert_eq!(xml.map(|file| round(&file.display().to_string(), &foreign::read(file))).count(), 8);
}

/// JSON → XML → JSON: the same hashes and the same typed event.
#[test]
fn foreign_json() {
    let Some(root) = foreign::root() else { return };
    let mut count = 0;
    for folder in ["documents", "queries", "events"] {
        for file in foreign::files(&root.join("epcis").join(folder)) {
            let name = file.display();
            let document = Document::parse(&foreign::read(&file)).expect("a document");
            let (_, again) = read(&write(document.kind, &document.header, &document.events));
            assert_eq!(hashes(&document.events), hashes(&again), "{name}");
            for (entry, again) in document.events.iter().zip(&again) {
                assert_eq!(typed(entry), typed(again), "{name}");
                count += 1;
            }
        }
    }
    assert_eq!(count, 101);
}

/// The event without its text, and without the eventID that sealing may have made of it.
fn typed(entry: &Entry) -> Event {
    let sealed = seal(entry.json.clone(), &entry.context, "acme");
    let event = sealed.unwrap_or_else(|faults| panic!("{}: {faults:?}", entry.path)).event;
    let event_id = entry.json.get_str("eventID").map(str::to_owned);
    Event { json: Json::Null, event_id, ..event }
}

#[test]
fn a_whole_document() {
    let document = Document::parse(include_bytes!("documents/us-1.2.json")).expect("a document");
    let xml = write(document.kind, &document.header, &document.events);
    insta::assert_snapshot!(String::from_utf8(xml).expect("text").replace("><", ">\n<"));
}

#[test]
fn what_xml_cannot_say_is_a_fault() {
    let fault_in = |context: &Context, event: &str| {
        let event = Json::parse(event.as_bytes()).expect("JSON");
        let mut writer = Writer::start(Vec::new(), DocumentKind::Event, &Json::Null, CREATED).expect("a header");
        match writer.event(&event, context) {
            Err(WriteError::Fault(fault)) => format!("{} {}", fault.path, fault.code),
            other => panic!("{other:?}"),
        }
    };
    let fault = |event: &str| fault_in(&Context::medtrace(), event);
    assert_eq!(fault(r#"{"type": "ObjectEvent", "medtrace:1": "x"}"#), "/medtrace:1 xml-name");
    assert_eq!(
        fault(r#"{"type": "ObjectEvent", "medtrace:a": {"medtrace:b c": 1}}"#),
        "/medtrace:a/medtrace:b c xml-name"
    );
    assert_eq!(fault(r#"{"type": "ObjectEvent", "epcList": ["urn:x:1", "a\u0001"]}"#), "/epcList/1 xml-character");
    assert_eq!(fault(r#"{"type": "Event"}"#), "/type event-type");
    // Letters and digits of other kinds that no name of XML 1.0 has.
    assert_eq!(fault(r#"{"type": "ObjectEvent", "medtrace:ª": "x"}"#), "/medtrace:ª xml-name");
    assert_eq!(fault(r#"{"type": "ObjectEvent", "medtrace:a²": "x"}"#), "/medtrace:a² xml-name");

    // Terms that a sender defines: none becomes markup, and none loses what it stands for.
    let defined = |term: &str, iri: &str, event: &str| {
        let terms: Object = [(term, iri)].into_iter().collect();
        fault_in(&Context::read(&terms.into()).expect("a context"), event)
    };
    let report = "/sensorElementList/0/sensorReport";
    let injected = r#"{"type": "ObjectEvent", "sensorElementList": [{"sensorReport": [{"x y=\"1\"><a/><b c": "d"}]}]}"#;
    assert_eq!(
        defined("x y=\"1\"><a/><b c", "https://v.example/x y=\"1\"><a/><b c", injected),
        format!("{report}/x y=\"1\"><a~1><b c xml-name")
    );
    let bare = r#"{"type": "ObjectEvent", "sensorElementList": [{"sensorReport": [{"v": "d"}]}]}"#;
    assert_eq!(defined("v", "vendor", bare), format!("{report}/v xml-name"));
    let prefixed = r#"{"type": "ObjectEvent", "v:a": "x"}"#;
    assert_eq!(defined("v", "https://v.example/\u{1}#", prefixed), " xml-character");
    assert_eq!(defined("v", "", prefixed), "/v:a xml-name");
    assert_eq!(defined("v", "http://www.w3.org/2000/xmlns/", prefixed), "/v:a xml-name");
    let twice = r#"{"type": "ObjectEvent", "sensorElementList": [{"sensorReport": [{"v:a": "x", "urn:v:a": "y"}]}]}"#;
    assert_eq!(defined("v", "urn:v:", twice), format!("{report} duplicate-member"));
}

#[test]
fn terms_of_the_sender_keep_their_namespaces() {
    let event = Json::parse(
        br#"{"@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
                {"batch": "https://v.example/terms#batch", "gs1": "https://other.example/"}],
            "type": "ObjectEvent", "batch": "B1", "gs1:line": "4",
            "sensorElementList": [{"sensorMetadata": {"batch": "B2"},
                "sensorReport": [{"type": "Temperature", "batch": "B3", "gs1:line": "gs1:5"}]}]}"#,
    );
    let event = event.expect("JSON");
    let context = Context::of_event(&event).expect("a context");
    let entry = Entry { path: String::new(), json: event, context };
    let (_, again) = read(&write(DocumentKind::Event, &Json::Null, [&entry]));
    let sensor = r#"{"sensorMetadata":{"https://v.example/terms#batch":"B2"},"sensorReport":[{"https://other.example/line":"gs1:5","https://v.example/terms#batch":"B3","type":"Temperature"}]}"#;
    let meant = format!(
        r#"{{"https://other.example/line":"4","https://v.example/terms#batch":"B1","sensorElementList":[{sensor}],"type":"ObjectEvent"}}"#
    );
    assert_eq!(expanded(&again[0].json, &again[0].context).to_string(), meant);
}

/// Names of members in full.
fn expanded(json: &Json, context: &Context) -> Json {
    match json {
        Json::Object(object) => {
            let members = object.iter().filter(|(name, _)| *name != "@context");
            let full = |name: &str| context.expand(name).unwrap_or_else(|| name.to_owned());
            members.map(|(name, value)| (full(name), expanded(value, context))).collect::<Object>().into()
        }
        Json::Array(items) => items.iter().map(|item| expanded(item, context)).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

/// A name in a context that defines what it begins with, or all of it: of letters that fit XML in two cases of three.
fn defined() -> impl Strategy<Value = (String, String, String)> {
    let word = || prop_oneof!["[a-zA-Z_][a-z0-9é.-]{0,4}", "[a-z]{1,4}", "[a-z1ª²×<>&'\"=/ \u{1}\u{ffff}é]{1,5}"];
    let base = prop_oneof!["https://v\\.example/[a-z]{0,3}[/#]", "urn:v:", "[a-z:<&\"\n \u{1}]{0,6}"];
    (word(), word(), base, any::<bool>()).prop_map(|(term, local, base, is_prefix)| match is_prefix {
        true => (term.clone(), base, format!("{term}:{local}")),
        false => (term.clone(), base + &local, term),
    })
}

proptest! {
    /// Any text of an extension, its numbers and booleans, and any identifiers, survive.
    #[test]
    fn text_survives(
        text in "[ -~é\u{4e2d}\u{1f600}]{0,40}", deep in "[<>&'\"\n\t\\]a]{0,20}", number in any::<f32>(),
        exact in prop_oneof![any::<f64>(), any::<i32>().prop_map(f64::from)], boolean: bool,
    ) {
        let exact = Json::Number(if exact == 0.0 { 0.0 } else { exact });
        let number = f64::from(number.round());
        let event: Object = [
            ("type", Json::from("ObjectEvent")),
            ("medtrace:a", Json::from(text.trim())),
            ("medtrace:b", [("medtrace:c", Json::from(deep.trim()))].into_iter().collect::<Object>().into()),
            ("medtrace:d", exact.clone()),
            ("medtrace:e", Json::Array(vec![Json::Bool(boolean), "true".into(), exact.clone(), "1".into()])),
            ("medtrace:f", [("#text", exact), ("@medtrace:g", "1".into())].into_iter().collect::<Object>().into()),
            ("quantityList", Json::Array(vec![[("quantity", Json::Number(if number == 0.0 { 0.0 } else { number }))]
                .into_iter().collect::<Object>().into()])),
        ].into_iter().collect();
        let entry = Entry { path: String::new(), json: event.into(), context: Context::medtrace() };
        let (_, again) = read(&write(DocumentKind::Event, &Json::Null, [&entry]));
        prop_assert_eq!(&again[0].json, &entry.json);
    }

    /// Whatever contexts and names come: XML that another parser takes and that means the same, or a fault.
    #[test]
    fn names_survive_or_are_a_fault(names in prop::collection::vec(defined(), 1..4), text in "[ -~é]{1,8}") {
        let text = text.trim().replace(':', ".");
        let member = |at: usize| (names[at % names.len()].2.as_str(), Json::from(text.as_str()));
        let object = |members: &[(&str, Json)]| members.iter().cloned().collect::<Object>();
        let report = object(&[("type", "Temperature".into()), ("uriValue", text.as_str().into()), member(0), member(1)]);
        let sensors = object(&[("sensorMetadata", object(&[member(2)]).into()), ("sensorReport", vec![report.into()].into())]);
        let event = object(&[
            ("type", "ObjectEvent".into()),
            ("sensorElementList", vec![sensors.into()].into()),
            ("readPoint", object(&[("id", "urn:x:1".into()), member(1)]).into()),
            member(0),
        ]);
        let terms: Object = names.iter().map(|(term, iri, _)| (term.as_str(), iri.as_str())).collect();
        let context = Context::read(&terms.into()).map_err(|fault| TestCaseError::reject(fault.to_string()))?;
        let entry = Entry { path: String::new(), json: event.into(), context };
        let mut writer = Writer::start(Vec::new(), DocumentKind::Event, &Json::Null, CREATED).expect("a header");
        match writer.event(&entry.json, &entry.context) {
            Ok(()) => {
                let xml = writer.finish().expect("bytes");
                let shown = String::from_utf8(xml).expect("text");
                if let Err(error) = roxmltree::Document::parse(&shown) {
                    prop_assert!(false, "{error}: {shown}");
                }
                let (_, again) = read(shown.as_bytes());
                prop_assert_eq!(expanded(&again[0].json, &again[0].context), expanded(&entry.json, &entry.context));
            }
            Err(WriteError::Fault(fault)) => {
                prop_assert!(["xml-name", "xml-character", "duplicate-member"].contains(&fault.code), "{fault}");
            }
            Err(WriteError::Io(error)) => prop_assert!(false, "{error}"),
        }
    }
}
