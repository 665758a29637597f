//! JSON documents event by event: the same events as the whole document read at once.

mod foreign;

use medtrace_event::document::Entry;
use medtrace_event::stream::{EVENT_JSON_BYTES_MAX, Events, HELD_BYTES_MAX};
use medtrace_event::{Document, Fault, Source};
use proptest::prelude::*;
use std::io::BufReader;

fn read(bytes: &[u8], buffer: usize) -> Result<Vec<Result<Entry, Vec<Fault>>>, Fault> {
    Events::open(BufReader::with_capacity(buffer, bytes)).map(Iterator::collect)
}

#[test]
fn foreign_documents() {
    let Some(root) = foreign::root() else { return };
    for folder in ["epcis/documents", "epcis/queries", "epcis/events", "event-hash/examples"] {
        for file in foreign::files(&root.join(folder)) {
            if file.extension().is_some_and(|extension| extension == "xml") {
                continue;
            }
            let bytes = foreign::read(&file);
            let whole = Document::parse(&bytes).expect("a document");
            for buffer in [1, 7, 8192] {
                let events = read(&bytes, buffer).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
                let events: Vec<Entry> = events.into_iter().map(|event| event.expect("an event")).collect();
                assert_eq!(events, whole.events, "{}", file.display());
            }
        }
    }
}

#[test]
fn either_syntax_by_its_first_character() {
    for (text, path) in [
        ("\u{feff}\n <ObjectEvent><action>X</action></ObjectEvent>", "/ObjectEvent/action"),
        (" {\"type\": \"ObjectEvent\", \"action\": \"X\"}", "/action"),
    ] {
        let mut source = Source::open(BufReader::with_capacity(1, text.as_bytes())).expect("a document");
        let event = source.next().expect("an event").expect("an event");
        assert_eq!(event.entry().json.get_str("action"), Some("X"));
        assert_eq!(event.located(Fault::new("/action", "action", "")).path, path);
        assert!(source.next().is_none());
    }
    assert!(Source::open(&b" \n"[..]).is_err());
}

const HEAD: &str = r#""type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:45:16Z""#;
const CONTEXT: &str = r#""@context": {"ex": "http://ex.org/"}"#;

fn faults(text: &str) -> Vec<String> {
    let faults = match read(text.as_bytes(), 5) {
        Err(fault) => vec![fault],
        Ok(events) => events.into_iter().filter_map(Result::err).flatten().collect(),
    };
    faults.into_iter().map(|fault| format!("{} {}", fault.path, fault.code)).collect()
}

