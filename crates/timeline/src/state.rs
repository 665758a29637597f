//! The state of one serialised thing or container: a fold of facts in order.

use std::collections::BTreeSet;

use medtrace_event::Action;
use medtrace_gs1::Thing;
use serde::{Deserialize, Serialize};

use crate::{Fact, Inside, Order, Role};
use medtrace_ledger::EventRef;

/// What did not fit in a thing's history. The bits are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Irregular(pub u32);

impl Irregular {
    pub const COMMISSIONED_TWICE: Irregular = Irregular(1);
    /// Something happened to it before it was commissioned.
    pub const BEFORE_COMMISSIONING: Irregular = Irregular(2);
    /// Something happened to it after it was used up or destroyed.
    pub const AFTER_END: Irregular = Irregular(4);
    pub const USED_TWICE: Irregular = Irregular(8);
    pub const TWO_CONTAINERS: Irregular = Irregular(16);
    /// Taken out of, or seen in, a container that it was not in.
    pub const NOT_IN_CONTAINER: Irregular = Irregular(32);
    /// Received by another party though nobody had shipped it.
    pub const RECEIVED_NOT_SHIPPED: Irregular = Irregular(64);
    /// Shipped by a party that had not got it.
    pub const SHIPPED_NOT_HELD: Irregular = Irregular(128);
    pub const NOT_ENTITLED: Irregular = Irregular(256);
    /// Received and shipped again within one second: the ranks may have put them the wrong way round.
    pub const SAME_SECOND: Irregular = Irregular(512);

    pub fn has(self, other: Irregular) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn with(self, other: Irregular) -> Irregular {
        Irregular(self.0 | other.0)
    }
}

/// Who did something where and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub order: Order,
    pub position: EventRef,
    pub party: Box<str>,
    /// Canonical URI; empty if the event names none.
    pub place: Box<str>,
    pub step: Box<str>,
}

impl Mark {
    fn of(fact: &Fact) -> Self {
        let head = &fact.head;
        Mark {
            order: head.order,
            position: head.position,
            party: head.party.clone(),
            place: head.place.clone(),
            step: head.step.clone(),
        }
    }
}

/// How a thing's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    Used,
    Destroyed,
    /// Consumed by a transformation.
    Transformed,
}

/// Where a thing is and how it fares, from its own facts or from its own and its containers'.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub commissioned: Option<Mark>,
    /// As commissioned; empty if not said.
    pub lot: Box<str>,
    /// As commissioned, days since 1970-01-01.
    pub expiry: Option<i32>,
    pub ended: Option<(End, Mark)>,
    pub partly_used: bool,
    /// Bare CBV word of the latest disposition; empty if none was said.
    pub disposition: Box<str>,
    /// persistentDispositions in force, bare CBV words.
    pub persistent: BTreeSet<Box<str>>,
    /// Canonical URI; empty while in transit or unknown.
    pub place: Box<str>,
    /// The party that has it: who last said where it is.
    pub holder: Box<str>,
    /// Bound for: canonical URI. `None`: not in transit.
    pub heading: Option<Box<str>>,
    /// The last fact of any kind.
    pub last: Option<Mark>,
    /// When `place` and `heading`, `holder` and `disposition` were last said: a container's later word outweighs them.
    pub placed: Option<Order>,
    pub held: Option<Order>,
    pub disposed: Option<Order>,
    /// The container it is in, since when.
    pub inside: Option<(Thing, Order)>,
    /// The last container it left, and when.
    pub left: Option<(Thing, Order)>,
    pub irregular: Irregular,
    /// When it last arrived, to notice an arrival and a departure within one second.
    received_at: Option<i64>,
}

