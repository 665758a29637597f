//! What a notice says: typed, checked in shape, and back to the bytes it came from.
//!
//! ```text
//! notice bytes = RFC 8785 (JCS) of one JSON object
//!   {"party":…,"revision":1,…,"type":"party"}      type is one of party key product place delegation recall
//!                                                acknowledgement erasure gap
//! ```
//!
//! One notice has one spelling: what stands at its default (an empty list, `"all": false`, null) is left out, identifiers
//! are canonical, instants end in `Z`. The schemas are `schemas/notices/*.json`.

mod acknowledgement;
mod delegation;
mod erasure;
mod faults;
mod gap;
mod key;
mod party;
mod place;
mod product;
mod recall;
mod text;

use medtrace_event::Json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

pub use acknowledgement::{AckStatus, Acknowledgement};
pub use delegation::Delegation;
pub use erasure::{Erasure, Replacement};
pub use gap::Gap;
pub use key::{Key, KeyAction};
pub use medtrace_ledger::Custody;
pub use party::{Contact, Party, Role};
pub use place::Place;
pub use product::{CodeScheme, Kind, Product, ProductCode, Storage};
pub use recall::{Order, Recall, RecallAction, Scope, SerialRange};
pub use text::{Geo, Instant, Name, Prefix, Region, Texts};

use crate::Refusal;
use crate::limits::{ERASURE_BYTES_MAX, NOTICE_BYTES_MAX};

/// One notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Notice {
    /// Who takes part.
    Party(Party),
    /// A further key, or the end of one.
    Key(Key),
    /// Master data of a product.
    Product(Product),
    /// Master data of a place.
    Place(Place),
    /// One party lets another act at its places.
    Delegation(Delegation),
    /// Goods are called back.
    Recall(Recall),
    /// A holder's answer to a recall.
    Acknowledgement(Acknowledgement),
    /// The bytes of an event are taken away.
    Erasure(Erasure),
    /// A topic was made anew after a loss.
    Gap(Gap),
}

impl Notice {
    /// Reads a notice in any spelling that a person may have typed.
    ///
    /// # Errors
    /// Everything that is wrong with its shape. Codes: those of [`medtrace_event::json::JsonFault`], `too-large`,
    /// `malformed`, and those of the members (`empty`, `too-many`, `twice`, …).
    pub fn read(bytes: &[u8]) -> Result<Notice, Vec<Refusal>> {
        within(bytes.len(), ERASURE_BYTES_MAX)?;
        // I-JSON first: serde alone would take the last of two members of the same name.
        let json = Json::parse(bytes).map_err(|fault| vec![Refusal::at(fault.path, fault.code, fault.detail)])?;
        if json.get_str("type") != Some("erasure") {
            within(bytes.len(), NOTICE_BYTES_MAX)?;
        }
        let notice = Notice::from_json(&json)?;
        let mut faults = faults::Faults::default();
        match &notice {
            Notice::Party(party) => party.shape(&mut faults),
            Notice::Key(key) => key.shape(&mut faults),
            Notice::Product(product) => product.shape(&mut faults),
            Notice::Place(place) => place.shape(&mut faults),
            Notice::Delegation(delegation) => delegation.shape(&mut faults),
            Notice::Recall(recall) => recall.shape(&mut faults),
            Notice::Acknowledgement(acknowledgement) => acknowledgement.shape(&mut faults),
            Notice::Erasure(erasure) => erasure.shape(&mut faults),
            Notice::Gap(gap) => gap.shape(&mut faults),
        }
        match faults.0.is_empty() {
            true => Ok(notice),
            false => Err(faults.0),
        }
    }

