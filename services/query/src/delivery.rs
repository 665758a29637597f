//! Deliveries: what one shipment said it carried, what was inside, and what has arrived.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Client;
use medtrace_event::Event;
use medtrace_gs1::{Level, Thing};
use medtrace_ledger::EventRef;
use medtrace_registry::At;
use medtrace_service::Problem;
use medtrace_store::read::{TooMuch, facts};
use medtrace_store::rows::{DeliveryRow, voided};
use medtrace_timeline::{Cut, Fact, Order, Role};
use rust_decimal::Decimal;

use crate::app::store_failed;
use crate::contents::{CONTENTS_MAX, contents, lots_inside, second_codes};
use crate::view::Snapshot;

/// Steps by which a quantity arrives; one receipt may be said by both, so they are not added up.
const RECEIPTS: [&str; 2] = ["receiving", "accepting"];

/// A shipment with what its event lists.
pub struct Delivery {
    pub row: DeliveryRow,
    pub event: Event,
    /// Items and containers that the event names.
    pub units: Vec<Thing>,
    /// Which of them have arrived.
    pub received: BTreeSet<Thing>,
    /// Things without serials that the event names.
    pub lots: Vec<Line>,
}

/// A quantity on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub thing: Thing,
    /// `None`: some; the event gives no number of pieces.
    pub sent: Option<Decimal>,
    pub arrived: Decimal,
    /// All that was sent has arrived; of an unsaid number, any.
    pub whole: bool,
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    InTransit,
    PartlyReceived,
    Received,
    Void,
}

impl Standing {
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::InTransit => "in_transit",
            Standing::PartlyReceived => "partly_received",
            Standing::Received => "received",
            Standing::Void => "void",
        }
    }
}

impl Delivery {
    /// Reads the facts of what was shipped: a thing has arrived when it was received, unpacked or used after the
    /// shipment, a quantity when it was received where it was bound for.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn of(client: &Client, row: DeliveryRow, event: Event, snapshot: &Snapshot) -> Result<Delivery, Problem> {
        let known = snapshot.known();
        let (cut, position) = (Cut { at: i64::MAX, known }, EventRef { height: row.block, idx: row.idx });
        let listed = event.epcs.iter().chain(event.quantities.iter().map(|q| &q.thing));
        let (units, mut lots): (Vec<Thing>, Vec<Thing>) =
            listed.cloned().partition(|thing| thing.level() == Level::Instance);
        lots.sort();
        lots.dedup();

        let of_units = facts(client, &units, known).await.map_err(store_failed)?;
        let shipped: BTreeMap<&Thing, Order> =
            of_units.iter().filter(|f| f.head.position == position).map(|f| (&f.thing, f.order())).collect();
        let arrived = |f: &&Fact| f.counts(cut) && arrives(f) && shipped.get(&f.thing).is_some_and(|o| f.order() > *o);
        let received = of_units.iter().filter(arrived).map(|f| f.thing.clone()).collect();

        let mut of_lots = facts(client, &lots, known).await.map_err(store_failed)?;
        of_lots.retain(|fact| fact.head.position == position || fact.counts(cut));
        of_lots.sort_by_key(Fact::order);
        let registry = snapshot.registry()?;
        let at = registry.at(known);
        let line = |thing| {
            let facts: Vec<&Fact> = of_lots.iter().filter(|fact| fact.thing == thing).collect();
            Line::of(thing, &facts, position, at)
        };
        let lots = lots.into_iter().map(line).collect();
        Ok(Delivery { row, event, units, received, lots })
    }

    pub fn position(&self) -> EventRef {
        EventRef { height: self.row.block, idx: self.row.idx }
    }

    /// How many of the things that its event names have arrived.
    pub fn arrived(&self) -> usize {
        self.received.len() + self.lots.iter().filter(|line| line.whole).count()
    }

    pub fn standing(&self, known: u64) -> Standing {
        let withdrawn = voided(self.row.void_block, self.row.void_idx).is_some_and(|by| by.height <= known);
        let begun = self.lots.iter().any(|line| line.whole || line.arrived > Decimal::ZERO);
        match self.arrived() {
            _ if withdrawn => Standing::Void,
            0 if !begun => Standing::InTransit,
            some if some < self.units.len() + self.lots.len() => Standing::PartlyReceived,
            _ => Standing::Received,
        }
    }

    /// Everything that was inside when it was shipped, each with its container, a pack under its first code; what is listed
    /// itself is not in it.
    ///
    /// # Errors
    /// Those of the store; 413 beyond [`CONTENTS_MAX`].
    pub async fn contents(&self, client: &Client, known: u64) -> Result<BTreeMap<Thing, Thing>, Problem> {
        let cut = Cut { at: self.row.t, known };
        let inside = contents(client, &self.units, cut, CONTENTS_MAX).await.map_err(store_failed)?;
        let too_much = || store_failed(TooMuch(format!("more than {CONTENTS_MAX} things inside")).into());
        let mut inside = inside.ok_or_else(too_much)?;
        let things: BTreeSet<Thing> = inside.keys().cloned().collect();
        let second = second_codes(client, &things, Cut { at: i64::MAX, known }).await.map_err(store_failed)?;
        inside.retain(|thing, _| !second.contains(thing));
        Ok(inside)
    }

    /// How much of which lots without serials was inside which of `units` when it was shipped.
    ///
    /// # Errors
    /// Those of the store; 413 for more packing than is read.
    pub async fn lots_inside(
        &self,
        client: &Client,
        units: &[Thing],
        known: u64,
    ) -> Result<BTreeMap<(Thing, Thing), Decimal>, Problem> {
        let inside = lots_inside(client, units, Cut { at: self.row.t, known }).await?;
        inside.ok_or_else(|| store_failed(TooMuch("too many packing events".to_owned()).into()))
    }
}

