//! One event: replay, conflict, rights, facts; then what it withdraws.

use std::sync::Arc;

use medtrace_event::{Event, SealedEvent};
use medtrace_gs1::Thing;
use medtrace_ledger::{EventRef, Submission, hash};
use medtrace_registry::rights;
use medtrace_store::rows::{AlertRow, EventRefRow, EventRow, FactRow, RefKind, version};
use medtrace_timeline::{Fact, Flags, Role, Sealed, facts_of, head_of, is_bound};

use super::erase::is_erased_key;
use super::memo::{EventMemo, FactMemo, Name, Named, ThingKey};
use super::voids::declares;
use super::{Deriver, Work};
use crate::keyed::{Key, Keyed};

/// Where an event stands, and how it is found by name.
pub(super) struct Entry {
    pub position: EventRef,
    /// What it will be known again by.
    pub key: [u8; 32],
    /// [`name_hash`] of it, and what is known of the name.
    pub hash: [u8; 32],
    pub name: Name,
}

impl<K: Keyed> Deriver<K> {
    pub(super) fn take_event(
        &mut self,
        submission: &Submission,
        position: EventRef,
        bytes: &[u8],
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let party = submission.party.as_str();
        // Whoever has a key can write to the log without asking an ingest service.
        let sealed = match medtrace_event::open(bytes, party) {
            Ok(sealed) => sealed,
            Err(faults) => {
                work.refuse(position, "event", faults.first().map_or_else(String::new, ToString::to_string));
                return Ok(());
            }
        };
        let hash = name_hash(party, &sealed.event_id);
        let name = self.name(&hash)?;
        if let Some(first) = self.named(&hash, &name, &sealed.key)? {
            return self.take_copy(first.position(), position, work);
        }
        let entry = Entry { position, key: sealed.key, hash, name };
        self.enter(submission, entry, &sealed, work)
    }

    /// Enters an event that is no repetition.
    pub(super) fn enter(
        &mut self,
        submission: &Submission,
        Entry { position, key, hash, name }: Entry,
        SealedEvent { event_id, event, .. }: &SealedEvent,
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let party = submission.party.as_str();
        let flags = self.flags(submission, event, &name, position, work);
        let sealed = Sealed {
            position,
            note_ms: submission.time_ms,
            submission: submission.id().0,
            index: position.index() as u16,
            party: party.into(),
            flags,
        };
        let facts = facts_of(event, &sealed);
        let memo = remember(event, &sealed, work.time_ms, &facts);
        let id = hash::sha256(&[event_id.as_bytes()]);
        if !is_erased_key(&key) {
            work.rows.event_refs.push(EventRefRow::new(RefKind::EventKey, key, position));
        }
        work.rows.event_refs.push(EventRefRow::new(RefKind::EventId, id.0, position));
        work.rows.events.push(memo.row.clone());
        work.rows.deliveries.extend(memo.delivery_row());
        self.keyed.put(event_slot(position), &memo)?;
        self.keep_facts(facts, position, work)?;
        let named = Named { height: position.height, idx: position.idx, key, declares: declares(event) };
        self.settle_names(party, event, hash, name, named, work)
    }

    fn flags(
        &self,
        submission: &Submission,
        event: &Event,
        name: &Name,
        position: EventRef,
        work: &mut Work<'_>,
    ) -> Flags {
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
        if event.error.is_none() && name.taken {
            flags = flags.with(Flags::CONFLICT);
            alert("conflicting", event.event_id.clone().unwrap_or_default());
        }
        flags
    }

    fn keep_facts(&mut self, facts: Vec<Fact>, position: EventRef, work: &mut Work<'_>) -> anyhow::Result<()> {
        for fact in facts {
            self.keyed.put(fact_slot(&fact), &FactMemo::from(&fact))?;
            if fact.role == Role::Emptied {
                self.keyed.put(Key::of(b'M').thing(&fact.thing).position(position).end(), &fact.order())?;
            }
            work.rows.facts.push(FactRow::from(&fact));
            work.take_fact(fact);
        }
        Ok(())
    }

