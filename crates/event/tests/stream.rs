//! JSON documents event by event: the same events as the whole document read at once.

mod foreign;

use medtrace_event::document::Entry;
use medtrace_event::stream::{
    EVENT_JSON_BYTES_MAX, Events, HEADER_JSON_BYTES_MAX, HEADER_MEMBERS_MAX, HELD_BYTES_MAX, Head,
};
use medtrace_event::{Document, Fault, Json, Source};
use proptest::prelude::*;
use std::io::BufReader;

fn read(bytes: &[u8], buffer: usize) -> Result<Vec<Result<Entry, Vec<Fault>>>, Fault> {
    Events::open(BufReader::with_capacity(buffer, bytes)).map(Iterator::collect)
}

/// All events of a document and what surrounds them, its head read first or not.
fn whole(bytes: &[u8], head_first: bool) -> Result<(Vec<Entry>, Json), Fault> {
    let input = BufReader::with_capacity(7, bytes);
    let mut events = match head_first {
        true => Events::open_after(Head::read(bytes, HEADER_JSON_BYTES_MAX)?, input)?,
        false => Events::open(input)?,
    };
    let all = (&mut events).collect::<Result<_, _>>().map_err(|mut faults: Vec<Fault>| faults.remove(0))?;
    Ok((all, events.header()))
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
            for head_first in [false, true] {
                let read = self::whole(&bytes, head_first);
                assert_eq!(read, Ok((whole.events.clone(), whole.header.clone())), "{}", file.display());
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

/// A context of so many prefixes.
fn terms(count: usize) -> String {
    let terms: Vec<String> = (0..count).map(|n| format!("\"p{n}\": \"urn:p:\"")).collect();
    format!("{{{}}}", terms.join(","))
}

#[test]
fn contexts_have_a_limit_before_the_first_event_and_in_each() {
    let document = |context: &str, own: &str| {
        let event = format!(r#"{{"@context": {own}, "type": "ObjectEvent"}}"#);
        let fine = r#"{"type": "ObjectEvent"}"#;
        format!(r#"{{"@context": {context}, {HEAD}, "epcisBody": {{"eventList": [{event}, {fine}]}}}}"#)
    };
    assert_eq!(faults(&document(&terms(500), "{}")), Vec::<String>::new());
    for many in [terms(501), format!("\"urn:{}\"", "x".repeat(16 * 1024))] {
        let (of_document, of_event) = (document(&many, "{}"), document("{}", &many));
        assert!(Events::open(of_document.as_bytes()).is_err_and(|fault| fault.code == "context-too-large"));
        assert_eq!(faults(&of_event), ["/epcisBody/eventList/0/@context context-too-large"]);
        for text in [of_document, of_event] {
            assert_eq!(Document::parse(text.as_bytes()).unwrap_err()[0].code, "context-too-large");
        }
    }
    // What is in force counts, not each part.
    let half = terms(300);
    let other = half.replace("\"p", "\"q");
    assert_eq!(faults(&document(&half, &other)), ["/epcisBody/eventList/0/@context context-too-large"]);
}

/// A fault of one event leaves the others; what is no JSON has no others.
#[test]
fn what_is_wrong_with_one_event_alone() {
    let fine = r#"{"type": "ObjectEvent"}"#;
    let document =
        |event: &str| format!(r#"{{{CONTEXT}, {HEAD}, "epcisBody": {{"eventList": [{fine}, {event}, {fine}]}}}}"#);
    for (event, rest) in [
        (r#"{"a": 0.12345678901234567890}"#, 1),
        (r#"{"a": 1, "a": 1}"#, 1),
        (r#"{"@context": 7}"#, 1),
        (r#"{"a": "\ud800"}"#, 1),
        (r#"{"a": tru}"#, 0),
        (r#"{"a" 1}"#, 0),
    ] {
        let document = document(event);
        let mut events = Source::open(document.as_bytes()).expect("a document");
        assert!(events.next().is_some_and(|event| event.is_ok()), "{event}");
        assert!(events.next().is_some_and(|event| event.is_err()), "{event}");
        assert_eq!(!events.is_done(), rest > 0, "{event}");
        assert_eq!(events.filter(Result::is_ok).count(), rest, "{event}");
    }
}

#[test]
fn context_may_come_last() {
    let event = r#"{"type": "ObjectEvent", "ex:a": "}]\"\\"}"#;
    let body = format!(r#""epcisBody": {{"x": [1, {{}}], "eventList": [{event} , {event}]}}"#);
    let first = format!("{{{HEAD}, {CONTEXT}, {body}}}");
    for text in [format!("{{{body}, {HEAD}, {CONTEXT}}}"), format!("{{{HEAD}, {body}, {CONTEXT}}}"), first.clone()] {
        let whole = Document::parse(text.as_bytes()).expect("a document");
        for head_first in [false, true] {
            assert_eq!(self::whole(text.as_bytes(), head_first), Ok((whole.events.clone(), whole.header.clone())));
        }
        assert_eq!(whole.events[1].context.lookup("ex"), Some("http://ex.org/"));
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
fn a_head_that_was_read_before_takes_a_body_of_any_size() {
    let body = format!("\"epcisBody\": {{\"eventList\": [{}{{}}]}}", " ".repeat(HELD_BYTES_MAX));
    let text = format!("{{{body}, {HEAD}, {CONTEXT}}}");
    let (events, header) = whole(text.as_bytes(), true).expect("a document");
    assert_eq!((events.len(), header.get_str("schemaVersion")), (1, Some("2.0")));
    assert_eq!(header.get("epcisBody").map(Json::to_string).as_deref(), Some("{}"));
}

#[test]
fn what_surrounds_the_events_is_bounded() {
    let code = |text: &str, max: usize| Head::read(text.as_bytes(), max).err().map(|fault| (fault.path, fault.code));
    assert_eq!(code(r#"{"a": "12345", "b": "1234"}"#, 13), None);
    assert_eq!(code(r#"{"a": "12345", "b": "1234"}"#, 12), Some(("/b".to_owned(), "too-large")));
    let many: Vec<String> = (0..=HEADER_MEMBERS_MAX).map(|n| format!("\"m{n}\": 1")).collect();
    let last = format!("/m{HEADER_MEMBERS_MAX}");
    assert_eq!(code(&format!("{{{}}}", many.join(", ")), 1 << 20), Some((last, "too-large")));
    // The whole may be nested no deeper than a document that is read at once.
    for (levels, taken) in [(31, true), (32, false)] {
        let deep = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let text = format!("{{{HEAD}, \"ex\": {deep}, \"epcisBody\": {{\"eventList\": [{{}}]}}}}");
        assert_eq!(Document::parse(text.as_bytes()).is_ok(), taken);
        assert_eq!(whole(text.as_bytes(), true).is_ok(), taken);
    }
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
        ["/epcisBody/eventList type"]
    );
    let late =
        format!(r#"{{"type": "EPCISDocument", {CONTEXT}, "epcisBody": {{"eventList": [{{}}]}}, "creationDate": 1}}"#);
    assert_eq!(faults(&late), ["/schemaVersion missing", "/creationDate time"]);
    assert_eq!(faults(r#"{"type": "X"}"#), ["/type document-type"]);
    assert_eq!(faults("[]"), [" syntax"]);
    assert_eq!(faults(""), [" syntax"]);
    assert_eq!(faults(&format!("{{{HEAD}, {HEAD}}}")), ["/type duplicate-member"]);
    let body = r#""epcisBody": {"eventList": [{}]}"#;
    for (text, place) in [
        (format!("{{{HEAD}, {CONTEXT}, {body}, {body}}}"), "/epcisBody"),
        (format!("{{{HEAD}, {body}, {body}}}"), "/epcisBody"),
        (
            format!("{{{HEAD}, {CONTEXT}, \"epcisBody\": {{\"eventList\": [{{}}], \"eventList\": []}}}}"),
            "/epcisBody/eventList",
        ),
    ] {
        assert_eq!(faults(&text), [format!("{place} duplicate-member")]);
        assert_eq!(whole(text.as_bytes(), true).map_err(|fault| fault.path), Err(place.to_owned()));
    }
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
        for head_first in [false, true] {
            match (&whole, self::whole(text.as_bytes(), head_first)) {
                (Ok(whole), Ok((events, header))) => {
                    prop_assert_eq!(&whole.events, &events);
                    prop_assert_eq!(&whole.header, &header);
                }
                (Err(_), Ok(_)) => prop_assert!(false, "{}", text),
                (Ok(_), Err(fault)) => prop_assert!(false, "{}: {}", fault, text),
                (Err(_), Err(_)) => {}
            }
        }
    }
}
