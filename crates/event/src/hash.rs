//! The CBV event hash: one name for the same event in XML or JSON, with URNs or Digital Links, in any order.
//!
//! ```text
//! ni:///sha-256;<64 lower-case hex digits>?ver=CBV2.0      SHA-256 of the pre-hash text, UTF-8, no separators:
//!
//! eventType=ObjectEvent eventTime=2020-03-04T10:00:30.000Z eventTimeZoneOffset=+01:00
//! epcList epc=https://id.gs1.org/00/040123450000001112 epc=…          a list's name once, items sorted by bytes
//! action=OBSERVE bizStep=https://ref.gs1.org/cbv/BizStep-departing readPoint id=https://id.gs1.org/414/4012345000115
//! {https://ns.example.com/epcis/}myField=0                            extensions last, sorted, with their namespace
//! ```
//!
//! (The spaces are only here.) It is for identity between systems, never evidence: it leaves out the eventID, the
//! recordTime, the errorDeclaration and the certification, and different events may share it (lot `0010` and `10`).
//! Source: CBV 2.0 §8.9, and its draft successor for [`CbvVersion::V2_1`].

mod extension;
mod name;
mod order;
mod sensor;
mod value;

use crate::context::Context;
use crate::json::{Json, Object};
pub use name::{EventHash, NotEventHash};
use order::{ORDER, Shape};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Which edition of the rules; it is named in the hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CbvVersion {
    #[default]
    V2_0,
    /// Sensor lists carry their name, and extensions stand where they are in the event, not all at the end.
    V2_1,
}

impl CbvVersion {
    /// As in the hash, e.g. `CBV2.0`.
    pub fn name(self) -> &'static str {
        match self {
            CbvVersion::V2_0 => "CBV2.0",
            CbvVersion::V2_1 => "CBV2.1",
        }
    }
}

/// How to hash; made from a [`CbvVersion`] for what is usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashRules {
    pub version: CbvVersion,
    /// Leaves `! ( ) * + , :` in serials as they are, as a newer draft wants; usually they are percent-encoded.
    pub raw_delimiters: bool,
}

impl From<CbvVersion> for HashRules {
    fn from(version: CbvVersion) -> Self {
        HashRules { version, raw_delimiters: false }
    }
}

/// The hash of an event that carries its effective `@context`, or none for the standard one.
///
/// It is total: what is no event of the standard is hashed as far as the rules speak of it, so read the event first
/// where that matters ([`crate::Event::from_json`]).
pub fn event_hash(event: &Json, rules: impl Into<HashRules>) -> EventHash {
    event_hash_in(event, &Context::of_event(event).unwrap_or_default(), rules)
}

/// As [`event_hash`], with the context in force ([`crate::document::Entry::context`]) in place of the event's own.
pub fn event_hash_in(event: &Json, context: &Context, rules: impl Into<HashRules>) -> EventHash {
    let rules = rules.into();
    let mut hash = Sha256::new();
    write(event, context, rules, &mut |text| hash.update(text.as_bytes()));
    EventHash { digest: hash.finalize().into(), version: rules.version }
}

/// Whether the editions can differ over an event: it has sensor readings, or extensions at a place.
pub fn editions_differ(event: &Json) -> bool {
    let extended =
        |place| event.get(place).and_then(Json::as_object).is_some_and(|p| p.iter().any(|(name, _)| name != "id"));
    event.get("sensorElementList").is_some() || ["readPoint", "bizLocation"].into_iter().any(extended)
}

/// The text that is hashed, to find out where two implementations disagree.
pub fn pre_hash(event: &Json, context: &Context, rules: impl Into<HashRules>) -> String {
    let mut out = String::new();
    write(event, context, rules.into(), &mut |text| out.push_str(text));
    out
}

/// Where the pre-hash text goes, piece by piece.
type Sink<'a> = &'a mut dyn FnMut(&str);

/// What values are read with.
#[derive(Clone, Copy)]
struct Rules<'a> {
    context: &'a Context,
    version: CbvVersion,
    raw_delimiters: bool,
}

