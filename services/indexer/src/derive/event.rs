//! One event: replay, conflict, declaration, rights, facts.

use medtrace_event::{Event, event_key};
use medtrace_ledger::{EventRef, Submission, hash};
use medtrace_registry::rights;
use medtrace_store::rows::{AlertRow, DeliveryRow, EventRefRow, EventRow, FactRow, RefKind, ReplayRow, version};
use medtrace_timeline::{Fact, Flags, Role, Sealed, facts_of};

use super::memo::{Declares, EventMemo, Named, ThingKey};
use super::{Deriver, Work};
use crate::keyed::{Key, Keyed};

impl<K: Keyed> Deriver<K> {
    pub(super) fn take_event(
        &mut self,
        submission: &Submission,
        position: EventRef,
        bytes: &[u8],
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let party = submission.party.as_str();
        let key = event_key(party, bytes);
        let event = match Event::from_bytes(bytes) {
            Ok(event) => event,
            Err(faults) => {
                let reason = faults.first().map_or_else(String::new, ToString::to_string);
                work.refuse(position, "event", reason);
                return Ok(());
            }
        };
        if self.is_replay(key, position, work)? {
            return Ok(());
        }
        let name = name_hash(party, event.event_id.as_deref().unwrap_or_default());
        let flags = self.flags(submission, &event, &name, position, work)?;
        let sealed = Sealed {
            position,
            note_ms: submission.time_ms,
            submission: submission.id().0,
            index: position.index() as u16,
            party: party.into(),
            flags,
        };
        let facts = facts_of(&event, &sealed);
        let row = event_row(&event, party, position, work.time_ms, &facts, flags);
        let delivery = delivery_row(&event, party, position, &facts);
        let event_id = hash::sha256(&[row.event_id.as_bytes()]);
        work.rows.event_refs.push(EventRefRow::new(RefKind::EventKey, key, position));
        work.rows.event_refs.push(EventRefRow::new(RefKind::EventId, event_id.0, position));
        work.rows.deliveries.extend(delivery.clone());
        self.keep_facts(&facts, position, work)?;
        let mut things: Vec<ThingKey> = facts.iter().map(|fact| ThingKey::from(&fact.thing)).collect();
        things.dedup();
        self.keyed.put(event_slot(position), &EventMemo { row: row.clone(), delivery, things })?;
        work.rows.events.push(row);
        self.settle_names(party, &event, name, position, work)
    }

    fn is_replay(&mut self, key: [u8; 32], position: EventRef, work: &mut Work<'_>) -> anyhow::Result<bool> {
        let slot = Key::of(b'K').bytes(&key).end();
        if let Some((of_block, of_idx)) = self.keyed.get::<(u64, u32)>(&slot)? {
            let (block, idx) = (position.height, position.idx);
            work.rows.replays.push(ReplayRow { of_block, of_idx, block, idx });
            return Ok(true);
        }
        self.keyed.put(slot, &(position.height, position.idx))?;
        Ok(false)
    }

    fn flags(
        &self,
        submission: &Submission,
        event: &Event,
        name: &[u8; 32],
        position: EventRef,
        work: &mut Work<'_>,
    ) -> anyhow::Result<Flags> {
        let mut flags = Flags::default();
        let mut alert = |code: &str, detail: String| {
            work.rows.alerts.push(AlertRow {
                block: position.height,
                idx: position.idx,
                code: code.to_owned(),
                class: 0,
                id: String::new(),
                party: submission.party.to_string(),
                place: event.read_point.as_ref().map_or_else(String::new, |p| p.thing.uri()),
                detail,
            });
        };
        let at = self.registry.at(work.height);
        if let Err(refusals) = rights::may(at, &submission.party, submission.public_keys.first(), event) {
            flags = flags.with(Flags::NOT_ENTITLED);
            alert("signer-not-entitled", refusals.first().map_or_else(String::new, |r| r.detail.clone()));
        }
        let conflicting =
            event.error.is_none() && self.named(name)?.iter().any(|other| other.declares == Declares::Nothing);
        if conflicting {
            flags = flags.with(Flags::CONFLICT);
            alert("conflicting", event.event_id.clone().unwrap_or_default());
        }
        Ok(flags)
    }

