//! The schemas and the parser say the same, and every notice has one spelling.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use jsonschema::{Registry, Validator};
use medtrace_event::Json;
use medtrace_ledger::Genesis;
use medtrace_registry::Notice;
use medtrace_registry::limits::NOTICE_BYTES_MAX;
use serde_json::{Value, json};

const KINDS: [&str; 9] =
    ["party", "key", "product", "place", "delegation", "recall", "acknowledgement", "erasure", "gap"];

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/notices").join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

fn validators() -> BTreeMap<&'static str, Validator> {
    let registry = Registry::new().add("urn:medtrace:notices:common", schema("common")).unwrap().prepare().unwrap();
    let build = |kind| {
        let schema = schema(kind);
        assert!(jsonschema::meta::is_valid(&schema), "{kind}");
        (kind, jsonschema::options().with_registry(&registry).build(&schema).unwrap())
    };
    KINDS.into_iter().chain(["genesis"]).map(build).collect()
}

fn examples() -> Vec<(&'static str, Value)> {
    let of =
        |kind| schema(kind)["examples"].as_array().unwrap().iter().map(move |e| (kind, e.clone())).collect::<Vec<_>>();
    KINDS.into_iter().flat_map(of).collect()
}

fn jcs(value: &Value) -> Vec<u8> {
    Json::try_from(value).unwrap().to_jcs()
}

#[test]
fn every_example_is_valid_and_its_canonical_bytes_come_back() {
    let validators = validators();
    for (kind, example) in examples() {
        assert!(validators[kind].is_valid(&example), "{example}");
        let bytes = jcs(&example);
        let notice = Notice::parse(&bytes).unwrap_or_else(|faults| panic!("{example}: {faults:?}"));
        assert_eq!(notice.kind(), kind);
        assert_eq!(notice.to_jcs(), bytes, "{example}");
        let pretty = serde_json::to_vec_pretty(&example).unwrap();
        assert_eq!(Notice::read(&pretty).unwrap(), notice);
        assert_eq!(Notice::parse(&pretty).unwrap_err()[0].code, "not-canonical");
    }
}

/// A value with one thing changed, and where.
fn variants(value: &Value) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    match value {
        Value::Object(members) => {
            let mut more = value.clone();
            more["unknown"] = json!(1);
            out.push(("/unknown".to_owned(), more));
            for (name, inner) in members {
                let mut less = value.clone();
                less.as_object_mut().unwrap().remove(name);
                out.push((format!("-/{name}"), less));
                for wrong in [json!(7.5), json!("\u{1}"), json!("NOT/one of them"), json!({}), json!([1]), json!(true)]
                {
                    let mut other = value.clone();
                    other[name] = wrong;
                    out.push((format!("/{name}"), other));
                }
                for (path, changed) in variants(inner) {
                    let mut other = value.clone();
                    other[name] = changed;
                    out.push((format!("/{name}{path}"), other));
                }
            }
        }
        Value::Array(items) => {
            let mut twice = items.clone();
            twice.extend(items.first().cloned());
            out.push(("/twice".to_owned(), json!(twice)));
            for (index, item) in items.iter().enumerate() {
                for (path, changed) in variants(item) {
                    let mut other = items.clone();
                    other[index] = changed;
                    out.push((format!("/{index}{path}"), json!(other)));
                }
            }
        }
        _ => {}
    }
    out
}

/// What JSON Schema cannot say: control characters in free text (the schemas only ask for something to read).
fn beyond_schema(changed: &Value) -> bool {
    changed.to_string().contains("\\u0001")
}

#[test]
fn parser_and_schema_agree_on_everything_that_is_changed() {
    let validators = validators();
    let (mut good, mut bad) = (0, 0);
    for (kind, example) in examples() {
        for (path, changed) in variants(&example) {
            let (valid, read) = (validators[kind].is_valid(&changed), Notice::read(changed.to_string().as_bytes()));
            // A replacement is any JSON object here: what it may say is judged beside the event that it replaces.
            if path.starts_with("/replacement/") && valid {
                assert!(read.is_ok(), "{kind}{path}: {changed}");
                continue;
            }
            if beyond_schema(&changed) {
                assert!(read.is_err(), "{kind}{path}: {changed}");
                continue;
            }
            assert_eq!(valid, read.is_ok(), "{kind}{path}: {changed} {read:?}");
            *if valid { &mut good } else { &mut bad } += 1;
        }
    }
    assert!(good > 20 && bad > 300, "{good} good, {bad} bad");
}

#[test]
fn the_genesis_example_is_a_genesis() {
    let (schema, validators) = (schema("genesis"), validators());
    let example = &schema["examples"][0];
    assert!(validators["genesis"].is_valid(example));
    let line = String::from_utf8(jcs(example)).unwrap();
    Genesis::parse_text(&format!("medtrace/genesis/v1\ncounty.example/log\n{line}\n")).unwrap();
    for (path, changed) in variants(example) {
        let line = String::from_utf8(jcs(&changed)).unwrap();
        let parsed = Genesis::parse_text(&format!("medtrace/genesis/v1\ncounty.example/log\n{line}\n"));
        // A name may be anything but the party's own form; only that nothing invalid parses is asked here.
        assert!(validators["genesis"].is_valid(&changed) || parsed.is_err(), "{path}: {changed}");
    }
}

