//! `erasure`: the bytes of an event are taken away, because of what should never have been posted. Signed by the
//! authority, as what gives power is.

use std::collections::BTreeMap;

use medtrace_event::Json;
use medtrace_ledger::EventRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::faults::Faults;
use super::text::Texts;
use crate::limits::ERASURE_COPIES_MAX;

/// An erasure notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// The event.
    pub event: EventRef,
    /// Where its party sealed the same bytes again before this notice, ascending: they go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<EventRef>,
    /// 1 for this event, then exactly one more each time; more follow only where one did nothing.
    pub revision: u32,
    /// Why. Public: it must not say what is taken away.
    pub reason: Texts,
    /// What stands in the event's place: the event without what is taken away.
    pub replacement: Replacement,
}

/// The event that stands in the place of an erased one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Replacement(BTreeMap<String, Value>);

impl Replacement {
    /// Its bytes, as an event's are sealed.
    pub fn to_jcs(&self) -> Vec<u8> {
        // Maps with text keys and finite numbers only: neither step can fail.
        let value = serde_json::to_value(self).unwrap_or_default();
        Json::try_from(&value).map(|json| json.to_jcs()).unwrap_or_default()
    }

    /// Reads the bytes of an event.
    ///
    /// # Errors
    /// Bytes that are no JSON object.
    pub fn from_bytes(bytes: &[u8]) -> Result<Replacement, serde_json::Error> {
        serde_json::from_slice(bytes).map(Replacement)
    }
}

impl Erasure {
    pub(super) fn shape(&self, faults: &mut Faults) {
        faults.prose("/reason", &self.reason);
        faults.list("/copies", &self.copies, ERASURE_COPIES_MAX);
        if let Some(index) = self.copies.iter().position(|copy| *copy <= self.event) {
            faults.add(format!("/copies/{index}"), "not-a-copy", "a copy is sealed after its event");
        }
        if !self.copies.is_sorted() {
            faults.add("/copies", "order", "copies stand in the order in which they are sealed");
        }
    }

    /// Everything whose bytes it takes away, the event first.
    pub fn items(&self) -> impl Iterator<Item = EventRef> {
        std::iter::once(self.event).chain(self.copies.iter().copied())
    }
}
