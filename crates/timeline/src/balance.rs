//! Lots without serials: exact decimal balances, by where they are and how they fare.
//!
//! Ten of a lot packed in a case have no identity of their own, so there are no intervals: packing moves ten from the
//! place to the case, the case's own way is looked up when reading. Emptying the case moves whatever is in it to where
//! that happened, so a container's emptyings are among the facts of the lots that it held.
//!
//! An event says how many, seldom of which: a shift takes from the parts that it most likely means, in an order of
//! preference. Only pieces count; what is measured in other units has no balance.

use std::collections::BTreeMap;

use medtrace_event::Action;
use medtrace_gs1::{Scheme, Thing};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::fact::in_order;
use crate::words::{Custody, custody, ending};
use crate::{Cut, End, Fact, Order, Role};
use medtrace_ledger::EventRef;

/// Where a part of a lot is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Whereabouts {
    /// Canonical URI of the place; empty if no event named one.
    Place(Box<str>),
    /// On its way to this place or party (canonical URI; empty if not said).
    Heading(Box<str>),
    /// In this container.
    Inside(Thing),
}

/// One part of a lot: in whose hands, where, how it fares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bin {
    pub whereabouts: Whereabouts,
    pub holder: Box<str>,
    /// Bare CBV disposition.
    pub condition: Box<str>,
}

/// A lot's balances. `commissioned = Σ parts + unaccounted`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// Only parts that are not zero.
    #[serde(with = "pairs")]
    pub parts: BTreeMap<Bin, Decimal>,
    pub commissioned: Decimal,
    /// EventRef and instant of the last event.
    pub last: Option<(i64, EventRef)>,
    /// The last fact in it.
    pub newest: Option<Order>,
    /// A part was moved that no event had put there.
    pub overdrawn: bool,
}

impl Balance {
    /// The fold at `cut`, in any order of arrival: of a lot's facts, and the [`Role::Emptied`] facts of every container
    /// that it was put into.
    pub fn of(facts: &[Fact], cut: Cut) -> Balance {
        let mut balance = Balance::default();
        for fact in in_order(facts.iter().filter(|f| f.counts(cut))) {
            balance.apply(fact);
        }
        balance
    }

    /// Applies one more of the lot's own facts. `emptied` tells when a container was last emptied, as far as is known.
    ///
    /// False, and nothing is changed, where the fact does not simply come after all others: then the whole has to be
    /// folded again.
    pub fn append(&mut self, fact: &Fact, emptied: impl FnOnce(&Thing) -> Option<Order>) -> bool {
        if !fact.counts(Cut::ALL) {
            return true;
        }
        let after = |other: Option<Order>| other.is_none_or(|other| other < fact.order());
        let next = after(self.newest) && after(fact.counterpart.as_ref().and_then(emptied));
        if next {
            self.apply(fact);
        }
        next
    }

    /// What was commissioned and is in no part: lost without a record if positive, out of nowhere if negative.
    pub fn unaccounted(&self) -> Decimal {
        self.parts.values().fold(self.commissioned, |left, part| left.saturating_sub(*part))
    }

    /// Whether some of it is in this container.
    pub fn is_in(&self, container: &Thing) -> bool {
        self.parts.keys().any(|bin| matches!(&bin.whereabouts, Whereabouts::Inside(inside) if inside == container))
    }

    fn apply(&mut self, fact: &Fact) {
        if fact.role == Role::Emptied {
            return self.spill(fact);
        }
        self.mark(fact);
        let Some(amount) = fact.quantity else { return };
        let head = &fact.head;
        match fact.role {
            Role::Subject | Role::Output if fact.begins() => {
                self.commissioned = self.commissioned.saturating_add(amount);
                let condition = said(fact, "active");
                self.put(Bin { whereabouts: here(fact), holder: head.party.clone(), condition }, amount);
            }
            Role::Child => {
                let (Some(container), true) = (&fact.counterpart, head.action != Some(Action::Observe)) else { return };
                let inside = Whereabouts::Inside(container.clone());
                let (from, to) = match head.action {
                    Some(Action::Add) => (here(fact), inside),
                    _ => (inside, here(fact)),
                };
                self.shift(fact, amount, |bin| (bin.whereabouts == from).then_some(0), to, "");
            }
            Role::Input => self.stay(fact, amount, End::Transformed.disposition()),
            Role::Subject => self.observe(fact, amount),
            _ => {}
        }
    }