impl Line {
    /// From the facts of the thing, in order, that count.
    fn of(thing: Thing, facts: &[&Fact], shipment: EventRef, at: At<'_>) -> Line {
        let ours = facts.iter().find(|fact| fact.head.position == shipment && fact.role == Role::Subject);
        let sent = ours.and_then(|fact| fact.quantity);
        let arrived = RECEIPTS.map(|step| arrived(facts, shipment, step, at)).into_iter().max().unwrap_or_default();
        let any = ours.is_some_and(|ours| {
            let mut later = facts.iter().filter(|fact| fact.order() > ours.order());
            later.any(|fact| RECEIPTS.contains(&&*fact.head.step) && is_bound_for(&ours.head.destination, fact, at))
        });
        Line { thing, sent, arrived, whole: sent.map_or(any, |sent| arrived >= sent) }
    }
}

/// How much of a shipment has arrived by receipts of one step: what is received somewhere is taken off the oldest
/// shipment to there that is still open, what is called back off the newest.
fn arrived(facts: &[&Fact], shipment: EventRef, step: &str, at: At<'_>) -> Decimal {
    let mut open: Vec<(&Fact, Decimal)> = Vec::new();
    for fact in facts.iter().copied().filter(|fact| fact.role == Role::Subject) {
        let Some(mut amount) = fact.quantity else { continue };
        let mut take = |left: &mut Decimal| {
            let taken = amount.min(*left);
            amount -= taken;
            *left -= taken;
        };
        match &*fact.head.step {
            "shipping" => open.push((fact, amount)),
            said if said == step => {
                let there = open.iter_mut().filter(|(sent, _)| is_bound_for(&sent.head.destination, fact, at));
                there.for_each(|(_, left)| take(left));
            }
            "void_shipping" => {
                let back = open.iter_mut().rev().filter(|(sent, _)| sent.head.party == fact.head.party);
                back.for_each(|(_, left)| take(left));
            }
            _ => {}
        }
    }
    let ours = open.iter().find(|(sent, _)| sent.head.position == shipment);
    ours.map_or(Decimal::ZERO, |(sent, left)| sent.quantity.unwrap_or_default() - left)
}

/// Whether what this fact tells happened where a shipment was bound for: at the place, at a place of the same GLN, or by
/// the party whose place or name it is.
fn is_bound_for(destination: &str, fact: &Fact, at: At<'_>) -> bool {
    if destination == &*fact.head.place {
        return true;
    }
    let Ok(bound) = Thing::from_uri(destination) else { return false };
    let here = Thing::from_uri(&fact.head.place).ok();
    let same_number = here.and_then(|here| here.gln()).is_some_and(|gln| bound.gln() == Some(gln));
    same_number || at.owner_of_place(&bound).is_some_and(|owner| *owner.as_str() == *fact.head.party)
}

fn arrives(fact: &Fact) -> bool {
    let step = &*fact.head.step;
    match fact.role {
        Role::Subject => matches!(step, "receiving" | "accepting" | "storing" | "void_shipping") || is_used(fact),
        Role::Emptied => true,
        Role::Parent => step == "unpacking",
        _ => false,
    }
}

fn is_used(fact: &Fact) -> bool {
    matches!(&*fact.head.step, "dispensing" | "installing" | "destroying")
}
