//! What the standard asks in words of an event that comes in, beyond its shape (EPCIS 2.0 §7.3 and §7.4).
//!
//! These rules hold at capture only: [`crate::seal()`] and [`crate::seal::admit`] apply them. An event that is sealed
//! already is read whatever it says here ([`crate::open`], [`Event::from_bytes`]), so that a new rule makes no evidence
//! unreadable. An error declaration repeats what was said wrongly, so it is told these things as advice and not refused.

mod measure;
mod sensor;

use crate::Event;
use crate::fault::Fault;
use crate::json::{Json, Object};

/// Most faults, and most pieces of advice, that are told of one event.
const FAULTS_MAX: usize = 100;

/// What was found in one event; paths point into the event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Rules that the event breaks: it is refused.
    pub faults: Vec<Fault>,
    /// What is odd, or against a rule that valid documents in the field break: it is taken.
    pub advice: Vec<Fault>,
}

impl Findings {
    fn fault(&mut self, path: impl FnOnce() -> String, code: &'static str, detail: impl Into<String>) {
        keep(&mut self.faults, path, code, detail);
    }

    fn advise(&mut self, path: impl FnOnce() -> String, code: &'static str, detail: impl Into<String>) {
        keep(&mut self.advice, path, code, detail);
    }
}

fn keep(list: &mut Vec<Fault>, path: impl FnOnce() -> String, code: &'static str, detail: impl Into<String>) {
    if list.len() < FAULTS_MAX {
        list.push(Fault::new(path(), code, detail));
    }
}

/// Applies the rules to an event whose shape is right.
pub fn check(event: &Event) -> Findings {
    let mut found = Findings::default();
    let Some(object) = event.json.as_object() else {
        return found;
    };
    for list in ["quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"] {
        for (index, element) in objects(object, list) {
            measure::quantity(&mut found, &format!("/{list}/{index}"), element);
        }
    }
    for (index, element) in objects(object, "sensorElementList") {
        sensor::element(&mut found, &format!("/sensorElementList/{index}"), element);
    }
    persistent_disposition(&mut found, event, object);
    if event.error.is_some() {
        found.advice.append(&mut found.faults);
        found.advice.truncate(FAULTS_MAX);
    }
    found
}

/// The objects of a list with their indices.
fn objects<'j>(object: &'j Object, list: &str) -> impl Iterator<Item = (usize, &'j Object)> {
    let items = object.get(list).and_then(Json::as_array).unwrap_or_default();
    items.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_object()?)))
}

/// It sets or unsets something, and not the same thing both ways.
fn persistent_disposition(found: &mut Findings, event: &Event, object: &Object) {
    const PATH: &str = "/persistentDisposition";
    // Where the event's type may not carry one, reading has warned already and the lists are empty.
    if object.get("persistentDisposition").is_none() || !event.warnings.iter().all(|warning| warning.path != PATH) {
        return;
    }
    let (set, unset) = (&event.persistent.set, &event.persistent.unset);
    if set.is_empty() && unset.is_empty() {
        found.fault(|| PATH.into(), "missing", "set or unset should name a disposition");
    }
    for (index, word) in unset.iter().enumerate().filter(|(_, word)| set.contains(word)) {
        found.advise(|| format!("{PATH}/unset/{index}"), "contradiction", format!("{word} is set and unset at once"));
    }
}