impl State {
    /// The fold of `facts`, sorted, each with whether it is a container's and only inferred for this thing.
    pub(crate) fn fold<'a>(
        facts: impl Iterator<Item = (&'a Fact, bool)>,
        stays: &[Inside<'_>],
        irregular: Irregular,
    ) -> State {
        let mut state = State { irregular, ..State::default() };
        for (fact, inferred) in facts {
            // A container that moves on says nothing of what was used up inside it.
            if !inferred || state.ended.is_none() {
                state.apply(fact);
            }
        }
        if let Some(stay) = stays.last() {
            match stay.to {
                None => state.inside = Some((stay.container.clone(), stay.from)),
                Some(to) => state.left = Some((stay.container.clone(), to)),
            }
        }
        state
    }

    /// Of a lot only what holds for all of it: its origin, its label, and what was said of it for good. It has no single
    /// place, container or end: its balances tell those.
    pub(crate) fn of_many(facts: &[&Fact]) -> State {
        let mut state = State::default();
        for fact in facts {
            state.note_signer(fact);
            let begins = fact.begins() || fact.role == Role::Output;
            if begins && state.commissioned.is_none() {
                state.commissioned = Some(Mark::of(fact));
                state.lot = fact.lot.clone();
                state.expiry = fact.expiry;
            }
            state.persist(fact);
        }
        state
    }

    pub(crate) fn apply(&mut self, fact: &Fact) {
        self.note_signer(fact);
        match fact.role {
            Role::SameAs | Role::Linked => return,
            Role::Subject if fact.begins() => self.commission(fact),
            Role::Output => self.commission(fact),
            Role::Input => self.end(End::Transformed, fact),
            Role::Child | Role::Parent | Role::Emptied => self.handle_container(fact),
            Role::Subject => self.observe(fact),
        }
        self.persist(fact);
        self.last = Some(Mark::of(fact));
    }

    fn note_signer(&mut self, fact: &Fact) {
        if fact.head.flags.has(crate::Flags::NOT_ENTITLED) {
            self.flag(Irregular::NOT_ENTITLED);
        }
    }

    fn commission(&mut self, fact: &Fact) {
        if self.commissioned.is_some() {
            return self.flag(Irregular::COMMISSIONED_TWICE);
        }
        if self.last.is_some() {
            self.flag(Irregular::BEFORE_COMMISSIONING);
        }
        self.commissioned = Some(Mark::of(fact));
        self.lot = fact.lot.clone();
        self.expiry = fact.expiry;
        if self.ended.is_none() {
            self.settle(fact, "active");
        }
    }

    fn handle_container(&mut self, fact: &Fact) {
        if self.ended.is_some() && fact.role == Role::Child {
            return self.flag(Irregular::AFTER_END);
        }
        self.settle(fact, "");
    }

    fn observe(&mut self, fact: &Fact) {
        let head = &fact.head;
        if let Some(end) = ending(fact) {
            return self.end(end, fact);
        }
        if self.ended.is_some() {
            return self.flag(Irregular::AFTER_END);
        }
        match &*head.step {
            "shipping" | "departing" => self.ship(fact),
            "void_shipping" => self.settle(fact, "active"),
            "receiving" | "arriving" | "accepting" => self.receive(fact),
            "sensor_reporting" => {}
            _ => {
                if &*head.disposition == "partially_dispensed" {
                    self.partly_used = true;
                }
                self.settle(fact, "");
            }
        }
    }

    fn ship(&mut self, fact: &Fact) {
        let head = &fact.head;
        if self.received_at.is_some_and(|at| head.order.at - at < 1_000_000) {
            self.flag(Irregular::SAME_SECOND);
        }
        if !self.holder.is_empty() && self.holder != head.party {
            self.flag(Irregular::SHIPPED_NOT_HELD);
        }
        self.heading = Some(head.destination.clone());
        self.place = Box::default();
        self.placed = Some(head.order);
        self.hold(fact);
        self.dispose(fact, "in_transit");
    }

    fn receive(&mut self, fact: &Fact) {
        let head = &fact.head;
        if self.heading.is_none() && !self.holder.is_empty() && self.holder != head.party {
            self.flag(Irregular::RECEIVED_NOT_SHIPPED);
        }
        self.settle(fact, "in_progress");
        self.received_at = Some(head.order.at);
    }

    /// It is in the hands of the signer, and at rest where the event says. (Each field depends on the facts alone, not on
    /// other fields: that is what lets a reader take each from the container that said it last.)
    fn settle(&mut self, fact: &Fact, otherwise: &str) {
        let head = &fact.head;
        let landed = !head.place.is_empty() || &*head.step == "void_shipping";
        if landed {
            self.place = head.place.clone();
            self.heading = None;
            self.placed = Some(head.order);
        }
        self.hold(fact);
        self.dispose(fact, otherwise);
    }

    fn hold(&mut self, fact: &Fact) {
        self.holder = fact.head.party.clone();
        self.held = Some(fact.head.order);
    }

    fn dispose(&mut self, fact: &Fact, otherwise: &str) {
        let said = if fact.head.disposition.is_empty() { otherwise } else { &*fact.head.disposition };
        if !said.is_empty() {
            self.disposition = said.into();
            self.disposed = Some(fact.head.order);
        }
    }

    fn end(&mut self, end: End, fact: &Fact) {
        match &self.ended {
            Some((End::Used, _)) if end == End::Used => self.flag(Irregular::USED_TWICE),
            // What was used may still be disposed of.
            Some((End::Used, _)) if end == End::Destroyed => {}
            Some(_) => self.flag(Irregular::AFTER_END),
            None => {
                self.settle(fact, end.disposition());
                self.ended = Some((end, Mark::of(fact)));
            }
        }
    }

    fn persist(&mut self, fact: &Fact) {
        let head = &fact.head;
        if head.flags.has(crate::Flags::PART_IGNORED) {
            return;
        }
        for word in &head.persistent_unset {
            self.persistent.remove(word);
        }
        self.persistent.extend(head.persistent_set.iter().cloned());
    }

    pub(crate) fn flag(&mut self, what: Irregular) {
        self.irregular = self.irregular.with(what);
    }

    /// One word for how it fares: the end if it has ended, else the disposition, else `unknown`.
    pub fn condition(&self) -> &str {
        match &self.ended {
            Some((end, _)) => end.disposition(),
            None if self.partly_used => "partially_dispensed",
            None if self.disposition.is_empty() => "unknown",
            None => &self.disposition,
        }
    }
}

impl End {
    /// The bare CBV disposition of this end.
    pub fn disposition(self) -> &'static str {
        match self {
            End::Used => "dispensed",
            End::Destroyed => "destroyed",
            End::Transformed => "inactive",
        }
    }
}

/// Whether a fact ends the life of the thing it names.
pub(crate) fn ends(fact: &Fact) -> bool {
    fact.role == Role::Input || ending(fact).is_some()
}

/// Whether an ObjectEvent ends the thing's life, and how.
fn ending(fact: &Fact) -> Option<End> {
    let head = &fact.head;
    match (&*head.step, &*head.disposition, head.action) {
        (_, "partially_dispensed", _) => None,
        (_, "dispensed" | "retail_sold", _) => Some(End::Used),
        ("dispensing" | "installing", _, _) => Some(End::Used),
        (_, "destroyed", _) | ("destroying" | "decommissioning", _, _) => Some(End::Destroyed),
        (_, _, Some(Action::Delete)) => Some(End::Destroyed),
        _ => None,
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
