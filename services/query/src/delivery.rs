//! Deliveries: what one shipment said it carried, what was inside, and what has arrived.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Client;
use medtrace_event::Event;
use medtrace_gs1::{Level, Thing};
use medtrace_ledger::EventRef;
use medtrace_store::rows::{DeliveryRow, voided};
use medtrace_timeline::{Cut, Fact, Order, Role};

use crate::contents::contents;

/// A shipment with what its event lists.
pub struct Delivery {
    pub row: DeliveryRow,
    pub event: Event,
    /// Items and containers that the event names.
    pub units: Vec<Thing>,
    /// Which of them have arrived.
    pub received: BTreeSet<Thing>,
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
    /// shipment, and the shipment is void when a later event voids it or its own event was withdrawn.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn of(
        client: &Client,
        row: DeliveryRow,
        event: Event,
        known: u64,
    ) -> clickhouse::error::Result<Delivery> {
        let listed = event.epcs.iter().chain(event.quantities.iter().map(|q| &q.thing));
        let units: Vec<Thing> = listed.filter(|thing| thing.level() == Level::Instance).cloned().collect();
        let facts = medtrace_store::read::facts(client, &units, known).await?;
        let cut = Cut { at: i64::MAX, known };
        let position = EventRef { height: row.block, idx: row.idx };
        let shipped: BTreeMap<&Thing, Order> =
            facts.iter().filter(|f| f.head.position == position).map(|f| (&f.thing, f.order())).collect();
        let arrived = |f: &&Fact| f.counts(cut) && arrives(f) && shipped.get(&f.thing).is_some_and(|o| f.order() > *o);
        let received = facts.iter().filter(arrived).map(|f| f.thing.clone()).collect();
        Ok(Delivery { row, event, units, received })
    }

    pub fn position(&self) -> EventRef {
        EventRef { height: self.row.block, idx: self.row.idx }
    }

    pub fn standing(&self, known: u64) -> Standing {
        let withdrawn = voided(self.row.void_block, self.row.void_idx).is_some_and(|by| by.height <= known);
        match self.received.len() {
            _ if withdrawn => Standing::Void,
            0 => Standing::InTransit,
            some if some < self.units.len() => Standing::PartlyReceived,
            _ => Standing::Received,
        }
    }

    /// Everything that was inside when it was shipped, each with its container; what is listed itself is not in it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn contents(&self, client: &Client, known: u64) -> clickhouse::error::Result<BTreeMap<Thing, Thing>> {
        contents(client, self.units.clone(), Cut { at: self.row.t, known }).await
    }
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
