//! Answers, shortened to what a story tells, so that expectations read as lines.

use serde_json::Value;

/// `accept: genuine, inferred` – the verdict and the codes of its reasons, in the order of the alphabet.
pub fn verdict(answer: &Value) -> String {
    let mut codes: Vec<&str> = list(&answer["reasons"]).filter_map(|reason| reason["code"].as_str()).collect();
    codes.sort_unstable();
    format!("{}: {}", word(&answer["verdict"]), codes.join(", "))
}

/// `in_transit at <place> for <heading> by <holder> in <container> < <container>`, what is missing left out.
pub fn whereabouts(item: &Value) -> String {
    let mut text = word(&item["state"]).to_owned();
    for (preposition, member) in [("at", "place"), ("for", "heading"), ("by", "holder")] {
        if let Some(value) = item[member].as_str() {
            text.push_str(&format!(" {preposition} {}", last(value)));
        }
    }
    let containers: Vec<&str> = list(&item["containers"]).filter_map(Value::as_str).map(last).collect();
    if !containers.is_empty() {
        text.push_str(&format!(" in {}", containers.join(" < ")));
    }
    text
}

/// One word a line of the history: the step, `^` if it was a container's, `-` if it is not in force.
pub fn steps(answer: &Value) -> String {
    let step = |line: &Value| {
        let inferred = if line["inferred"] == true { "^" } else { "" };
        let withdrawn = if line["inForce"] == false { "-" } else { "" };
        let step = line["step"].as_str().unwrap_or("none");
        format!("{withdrawn}{step}{inferred}")
    };
    list(&answer["history"]).map(step).collect::<Vec<_>>().join(" ")
}

/// `matched 1, missing 2`: the counts that are not zero, in the order of the alphabet.
pub fn counts(answer: &Value) -> String {
    let counts = answer["counts"].as_object().into_iter().flatten();
    let mut counts: Vec<String> =
        counts.filter(|(_, count)| **count != 0).map(|(name, count)| format!("{name} {count}")).collect();
    counts.sort();
    counts.join(", ")
}

/// `active 600, in_transit 10`: states with amounts, in the order of the alphabet.
pub fn states(answer: &Value) -> String {
    let state = |state: &Value| format!("{} {}", word(&state["state"]), word(&state["amount"]));
    let mut states: Vec<String> = list(&answer["states"]).map(state).collect();
    states.sort();
    states.join(", ")
}

/// `agent 390, factory 600`: who holds how many, in the order of the alphabet.
pub fn holders(answer: &Value) -> String {
    let holder = |holder: &Value| format!("{} {}", word(&holder["party"]), word(&holder["amount"]));
    let mut holders: Vec<String> = list(&answer["holders"]).map(holder).collect();
    holders.sort();
    holders.join(", ")
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("nothing")
}

/// The last segment of a URI: the number of a place or box.
fn last(uri: &str) -> &str {
    uri.rsplit('/').next().unwrap_or(uri)
}
