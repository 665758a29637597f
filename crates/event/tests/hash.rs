//! The CBV event hash: foreign expected values line by line, and what must not matter to it.

mod foreign;

use medtrace_event::hash::{HashRules, editions_differ, event_hash_in, pre_hash};
use medtrace_event::{CbvVersion, Context, Document, Json, event_hash};
use proptest::prelude::*;

fn hashes(document: &Document, version: CbvVersion) -> Vec<String> {
    document.events.iter().map(|entry| event_hash_in(&entry.json, &entry.context, version).to_string()).collect()
}

#[test]
fn foreign_values() {
    let Some(root) = foreign::root() else { return };
    let mut events = 0;
    for version in [CbvVersion::V2_0, CbvVersion::V2_1] {
        for expected in foreign::files(&root.join("event-hash").join(version.name())) {
            let name = expected.file_stem().expect("a name").to_string_lossy().into_owned();
            let example = root.join("event-hash/examples").join(format!("{name}.jsonld"));
            let document = root.join("epcis/documents").join(format!("{name}.json"));
            let input = if example.exists() { example } else { document };
            let document = Document::parse(&foreign::read(&input)).expect("a document");
            let expected = String::from_utf8(foreign::read(&expected)).expect("text");
            let hashes = hashes(&document, version);
            for (index, (hash, expected)) in hashes.iter().zip(expected.lines()).enumerate() {
                let entry = &document.events[index];
                let text = pre_hash(&entry.json, &entry.context, version);
                assert_eq!(hash, expected, "{} {name}, event {index}: {text}", version.name());
            }
            assert_eq!(hashes.len(), expected.lines().count(), "{name}");
            events += hashes.len();
        }
    }
    assert_eq!(events, 31);
}

/// Whoever keeps one hash where the editions agree must not miss one where they do not.
#[test]
fn editions_agree_where_they_are_said_to() {
    let Some(root) = foreign::root() else { return };
    let mut seen = [0, 0];
    for file in foreign::files(&root.join("epcis/documents")) {
        let Ok(document) = Document::parse(&foreign::read(&file)) else { continue };
        for entry in &document.events {
            let digest = |version| event_hash_in(&entry.json, &entry.context, version).digest;
            let differs = editions_differ(&entry.json);
            assert!(differs || digest(CbvVersion::V2_0) == digest(CbvVersion::V2_1), "{file:?}");
            seen[usize::from(differs)] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

/// An event with everything that has an order or another spelling.
fn event() -> Json {
    let text = r#"{
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"ex": "https://ns.example.org/"}],
        "type": "ObjectEvent", "eventTime": "2026-03-01T08:15:00.0005+08:00", "eventTimeZoneOffset": "+08:00",
        "action": "ADD", "bizStep": "commissioning", "disposition": "active",
        "epcList": ["urn:epc:id:sgtin:9521141.001234.A%2F1", "https://example.org/01/09521141012345/21/A+2"],
        "quantityList": [{"epcClass": "urn:epc:class:lgtin:9521141.001234.L1", "quantity": 200.50, "uom": "KGM"},
                         {"epcClass": "urn:epc:idpat:sgtin:9521141.001234.*", "quantity": 3}],
        "readPoint": {"id": "urn:epc:id:sgln:9521141.00001.0", "ex:door": "7"},
        "ilmd": {"cbvmda:lotNumber": "L1", "ex:list": [{"ex:b": 2, "ex:a": "1"}, "z", "y"]},
        "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4.0, "uom": "CEL"},
                                                {"type": "Temperature", "value": 3.5, "uom": "CEL"}]}],
        "ex:more": true}"#;
    Json::parse(text.as_bytes()).expect("JSON")
}

#[test]
fn text_of_both_versions() {
    let text = |version| pre_hash(&event(), &Context::of_event(&event()).expect("a context"), version);
    insta::assert_snapshot!(text(CbvVersion::V2_0));
    insta::assert_snapshot!(text(CbvVersion::V2_1));
}

