//! EPCIS XML in: the same events as their JSON twins, faults with XPaths, and limits.

mod foreign;

use medtrace_event::document::Entry;
use medtrace_event::hash::event_hash_in;
use medtrace_event::xml::{self, Events, XmlEvent};
use medtrace_event::{CbvVersion, Document, Event, Fault, Json, seal};
use proptest::prelude::*;
use std::io::{self, BufReader, Read};

fn read(xml: &str) -> Result<Vec<Result<XmlEvent, Vec<Fault>>>, Fault> {
    Events::open(xml.as_bytes()).map(Iterator::collect)
}

/// The event whole: valid, sealed, without an identity of its own.
fn event(entry: &Entry) -> Event {
    let sealed = seal(entry.json.clone(), &entry.context, "acme");
    sealed.unwrap_or_else(|faults| panic!("{}: {faults:#?}", entry.path)).event
}

#[test]
fn foreign_documents_hash_as_expected_and_equal_their_twins() {
    let Some(root) = foreign::root() else { return };
    let mut events = 0;
    for file in foreign::files(&root.join("event-hash/examples")) {
        if file.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let bytes = foreign::read(&file);
        let xml = Events::open(&bytes[..]).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let xml: Vec<XmlEvent> = xml.map(|event| event.expect("an event")).collect();
        let twin = Document::parse(&foreign::read(&file.with_extension("jsonld"))).expect("a document");
        assert_eq!(xml.len(), twin.events.len(), "{name}");
        for version in [CbvVersion::V2_0, CbvVersion::V2_1] {
            let expected = root.join("event-hash").join(version.name()).join(format!("{name}.hashes"));
            if !expected.exists() {
                continue;
            }
            let expected = String::from_utf8(foreign::read(&expected)).expect("text");
            let hashes =
                xml.iter().map(|event| event_hash_in(&event.entry.json, &event.entry.context, version).to_string());
            assert_eq!(hashes.collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>(), "{name}");
        }
        for (xml, twin) in xml.iter().zip(&twin.events) {
            events += 1;
            let (mut xml, mut twin) = (event(&xml.entry), event(twin));
            // Their texts differ: time zones, extensions' prefixes, one with and one without an eventID.
            for event in [&mut xml, &mut twin] {
                event.json = Json::Null;
                event.event_id = None;
            }
            assert_eq!(xml, twin, "{name}");
        }
    }
    assert_eq!(events, 10);
}

#[test]
fn version_1_2_equals_its_json() {
    let xml = Events::open(&include_bytes!("documents/us-1.2.xml")[..]).expect("a document");
    let twin = Document::parse(include_bytes!("documents/us-1.2.json")).expect("a document");
    assert_eq!(xml.version(), Some("1.2"));
    assert_eq!(xml.context(), &twin.context);
    let mut header = twin.header.clone();
    header.as_object_mut().expect("a header").remove("epcisBody");
    assert_eq!(xml.header(), &header);
    let events: Vec<XmlEvent> = xml.map(|event| event.expect("an event")).collect();
    assert_eq!(events.len(), 4);
    for (xml, twin) in events.iter().zip(&twin.events) {
        let mut json = twin.json.clone();
        json.as_object_mut().expect("an event").remove("@context");
        assert_eq!(xml.entry.json, json);
        assert_eq!(xml.entry.context, twin.context);
        assert_eq!(event(&xml.entry), event(twin));
    }
    let paths: Vec<&str> = events.iter().map(|event| event.entry.path.as_str()).collect();
    let list = "/epcis:EPCISDocument/EPCISBody/EventList";
    assert_eq!(paths[1], format!("{list}/ObjectEvent[2]"));
    assert_eq!(paths[3], format!("{list}/extension[2]/extension/AssociationEvent"));
}

fn document(events: &str) -> String {
    format!(
        r#"<e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:2" xmlns:ex="http://ex.org/" schemaVersion="2.0"
        creationDate="2026-03-01T08:45:16Z"><EPCISBody><EventList>{events}</EventList></EPCISBody></e:EPCISDocument>"#
    )
}

