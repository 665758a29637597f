//! From one event to what it says of each thing.

use std::collections::BTreeMap;
use std::sync::Arc;

use medtrace_event::event::{Endpoint, Quantity};
use medtrace_event::{Action, Event, Kind};
use medtrace_gs1::Thing;
use rust_decimal::Decimal;

use crate::{EventHead, Fact, Flags, Order, Role};
use medtrace_ledger::EventRef;

/// Where and by whom an event was sealed.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub position: EventRef,
    /// The signer's clock, ms since 1970-01-01 UTC.
    pub note_ms: u64,
    /// The submission's id.
    pub submission: [u8; 32],
    /// Index in the submission.
    pub index: u16,
    pub party: Box<str>,
    pub flags: Flags,
}

/// UN/CEFACT Rec 20 codes that mean a number of trade items, as no code does: one, piece, each.
const PIECES: [&str; 3] = ["C62", "H87", "EA"];

/// Everything `event` says of things, one fact per thing and role; quantities of a thing named twice are added up. What
/// is measured in other units than pieces is told without its amount: a sum has one unit.
pub fn facts_of(event: &Event, sealed: &Sealed) -> Vec<Fact> {
    let head = Arc::new(head_of(event, sealed));
    let mut facts = Facts { event, head, found: BTreeMap::new() };
    match event.kind {
        Kind::Object => facts.all(&event.epcs, &event.quantities, Role::Subject, None),
        Kind::Aggregation => facts.aggregation(),
        Kind::Transaction => {
            facts.all(&event.epcs, &event.quantities, Role::Linked, None);
            facts.all(event.parent.as_slice(), &[], Role::Linked, None);
        }
        Kind::Association => {
            facts.all(event.parent.as_slice(), &[], Role::Linked, None);
            facts.all(&event.children, &event.child_quantities, Role::Linked, event.parent.as_ref());
        }
        Kind::Transformation => {
            facts.all(&event.inputs, &event.input_quantities, Role::Input, None);
            facts.all(&event.outputs, &event.output_quantities, Role::Output, None);
        }
    }
    for pack in &event.same_as {
        for also in &pack.also {
            facts.add(&pack.thing, Role::SameAs, Some(also), None);
            facts.add(also, Role::SameAs, Some(&pack.thing), None);
        }
    }
    facts.found.into_values().collect()
}

/// What all facts of `event` share.
pub fn head_of(event: &Event, sealed: &Sealed) -> EventHead {
    let words = |words: &[medtrace_event::event::Word]| words.iter().map(|w| Box::from(&**w)).collect();
    let place = event.biz_location.as_ref().or(event.read_point.as_ref()).map(|l| l.thing.uri());
    let mut flags = sealed.flags;
    if event.error.is_some() {
        flags = flags.with(Flags::DECLARATION);
    }
    if !event.warnings.is_empty() {
        flags = flags.with(Flags::PART_IGNORED);
    }
    if event.kind == Kind::Aggregation && !event.child_quantities.is_empty() {
        flags = flags.with(Flags::QUANTITIES);
    }
    EventHead {
        position: sealed.position,
        order: Order {
            at: event.time,
            rank: event.rank(),
            note_ms: sealed.note_ms,
            submission: u64::from_be_bytes(std::array::from_fn(|i| sealed.submission[i])),
            index: sealed.index,
        },
        kind: event.kind,
        action: event.action,
        step: event.biz_step.as_deref().unwrap_or_default().into(),
        disposition: event.disposition.as_deref().unwrap_or_default().into(),
        persistent_set: words(&event.persistent.set),
        persistent_unset: words(&event.persistent.unset),
        place: place.unwrap_or_default().into(),
        destination: destination(&event.destinations).into(),
        party: sealed.party.clone(),
        flags,
        voided: None,
    }
}

/// Where a shipment is bound: the place if one is named, else who is to possess it, else who is to own it.
fn destination(destinations: &[Endpoint]) -> String {
    let of = |kind: &str| destinations.iter().find(|d| d.kind == kind).map(|d| d.thing.uri());
    of("location").or_else(|| of("possessing_party")).or_else(|| of("owning_party")).unwrap_or_default()
}

struct Facts<'a> {
    event: &'a Event,
    head: Arc<EventHead>,
    found: BTreeMap<(Thing, Role, Option<Thing>), Fact>,
}

impl Facts<'_> {
    fn all(&mut self, things: &[Thing], quantities: &[Quantity], role: Role, counterpart: Option<&Thing>) {
        for thing in things {
            self.add(thing, role, counterpart, None);
        }
        for quantity in quantities {
            let pieces = quantity.uom.as_deref().is_none_or(|uom| PIECES.contains(&uom));
            self.add(&quantity.thing, role, counterpart, quantity.amount.filter(|_| pieces));
        }
    }

    fn aggregation(&mut self) {
        let event = self.event;
        let Some(parent) = &event.parent else { return };
        let no_children = event.children.is_empty() && event.child_quantities.is_empty();
        let empties = event.action == Some(Action::Delete) && no_children;
        self.add(parent, if empties { Role::Emptied } else { Role::Parent }, None, None);
        self.all(&event.children, &event.child_quantities, Role::Child, Some(parent));
    }

    fn add(&mut self, thing: &Thing, role: Role, counterpart: Option<&Thing>, quantity: Option<Decimal>) {
        let key = (thing.clone(), role, counterpart.cloned());
        if let Some(known) = self.found.get_mut(&key) {
            known.quantity = match (known.quantity, quantity) {
                (Some(a), Some(b)) => a.checked_add(b),
                (a, b) => a.or(b),
            };
            return;
        }
        let mut fact = Fact {
            thing: thing.clone(),
            role,
            counterpart: counterpart.cloned(),
            quantity,
            lot: Box::default(),
            expiry: None,
            head: self.head.clone(),
        };
        if fact.begins() {
            let lot = self.event.lot.as_deref().or_else(|| thing.lot()).unwrap_or_default();
            fact.lot = lot.into();
            fact.expiry = self.event.expiry.map(days);
        }
        self.found.insert(key, fact);
    }
}

/// Days since 1970-01-01.
fn days(date: jiff::civil::Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    date.since(epoch).map_or(i32::MIN, |span| span.get_days())
}
