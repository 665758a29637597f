//! What a delivery should hold, and what of it was found.

use std::collections::{BTreeMap, BTreeSet};

use medtrace_gs1::Thing;
use medtrace_service::Problem;
use rust_decimal::Decimal;

use crate::app::App;
use crate::delivery::Delivery;
use crate::view::Snapshot;

/// What the shipper's word says, and what was scanned so far.
#[derive(Default)]
pub struct Expected {
    /// Each thing with the container it is directly in; the listed ones with none.
    all: BTreeMap<Thing, Option<Thing>>,
    /// The other way round.
    inside: BTreeMap<Thing, Vec<Thing>>,
    /// Quantities directly in a container.
    packed: BTreeMap<Thing, Vec<(Thing, Decimal)>>,
    /// What holds nothing itself: packs, and containers of which no contents are known.
    leaves: BTreeSet<Thing>,
    /// Leaves and containers that were scanned, or that a scanned container holds.
    matched: BTreeSet<Thing>,
    lots: BTreeMap<Thing, Lot>,
}

/// A quantity that is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lot {
    /// `None`: some.
    pub sent: Option<Decimal>,
    pub got: Decimal,
    scanned: bool,
    /// Where it is packed, if all of it is in one container.
    pub container: Option<Thing>,
}

impl Lot {
    /// All that is expected was found.
    pub fn is_whole(&self) -> bool {
        self.scanned && self.sent.is_none_or(|sent| self.got >= sent)
    }

    /// More was found than is expected.
    pub fn is_exceeded(&self) -> bool {
        self.sent.is_some_and(|sent| self.got > sent)
    }
}

impl Expected {
    /// What is listed and what was inside of it.
    ///
    /// # Errors
    /// As [`Delivery::contents`] and [`Delivery::lots_inside`].
    pub async fn of(app: &App, delivery: &Delivery, snapshot: &Snapshot) -> Result<Expected, Problem> {
        let known = snapshot.known();
        let inside = delivery.contents(&app.client, known).await?;
        let units: BTreeSet<Thing> = delivery.units.iter().chain(inside.keys()).cloned().collect();
        let units: Vec<Thing> = units.into_iter().collect();
        let packed = delivery.lots_inside(&app.client, &units, known).await?;

        let mut expected = Expected::default();
        expected.all.extend(delivery.units.iter().map(|unit| (unit.clone(), None)));
        for (thing, container) in inside {
            expected.inside.entry(container.clone()).or_default().push(thing.clone());
            expected.all.insert(thing, Some(container));
        }
        for line in &delivery.lots {
            expected.lots.insert(line.thing.clone(), Lot { sent: line.sent, ..Lot::default() });
        }
        for ((lot, unit), amount) in packed {
            let said = (!amount.is_zero()).then_some(amount);
            match expected.lots.get_mut(&lot) {
                Some(known) => {
                    known.sent = known.sent.zip(said).map(|(a, b)| a.saturating_add(b));
                    known.container = None;
                }
                None => {
                    let container = Some(unit.clone());
                    expected.lots.insert(lot.clone(), Lot { sent: said, container, ..Lot::default() });
                }
            }
            expected.packed.entry(unit).or_default().push((lot, amount));
        }
        let leaves = expected.all.keys().filter(|thing| !expected.holds_something(thing));
        expected.leaves = leaves.cloned().collect();
        Ok(expected)
    }

    fn holds_something(&self, thing: &Thing) -> bool {
        self.inside.contains_key(thing) || self.packed.contains_key(thing)
    }

    /// Packs and containers without known contents, and lots: how many are expected.
    pub fn count(&self) -> usize {
        self.leaves.len() + self.lots.len()
    }

    /// Things that hold nothing, each with its container.
    pub fn leaves(&self) -> impl Iterator<Item = (&Thing, Option<&Thing>)> {
        self.leaves.iter().map(|thing| (thing, self.container(thing)))
    }

    /// Quantities by what they are of.
    pub fn lots(&self) -> &BTreeMap<Thing, Lot> {
        &self.lots
    }

    /// Whether the delivery should hold it.
    pub fn is_listed(&self, thing: &Thing) -> bool {
        self.all.contains_key(thing)
    }

    /// The container that it should be directly in.
    pub fn container(&self, thing: &Thing) -> Option<&Thing> {
        self.all.get(thing).and_then(Option::as_ref)
    }

    /// A scanned pack or container, which stands for everything inside. How many packs that is, found before or not.
    pub fn find(&mut self, thing: &Thing) -> usize {
        let (mut open, mut seen, mut count) = (vec![thing.clone()], BTreeSet::new(), 0);
        while let Some(next) = open.pop() {
            if !seen.insert(next.clone()) {
                continue;
            }
            count += usize::from(self.leaves.contains(&next));
            let new = self.matched.insert(next.clone());
            for (lot, amount) in self.packed.get(&next).filter(|_| new).into_iter().flatten() {
                if let Some(lot) = self.lots.get_mut(lot) {
                    lot.got = lot.got.saturating_add(*amount);
                    lot.scanned = true;
                }
            }
            open.extend(self.inside.get(&next).into_iter().flatten().cloned());
        }
        count
    }

    /// So much of a lot was scanned; how it stands then, if it is expected.
    pub fn find_lot(&mut self, thing: &Thing, amount: Decimal) -> Option<&Lot> {
        let lot = self.lots.get_mut(thing)?;
        lot.got = lot.got.saturating_add(amount);
        lot.scanned = true;
        Some(lot)
    }

    /// Packs and lots that were found whole.
    pub fn found(&self) -> usize {
        let lots = self.lots.values().filter(|lot| lot.is_whole()).count();
        self.leaves.intersection(&self.matched).count() + lots
    }

    /// Packs that were not found.
    pub fn missing(&self) -> impl Iterator<Item = &Thing> {
        self.leaves.difference(&self.matched)
    }
}