const FINE: &str = "<ObjectEvent><eventTime>2026-02-27T06:45:16Z</eventTime>\
    <eventTimeZoneOffset>-05:00</eventTimeZoneOffset><epcList><epc>urn:uuid:1</epc></epcList><action>ADD</action>\
    <ex:a/></ObjectEvent>";

/// All faults of a document, those of its events included, as `path code`.
fn faults(xml: &str) -> Vec<String> {
    let mut all = Vec::new();
    match read(xml) {
        Err(fault) => all.push(fault),
        Ok(events) => {
            for event in events {
                match event {
                    Err(faults) => all.extend(faults),
                    Ok(event) => {
                        let sealed = seal(event.entry.json.clone(), &event.entry.context, "acme");
                        all.extend(sealed.err().into_iter().flatten().map(|fault| event.located(fault)));
                    }
                }
            }
        }
    }
    all.into_iter()
        .map(|fault| format!("{} {}", fault.path.replace("/e:EPCISDocument/EPCISBody/EventList", "…"), fault.code))
        .collect()
}

#[test]
fn faults_name_their_place() {
    let with = |from: &str, to: &str| {
        assert!(FINE.contains(from));
        faults(&document(&(FINE.to_owned() + &FINE.replace(from, to))))
    };
    assert_eq!(faults(&document(FINE)), Vec::<String>::new());
    let epcs = "<epc>urn:uuid:1</epc>";
    assert_eq!(with(epcs, "<epc>urn:uuid:1</epc><epc>x</epc>"), ["…/ObjectEvent[2]/epcList/epc[2] uri"]);
    assert_eq!(with("ADD", "MOVE"), ["…/ObjectEvent[2]/action action"]);
    assert_eq!(with("<action>ADD</action>", ""), ["…/ObjectEvent[2]/action missing"]);
    assert_eq!(with("<ex:a/>", "<nonsense/>"), ["…/ObjectEvent[2]/nonsense unknown-member"]);
    assert_eq!(with("<action>", "<action>ADD</action><action>"), ["…/ObjectEvent[2]/action[1] duplicate-member"]);
    let quantities = |text: &str| format!("<extension><quantityList>{text}</quantityList></extension>");
    let quantity = "<quantityElement><epcClass>urn:epc:idpat:sgtin:9521141.001234.*</epcClass><quantity>1</quantity></quantityElement>";
    let wrong = quantity.replace("<quantity>1<", "<quantity>0.30000000000000000001<");
    let at = "…/ObjectEvent[2]/extension/quantityList/quantityElement[2]/quantity";
    assert_eq!(with("<ex:a/>", &quantities(&(quantity.to_owned() + &wrong))), [format!("{at} inexact-number")]);
    let wrong = quantity.replace("<quantity>1<", "<quantity>-1<");
    assert_eq!(with("<ex:a/>", &quantities(&(quantity.to_owned() + &wrong))), [format!("{at} quantity")]);
    let sensors = "<sensorElementList><sensorElement><sensorReport type='gs1:Temperature' value='1'/><sensorReport value='x' \
                   type='gs1:Temperature'/></sensorElement></sensorElementList>";
    let at = "…/ObjectEvent[2]/sensorElementList/sensorElement[1]/sensorReport[2]/@value";
    assert_eq!(with("<ex:a/>", sensors), [format!("{at} inexact-number")]);
    let source = "<sourceList><source>urn:epc:id:pgln:9521141.00000</source></sourceList>";
    assert_eq!(with("<ex:a/>", source), ["…/ObjectEvent[2]/sourceList/source[1]/@type missing"]);
    assert_eq!(faults(&document(&("<QuantityEvent/>".to_owned() + FINE))), ["…/QuantityEvent[1] event-type"]);
}

