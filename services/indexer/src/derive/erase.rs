//! Erased items: their bytes are gone, a replacement that gives the same facts stands in their place.
//!
//! Two ways lead to the same rows. Where the log still has the bytes, the event is derived from them, and the notice
//! changes what is left of it. Where an archive has the leaf alone, it says which notice did that, and the event is derived
//! from the replacement at once; the notice then finds nothing to take away.
//!
//! An erased event is known again by nothing: the key of its bytes would let anybody who guesses them prove the guess.

use std::collections::BTreeMap;

use anyhow::Context;
use medtrace_gs1::Thing;
use medtrace_ledger::{EventRef, Submission};
use medtrace_log::sealed::Erased;
use medtrace_registry::notice::Erasure;
use medtrace_store::rows::{ErasureRow, ReplayRow, version};
use medtrace_timeline::{Fact, Flags, Role, Sealed, facts_of};
use rust_decimal::Decimal;

use super::event::{Entry, event_slot, facts_slot, more_slot, more_slots, name_hash, name_slot, remember};
use super::memo::{EventMemo, Named};
use super::refold::Reader;
use super::{Deriver, Work};
use crate::keyed::{Key, Keyed, Parts};

/// What an event says of each thing: quantity, lot and expiry.
type Own = BTreeMap<(Thing, Role, Option<Thing>), (Option<Decimal>, Box<str>, Option<i32>)>;

impl<K: Keyed> Deriver<K> {
    /// An item that came as its leaf alone, from an archive.
    pub(super) fn take_erased(
        &mut self,
        submission: &Submission,
        position: EventRef,
        erased: &Erased,
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        if erased.of != position {
            return self.take_copy(erased.of, position, work);
        }
        let party = submission.party.as_str();
        match medtrace_event::open(&erased.replacement, party) {
            Ok(sealed) => {
                let hash = name_hash(party, &sealed.event_id);
                let entry = Entry { position, key: erased_key(position), hash, name: self.name(&hash)? };
                self.enter(submission, entry, &sealed, work)
            }
            Err(faults) => {
                work.refuse(position, "event", faults.first().map_or_else(String::new, ToString::to_string));
                Ok(())
            }
        }
    }

    /// The same event again.
    pub(super) fn take_copy(&mut self, first: EventRef, position: EventRef, work: &mut Work<'_>) -> anyhow::Result<()> {
        let (block, idx) = (position.height, position.idx);
        work.rows.replays.push(ReplayRow { of_block: first.height, of_idx: first.idx, block, idx });
        self.keyed.put(copies_slot(first).position(position).end(), &())
    }

    /// Does what an accepted notice asks for; why not, if it cannot be done.
    pub(super) fn erase(
        &mut self,
        erasure: &Erasure,
        by: EventRef,
        work: &mut Work<'_>,
    ) -> anyhow::Result<Result<(), String>> {
        let event = erasure.event;
        let Some(mut memo) = self.keyed.get::<EventMemo>(&event_slot(event))? else {
            return Ok(Err(format!("/event: no event is sealed at {event}, or the same was sealed before (no-event)")));
        };
        if memo.row.erased_block > 0 {
            return Ok(Err(format!("/event: {event} is erased already (already-erased)")));
        }
        let bytes = erasure.replacement.to_jcs();
        if !self.says_the_same(&memo, &bytes)? {
            let detail = "the replacement gives other facts than the event";
            return Ok(Err(format!("/replacement: {detail} (other-facts)")));
        }
        let copies = self.copies(event)?;
        if copies != erasure.copies {
            let named: Vec<String> = copies.iter().map(ToString::to_string).collect();
            return Ok(Err(format!("/copies: the same bytes are sealed at {named:?}; all are named (copies)")));
        }
        (memo.row.erased_block, memo.row.erased_idx) = (by.height, by.idx);
        memo.row.ver = version(by).max(memo.row.ver);
        self.keyed.put(event_slot(event), &memo)?;
        self.forget_key(&memo)?;
        let replacement = String::from_utf8(bytes).context("failed to read a replacement as text")?;
        work.rows.erasures.extend(erasure.items().map(|item| ErasureRow {
            block: item.height,
            idx: item.idx,
            of_block: event.height,
            of_idx: event.idx,
            by_block: by.height,
            by_idx: by.idx,
            replacement: replacement.clone(),
        }));
        work.rows.events.push(memo.row);
        Ok(Ok(()))
    }

