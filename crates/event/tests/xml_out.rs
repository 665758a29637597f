//! EPCIS XML out: what is written reads back as the same events.

mod foreign;

use medtrace_event::document::{DocumentKind, Entry};
use medtrace_event::hash::event_hash_in;
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
    let fault = |event: &str| {
        let event = Json::parse(event.as_bytes()).expect("JSON");
        let mut writer = Writer::start(Vec::new(), DocumentKind::Event, &Json::Null, CREATED).expect("a header");
        match writer.event(&event, &Context::medtrace()) {
            Err(WriteError::Fault(fault)) => format!("{} {}", fault.path, fault.code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(fault(r#"{"type": "ObjectEvent", "medtrace:1": "x"}"#), "/medtrace:1 xml-name");
    assert_eq!(
        fault(r#"{"type": "ObjectEvent", "medtrace:a": {"medtrace:b c": 1}}"#),
        "/medtrace:a/medtrace:b c xml-name"
    );
    assert_eq!(fault(r#"{"type": "ObjectEvent", "epcList": ["urn:x:1", "a\u0001"]}"#), "/epcList/1 xml-character");
    assert_eq!(fault(r#"{"type": "Event"}"#), "/type event-type");
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
        let event: medtrace_event::json::Object = [
            ("type", Json::from("ObjectEvent")),
            ("medtrace:a", Json::from(text.trim())),
            ("medtrace:b", [("medtrace:c", Json::from(deep.trim()))].into_iter().collect::<medtrace_event::json::Object>().into()),
            ("medtrace:d", exact.clone()),
            ("medtrace:e", Json::Array(vec![Json::Bool(boolean), "true".into(), exact.clone(), "1".into()])),
            ("medtrace:f", [("#text", exact), ("@medtrace:g", "1".into())].into_iter().collect::<medtrace_event::json::Object>().into()),
            ("quantityList", Json::Array(vec![[("quantity", Json::Number(if number == 0.0 { 0.0 } else { number }))]
                .into_iter().collect::<medtrace_event::json::Object>().into()])),
        ].into_iter().collect();
        let entry = Entry { path: String::new(), json: event.into(), context: Context::medtrace() };
        let (_, again) = read(&write(DocumentKind::Event, &Json::Null, [&entry]));
        prop_assert_eq!(&again[0].json, &entry.json);
    }
}