    /// The event of this name with this key, if there is one already.
    fn named(&self, hash: &[u8; 32], name: &Name, key: &[u8; 32]) -> anyhow::Result<Option<Named>> {
        match name.first.filter(|first| first.key == *key) {
            None if name.more => self.keyed.get(&more_slot(hash, key)),
            found => Ok(found),
        }
    }

    pub(super) fn name(&self, hash: &[u8; 32]) -> anyhow::Result<Name> {
        Ok(self.keyed.get(&name_slot(hash))?.unwrap_or_default())
    }
}

/// H(party ‖ "\n" ‖ eventID): eventIDs are unique per party.
pub(super) fn name_hash(party: &str, event_id: &str) -> [u8; 32] {
    hash::sha256(&[party.as_bytes(), b"\n", event_id.as_bytes()]).0
}

pub(super) fn name_slot(hash: &[u8; 32]) -> Vec<u8> {
    Key::of(b'I').bytes(hash).end()
}

/// An event of a name that has a first one.
pub(super) fn more_slot(hash: &[u8; 32], key: &[u8; 32]) -> Vec<u8> {
    [more_slots(hash), key.to_vec()].concat()
}

pub(super) fn more_slots(hash: &[u8; 32]) -> Vec<u8> {
    Key::of(b'C').bytes(hash).end()
}

pub(super) fn event_slot(position: EventRef) -> Vec<u8> {
    Key::of(b'E').position(position).end()
}

/// All facts of a thing; then those of one event follow with its position.
pub(super) fn facts_slot(thing: &Thing) -> Key {
    Key::of(b'F').thing(thing)
}

fn fact_slot(fact: &Fact) -> Vec<u8> {
    let key = facts_slot(&fact.thing).position(fact.head.position).bytes(&[fact.role.to_u8()]);
    match &fact.counterpart {
        Some(counterpart) => key.thing(counterpart).end(),
        None => key.end(),
    }
}

pub(super) fn remember(event: &Event, sealed: &Sealed, record_ms: u64, facts: &[Fact]) -> EventMemo {
    let head = facts.first().map_or_else(|| Arc::new(head_of(event, sealed)), |fact| fact.head.clone());
    let mut things: Vec<ThingKey> = facts.iter().map(|fact| ThingKey::from(&fact.thing)).collect();
    things.dedup();
    let location =
        |place: &Option<medtrace_event::event::Location>| place.as_ref().map_or_else(String::new, |p| p.thing.uri());
    let row = EventRow {
        block: sealed.position.height,
        idx: sealed.position.idx,
        t: event.time,
        record_ms,
        kind: event.kind.name().to_owned(),
        action: event.action.map_or("", |a| a.name()).to_owned(),
        step: head.step.to_string(),
        disposition: head.disposition.to_string(),
        read_point: location(&event.read_point),
        biz_location: location(&event.biz_location),
        party: sealed.party.to_string(),
        event_id: event.event_id.clone().unwrap_or_default(),
        things: facts.len() as u32,
        flags: head.flags.0,
        void_block: 0,
        void_idx: 0,
        erased_block: 0,
        erased_idx: 0,
        ver: version(sealed.position),
    };
    let delivery = is_bound(event).then(|| {
        let destinations = event.destinations.iter().map(|d| d.thing.uri()).collect();
        (destinations, event.transactions.iter().map(|t| t.id.clone()).collect())
    });
    EventMemo {
        row,
        rank: head.order.rank,
        note_ms: head.order.note_ms,
        submission: head.order.submission,
        persistent_set: head.persistent_set.clone(),
        persistent_unset: head.persistent_unset.clone(),
        destination: head.destination.clone(),
        delivery,
        ends: [&event.sources, &event.destinations]
            .map(|ends| ends.iter().map(|end| (Box::from(&*end.kind), ThingKey::from(&end.thing))).collect()),
        corrective: event.error.iter().flat_map(|error| &error.corrective).map(|id| Box::from(id.as_str())).collect(),
        things,
    }
}