fn write(event: &Json, context: &Context, rules: HashRules, sink: Sink<'_>) {
    let Some(event) = event.as_object() else {
        return;
    };
    let rules = Rules { context, version: rules.version, raw_delimiters: rules.raw_delimiters };
    if let Some(kind) = event.get("type").and_then(Json::as_str) {
        sink("eventType=");
        sink(kind);
    }
    for (name, shape) in &ORDER {
        if let Some(value) = event.get(name) {
            rules.member(name, value, *shape, sink);
        }
    }
    rules.sensors(event, sink);
    if let Some(ilmd) = event.get("ilmd").and_then(Json::as_object).filter(|ilmd| !ilmd.is_empty()) {
        sink("ilmd");
        rules.extensions(ilmd, |_| true).iter().for_each(|text| sink(text));
    }
    let mut rest = rules.members(event, |name| !order::is_known(name));
    if rules.version == CbvVersion::V2_0 {
        rest.extend(rules.displaced(event));
        rest.sort_unstable();
    }
    rest.iter().for_each(|text| sink(text));
}

impl Rules<'_> {
    fn member(self, name: &str, value: &Json, shape: Shape, sink: Sink<'_>) {
        let list = match shape {
            Shape::Time => return self.one(name, value::time(value), sink),
            Shape::Text => return self.one(name, self.text(value), sink),
            Shape::Id => return self.one(name, self.identifier(value), sink),
            Shape::Word(vocabulary) => return self.one(name, self.word(value, vocabulary), sink),
            Shape::Place => return self.place(name, value, sink),
            Shape::Persistent => self.persistent(value),
            Shape::Ids => sorted(value, |item| self.identifier(item).map(|id| format!("epc={id}"))),
            Shape::Quantities => sorted(value, |item| self.quantity(item.as_object()?)),
            Shape::Typed(item_name, vocabulary) => sorted(value, |item| {
                let item = item.as_object()?;
                let kind = item.get("type").and_then(|kind| self.word(kind, vocabulary));
                let id = item.get(item_name).and_then(|id| self.identifier(id));
                Some(kind.map(|kind| format!("type={kind}")).unwrap_or_default() + &format!("{item_name}={}", id?))
            }),
        };
        if !list.is_empty() {
            sink(name);
            list.iter().for_each(|text| sink(text));
        }
    }

    fn one(self, name: &str, value: Option<String>, sink: Sink<'_>) {
        if let Some(value) = value {
            sink(name);
            sink("=");
            sink(&value);
        }
    }

    fn place(self, name: &str, value: &Json, sink: Sink<'_>) {
        let Some(place) = value.as_object() else {
            return;
        };
        let id = place.get("id").and_then(|id| self.identifier(id));
        let extensions = match self.version {
            CbvVersion::V2_0 => Vec::new(),
            CbvVersion::V2_1 => self.extensions(place, |name| name != "id"),
        };
        if id.is_some() || !extensions.is_empty() {
            sink(name);
            self.one("id", id, sink);
            extensions.iter().for_each(|text| sink(text));
        }
    }

    fn quantity(self, item: &Object) -> Option<String> {
        let mut out = String::from("quantityElement");
        for name in ["epcClass", "quantity", "uom"] {
            let value = item.get(name);
            let text =
                value.and_then(|value| if name == "epcClass" { self.identifier(value) } else { self.text(value) });
            if let Some(text) = text {
                _ = write!(out, "{name}={text}");
            }
        }
        (out.len() > "quantityElement".len()).then_some(out)
    }

    fn persistent(self, value: &Json) -> Vec<String> {
        let words = |name: &'static str| {
            let list = value.get(name).map(|list| {
                sorted(list, |item| {
                    self.word(item, crate::vocab::Vocabulary::Disposition).map(|word| format!("{name}={word}"))
                })
            });
            list.unwrap_or_default()
        };
        [words("set"), words("unset")].concat()
    }
}

/// The items of a list (or one alone) in the order of their bytes.
fn sorted(list: &Json, text: impl Fn(&Json) -> Option<String>) -> Vec<String> {
    let items = match list {
        Json::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut texts: Vec<String> = items.iter().filter_map(text).collect();
    texts.sort_unstable();
    texts
}
