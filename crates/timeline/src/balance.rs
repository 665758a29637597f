//! Lots without serials: exact decimal balances, by where they are and how they fare.
//!
//! Ten of a lot packed in a case have no identity of their own, so there are no intervals: packing moves ten from the
//! place to the case, the case's own way is looked up when reading. Emptying the case moves whatever is in it to where
//! that happened, so a container's emptyings are among the facts of the lots that it held.

use std::collections::BTreeMap;

use medtrace_event::Action;
use medtrace_gs1::Thing;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::fact::in_order;
use crate::{Cut, Fact, Order, Role};
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
                self.put(fact, here(fact), "active", amount);
            }
            Role::Child => {
                let (Some(container), true) = (&fact.counterpart, head.action != Some(Action::Observe)) else { return };
                let inside = Whereabouts::Inside(container.clone());
                if head.action == Some(Action::Add) {
                    self.shift(fact, &[here(fact)], inside, "", amount);
                } else {
                    self.shift(fact, &[inside], here(fact), "", amount);
                }
            }
            Role::Input => self.shift(fact, &[here(fact)], here(fact), "inactive", amount),
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
        let heading = Whereabouts::Heading(head.destination.clone());
        let arriving = [Whereabouts::Heading(head.place.clone()), Whereabouts::Heading(Box::default())];
        match (&*head.step, head.action) {
            ("shipping" | "departing", _) => self.shift(fact, &[here], heading, "in_transit", amount),
            ("void_shipping", _) => self.shift(fact, &[heading], here, "active", amount),
            ("receiving" | "arriving" | "accepting", _) => self.shift(fact, &arriving, here, "in_progress", amount),
            ("dispensing" | "installing" | "retail_selling", _) => {
                self.shift(fact, std::slice::from_ref(&here), here.clone(), "dispensed", amount)
            }
            ("destroying" | "decommissioning", _) | (_, Some(Action::Delete)) => {
                self.shift(fact, std::slice::from_ref(&here), here.clone(), "destroyed", amount)
            }
            ("sensor_reporting", _) => {}
            _ => self.shift(fact, std::slice::from_ref(&here), here.clone(), "", amount),
        }
    }

    fn put(&mut self, fact: &Fact, whereabouts: Whereabouts, otherwise: &str, amount: Decimal) {
        let said = &*fact.head.disposition;
        let condition = if said.is_empty() { otherwise } else { said };
        let bin = Bin { whereabouts, holder: fact.head.party.clone(), condition: condition.into() };
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
                self.put(fact, here(fact), &bin.condition, amount);
            }
        }
    }

    /// Takes `amount` from the parts at `sources` (in this order of preference; the signer's own parts and live ones
    /// first) and puts it at `target`. What is missing there is taken from nowhere, and remembered.
    fn shift(&mut self, fact: &Fact, sources: &[Whereabouts], target: Whereabouts, otherwise: &str, amount: Decimal) {
        let mut left = amount;
        let mut condition: Option<Box<str>> = None;
        for bin in self.preferred(fact, sources) {
            let Some(have) = self.parts.get_mut(&bin).filter(|have| **have > Decimal::ZERO) else { continue };
            let taken = left.min(*have);
            *have -= taken;
            left -= taken;
            if have.is_zero() {
                self.parts.remove(&bin);
            }
            condition.get_or_insert(bin.condition);
            if left.is_zero() {
                break;
            }
        }
        self.overdrawn |= !left.is_zero();
        let otherwise = if otherwise.is_empty() { condition.as_deref().unwrap_or("active") } else { otherwise };
        self.put(fact, target, otherwise, amount);
    }

    fn preferred(&self, fact: &Fact, sources: &[Whereabouts]) -> Vec<Bin> {
        let rank = |bin: &Bin| {
            let source = sources.iter().position(|s| *s == bin.whereabouts)?;
            let gone = matches!(&*bin.condition, "dispensed" | "destroyed" | "inactive");
            (!gone).then_some((source, bin.holder != fact.head.party))
        };
        let mut bins: Vec<_> = self.parts.keys().filter_map(|bin| Some((rank(bin)?, bin.clone()))).collect();
        bins.sort();
        bins.into_iter().map(|(_, bin)| bin).collect()
    }
}

fn here(fact: &Fact) -> Whereabouts {
    Whereabouts::Place(fact.head.place.clone())
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