#[test]
fn context_may_come_last() {
    let event = r#"{"type": "ObjectEvent", "ex:a": "}]\"\\"}"#;
    let body = format!(r#""epcisBody": {{"x": [1, {{}}], "eventList": [{event} , {event}]}}"#);
    let first = format!("{{{HEAD}, {CONTEXT}, {body}}}");
    for text in [format!("{{{body}, {HEAD}, {CONTEXT}}}"), format!("{{{HEAD}, {body}, {CONTEXT}}}"), first.clone()] {
        let whole = Document::parse(text.as_bytes()).expect("a document");
        let events = read(text.as_bytes(), 3).expect("a document");
        let events: Vec<Entry> = events.into_iter().map(|event| event.expect("an event")).collect();
        assert_eq!(events, whole.events);
        assert_eq!(events[1].context.lookup("ex"), Some("http://ex.org/"));
    }
    assert_eq!(faults(&first), Vec::<String>::new());
}

#[test]
fn a_large_document_is_told_to_put_its_context_first() {
    let body = format!("\"epcisBody\": {{\"eventList\": [{}]}}", " ".repeat(HELD_BYTES_MAX));
    let Err(fault) = Events::open(format!("{{{HEAD}, {body}, {CONTEXT}}}").as_bytes()) else {
        panic!("it should be refused");
    };
    assert_eq!((fault.path.as_str(), fault.code), ("/epcisBody", "too-large"));
    assert!(fault.detail.contains("@context"));
    assert_eq!(faults(&format!("{{{HEAD}, {CONTEXT}, {body}}}")), ["/epcisBody/eventList empty"]);
}

#[test]
fn faults_name_their_place() {
    let list = |events: &str| faults(&format!(r#"{{{HEAD}, {CONTEXT}, "epcisBody": {{"eventList": [{events}]}}}}"#));
    assert_eq!(list(""), ["/epcisBody/eventList empty"]);
    assert_eq!(
        list("{}, {\"a\": 1, \"a\": 2}, {\"@context\": 5}"),
        ["/epcisBody/eventList/1/a duplicate-member", "/epcisBody/eventList/2/@context context"]
    );
    assert_eq!(list("{},"), ["/epcisBody/eventList syntax"]);
    assert_eq!(list("{} {}"), ["/epcisBody/eventList syntax"]);
    assert_eq!(list(&format!("\"{}\"", "x".repeat(EVENT_JSON_BYTES_MAX))), ["/epcisBody/eventList/0 too-large"]);
    assert_eq!(faults(&format!("{{{HEAD}, {CONTEXT}, \"epcisBody\": {{}}}}")), ["/epcisBody/eventList missing"]);
    assert_eq!(faults(&format!("{{{HEAD}, {CONTEXT}}}")), ["/epcisBody/eventList missing"]);
    assert_eq!(
        faults(&format!("{{{HEAD}, {CONTEXT}, \"epcisBody\": {{\"eventList\": {{}}}}}}")),
        ["/epcisBody/eventList syntax"]
    );
    let late =
        format!(r#"{{"type": "EPCISDocument", {CONTEXT}, "epcisBody": {{"eventList": [{{}}]}}, "creationDate": 1}}"#);
    assert_eq!(faults(&late), ["/schemaVersion missing", "/creationDate time"]);
    assert_eq!(faults(r#"{"type": "X"}"#), ["/type document-type"]);
    assert_eq!(faults("[]"), [" syntax"]);
    assert_eq!(faults(""), [" syntax"]);
    assert_eq!(faults(&format!("{{{HEAD}, {HEAD}}}")), ["/type duplicate-member"]);
    assert_eq!(faults(r#"{"type": "ObjectEvent"} x"#), [" syntax"]);
    let cut = format!(r#"{{{HEAD}, {CONTEXT}, "epcisBody": {{"eventList": [{{}}, {{"a""#);
    assert_eq!(faults(&cut), ["/epcisBody/eventList/1 syntax"]);
}

proptest! {
    #[test]
    fn any_text_does_no_harm(text in r#"[\{\}\[\]":,a1 \\]{0,60}"#) {
        let _ = read(text.as_bytes(), 2);
    }

    /// A document with a piece replaced is taken by both readers or by none.
    #[test]
    fn damaged_documents(at in any::<prop::sample::Index>(), cut in 0_usize..9, put in r#"[\{\}\[\]":,a1 \\]{0,4}"#) {
        let text = format!(r#"{{{HEAD}, {CONTEXT}, "epcisBody": {{"eventList": [{{"a": [1, "x"]}}, {{}}], "b": 2}}, "c": 3}}"#);
        let at = at.index(text.len());
        let text = [&text[..at], &put, &text[(at + cut).min(text.len())..]].concat();
        let whole = Document::parse(text.as_bytes());
        let parts = read(text.as_bytes(), 4).and_then(|events| {
            events.into_iter().collect::<Result<Vec<Entry>, _>>().map_err(|mut faults| faults.remove(0))
        });
        match (whole, parts) {
            (Ok(whole), Ok(parts)) => prop_assert_eq!(whole.events, parts),
            // Members of the body beside the list are passed over, whatever they are.
            (Err(_), Ok(_)) => prop_assert!(at > text.find("\"b\"").unwrap_or(0).min(text.find('[').unwrap_or(0))),
            (Ok(_), Err(fault)) => prop_assert!(false, "{}: {}", fault, text),
            (Err(_), Err(_)) => {}
        }
    }
}