    /// Whether everything that was derived from the event follows from its replacement too; as
    /// [`medtrace_timeline::same_facts`] of the two.
    fn says_the_same(&self, memo: &EventMemo, replacement: &[u8]) -> anyhow::Result<bool> {
        let Ok(opened) = medtrace_event::open(replacement, &memo.row.party) else { return Ok(false) };
        let position = memo.position();
        let mut submission = [0; 32];
        submission[..8].copy_from_slice(&memo.submission.to_be_bytes());
        let found_out = memo.row.flags & (Flags::NOT_ENTITLED.0 | Flags::CONFLICT.0);
        let sealed = Sealed {
            position,
            note_ms: memo.note_ms,
            submission,
            index: position.index() as u16,
            party: memo.row.party.as_str().into(),
            flags: Flags(found_out),
        };
        let facts = facts_of(&opened.event, &sealed);
        let mut other = remember(&opened.event, &sealed, memo.row.record_ms, &facts);
        (other.row.void_block, other.row.void_idx) = (memo.row.void_block, memo.row.void_idx);
        other.row.ver = memo.row.ver;
        Ok(other == *memo && own(&facts) == own(&self.facts_at(memo)?))
    }

    fn facts_at(&self, memo: &EventMemo) -> anyhow::Result<Vec<Fact>> {
        let (mut reader, mut facts) = (Reader::default(), Vec::new());
        for thing in memo.things.iter().filter_map(|key| key.thing()) {
            let slot = facts_slot(&thing).position(memo.position()).end();
            facts.extend(reader.under(&self.keyed, &thing, &slot)?);
        }
        Ok(facts)
    }

    fn copies(&self, event: EventRef) -> anyhow::Result<Vec<EventRef>> {
        let keys = self.keyed.scan::<()>(&copies_slot(event).end())?;
        let read = |key: Vec<u8>| Parts(&key).position().context("failed to read where an event is sealed again");
        keys.into_iter().map(|(key, ())| read(key)).collect()
    }

    /// Puts an erased event's key in the place of the one by which it was known again.
    fn forget_key(&mut self, memo: &EventMemo) -> anyhow::Result<()> {
        let (position, hash) = (memo.position(), name_hash(&memo.row.party, &memo.row.event_id));
        let mut name = self.name(&hash)?;
        if let Some(first) = name.first.as_mut().filter(|first| first.position() == position) {
            first.key = erased_key(position);
            return self.keyed.put(name_slot(&hash), &name);
        }
        let others = self.keyed.scan::<Named>(&more_slots(&hash))?;
        for (_, named) in others.into_iter().filter(|(_, named)| named.position() == position) {
            self.keyed.remove(more_slot(&hash, &named.key));
            let named = Named { key: erased_key(position), ..named };
            self.keyed.put(more_slot(&hash, &named.key), &named)?;
        }
        Ok(())
    }
}

/// In the place of the event key: no bytes have it.
fn erased_key(position: EventRef) -> [u8; 32] {
    let mut key = [0; 32];
    key[20..28].copy_from_slice(&position.height.to_be_bytes());
    key[28..].copy_from_slice(&position.idx.to_be_bytes());
    key
}

/// Whether a key is one of [`erased_key`].
pub(super) fn is_erased_key(key: &[u8; 32]) -> bool {
    key[..20] == [0; 20]
}

fn copies_slot(first: EventRef) -> Key {
    Key::of(b'P').position(first)
}

/// What the facts of one event say, in one order.
fn own(facts: &[Fact]) -> Own {
    let fact = |fact: &Fact| {
        let what = (fact.thing.clone(), fact.role, fact.counterpart.clone());
        (what, (fact.quantity, fact.lot.clone(), fact.expiry))
    };
    facts.iter().map(fact).collect()
}