#[test]
#[rustfmt::skip]
fn what_is_not_i_json_or_not_the_one_spelling_is_refused() {
    let party = |more: &str| format!(r#"{{"type":"party","party":"a","revision":1,"name":{{"en":"a"}},"rootKey":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="{more}}}"#);
    let recall = |scope: &str| format!(r#"{{"type":"recall","recall":"r","revision":1,"action":"issue","class":1,"scope":[{scope}],"reason":{{"en":"a"}},"instructions":{{"en":"a"}},"jurisdiction":"CN","effective":"2026-03-01T00:00:00Z"}}"#);
    let gap = |topic: &str, lost: &str, new: &str| format!(r#"{{"type":"gap","topic":"{topic}","revision":1,"lost":"{lost}","new":"{new}","reason":{{"en":"a"}}}}"#);
    let rows = [
        ("not JSON", "{".to_owned(), "syntax"),
        ("a member twice", party(r#","party":"b""#), "duplicate-member"),
        ("a member twice, escaped", party(r#","p\u0061rty":"b""#), "duplicate-member"),
        ("no notice", "[]".to_owned(), "malformed"),
        ("an unknown type", r#"{"type":"party2"}"#.to_owned(), "malformed"),
        ("no type", party("").replace(r#""type":"party","#, ""), "malformed"),
        ("a patient's name", party(r#","patient":"X""#), "malformed"),
        ("a weak key", party("").replace("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "malformed"),
        ("a wrong check digit", party(r#","glns":["9521321000010"]"#), "malformed"),
        ("a role twice", party(r#","roles":["hospital","hospital"]"#), "twice"),
        ("too large", party(&format!(r#","x":"{}""#, "x".repeat(NOTICE_BYTES_MAX))), "too-large"),
        ("a blank name", party("").replace(r#"{"en":"a"}"#, r#"{"en":" "}"#), "empty"),
        ("a long name", party("").replace(r#"{"en":"a"}"#, &format!(r#"{{"en":"{}"}}"#, "药".repeat(201))), "too-long"),
        ("a range upside down", recall(r#"{"product":"p","serials":[{"from":"B","to":"A"}]}"#), "bad-range"),
        ("a range of two lengths", recall(r#"{"product":"p","serials":[{"from":"9","to":"10"}]}"#), "bad-range"),
        ("nothing of a product", recall(r#"{"product":"p"}"#), "bad-scope"),
        ("all and some", recall(r#"{"product":"p","all":true,"lots":["a"]}"#), "bad-scope"),
        ("two products in one line", recall(r#"{"product":"p","gtin":"09521321000117","all":true}"#), "bad-scope"),
        ("a lot with a space", recall(r#"{"product":"p","lots":["a b"]}"#), "bad-code"),
        ("an instant with an offset", recall(r#"{"product":"p","all":true}"#).replace("00:00:00Z", "08:00:00+08:00"), "malformed"),
        ("a place that is a product", r#"{"type":"place","place":"https://id.gs1.org/01/09521321000117","revision":1,"party":"a","name":{"en":"a"},"region":"CN"}"#.to_owned(), "not-a-place"),
        ("a party that lends itself", r#"{"type":"delegation","from":"a","to":"a","revision":1}"#.to_owned(), "same-party"),
        ("a gap in what is not cut", gap("blocks", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAQ"), "not-cut"),
        ("a gap in checkpoints", gap("checkpoints", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAQ"), "not-cut"),
        ("a gap without another id", gap("notices", "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAQ"), "same-id"),
        ("an id with bits too many", gap("notices", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB"), "malformed"),
    ];
    for (what, text, code) in rows {
        let faults = Notice::read(text.as_bytes()).expect_err(what);
        assert_eq!(faults[0].code, code, "{what}: {faults:?}");
    }
    // The path says which member it is.
    let path = |text: &str| Notice::read(text.as_bytes()).unwrap_err()[0].path.clone();
    assert_eq!(path(&party(r#","glns":["9521321000018","9521321000010"]"#)), "/glns/1");
    assert_eq!(path(&recall(r#"{"product":"p","lots":["a","b c"]}"#)), "/scope/0/lots/1");
    assert_eq!(path(r#"{"type":"x"}"#), "/type");

    // Read where a person typed it, refused where bytes are sealed: one spelling only.
    let spellings = [
        party(r#","roles":[]"#), party(r#","contact":null"#), recall(r#"{"product":"p","all":false,"lots":["a"]}"#),
        r#"{"name":{"en":"a"},"party":"a","place":"urn:epc:id:sgln:9521321.00001.0","region":"CN","revision":1,"type":"place"}"#.to_owned(),
        r#"{"codes":[],"gtin":"9521321000117","kind":"drug","lotRequired":true,"name":{"en":"a"},"owner":"a","product":"a","revision":1,"serialised":true,"type":"product"}"#.replace("9521321000117", "9521321000018"),
    ];
    for text in spellings {
        let canonical = Notice::read(text.as_bytes()).unwrap_or_else(|faults| panic!("{text}: {faults:?}")).to_jcs();
        assert_eq!(Notice::parse(text.as_bytes()).unwrap_err()[0].code, "not-canonical", "{text}");
        assert!(Notice::parse(&canonical).is_ok(), "{text}");
    }
}