    fn mark(&mut self, fact: &Fact) {
        self.last = Some((fact.head.order.at, fact.head.position));
        self.newest = Some(fact.order());
    }

    fn observe(&mut self, fact: &Fact, amount: Decimal) {
        let head = &fact.head;
        let here = here(fact);
        let bound = Whereabouts::Heading(head.destination.clone());
        if let Some(end) = ending(head) {
            return self.stay(fact, amount, end.disposition());
        }
        match (custody(fact), &*head.step) {
            (Custody::Sends, _) => {
                self.shift(fact, amount, |bin| (bin.whereabouts == here).then_some(0), bound, "in_transit")
            }
            (Custody::Leaves, _) => self.shift(fact, amount, |bin| leaving(bin, fact), bound, "in_transit"),
            (Custody::Receives, _) => self.shift(fact, amount, |bin| arriving(bin, fact), here, "in_progress"),
            (Custody::Has, "void_shipping") => self.shift(fact, amount, |bin| voided(bin, fact), here, "active"),
            (Custody::Has, "transporting") => self.shift(fact, amount, |bin| moved(bin, fact), here, ""),
            // On its way still.
            (Custody::Carries, _) | (_, "sensor_reporting") => {}
            (Custody::Has | Custody::Unchanged, _) => self.stay(fact, amount, ""),
        }
    }

    /// Something happens to what is here, and it stays here.
    fn stay(&mut self, fact: &Fact, amount: Decimal, otherwise: &str) {
        let here = here(fact);
        self.shift(fact, amount, |bin| (bin.whereabouts == here).then_some(0), here.clone(), otherwise);
    }

    fn put(&mut self, bin: Bin, amount: Decimal) {
        let sum = self.parts.get(&bin).map_or(amount, |have| have.saturating_add(amount));
        match sum.is_zero() {
            true => self.parts.remove(&bin),
            false => self.parts.insert(bin, sum),
        };
    }

    /// Everything in the container is now where it was emptied.
    fn spill(&mut self, fact: &Fact) {
        let inside = Whereabouts::Inside(fact.thing.clone());
        let spilt: Vec<Bin> = self.parts.keys().filter(|bin| bin.whereabouts == inside).cloned().collect();
        for bin in spilt {
            if let Some(amount) = self.parts.remove(&bin) {
                self.mark(fact);
                let condition = said(fact, &bin.condition);
                self.put(Bin { whereabouts: here(fact), holder: fact.head.party.clone(), condition }, amount);
            }
        }
    }

    /// Takes `amount` from live parts that have a `rank`, the lowest first and of equals the signer's own, and puts it at
    /// `target`. What is missing is taken from nowhere, unless the event only sees it, and remembered.
    fn shift(
        &mut self,
        fact: &Fact,
        amount: Decimal,
        rank: impl Fn(&Bin) -> Option<u8>,
        target: Whereabouts,
        otherwise: &str,
    ) {
        let party = &fact.head.party;
        let mut sources: Vec<(u8, bool, Bin)> = self
            .parts
            .keys()
            .filter(|bin| bin.is_live())
            .filter_map(|bin| Some((rank(bin)?, bin.holder != *party, bin.clone())))
            .collect();
        sources.sort();
        let nowhere =
            Bin { whereabouts: Whereabouts::Place(Box::default()), holder: party.clone(), condition: "active".into() };
        let mut left = amount;
        let mut taken = Vec::new();
        for (_, _, bin) in sources {
            let Some(have) = self.parts.get(&bin).copied().filter(|have| *have > Decimal::ZERO && !left.is_zero())
            else {
                continue;
            };
            let some = left.min(have);
            left -= some;
            self.put(bin.clone(), -some);
            taken.push((bin, some));
        }
        self.overdrawn |= !left.is_zero();
        let sees_only = custody(fact) == Custody::Unchanged;
        if !sees_only {
            taken.push((nowhere, left));
        }
        for (bin, some) in taken.into_iter().filter(|(_, some)| !some.is_zero()) {
            let condition = said(fact, if otherwise.is_empty() { &bin.condition } else { otherwise });
            // Who leaves without naming a destination does not take back the one that was named before.
            let whereabouts = match (&target, bin.whereabouts) {
                (Whereabouts::Heading(to), Whereabouts::Heading(before)) if to.is_empty() => {
                    Whereabouts::Heading(before)
                }
                _ => target.clone(),
            };
            let holder = if sees_only { bin.holder } else { party.clone() };
            self.put(Bin { whereabouts, holder, condition }, some);
        }
    }
}

