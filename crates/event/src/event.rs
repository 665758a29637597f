//! The typed view of one EPCIS 2.0 event (JSON/JSON-LD binding, EPCIS 2.0 §7.4 and §10).
//!
//! Every identifier is a canonical [`Thing`] whatever its spelling, every vocabulary value the CBV's bare word, every
//! quantity an exact decimal, every time microseconds of UTC. What was sent stays beside it in [`Event::json`].

mod lists;
mod members;
mod own;
mod read;
mod reader;
mod rules;
mod sensor;

pub use sensor::Sensor;

pub(crate) use members::is_member;
pub(crate) use reader::is_uri;
pub(crate) use sensor::is_member as is_sensor_member;

use crate::fault::Fault;
use crate::json::Json;
use jiff::civil::Date;
use medtrace_gs1::Thing;
use rust_decimal::Decimal;
use std::borrow::Cow;

/// A vocabulary value: the bare word where the CBV has one (`shipping`), else the full URI, else the text as it was.
pub type Word = Cow<'static, str>;

/// The five EPCIS 2.0 event types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Object,
    Aggregation,
    Transaction,
    Transformation,
    Association,
}

impl Kind {
    /// The value of `type`, e.g. `ObjectEvent`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Object => "ObjectEvent",
            Kind::Aggregation => "AggregationEvent",
            Kind::Transaction => "TransactionEvent",
            Kind::Transformation => "TransformationEvent",
            Kind::Association => "AssociationEvent",
        }
    }

    /// The kind of that `type`.
    pub fn of(name: &str) -> Option<Kind> {
        use Kind::{Aggregation, Association, Object, Transaction, Transformation};
        [Object, Aggregation, Transaction, Transformation, Association].into_iter().find(|kind| kind.name() == name)
    }
}

/// `action` (EPCIS 2.0 §7.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Add,
    Observe,
    Delete,
}

impl Action {
    /// `ADD`, `OBSERVE` or `DELETE`.
    pub fn name(self) -> &'static str {
        match self {
            Action::Add => "ADD",
            Action::Observe => "OBSERVE",
            Action::Delete => "DELETE",
        }
    }

    pub fn of(name: &str) -> Option<Action> {
        [Action::Add, Action::Observe, Action::Delete].into_iter().find(|action| action.name() == name)
    }
}

/// `readPoint` or `bizLocation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub thing: Thing,
    /// The identifier as it was sent.
    pub text: String,
}

/// An entry of a quantity list (EPCIS 2.0 §7.3.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// A lot, a product or another class; never one item.
    pub thing: Thing,
    /// `None`: some, the number was not said.
    pub amount: Option<Decimal>,
    /// UN/CEFACT Rec 20 code; `None`: a count of trade items.
    pub uom: Option<String>,
}

/// An entry of `bizTransactionList`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// CBV bare word (`desadv`, `po` …) or URI.
    pub kind: Option<Word>,
    pub id: String,
}

/// An entry of `sourceList` or `destinationList`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `owning_party`, `possessing_party`, `location` or a URI.
    pub kind: Word,
    /// A party (417) or a place (414), as the sender chose.
    pub thing: Thing,
}

/// `persistentDisposition`: survives later ordinary dispositions until unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persistent {
    pub set: Vec<Word>,
    pub unset: Vec<Word>,
}

/// `errorDeclaration` (EPCIS 2.0 §7.4.1.3): this event withdraws what an earlier one with the same eventID said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorDeclaration {
    /// `declarationTime`, µs UTC.
    pub time: i64,
    /// `did_not_occur`, `incorrect_data` or a URI.
    pub reason: Option<Word>,
    /// `correctiveEventIDs`: they may come before, after, or never.
    pub corrective: Vec<String>,
}

/// `medtrace:sameAs`: one pack that carries several codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameAs {
    pub thing: Thing,
    pub also: Vec<Thing>,
}

