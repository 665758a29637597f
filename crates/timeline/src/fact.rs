//! What one event says of one thing.

use std::sync::Arc;

use medtrace_event::{Action, Kind};
use medtrace_gs1::Thing;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Cut, Order};
use medtrace_ledger::EventRef;

/// How a thing takes part in an event. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Role {
    /// In the epcList or quantityList of an ObjectEvent.
    Subject = 1,
    /// Put into or taken out of the counterpart.
    Child = 2,
    /// The container whose contents changed.
    Parent = 3,
    /// The container from which everything was taken: DELETE without children.
    Emptied = 4,
    /// Consumed by a transformation.
    Input = 5,
    /// Made by a transformation.
    Output = 6,
    /// Another code on the same pack: the counterpart.
    SameAs = 7,
    /// Linked to a business transaction or associated with an asset; says nothing of life or place.
    Linked = 8,
}

impl Role {
    pub const ALL: &'static [Role] = {
        use Role::*;
        &[Subject, Child, Parent, Emptied, Input, Output, SameAs, Linked]
    };

    /// The stored number.
    pub fn to_u8(self) -> u8 {
        self as u8
    }

    /// The role of a stored number; `None` if no role has it.
    pub fn from_u8(number: u8) -> Option<Self> {
        Role::ALL.iter().copied().find(|role| role.to_u8() == number)
    }
}

/// What the indexer found out about an event when it was sealed. The bits are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Flags(pub u32);

impl Flags {
    /// The signer had no right to say this: shown, and a reason for suspicion.
    pub const NOT_ENTITLED: Flags = Flags(1);
    /// The party had already used this eventID with other content: stored, shown, without effect.
    pub const CONFLICT: Flags = Flags(2);
    /// Part of the event is illegal in its place (a persistentDisposition in an AggregationEvent): that part has no effect.
    pub const PART_IGNORED: Flags = Flags(4);
    /// An error declaration: it withdraws or explains another event and says nothing new of the things it names.
    pub const DECLARATION: Flags = Flags(8);
    /// An aggregation of quantities too, not only of things with serials.
    pub const QUANTITIES: Flags = Flags(16);

    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// What all facts of one event share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHead {
    pub position: EventRef,
    pub order: Order,
    pub kind: Kind,
    pub action: Option<Action>,
    /// Bare CBV bizStep, or a URI; empty if none.
    pub step: Box<str>,
    /// Bare CBV disposition, or a URI; empty if none.
    pub disposition: Box<str>,
    /// persistentDisposition set and unset, bare CBV words.
    pub persistent_set: Vec<Box<str>>,
    pub persistent_unset: Vec<Box<str>>,
    /// bizLocation, else readPoint: canonical URI; empty if none.
    pub place: Box<str>,
    /// Where it is bound, location before party: canonical URI; empty if none.
    pub destination: Box<str>,
    /// The signer.
    pub party: Box<str>,
    pub flags: Flags,
    /// The declaration that withdrew this event.
    pub voided: Option<EventRef>,
}

impl EventHead {
    /// In force as known at `cut`: not withdrawn, not a declaration, not a conflict.
    pub fn in_force(&self, cut: Cut) -> bool {
        let voided = self.voided.is_some_and(|by| by.height <= cut.known);
        !voided && !self.flags.has(Flags::CONFLICT) && !self.flags.has(Flags::DECLARATION)
    }

    /// Sealed by K and true by T.
    pub fn visible(&self, cut: Cut) -> bool {
        self.order.at <= cut.at && self.position.height <= cut.known
    }
}

/// What one event says of one thing. Facts never change; only `head.voided` is filled in later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub thing: Thing,
    pub role: Role,
    /// The container of a [`Role::Child`], the other code of a [`Role::SameAs`].
    pub counterpart: Option<Thing>,
    /// How many of a thing without serials; `None` for a serialised thing, or where the event does not say or measures it
    /// in another unit than pieces.
    pub quantity: Option<Decimal>,
    /// Lot from the instance/lot master data of a commissioning; empty if none.
    pub lot: Box<str>,
    /// Expiry from the same, days since 1970-01-01.
    pub expiry: Option<i32>,
    pub head: Arc<EventHead>,
}

impl Fact {
    pub fn order(&self) -> Order {
        self.head.order
    }

    /// Counts in a fold at `cut`.
    pub fn counts(&self, cut: Cut) -> bool {
        self.head.visible(cut) && self.head.in_force(cut)
    }

    /// Made or began to be traced by this event.
    pub fn begins(&self) -> bool {
        match self.role {
            Role::Subject => self.head.kind == Kind::Object && self.head.action == Some(Action::Add),
            Role::Output => true,
            _ => false,
        }
    }
}

/// Sorted as they are folded; facts of one event in the order of their roles.
pub(crate) fn in_order<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<&'a Fact> {
    let mut facts: Vec<&Fact> = facts.collect();
    facts.sort_by(|a, b| compare(a, b));
    facts
}

pub(crate) fn compare(a: &Fact, b: &Fact) -> std::cmp::Ordering {
    (a.order(), a.role, &a.counterpart).cmp(&(b.order(), b.role, &b.counterpart))
}
