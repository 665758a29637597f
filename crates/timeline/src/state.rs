//! The state of one serialised thing or container: a fold of facts in order.

use std::collections::BTreeSet;

use medtrace_gs1::Thing;
use serde::{Deserialize, Serialize};

use crate::words::{Custody, custody, ending, warnings};
use crate::{End, Fact, Inside, Irregular, Order, Role, Warning, Warnings, Way};
use medtrace_ledger::EventRef;

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
    /// What warns of it until taken back, said of itself.
    pub warned: Warnings,
    /// The same, said of a container that it was in. What is said back of itself takes these back too; what is said back
    /// of the container does not touch `warned`.
    pub warned_by_container: Warnings,
    /// Canonical URI; empty on the road or if unknown.
    pub place: Box<str>,
    /// The party that has it.
    pub holder: Box<str>,
    /// Bound for: canonical URI, empty if nobody named one. `None`: at rest. It is [`Way::heading`] of `way`.
    pub heading: Option<Box<str>>,
    pub way: Way,
    /// The last fact of any kind.
    pub last: Option<Mark>,
    /// When `place`, `holder` and `disposition` were last said: a container's later word outweighs them.
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
                state.apply(fact, inferred);
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

    /// `inferred`: it is a container's fact.
    pub(crate) fn apply(&mut self, fact: &Fact, inferred: bool) {
        self.note_signer(fact);
        match fact.role {
            Role::SameAs | Role::Linked => return,
            Role::Subject if fact.begins() => self.commission(fact),
            Role::Output => self.commission(fact),
            Role::Input => self.end(End::Transformed, fact),
            Role::Child | Role::Parent | Role::Emptied => self.handle_container(fact),
            Role::Subject => self.observe(fact),
        }
        if self.ended.is_none() {
            self.warn(fact, inferred);
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
        if self.ended.is_some() {
            return self.flag(Irregular::AFTER_END);
        }
        self.settle(fact, "");
    }

    fn observe(&mut self, fact: &Fact) {
        let head = &fact.head;
        if let Some(end) = ending(head) {
            return self.end(end, fact);
        }
        if self.ended.is_some() {
            return self.flag(Irregular::AFTER_END);
        }
        if &*head.step == "sensor_reporting" {
            return;
        }
        self.partly_used |= &*head.disposition == "partially_dispensed";
        let otherwise = match custody(fact) {
            Custody::Sends | Custody::Leaves | Custody::Carries => "in_transit",
            Custody::Receives => "in_progress",
            Custody::Has if &*head.step == "void_shipping" => "active",
            Custody::Has | Custody::Unchanged => "",
        };
        self.settle(fact, otherwise);
    }

    /// Where it is now, with whom, on the road or at rest. (Each field depends on the facts alone, not on other fields:
    /// that is what lets a reader take each from the container that said it last.)
    fn settle(&mut self, fact: &Fact, otherwise: &str) {
        let (head, custody) = (&fact.head, custody(fact));
        self.question(fact, custody);
        let landed = !head.place.is_empty() || &*head.step == "void_shipping";
        let leaves = matches!(custody, Custody::Sends | Custody::Leaves);
        if leaves {
            self.way.leave(head.order, &head.destination);
        } else if landed && matches!(custody, Custody::Has | Custody::Receives) {
            self.way.rest(head.order);
        }
        if leaves || landed {
            self.place = if leaves { Box::default() } else { head.place.clone() };
            self.placed = Some(head.order);
        }
        self.heading = self.way.heading().map(Into::into);
        if custody != Custody::Unchanged {
            self.holder = head.party.clone();
            self.held = Some(head.order);
        }
        if matches!(custody, Custody::Receives | Custody::Carries) {
            self.received_at = Some(head.order.at);
        }
        self.dispose(fact, otherwise);
    }

    /// What does not fit in how it came into the signer's hands.
    fn question(&mut self, fact: &Fact, custody: Custody) {
        let head = &fact.head;
        let leaves = matches!(custody, Custody::Sends | Custody::Leaves);
        if leaves && self.received_at.is_some_and(|at| head.order.at - at < 1_000_000) {
            self.flag(Irregular::SAME_SECOND);
        }
        if self.holder.is_empty() || self.holder == head.party || fact.begins() {
            return;
        }
        let moving = self.heading.is_some();
        let bound_here = !head.place.is_empty() && self.heading.as_ref() == Some(&head.place);
        match custody {
            Custody::Sends => self.flag(Irregular::SHIPPED_NOT_HELD),
            Custody::Leaves if !moving => self.flag(Irregular::SHIPPED_NOT_HELD),
            Custody::Receives | Custody::Carries if !moving => self.flag(Irregular::RECEIVED_NOT_SHIPPED),
            Custody::Has if !bound_here => self.flag(Irregular::HELD_NOT_RECEIVED),
            _ => {}
        }
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

    fn warn(&mut self, fact: &Fact, inferred: bool) {
        for (kind, word) in warnings(&fact.head) {
            let warning = Warning { word: word.into(), order: fact.order(), position: fact.head.position };
            if inferred {
                self.warned_by_container.insert(kind, warning);
                continue;
            }
            if word.is_empty() {
                self.warned_by_container.insert(kind, warning.clone());
            }
            self.warned.insert(kind, warning);
        }
    }

    /// The lasting warnings in force.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.warned.values().chain(self.warned_by_container.values()).filter(|warning| !warning.word.is_empty())
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