    fn keep_facts(&mut self, facts: &[Fact], position: EventRef, work: &mut Work<'_>) -> anyhow::Result<()> {
        for fact in facts {
            let row = FactRow::from(fact);
            self.keyed.put(fact_slot(fact), &row)?;
            if fact.role == Role::Emptied {
                self.keyed.put(Key::of(b'M').thing(&fact.thing).position(position).end(), &row)?;
            }
            if let (Role::Child | Role::SameAs, Some(other)) = (fact.role, &fact.counterpart) {
                let kind = if fact.role == Role::Child { b'C' } else { b'J' };
                self.keyed.put(Key::of(kind).thing(other).thing(&fact.thing).end(), &ThingKey::from(&fact.thing))?;
            }
            work.touch(&fact.thing, position, fact.order().at);
            work.rows.facts.push(row);
        }
        Ok(())
    }

    pub(super) fn named(&self, name: &[u8; 32]) -> anyhow::Result<Vec<Named>> {
        Ok(self.keyed.get(&Key::of(b'I').bytes(name).end())?.unwrap_or_default())
    }
}

/// H(party ‖ "\n" ‖ eventID): eventIDs are unique per party.
pub(super) fn name_hash(party: &str, event_id: &str) -> [u8; 32] {
    hash::sha256(&[party.as_bytes(), b"\n", event_id.as_bytes()]).0
}

pub(super) fn event_slot(position: EventRef) -> Vec<u8> {
    Key::of(b'E').position(position).end()
}

pub(super) fn fact_slot(fact: &Fact) -> Vec<u8> {
    let key = Key::of(b'F').thing(&fact.thing).position(fact.head.position).bytes(&[fact.role.to_u8()]);
    match &fact.counterpart {
        Some(counterpart) => key.thing(counterpart).end(),
        None => key.end(),
    }
}

fn event_row(event: &Event, party: &str, position: EventRef, record_ms: u64, facts: &[Fact], flags: Flags) -> EventRow {
    let location =
        |place: &Option<medtrace_event::event::Location>| place.as_ref().map_or_else(String::new, |p| p.thing.uri());
    EventRow {
        block: position.height,
        idx: position.idx,
        t: event.time,
        record_ms,
        kind: event.kind.name().to_owned(),
        action: event.action.map_or("", |a| a.name()).to_owned(),
        step: event.biz_step.as_deref().unwrap_or_default().to_owned(),
        disposition: event.disposition.as_deref().unwrap_or_default().to_owned(),
        read_point: location(&event.read_point),
        biz_location: location(&event.biz_location),
        party: party.to_owned(),
        event_id: event.event_id.clone().unwrap_or_default(),
        things: facts.len() as u32,
        flags: facts.first().map_or(flags, |f| f.head.flags).0,
        void_block: 0,
        void_idx: 0,
        ver: version(position),
    }
}

/// A shipment that says where it is bound.
fn delivery_row(event: &Event, party: &str, position: EventRef, facts: &[Fact]) -> Option<DeliveryRow> {
    let ships = event.biz_step.as_deref() == Some("shipping") && event.error.is_none();
    if !ships || event.destinations.is_empty() {
        return None;
    }
    Some(DeliveryRow {
        block: position.height,
        idx: position.idx,
        t: event.time,
        party: party.to_owned(),
        source: event.read_point.as_ref().map_or_else(String::new, |p| p.thing.uri()),
        destinations: event.destinations.iter().map(|d| d.thing.uri()).collect(),
        documents: event.transactions.iter().map(|t| t.id.clone()).collect(),
        things: facts.len() as u32,
        void_block: 0,
        void_idx: 0,
        ver: version(position),
    })
}