    fn from_json(json: &Json) -> Result<Notice, Vec<Refusal>> {
        let mut members = Value::from(json);
        let kind = members.as_object_mut().and_then(|members| members.remove("type"));
        match kind.as_ref().and_then(Value::as_str) {
            Some("party") => typed(members).map(Notice::Party),
            Some("key") => typed(members).map(Notice::Key),
            Some("product") => typed(members).map(Notice::Product),
            Some("place") => typed(members).map(Notice::Place),
            Some("delegation") => typed(members).map(Notice::Delegation),
            Some("recall") => typed(members).map(Notice::Recall),
            Some("acknowledgement") => typed(members).map(Notice::Acknowledgement),
            Some("erasure") => typed(members).map(Notice::Erasure),
            Some("gap") => typed(members).map(Notice::Gap),
            _ => {
                let types = "party, key, product, place, delegation, recall, acknowledgement, erasure or gap";
                Err(vec![Refusal::at("/type", "malformed", format!("a notice is an object whose type is {types}"))])
            }
        }
    }

    /// Reads the bytes of a sealed or signed notice: only the one spelling that [`Notice::to_jcs`] gives.
    ///
    /// # Errors
    /// As [`Notice::read`], and `not-canonical`.
    pub fn parse(bytes: &[u8]) -> Result<Notice, Vec<Refusal>> {
        let notice = Notice::read(bytes)?;
        let right = notice.to_jcs();
        match right == bytes {
            true => Ok(notice),
            false => {
                let detail = format!("should be written {}", String::from_utf8_lossy(&right));
                Err(vec![Refusal::whole("not-canonical", detail)])
            }
        }
    }

    /// The notice's bytes: what is sealed and signed.
    pub fn to_jcs(&self) -> Vec<u8> {
        // Maps with text keys and finite numbers only: neither step can fail.
        let value = serde_json::to_value(self).unwrap_or_default();
        Json::try_from(&value).map(|json| json.to_jcs()).unwrap_or_default()
    }

    /// The word in `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::Party(_) => "party",
            Notice::Key(_) => "key",
            Notice::Product(_) => "product",
            Notice::Place(_) => "place",
            Notice::Delegation(_) => "delegation",
            Notice::Recall(_) => "recall",
            Notice::Acknowledgement(_) => "acknowledgement",
            Notice::Erasure(_) => "erasure",
            Notice::Gap(_) => "gap",
        }
    }

    /// What its revision counts: `party acme`, `key <public key>`, `product stent-3x18` …
    pub fn subject(&self) -> String {
        let kind = self.kind();
        match self {
            Notice::Party(n) => format!("{kind} {}", n.party),
            Notice::Key(n) => format!("{kind} {}", n.public_key),
            Notice::Product(n) => format!("{kind} {}", n.product),
            Notice::Place(n) => format!("{kind} {}", n.place),
            Notice::Delegation(n) => format!("{kind} {} {}", n.from, n.to),
            Notice::Recall(n) => format!("{kind} {}", n.recall),
            Notice::Acknowledgement(n) => format!("{kind} {} {}", n.recall, n.party),
            Notice::Erasure(n) => format!("{kind} {}", n.event),
            Notice::Gap(n) => format!("{kind} {}", n.topic),
        }
    }

    /// Its revision.
    pub fn revision(&self) -> u32 {
        match self {
            Notice::Party(n) => n.revision,
            Notice::Key(n) => n.revision,
            Notice::Product(n) => n.revision,
            Notice::Place(n) => n.revision,
            Notice::Delegation(n) => n.revision,
            Notice::Recall(n) => n.revision,
            Notice::Acknowledgement(n) => n.revision,
            Notice::Erasure(n) => n.revision,
            Notice::Gap(n) => n.revision,
        }
    }
}

fn within(bytes: usize, most: usize) -> Result<(), Vec<Refusal>> {
    match bytes <= most {
        true => Ok(()),
        false => {
            let detail = format!("a notice has at most {most} bytes, this one has {bytes}");
            Err(vec![Refusal::whole("too-large", detail)])
        }
    }
}

/// The members as that type, or where and why not.
fn typed<T: DeserializeOwned>(members: Value) -> Result<T, Vec<Refusal>> {
    serde_path_to_error::deserialize(members).map_err(|error| {
        let path: String = error.path().iter().map(step).collect();
        vec![Refusal::at(path, "malformed", error.into_inner().to_string())]
    })
}

fn step(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => medtrace_event::json::pointer(key),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}
