//! One event as several clients spell it, read as a document of `/capture` is: the same facts of the same things, and one event hash.

use medtrace_event::hash::event_hash_in;
use medtrace_event::{CbvVersion, EventHash, Source, seal};
use medtrace_ledger::EventRef;
use medtrace_timeline::{Fact, Flags, Sealed, facts_of};

/// A case with a pack whose serial is `A/7` and with ten of a lot.
const URNS: &str = r#"{"type":"AggregationEvent","action":"ADD","eventTime":"2026-03-01T00:15:00.000Z","eventTimeZoneOffset":"+08:00",
    "parentID":"urn:epc:id:sscc:0614141.1234567890","childEPCs":["urn:epc:id:sgtin:0614141.107346.A%2F7"],
    "childQuantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.L-1","quantity":10}],
    "bizStep":"urn:epcglobal:cbv:bizstep:packing","disposition":"urn:epcglobal:cbv:disp:in_progress",
    "readPoint":{"id":"urn:epc:id:sgln:0614141.07346.0"},"eventID":"urn:x:1"}"#;

/// The same, with each of these pairs replaced.
fn but(pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(URNS.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// The identifiers as Digital Links of a domain.
fn links(domain: &str, pack: &str) -> String {
    but(&[
        ("urn:epc:id:sscc:0614141.1234567890", &format!("{domain}/00/106141412345678908")),
        ("urn:epc:id:sgtin:0614141.107346.A%2F7", &format!("{domain}/{pack}")),
        ("urn:epc:class:lgtin:4012345.011111.L-1", &format!("{domain}/01/04012345111118/10/L-1")),
        ("urn:epc:id:sgln:0614141.07346.0", &format!("{domain}/414/0614141073467")),
    ])
}

fn xml(version: &str) -> String {
    let major = &version[..1];
    let quantities = "<childQuantityList><quantityElement><epcClass>urn:epc:class:lgtin:4012345.011111.L-1</epcClass>\
                      <quantity>10</quantity></quantityElement></childQuantityList>";
    // 1.x nests what came after 1.0.
    let (id, more) = match major {
        "1" => (
            "<baseExtension><eventID>urn:x:1</eventID></baseExtension>",
            format!("<extension>{quantities}</extension>"),
        ),
        _ => ("<eventID>urn:x:1</eventID>", quantities.to_owned()),
    };
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:{major}" schemaVersion="{version}"
            creationDate="2026-03-01T08:00:00Z"><EPCISBody><EventList><AggregationEvent>
            <eventTime>2026-03-01T08:15:00+08:00</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset>{id}
            <parentID>urn:epc:id:sscc:0614141.1234567890</parentID>
            <childEPCs><epc> urn:epc:id:sgtin:0614141.107346.A%2f7 </epc></childEPCs><action>ADD</action>
            <bizStep>urn:epcglobal:cbv:bizstep:packing</bizStep><disposition>urn:epcglobal:cbv:disp:in_progress</disposition>
            <readPoint><id>urn:epc:id:sgln:0614141.07346.0</id></readPoint>{more}
        </AggregationEvent></EventList></EPCISBody></epcis:EPCISDocument>"#
    )
}

fn document(event: &str) -> String {
    format!(
        r#"{{"@context":"https://ref.gs1.org/standards/epcis/epcis-context.jsonld","type":"EPCISDocument",
            "schemaVersion":"2.0","creationDate":"2026-03-01T08:00:00Z","epcisBody":{{"eventList":[{event}]}}}}"#
    )
}

fn taken(document: &str) -> (Vec<Fact>, [EventHash; 2]) {
    let mut events = Source::open(document.as_bytes()).unwrap_or_else(|fault| panic!("{fault}: {document}"));
    let event = events.next().expect("an event").unwrap_or_else(|faults| panic!("{faults:?}: {document}"));
    assert!(events.next().is_none(), "{document}");
    let entry = event.entry();
    let sealed =
        seal(entry.json.clone(), &entry.context, "acme").unwrap_or_else(|faults| panic!("{faults:?}: {document}"));
    let position = Sealed {
        position: EventRef { height: 1, idx: 0 },
        note_ms: 1,
        submission: [0; 32],
        index: 0,
        party: "acme".into(),
        flags: Flags::default(),
    };
    let hash = |version| event_hash_in(&entry.json, &entry.context, version);
    (facts_of(&sealed.event, &position), [hash(CbvVersion::V2_0), hash(CbvVersion::V2_1)])
}

#[test]
fn every_spelling_is_the_same_event() {
    const GS1: &str = "https://id.gs1.org";
    let pack = "01/10614141073464/21/A%2F7";
    let spellings = [
        ("links", links(GS1, pack)),
        ("small percent codes", links(GS1, "01/10614141073464/21/A%2f7")),
        ("needless percent codes", links(GS1, "01/10614141073464/21/%41%2F%37")),
        ("another domain", links("https://brand.example", pack)),
        ("a domain with a path", links("https://brand.example/some/where", pack)),
        ("http and capitals", links("HTTP://Brand.Example", pack)),
        ("names for keys", links(GS1, "gtin/10614141073464/ser/A%2F7")),
        ("attributes of the pack", links(GS1, "01/10614141073464/21/A%2F7?17=281231&linkType=all")),
        ("small percent codes in a URN", but(&[("A%2F7", "A%2f7")])),
        ("bare words", but(&[("urn:epcglobal:cbv:bizstep:", ""), ("urn:epcglobal:cbv:disp:", "")])),
        ("words as web URIs", {
            let web = "https://ref.gs1.org/cbv/";
            but(&[
                ("urn:epcglobal:cbv:bizstep:", &format!("{web}BizStep-")),
                ("urn:epcglobal:cbv:disp:", &format!("{web}Disp-")),
            ])
        }),
        ("words with prefixes", {
            but(&[("urn:epcglobal:cbv:bizstep:", "cbv:BizStep-"), ("urn:epcglobal:cbv:disp:", "cbv:Disp-")])
        }),
        ("the instant in another zone", but(&[("2026-03-01T00:15:00.000Z", "2026-02-28T19:15:00-05:00")])),
        ("a number with more digits", but(&[("\"quantity\":10", "\"quantity\":1.0e1")])),
    ];
    let spellings = spellings.map(|(what, event)| (what, document(&event)));
    let documents = [("XML 1.2", xml("1.2")), ("XML 2.0", xml("2.0")), ("a bare event", URNS.to_owned())];
    let first = taken(&document(URNS));
    assert_eq!(first.0.len(), 3, "the case, the pack, the lot");
    for (what, document) in spellings.iter().chain(&documents) {
        assert_eq!(taken(document), first, "{what}");
    }
}

/// What is another thing stays another: the comparison above can fail.
#[test]
fn another_serial_lot_or_time_is_another_event() {
    let (facts, hashes) = taken(&document(URNS));
    for other in [
        but(&[("A%2F7", "a%2F7")]),
        but(&[("A%2F7", "A%252F7")]),
        but(&[("L-1", "L-01")]),
        but(&[("00:15:00.000Z", "00:15:00.001Z")]),
        but(&[("bizstep:packing", "bizstep:loading")]),
    ] {
        let (other_facts, other_hashes) = taken(&document(&other));
        assert!(other_facts != facts && other_hashes != hashes, "{other}");
    }
}