#[test]
fn other_spellings_hash_alike() {
    let with = |name: &str, value: &str| {
        let mut event = event();
        event.as_object_mut().expect("an event").insert(name, Json::parse(value.as_bytes()).expect("JSON"));
        event_hash(&event, CbvVersion::V2_0)
    };
    let hash = event_hash(&event(), CbvVersion::V2_0);
    for (name, value) in [
        ("eventTime", r#""2026-03-01T00:15:00.001Z""#),
        ("eventTime", r#"" 2026-03-01T00:15:00.0014Z ""#),
        ("bizStep", r#""urn:epcglobal:cbv:bizstep:commissioning""#),
        ("bizStep", r#""cbv:BizStep-commissioning""#),
        ("bizStep", r#""https://ref.gs1.org/cbv/BizStep-commissioning""#),
        (
            "epcList",
            r#"["https://other.example/gtin/9521141012345/ser/A%2F1?17=281231", "urn:epc:id:sgtin:9521141.001234.A+2"]"#,
        ),
        (
            "epcList",
            r#"["https://id.gs1.org/01/09521141012345/10/LOT/21/A%2f1", "urn:epc:id:sgtin:9521141.001234.A+2"]"#,
        ),
        ("readPoint", r#"{"id": "https://id.gs1.org/414/9521141000014/254/0", "ex:door": "7.0"}"#),
        ("ilmd", r#"{"urn:epcglobal:cbv:mda:lotNumber": "L1", "ex:list": ["y", "z", {"ex:a": 1, "ex:b": "+2.0"}]}"#),
        ("ex:more", r#""true""#),
        ("rdfs:comment", r#""said for people""#),
        ("certificationInfo", r#""https://example.org/certificate""#),
    ] {
        assert_eq!(with(name, value), hash, "{name} {value}");
    }
    for (name, value) in [
        ("eventTime", r#""2026-03-01T00:15:00Z""#),
        ("eventTimeZoneOffset", r#""+00:00""#),
        ("readPoint", r#"{"id": "urn:epc:id:sgln:9521141.00001.0"}"#),
        ("ex:more", "false"),
        ("ex:other", "null"),
    ] {
        assert_eq!(with(name, value) == hash, name == "ex:other", "{name} {value}");
    }
}

#[test]
fn raw_delimiters() {
    let event =
        Json::parse(br#"{"type": "ObjectEvent", "epcList": ["urn:epc:id:sgtin:9521141.001234.a!(b)*+,:c%2F"]}"#);
    let event = event.expect("JSON");
    let text = |raw_delimiters| {
        let rules = HashRules { version: CbvVersion::V2_0, raw_delimiters };
        pre_hash(&event, &Context::standard(), rules)
    };
    let head = "eventType=ObjectEventepcListepc=https://id.gs1.org/01/09521141012345/21/";
    assert_eq!(text(false), format!("{head}a%21%28b%29%2A%2B%2C%3Ac%2F"));
    assert_eq!(text(true), format!("{head}a!(b)*+,:c%2F"));
}

/// The same JSON with every array rotated. (The order of members is no part of a parsed tree.)
fn rotated(json: &Json, by: usize) -> Json {
    match json {
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(|item| rotated(item, by)).collect();
            let by = if items.is_empty() { 0 } else { by % items.len() };
            items.rotate_left(by);
            Json::Array(items)
        }
        Json::Object(object) => {
            let members = object.iter().map(|(name, value)| {
                (name.to_owned(), if name == "@context" { value.clone() } else { rotated(value, by) })
            });
            Json::Object(members.collect())
        }
        scalar => scalar.clone(),
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let text = "[a-z]{0,3}:?[ -~é]{0,12}|urn:epc:id:[a-z]{3,5}:[0-9.]{4,20}|https://[a-z]{1,4}\\.org/[0-9]{2,4}/[0-9A-Z/]{0,20}";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i32>().prop_map(|number| Json::Number(f64::from(number))),
        text.prop_map(Json::String),
    ];
    let names = "type|eventTime|epcList|quantityList|epcClass|readPoint|id|bizStep|ilmd|sensorElementList|sensorReport|\
                 sensorMetadata|persistentDisposition|set|@context|ex:[a-c]|#text|[a-z]{1,4}";
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::vec((names, inner), 0..8).prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn order_of_lists_does_not_matter(by in 1_usize..5) {
        for version in [CbvVersion::V2_0, CbvVersion::V2_1] {
            prop_assert_eq!(event_hash(&rotated(&event(), by), version), event_hash(&event(), version));
        }
    }

    #[test]
    fn what_is_said_about_the_record_does_not_matter(id in "[a-z]{1,9}", time in "[ -~]{0,30}") {
        let mut said = event();
        let object = said.as_object_mut().expect("an event");
        object.insert("eventID", format!("urn:x:{id}"));
        object.insert("recordTime", time.clone());
        let declaration: medtrace_event::json::Object = [("declarationTime", Json::String(time))].into_iter().collect();
        object.insert("errorDeclaration", declaration);
        prop_assert_eq!(event_hash(&said, CbvVersion::V2_0), event_hash(&event(), CbvVersion::V2_0));
    }

    #[test]
    fn any_json_has_a_hash(json in any_json()) {
        for version in [CbvVersion::V2_0, CbvVersion::V2_1] {
            prop_assert_eq!(event_hash(&json, version).to_string().len(), 89);
        }
    }
}