#[test]
fn hostile_documents_are_refused() {
    assert_eq!(faults(&document("")), ["… empty"]);
    assert_eq!(faults(&format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{}", document(FINE))), [" dtd"]);
    let entity = document(&FINE.replace("ADD", "&a;"));
    assert_eq!(faults(&entity), ["…/ObjectEvent[1]/action entity"]);
    let external = document(&FINE.replace("<ex:a/>", "<ex:a b='&xxe;'/>"));
    assert_eq!(faults(&external), ["…/ObjectEvent[1]/ex:a entity"]);
    let deep = document(&FINE.replace("<ex:a/>", &("<ex:a>".repeat(100_000) + &"</ex:a>".repeat(100_000))));
    assert!(faults(&deep)[0].ends_with("ex:a depth"));
    let wide = document(&FINE.replace("<ex:a/>", &"<ex:a>1</ex:a>".repeat(200_000)));
    assert_eq!(faults(&wide), ["…/ObjectEvent[1] too-large"]);
    let long = document(&FINE.replace("<ex:a/>", &format!("<ex:a>{}</ex:a>", "x".repeat(xml::TOKEN_BYTES_MAX + 1))));
    assert_eq!(faults(&long), ["…/ObjectEvent[1]/ex:a too-large"]);
    assert_eq!(faults(&document(&FINE.replace("<ex:a/>", "<zz:a/>"))), ["…/ObjectEvent[1]/zz:a namespace"]);
    assert_eq!(faults(&document(FINE).replace("</EPCISBody>", "")), ["/e:EPCISDocument/EPCISBody syntax"]);
    assert_eq!(faults(&document(FINE).replace("2.0", "3.0")), ["/e:EPCISDocument/@schemaVersion schema-version"]);
    assert_eq!(faults(&document(FINE).replace("creationDate", "date")), ["/e:EPCISDocument/@creationDate missing"]);
    assert_eq!(faults("<html/>"), ["/html document-type"]);
    assert_eq!(faults(""), [" syntax"]);
    assert_eq!(faults("{}"), [" syntax"]);
    // Namespaces: in force at once, and of one event whose elements declare one after the other.
    let spaces = |count: usize| (0..count).map(|n| format!(" xmlns:p{n}='urn:p:{n}:'")).collect::<String>();
    let many = document(FINE).replacen(" schemaVersion", &(spaces(501) + " schemaVersion"), 1);
    assert_eq!(faults(&many), ["… context-too-large"]);
    let many = document(FINE).replacen(" schemaVersion", &(spaces(1_001) + " schemaVersion"), 1);
    assert_eq!(faults(&many), ["/e:EPCISDocument context-too-large"]);
    let one = |n: usize| format!("<p:a xmlns:p='urn:p:{n}:'/>");
    let turns = |count: usize| document(&(FINE.replace("<ex:a/>", &(0..count).map(one).collect::<String>()) + FINE));
    assert_eq!(faults(&turns(400)), Vec::<String>::new());
    assert_eq!(faults(&turns(20_000)), ["…/ObjectEvent[1] context-too-large"]);
    let latin = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{}", document(FINE));
    assert_eq!(faults(&latin), [" encoding"]);
}

/// A document without end, made while it is read.
struct Endless {
    head: Vec<u8>,
    event: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.head.len() {
            self.head.clone_from(&self.event);
            self.at = 0;
        }
        let count = (self.head.len() - self.at).min(out.len());
        out[..count].copy_from_slice(&self.head[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[test]
fn events_come_before_the_document_ends() {
    let head = document("").split("</EventList>").next().expect("a head").as_bytes().to_vec();
    let endless = Endless { head, event: FINE.as_bytes().to_vec(), at: 0 };
    let events = Events::open(BufReader::new(endless)).expect("a document");
    let last = events.take(5_000).last().expect("an event").expect("an event");
    assert!(last.entry.path.ends_with("/ObjectEvent[5000]"));
}

#[test]
fn a_bare_event_and_default_namespaces() {
    let bare = FINE.replacen(
        "<ObjectEvent>",
        r#"<ObjectEvent xmlns="urn:epcglobal:epcis:xsd:2" xmlns:ex="http://ex.org/">"#,
        1,
    );
    let events = read(&bare).expect("a document");
    let event = events[0].as_ref().expect("an event");
    assert_eq!(event.entry.path, "/ObjectEvent");
    assert_eq!(event.entry.json.get_str("action"), Some("ADD"));
    assert_eq!(event.entry.context.lookup("ex"), Some("http://ex.org/"));
    assert_eq!(events.len(), 1);
    // A prefix that JSON-LD cannot have, and one namespace as the default of an extension.
    let odd =
        FINE.replacen("<ex:a/>", r#"<https:a xmlns:https="http://h.org/">1</https:a><b xmlns="http://b.org/"/>"#, 1);
    let event = read(&document(&odd)).expect("a document").remove(0).expect("an event");
    let context = &event.entry.context;
    assert_eq!((context.lookup("ns1"), context.lookup("ns2")), (Some("http://h.org/"), Some("http://b.org/")));
    assert_eq!(event.entry.json.get_str("ns1:a"), Some("1"));
    assert_eq!(event.entry.json.get_str("ns2:b"), Some(""));
}

/// Only what reads the same without its type; an event hash knows no types.
#[test]
fn types_of_extensions_are_honoured() {
    let event = |typed: bool, kind: &str, text: &str| {
        let kind = if typed { format!(r#" xsi:type="{kind}""#) } else { String::new() };
        let namespaces =
            r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema""#;
        let element = format!("<ex:a {namespaces}{kind}>{text}</ex:a>");
        read(&document(&FINE.replacen("<ex:a/>", &element, 1))).expect("a document").remove(0).expect("an event").entry
    };
    let number = |number: f64| Json::Number(number);
    for (kind, text, value) in [
        ("xsd:integer", "12", number(12.0)),
        ("xsd:int", "-007", number(-7.0)),
        ("xsd:long", " 9007199254740992 ", number(9_007_199_254_740_992.0)),
        ("xsd:decimal", "+4.50", number(4.5)),
        ("xsd:double", "0.1", number(0.1)),
        ("xsd:boolean", "true", Json::Bool(true)),
        ("xsd:boolean", "false", Json::Bool(false)),
        // Not exact, not the same text to others, not of the type, or a type that JSON does not have.
        ("xsd:long", "9007199254740993", "9007199254740993".into()),
        ("xsd:double", "1E3", "1E3".into()),
        ("xsd:boolean", "1", "1".into()),
        ("xsd:integer", "twelve", "twelve".into()),
        ("xsd:date", "2026-01-01", "2026-01-01".into()),
        ("ex:integer", "12", "12".into()),
        ("none:integer", "12", "12".into()),
        ("integer", "12", "12".into()),
    ] {
        let (typed, plain) = (event(true, kind, text), event(false, kind, text));
        assert_eq!(typed.json.get("ex:a"), Some(&value), "{kind} {text}");
        assert_eq!(plain.json.get("ex:a"), Some(&text.trim().into()), "{kind} {text}");
        assert_eq!(typed.context, plain.context);
        for version in [CbvVersion::V2_0, CbvVersion::V2_1] {
            let hash = |entry: &Entry| event_hash_in(&entry.json, &entry.context, version).to_string();
            assert_eq!(hash(&typed), hash(&plain), "{kind} {text}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Events::open(&bytes[..]).map(|events| events.take(10).count());
    }

    /// A real document with a piece replaced: every event that is still read can be sealed or refused.
    #[test]
    fn damaged_documents_do_no_harm(at in any::<prop::sample::Index>(), cut in 0_usize..60, put in "[<>/&;a:=\" x1.-]{0,12}") {
        let xml = include_str!("documents/us-1.2.xml");
        let at = at.index(xml.len());
        let damaged = [&xml.as_bytes()[..at], put.as_bytes(), &xml.as_bytes()[(at + cut).min(xml.len())..]].concat();
        for event in Events::open(&damaged[..]).into_iter().flatten().take(10).flatten() {
            for fault in seal(event.entry.json.clone(), &event.entry.context, "acme").err().into_iter().flatten() {
                prop_assert!(event.located(fault).path.starts_with(&event.entry.path));
            }
        }
    }
}
