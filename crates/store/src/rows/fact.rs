//! A fact as a row, and back.

use std::str::FromStr;
use std::sync::Arc;

use clickhouse::Row;
use medtrace_event::{Action, Kind};
use medtrace_gs1::{Class, Thing};
use medtrace_ledger::EventRef;
use medtrace_timeline::{EventHead, Fact, Flags, Order, Role};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// `expiry` of a fact that gives none.
const NO_EXPIRY: i32 = i32::MIN;

/// What one event says of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct FactRow {
    pub class: u64,
    pub id: String,
    pub t: i64,
    pub block: u64,
    pub idx: u32,
    pub role: u8,
    pub rank: u8,
    pub note_ms: u64,
    pub submission: u64,
    pub kind: u8,
    pub action: u8,
    pub step: String,
    pub disposition: String,
    /// Words separated by spaces.
    pub persistent_set: String,
    pub persistent_unset: String,
    pub place: String,
    pub destination: String,
    pub party: String,
    pub counterpart_class: u64,
    pub counterpart_id: String,
    pub quantity: String,
    pub lot: String,
    pub expiry: i32,
    pub flags: u32,
    pub void_block: u64,
    pub void_idx: u32,
    pub ver: u64,
}

/// A row that no fact was ever written as.
#[derive(Debug, thiserror::Error)]
#[error("fact {class}/{id} at {position} has a {column} that nothing writes")]
pub struct BadFact {
    class: u64,
    id: String,
    position: EventRef,
    column: &'static str,
}

impl From<&Fact> for FactRow {
    fn from(fact: &Fact) -> Self {
        let head = &*fact.head;
        let counterpart = fact.counterpart.as_ref();
        let (void_block, void_idx) = head.voided.map_or((0, 0), |by| (by.height, by.idx));
        FactRow {
            class: fact.thing.class().to_u64(),
            id: fact.thing.id().to_owned(),
            t: head.order.at,
            block: head.position.height,
            idx: head.position.idx,
            role: fact.role.to_u8(),
            rank: head.order.rank,
            note_ms: head.order.note_ms,
            submission: head.order.submission,
            kind: kind_number(head.kind),
            action: action_number(head.action),
            step: head.step.to_string(),
            disposition: head.disposition.to_string(),
            persistent_set: head.persistent_set.join(" "),
            persistent_unset: head.persistent_unset.join(" "),
            place: head.place.to_string(),
            destination: head.destination.to_string(),
            party: head.party.to_string(),
            counterpart_class: counterpart.map_or(0, |c| c.class().to_u64()),
            counterpart_id: counterpart.map_or(String::new(), |c| c.id().to_owned()),
            quantity: fact.quantity.map_or(String::new(), |q| q.normalize().to_string()),
            lot: fact.lot.to_string(),
            expiry: fact.expiry.unwrap_or(NO_EXPIRY),
            flags: head.flags.0,
            void_block,
            void_idx,
            ver: super::version(head.voided.map_or(head.position, |by| by.max(head.position))),
        }
    }
}

impl TryFrom<FactRow> for Fact {
    type Error = BadFact;

    fn try_from(row: FactRow) -> Result<Self, BadFact> {
        let position = EventRef { height: row.block, idx: row.idx };
        let bad = |column| BadFact { class: row.class, id: row.id.clone(), position, column };
        let class = Class::from_u64(row.class).ok_or_else(|| bad("class"))?;
        let counterpart = match row.counterpart_class {
            0 => None,
            number => Some(Class::from_u64(number).ok_or_else(|| bad("counterpart_class"))?),
        };
        let quantity = match &*row.quantity {
            "" => None,
            text => Some(Decimal::from_str(text).map_err(|_| bad("quantity"))?),
        };
        let head = EventHead {
            position,
            order: Order {
                at: row.t,
                rank: row.rank,
                note_ms: row.note_ms,
                submission: row.submission,
                index: (row.idx % 512) as u16,
            },
            kind: kind_of(row.kind).ok_or_else(|| bad("kind"))?,
            action: action_of(row.action).ok_or_else(|| bad("action"))?,
            step: row.step.as_str().into(),
            disposition: row.disposition.as_str().into(),
            persistent_set: words(&row.persistent_set),
            persistent_unset: words(&row.persistent_unset),
            place: row.place.as_str().into(),
            destination: row.destination.as_str().into(),
            party: row.party.as_str().into(),
            flags: Flags(row.flags),
            voided: voided(row.void_block, row.void_idx),
        };
        Ok(Fact {
            thing: Thing::new(class, &row.id),
            role: Role::from_u8(row.role).ok_or_else(|| bad("role"))?,
            counterpart: counterpart.map(|class| Thing::new(class, &row.counterpart_id)),
            quantity,
            lot: row.lot.as_str().into(),
            expiry: (row.expiry != NO_EXPIRY).then_some(row.expiry),
            head: Arc::new(head),
        })
    }
}

/// No event stands at (0, 0): before it there is no key that could have signed one.
pub fn voided(block: u64, idx: u32) -> Option<EventRef> {
    ((block, idx) != (0, 0)).then_some(EventRef { height: block, idx })
}

fn words(text: &str) -> Vec<Box<str>> {
    text.split(' ').filter(|word| !word.is_empty()).map(Box::from).collect()
}

const KINDS: [Kind; 5] = [Kind::Object, Kind::Aggregation, Kind::Transaction, Kind::Transformation, Kind::Association];
const ACTIONS: [Option<Action>; 4] = [None, Some(Action::Add), Some(Action::Observe), Some(Action::Delete)];

fn kind_number(kind: Kind) -> u8 {
    KINDS.iter().position(|k| *k == kind).map_or(0, |n| n as u8 + 1)
}

fn kind_of(number: u8) -> Option<Kind> {
    KINDS.get(usize::from(number).checked_sub(1)?).copied()
}

fn action_number(action: Option<Action>) -> u8 {
    ACTIONS.iter().position(|a| *a == action).map_or(0, |n| n as u8)
}

fn action_of(number: u8) -> Option<Option<Action>> {
    ACTIONS.get(usize::from(number)).copied()
}
