//! What the keyed state keeps of things and events, in a form that does not depend on text.

use medtrace_gs1::{Class, Thing};
use medtrace_ledger::EventRef;
use medtrace_store::rows::{DeliveryRow, EventRow};
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

/// One event of a name (party and eventID).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub height: u64,
    pub idx: u32,
    /// It declares the others of its name wrong.
    pub declares: Declares,
}

impl Named {
    pub fn position(self) -> EventRef {
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

/// An event that may be withdrawn later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMemo {
    pub row: EventRow,
    pub delivery: Option<DeliveryRow>,
    pub things: Vec<ThingKey>,
}

/// One stay in a container, as the containment table tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stay {
    pub parent: ThingKey,
    pub from: i64,
    pub until: i64,
}

/// What the last fold of a thing said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldMemo {
    pub lot: String,
    pub irregular: u32,
    pub stays: Vec<Stay>,
    /// A row of this thing is in `lot_item`.
    pub listed: bool,
}
