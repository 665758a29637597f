//! What is described, what is marked, and the table of both.

mod source;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use source::{Marker, markers};

/// A method and a path; its parts by name, the empty one for the resource itself; and the tests of each part.
type Parts = BTreeMap<String, BTreeSet<String>>;

#[derive(Default)]
pub struct Coverage {
    resources: BTreeMap<(String, String), Parts>,
    exceptions: Parts,
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Every method and path of EPCIS that the OpenAPI documents describe, with the names of its parameters.
pub fn described() -> Vec<(String, String, Vec<String>)> {
    let mut found = Vec::new();
    for service in ["ingest", "query"] {
        let file = root().join(format!("schemas/openapi/{service}.json"));
        let text = std::fs::read(&file).expect("an OpenAPI document");
        let whole: Value = serde_json::from_slice(&text).expect("JSON");
        let resolved = |value: &Value| match value["$ref"].as_str() {
            Some(reference) => whole.pointer(&reference[1..]).expect("a reference").clone(),
            None => value.clone(),
        };
        for (path, item) in whole["paths"].as_object().expect("paths") {
            if path.starts_with("/v1/") || path.starts_with("/log/") {
                continue;
            }
            let item = resolved(item);
            let shared = item["parameters"].as_array().cloned().unwrap_or_default();
            for (method, operation) in
                item.as_object().expect("methods").iter().filter(|(name, _)| *name != "parameters")
            {
                let own = operation["parameters"].as_array().cloned().unwrap_or_default();
                let parameters = shared.iter().chain(&own).map(&resolved);
                // A place holder for families of names.
                let named = parameters.filter(|parameter| parameter["in"] != "path" && parameter["style"] != "form");
                let names = named.filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned())).collect();
                found.push((method.to_uppercase(), path.clone(), names));
            }
        }
    }
    found
}

/// The exceptions that services answer with.
pub fn exceptions() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("crates/service/src/problem.rs")).expect("the kinds of problems");
    let names = text.split("\"epcisException:").skip(1).filter_map(|rest| rest.split('"').next());
    names.map(str::to_owned).collect()
}

/// `/capture/{captureID}` and `/capture/{id}` are one resource.
fn same(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{…}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

impl Coverage {
    pub fn of(described: &[(String, String, Vec<String>)]) -> Coverage {
        let mut coverage = Coverage::default();
        for (method, path, names) in described {
            let parts = coverage.resources.entry((same(path), method.clone())).or_default();
            parts.entry(String::new()).or_default();
            names.iter().for_each(|name| _ = parts.entry(name.clone()).or_default());
        }
        coverage
    }

    /// Takes a marker in.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, marker: &Marker) -> Result<(), String> {
        marker.check()?;
        let test = marker.test();
        if marker.method == "exception" {
            marker
                .names
                .iter()
                .for_each(|name| _ = self.exceptions.entry(name.clone()).or_default().insert(test.clone()));
            return Ok(());
        }
        for path in &marker.paths {
            let Some(parts) = self.resources.get_mut(&(same(path), marker.method.clone())) else {
                return Err(format!("{test}: OpenAPI describes no {} {path}", marker.method));
            };
            for name in marker.names.iter().map(String::as_str).chain([""]) {
                parts.entry(name.to_owned()).or_default().insert(test.clone());
            }
        }
        Ok(())
    }

    /// Of what is described, and of these exceptions.
    pub fn without_test(&self, exceptions: &BTreeSet<String>) -> Vec<String> {
        let bare = self.resources.iter().flat_map(|((path, method), parts)| {
            let bare = parts.iter().filter(|(_, tests)| tests.is_empty());
            bare.map(move |(name, _)| format!("{method} {path} {name}"))
        });
        bare.chain(exceptions.iter().filter(|name| !self.exceptions.contains_key(*name)).cloned()).collect()
    }

    /// The document.
    pub fn table(&self, exceptions: &BTreeSet<String>) -> String {
        let mut out = String::from(
            "# EPCIS 2.0: which test shows what\n\nMade from comments `// epcis: …` in the tests by \
             `MEDTRACE_UPDATE=1 cargo test -p medtrace-event --test coverage`;\nthe same test fails where this file is stale or \
             where a resource, parameter or header of the OpenAPI documents, or an exception, has no test.\nRules for events are \
             rows of `crates/event/tests/events.rs` and `semantics.rs`.\n",
        );
        let line = |name: &str, tests: &BTreeSet<String>| {
            let tests = tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join("<br>");
            format!("| {name} | {} |\n", if tests.is_empty() { "none" } else { &tests })
        };
        for ((path, method), parts) in &self.resources {
            out += &format!("\n## {method} {path}\n\n| part | tests |\n| --- | --- |\n");
            for (name, tests) in parts {
                out += &line(&if name.is_empty() { "the resource".to_owned() } else { format!("`{name}`") }, tests);
            }
        }
        out += "\n## Exceptions\n\n| name | tests |\n| --- | --- |\n";
        for name in exceptions.iter().chain(self.exceptions.keys()).collect::<BTreeSet<_>>() {
            out += &line(&format!("`{name}`"), self.exceptions.get(name).unwrap_or(&BTreeSet::new()));
        }
        out
    }
}