impl Bin {
    fn is_live(&self) -> bool {
        !matches!(&*self.condition, "dispensed" | "destroyed" | "inactive")
    }
}

/// How an event says the part fares that it is about. An end has one word.
fn said(fact: &Fact, otherwise: &str) -> Box<str> {
    match &*fact.head.disposition {
        "" => otherwise.into(),
        // Of a transformation it tells of what was made.
        _ if fact.role == Role::Input => otherwise.into(),
        _ if fact.role == Role::Subject && ending(&fact.head).is_some() => otherwise.into(),
        said => said.into(),
    }
}

fn here(fact: &Fact) -> Whereabouts {
    Whereabouts::Place(fact.head.place.clone())
}

/// Received: what is bound here, or nobody knows where; then, of what is accepted, what was received here before; then
/// what is bound for a party rather than a place.
fn arriving(bin: &Bin, fact: &Fact) -> Option<u8> {
    match &bin.whereabouts {
        Whereabouts::Heading(to) if *to == fact.head.place => Some(0),
        Whereabouts::Heading(to) if to.is_empty() => Some(1),
        Whereabouts::Place(place) if *place == fact.head.place && &*fact.head.step == "accepting" => Some(2),
        Whereabouts::Heading(to) if Thing::from_uri(to).is_ok_and(|to| to.scheme() == Scheme::Party) => Some(3),
        _ => None,
    }
}

/// Leaves with a carrier: what was shipped where it goes; else what its signer has here; else what is on its way
/// elsewhere; else what others have here. Without a destination: what its signer has on the road or here, else others.
fn leaving(bin: &Bin, fact: &Fact) -> Option<u8> {
    let (to, own) = (&fact.head.destination, bin.holder == fact.head.party);
    match &bin.whereabouts {
        Whereabouts::Heading(heading) if !to.is_empty() && heading == to => Some(0),
        Whereabouts::Heading(_) if to.is_empty() => Some(if own { 1 } else { 3 }),
        Whereabouts::Heading(_) => Some(3),
        Whereabouts::Place(place) if *place == fact.head.place => Some(if own { 2 } else { 4 }),
        _ => None,
    }
}

/// Not shipped after all: what is on its way there; where the event does not say where, what its signer has on the road.
fn voided(bin: &Bin, fact: &Fact) -> Option<u8> {
    match &bin.whereabouts {
        Whereabouts::Heading(to) if *to == fact.head.destination => Some(0),
        Whereabouts::Heading(_) if fact.head.destination.is_empty() && bin.holder == fact.head.party => Some(1),
        Whereabouts::Heading(_) if fact.head.destination.is_empty() => Some(2),
        _ => None,
    }
}

/// Moved inside one organisation: what its signer has elsewhere, else what is here.
fn moved(bin: &Bin, fact: &Fact) -> Option<u8> {
    match &bin.whereabouts {
        Whereabouts::Place(place) if *place == fact.head.place => Some(1),
        Whereabouts::Place(_) if bin.holder == fact.head.party => Some(0),
        _ => None,
    }
}

/// Bins are structures, so the map is written as a list of pairs.
mod pairs {
    use super::*;
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(parts: &BTreeMap<Bin, Decimal>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(parts)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Bin, Decimal>, D::Error> {
        Ok(Vec::<(Bin, Decimal)>::deserialize(from)?.into_iter().collect())
    }
}