/// `medtrace:labels`: the lot and expiry that scanned codes carried, where the step does not set them (all but
/// commissioning), so that a label that differs from commissioning can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub lot: Option<String>,
    pub expiry: Option<Date>,
    pub things: Vec<Thing>,
}

/// One valid event. Made only by [`Event::from_bytes`] and [`Event::from_json`].
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: Kind,
    /// `eventTime`, µs UTC.
    pub time: i64,
    /// `eventTimeZoneOffset` as sent, `+08:00`; it may disagree with the offset in `eventTime`.
    pub offset: String,
    /// `None` only for a TransformationEvent.
    pub action: Option<Action>,
    pub biz_step: Option<Word>,
    pub disposition: Option<Word>,
    /// Empty where the event's type may not carry one, whatever was sent (then a warning says so).
    pub persistent: Persistent,
    pub read_point: Option<Location>,
    pub biz_location: Option<Location>,
    /// `epcList` of an ObjectEvent or TransactionEvent.
    pub epcs: Vec<Thing>,
    pub quantities: Vec<Quantity>,
    /// `parentID` of an AggregationEvent, AssociationEvent or TransactionEvent.
    pub parent: Option<Thing>,
    /// `childEPCs`; empty with DELETE and no `child_quantities`: all that is inside.
    pub children: Vec<Thing>,
    pub child_quantities: Vec<Quantity>,
    pub inputs: Vec<Thing>,
    pub input_quantities: Vec<Quantity>,
    pub outputs: Vec<Thing>,
    pub output_quantities: Vec<Quantity>,
    pub transformation_id: Option<String>,
    pub transactions: Vec<Transaction>,
    pub sources: Vec<Endpoint>,
    pub destinations: Vec<Endpoint>,
    /// One per sensor report, flat.
    pub sensors: Vec<Sensor>,
    /// ILMD `cbvmda:lotNumber`.
    pub lot: Option<String>,
    /// ILMD `cbvmda:itemExpirationDate`.
    pub expiry: Option<Date>,
    pub event_id: Option<String>,
    pub error: Option<ErrorDeclaration>,
    /// `certificationInfo`.
    pub certification: Vec<String>,
    pub same_as: Vec<SameAs>,
    pub labels: Vec<Label>,
    /// `medtrace:operator`: pseudonym of who scanned.
    pub operator: Option<String>,
    /// `medtrace:device`: pseudonym of what scanned.
    pub device: Option<String>,
    /// `medtrace:requestID`: the scan request, where it is not the eventID.
    pub request_id: Option<String>,
    /// Stored, without effect; e.g. a persistentDisposition on an AggregationEvent.
    pub warnings: Vec<Fault>,
    /// The event itself, with its effective `@context`.
    pub json: Json,
}

impl Event {
    /// Reads one event, e.g. sealed bytes.
    ///
    /// # Errors
    /// All faults of the event, or the one fault of its JSON.
    pub fn from_bytes(bytes: &[u8]) -> Result<Event, Vec<Fault>> {
        Event::from_json(Json::parse(bytes).map_err(|fault| vec![fault.into()])?)
    }

    /// Reads one event that carries its effective `@context`, or none for the standard one.
    ///
    /// # Errors
    /// All faults of the event, in the order of its members.
    pub fn from_json(json: Json) -> Result<Event, Vec<Fault>> {
        read::event(json)
    }

    /// Rank among events of the same instant; see [`crate::vocab::rank()`].
    pub fn rank(&self) -> u8 {
        crate::vocab::rank(self.kind, self.action, self.biz_step.as_deref())
    }

    /// Every identifier of the event that can be traced, parent first, in the order of its lists.
    pub fn things(&self) -> impl Iterator<Item = &Thing> {
        let lists = [&self.epcs, &self.children, &self.inputs, &self.outputs];
        let quantities = [&self.quantities, &self.child_quantities, &self.input_quantities, &self.output_quantities];
        self.parent
            .iter()
            .chain(lists.into_iter().flatten())
            .chain(quantities.into_iter().flatten().map(|quantity| &quantity.thing))
    }
}
