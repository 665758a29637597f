//! Documents, at once and event by event, JSON and XML: what is written again as XML says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_event::document::{Document, DocumentKind, Entry};
use medtrace_event::hash::event_hash_in;
use medtrace_event::xml::{Events, WriteError, Writer};
use medtrace_event::{CbvVersion, Json, Source, seal};

fuzz_target!(|bytes: &[u8]| {
    let whole = Document::parse(bytes);
    let Ok(source) = Source::open(bytes) else { return };
    let is_xml = matches!(source, Source::Xml(_));
    let mut entries = Vec::new();
    for event in source {
        match event {
            Ok(event) => {
                let entry = event.entry().clone();
                match seal(entry.json.clone(), &entry.context, "acme") {
                    Ok(_) => written_again(&entry, is_xml),
                    Err(faults) => faults.into_iter().for_each(|fault| _ = event.located(fault)),
                }
                entries.push(entry);
            }
            Err(faults) => assert!(!faults.is_empty()),
        }
    }
    if let Ok(whole) = whole {
        assert_eq!(whole.events, entries);
    }
});

/// A valid event as XML is well-formed, and the same event if it came as XML, where all is text; or there is a fault.
fn written_again(entry: &Entry, is_xml: bool) {
    let mut writer = Writer::start(Vec::new(), DocumentKind::Event, &Json::Null, "2026-03-01T08:00:00Z").expect("memory");
    match writer.event(&entry.json, &entry.context) {
        Err(WriteError::Fault(_)) => return,
        written => written.expect("memory"),
    }
    let xml = writer.finish().expect("memory");
    let shown = || String::from_utf8_lossy(&xml);
    let mut events = Events::open(&xml[..]).unwrap_or_else(|fault| panic!("{fault}: {}", shown()));
    match events.next() {
        Some(Ok(again)) if is_xml => {
            let hash = |entry: &Entry| event_hash_in(&entry.json, &entry.context, CbvVersion::V2_0);
            assert_eq!(hash(&again.entry), hash(entry), "{}", shown());
        }
        Some(Ok(_)) => assert!(events.next().is_none(), "{}", shown()),
        Some(Err(faults)) => {
            let torn = |code| ["syntax", "namespace", "entity", "empty"].contains(&code);
            assert!(!is_xml && !faults.iter().any(|fault| torn(fault.code)), "{faults:?}: {}", shown());
        }
        None => panic!("no event: {}", shown()),
    }
}
