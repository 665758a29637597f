//! The identifiers in foreign EPCIS documents: every GS1 key among them is understood as such.
//!
//! Reads `$MEDTRACE_CONFORMANCE/epcis` and is skipped, saying so, where that is not set.

use std::collections::BTreeSet;
use std::path::Path;

use medtrace_gs1::{Scheme, Thing, parse};
use serde_json::Value;

/// Members whose values are identifiers or lists of them, or objects that hold one under `id`, `epcClass` and the like.
const IDENTIFIERS: [&str; 16] = [
    "epcList",
    "childEPCs",
    "inputEPCList",
    "outputEPCList",
    "parentID",
    "epcClass",
    "readPoint",
    "bizLocation",
    "source",
    "destination",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "bizRules",
    "bizTransaction",
    "dataProcessingMethod",
];

/// Looks like a GS1 key and is none: no leading zero, wrong check digit.
const FAULTY: [&str; 2] =
    ["https://id.example.com/8003/952012200000001004", "https://id.example.com/8003/030013450007718765"];

#[test]
fn every_gs1_key_of_the_documents_is_one() {
    let Some(folder) = std::env::var_os("MEDTRACE_CONFORMANCE") else {
        eprintln!("skipped: MEDTRACE_CONFORMANCE is not set, so there are no documents to read");
        return;
    };
    let mut found = BTreeSet::new();
    for part in ["documents", "events", "queries"] {
        for file in std::fs::read_dir(Path::new(&folder).join("epcis").join(part)).expect("the folder") {
            let text = std::fs::read(file.expect("a file").path()).expect("a document");
            collect(&serde_json::from_slice(&text).expect("JSON"), false, &mut found);
        }
    }
    let (mut keys, mut uris) = (BTreeSet::new(), Vec::new());
    for text in &found {
        let thing = Thing::from_uri(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(Thing::from_uri(&thing.uri()).as_ref(), Ok(&thing), "{text}");
        assert_eq!(parse(text).map(|code| code.thing).as_ref(), Ok(&thing), "{text}");
        let key = (is_gs1_key(text) && !FAULTY.contains(&text.as_str())).then_some(());
        assert_eq!(key.is_some(), thing.scheme() != Scheme::Uri, "{text} became {thing:?}");
        match thing.scheme() {
            Scheme::Uri => uris.push(text),
            scheme => _ = keys.insert(scheme),
        }
    }
    let missing: Vec<_> = Scheme::ALL[..17].iter().filter(|scheme| !keys.contains(scheme)).collect();
    assert!(missing.is_empty(), "the documents hold keys of every GS1 scheme, but none was found of {missing:?}");
    println!("{} identifiers, {} of them no GS1 keys: {uris:#?}", found.len(), uris.len());
}

/// Known by its beginning alone, so that this says nothing about how it is read.
fn is_gs1_key(text: &str) -> bool {
    let path = text.strip_prefix("https://").and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
    let links = ["00/", "01/", "253/", "255/", "401/", "402/", "414/", "417/", "8003/", "8004/", "8006/", "8010/"];
    text.starts_with("urn:epc:") || links.iter().any(|key| path.starts_with(key))
}

fn collect(json: &Value, identifier: bool, found: &mut BTreeSet<String>) {
    match json {
        Value::String(text) if identifier || text.starts_with("urn:epc:") => _ = found.insert(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, identifier, found)),
        Value::Object(members) => {
            for (name, value) in members {
                let inner = IDENTIFIERS.contains(&name.as_str()) || (identifier && name == "id");
                collect(value, inner, found);
            }
        }
        _ => {}
    }
}
