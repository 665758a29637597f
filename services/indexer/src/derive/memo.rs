//! What the keyed state keeps of things, events and names, in a form that does not depend on text.

use std::collections::BTreeSet;
use std::sync::Arc;

use medtrace_event::{Action, Kind};
use medtrace_gs1::{Class, Thing};
use medtrace_ledger::EventRef;
use medtrace_store::rows::{DeliveryRow, EventRow, version};
use medtrace_timeline::{Balance, EventHead, Fact, Flags, Order, Settled};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A thing as two numbers and a text: reads back without parsing a URI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ThingKey(pub u64, pub String);

impl From<&Thing> for ThingKey {
    fn from(thing: &Thing) -> Self {
        ThingKey(thing.class().to_u64(), thing.id().to_owned())
    }
}

impl ThingKey {
    /// `None` for a scheme that this version does not know.
    pub fn thing(&self) -> Option<Thing> {
        Class::from_u64(self.0).map(|class| Thing::new(class, &self.1))
    }
}

/// What is known of one name (party and eventID). It does not grow with what is said under it: all events but the first,
/// and the names that wait for this one, have keys of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Its first event in the order of the log.
    pub first: Option<Named>,
    /// There are others.
    pub more: bool,
    /// One of them says something of the world, rather than of other events.
    pub taken: bool,
    /// It is among the corrections of others.
    pub awaited: bool,
    /// What withdraws every event of this name, those to come too: (height, idx) of the first event that did.
    pub withdrawn: Option<(u64, u32)>,
}

/// One event of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub height: u64,
    pub idx: u32,
    /// The event key: the same again is a replay.
    pub key: [u8; 32],
    pub declares: Declares,
}

impl Named {
    pub fn position(&self) -> EventRef {
        EventRef { height: self.height, idx: self.idx }
    }
}

/// What an event says of the others of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Declares {
    Nothing,
    DidNotOccur,
    /// Wrong in its data: withdrawn as soon as a corrective event is sealed.
    IncorrectData,
}

/// An event: its row, what its facts share, and what it speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMemo {
    pub row: EventRow,
    pub rank: u8,
    pub note_ms: u64,
    pub submission: u64,
    pub persistent_set: Vec<Box<str>>,
    pub persistent_unset: Vec<Box<str>>,
    pub destination: Box<str>,
    /// Destinations and documents of a shipment.
    pub delivery: Option<(Vec<String>, Vec<String>)>,
    /// Kind and place or party of each source and each destination: rights depend on them.
    pub ends: [Vec<(Box<str>, ThingKey)>; 2],
    /// What puts it right, if it is a correction.
    pub corrective: Vec<Box<str>>,
    pub things: Vec<ThingKey>,
}

impl EventMemo {
    pub fn position(&self) -> EventRef {
        EventRef { height: self.row.block, idx: self.row.idx }
    }

    /// As the facts of the event carry it.
    pub fn head(&self) -> Arc<EventHead> {
        let EventRow { t, kind, action, step, disposition, read_point, biz_location, party, flags, .. } = &self.row;
        let order = Order {
            at: *t,
            rank: self.rank,
            note_ms: self.note_ms,
            submission: self.submission,
            index: self.position().index() as u16,
        };
        Arc::new(EventHead {
            position: self.position(),
            order,
            kind: Kind::of(kind).unwrap_or(Kind::Object),
            action: Action::of(action),
            step: step.as_str().into(),
            disposition: disposition.as_str().into(),
            persistent_set: self.persistent_set.clone(),
            persistent_unset: self.persistent_unset.clone(),
            place: if biz_location.is_empty() { read_point } else { biz_location }.as_str().into(),
            destination: self.destination.clone(),
            party: party.as_str().into(),
            flags: Flags(*flags),
            voided: medtrace_store::rows::voided(self.row.void_block, self.row.void_idx),
        })
    }

    /// Withdraws it.
    pub fn void(&mut self, by: EventRef) {
        (self.row.void_block, self.row.void_idx) = (by.height, by.idx);
        self.row.ver = version(by.max(self.position())).max(self.row.ver);
    }

    pub fn delivery_row(&self) -> Option<DeliveryRow> {
        let (destinations, documents) = self.delivery.clone()?;
        let row = &self.row;
        Some(DeliveryRow {
            block: row.block,
            idx: row.idx,
            t: row.t,
            party: row.party.clone(),
            source: row.read_point.clone(),
            destinations,
            documents,
            things: row.things,
            void_block: row.void_block,
            void_idx: row.void_idx,
            ver: row.ver,
        })
    }
}

/// A fact's own part: what the event says of this thing only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactMemo {
    pub quantity: Option<Decimal>,
    pub lot: Box<str>,
    pub expiry: Option<i32>,
}

impl From<&Fact> for FactMemo {
    fn from(fact: &Fact) -> Self {
        FactMemo { quantity: fact.quantity, lot: fact.lot.clone(), expiry: fact.expiry }
    }
}

/// What the last fold of a thing said, and what else folds with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThingMemo {
    pub fold: Fold,
    /// Something was put into it or taken out of it at some time.
    pub container: bool,
    /// Other codes that some event put on the same pack.
    pub codes: BTreeSet<ThingKey>,
    /// One of them, or of theirs, stands for the pack.
    pub alias: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fold {
    One(Box<Settled>),
    Many(Box<Balance>),
}
