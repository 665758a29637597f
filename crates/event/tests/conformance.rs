//! Foreign EPCIS 2.0 documents, events and query documents: all must be taken, whole, and sealed to bytes that read back
//! as the same event. They are found through `MEDTRACE_CONFORMANCE`; without it this says that it was skipped.

mod foreign;

use medtrace_event::document::DocumentKind;
use medtrace_event::{Document, Event, Json, SealedEvent, seal};
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Option<Vec<PathBuf>> {
    foreign::root().map(|root| foreign::files(&root.join("epcis").join(folder)))
}

/// Every event of a file, sealed, beside what was sent.
fn sealed(file: &Path, kind: DocumentKind) -> Vec<(Json, SealedEvent)> {
    let name = file.display();
    let document = Document::parse(&foreign::read(file)).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    assert_eq!(document.kind, kind, "{name}");
    let seal = |entry: &medtrace_event::document::Entry| {
        let sealed = seal(entry.json.clone(), &entry.context, "acme");
        sealed.unwrap_or_else(|faults| panic!("{name}{}: {faults:#?}", entry.path))
    };
    document.events.iter().map(|entry| (entry.json.clone(), seal(entry))).collect()
}

/// The event but for what sealing may change.
fn content(json: &Json) -> Json {
    let mut json = json.clone();
    let object = json.as_object_mut().expect("an event");
    for name in ["@context", "eventID", "recordTime"] {
        object.remove(name);
    }
    json
}

fn check(folder: &str, kind: DocumentKind, expected_files: usize, expected_events: usize) {
    let Some(files) = files(folder) else { return };
    assert_eq!(files.len(), expected_files);
    let mut events = 0;
    for file in files {
        for (sent, sealed) in self::sealed(&file, kind) {
            events += 1;
            let name = file.display();
            let again = Event::from_bytes(&sealed.bytes).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
            assert_eq!(again, sealed.event, "{name}");
            assert_eq!(content(&again.json), content(&sent), "{name}");
            assert_eq!(medtrace_event::open(&sealed.bytes, "acme").as_ref(), Ok(&sealed), "{name}");
        }
    }
    assert_eq!(events, expected_events);
}

#[test]
fn documents() {
    check("documents", DocumentKind::Capture, 38, 68);
}

#[test]
fn bare_events() {
    check("events", DocumentKind::Event, 5, 5);
}

#[test]
fn query_documents() {
    check("queries", DocumentKind::Query, 9, 28);
}

/// The one thing in them that the standard forbids: stored, without effect, and said so.
#[test]
fn forbidden_persistent_disposition_is_a_warning() {
    let Some(files) = files("documents") else {
        return;
    };
    let mut warned = Vec::new();
    for file in files {
        for (_, sealed) in sealed(&file, DocumentKind::Capture) {
            for warning in &sealed.event.warnings {
                let name = file.file_name().expect("a name").to_string_lossy().into_owned();
                warned.push((name, sealed.event.kind.name(), warning.path.clone(), warning.code));
                assert!(sealed.event.persistent.set.is_empty() && sealed.event.persistent.unset.is_empty());
            }
        }
    }
    insta::assert_debug_snapshot!(warned);
}

/// What the valid documents do against the words of the standard: told, never a reason to refuse.
#[test]
fn what_is_odd_in_valid_documents_is_advice() {
    let folders =
        [("documents", DocumentKind::Capture), ("events", DocumentKind::Event), ("queries", DocumentKind::Query)];
    let mut told = std::collections::BTreeMap::new();
    for (folder, kind) in folders {
        for file in files(folder).unwrap_or_default() {
            for (_, sealed) in sealed(&file, kind) {
                let findings = medtrace_event::semantics::check(&sealed.event);
                for advice in &findings.advice {
                    let place = advice.path.rsplit('/').next().unwrap_or_default().to_owned();
                    *told.entry((place, advice.code, advice.detail.clone())).or_insert(0) += 1;
                }
            }
        }
    }
    if !told.is_empty() {
        insta::assert_debug_snapshot!(told);
    }
}
