//! Corrections: an error declaration withdraws the other events of its name, in whichever order they come.
//!
//! `did_not_occur` withdraws at once. `incorrect_data` withdraws when the first of the corrective events it names is
//! sealed, be it before, after or never: until then the original stays in force. Only the same party can do either,
//! because names are per party.

use std::collections::BTreeSet;

use anyhow::Context;
use medtrace_event::Event;
use medtrace_ledger::EventRef;
use medtrace_store::rows::FactRow;
use medtrace_timeline::Role;

use super::event::{event_slot, facts_slot, more_slot, more_slots, name_hash, name_slot};
use super::memo::{Declares, EventMemo, Name, Named};
use super::refold::Reader;
use super::{Deriver, Work};
use crate::keyed::{Key, Keyed};

impl<K: Keyed> Deriver<K> {
    /// Enters an event under its name (`hash`), and finds what it withdraws, or what withdraws it.
    pub(super) fn settle_names(
        &mut self,
        party: &str,
        event: &Event,
        hash: [u8; 32],
        mut name: Name,
        named: Named,
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let (position, before) = (named.position(), name);
        if let (Declares::Nothing, Some((height, idx))) = (named.declares, name.withdrawn) {
            work.void(position, EventRef { height, idx });
        }
        match name.first {
            None => name.first = Some(named),
            Some(_) => {
                name.more = true;
                self.keyed.put(more_slot(&hash, &named.key), &named)?;
            }
        }
        name.taken |= named.declares == Declares::Nothing;
        if name != before {
            self.keyed.put(name_slot(&hash), &name)?;
        }
        match named.declares {
            Declares::DidNotOccur => self.withdraw(&hash, position, work),
            Declares::IncorrectData => {
                let corrective = event.error.iter().flat_map(|error| &error.corrective);
                // Nothing puts itself right.
                for correction in corrective.map(|id| name_hash(party, id)).filter(|correction| *correction != hash) {
                    self.await_correction(&hash, &correction, position, work)?;
                }
                Ok(())
            }
            Declares::Nothing if name.awaited && !before.taken => {
                for (original, ()) in self.keyed.scan(&waiting_slot(&hash, &[]))? {
                    let original =
                        original.as_slice().try_into().context("failed to read who waits for a correction")?;
                    self.withdraw(original, position, work)?;
                }
                Ok(())
            }
            Declares::Nothing => Ok(()),
        }
    }

    /// `declaration` says that events named `correction` put those named `original` right. Any counts, even one that is
    /// withdrawn itself: then something else puts it right in turn, in whichever order that is told.
    fn await_correction(
        &mut self,
        original: &[u8; 32],
        correction: &[u8; 32],
        declaration: EventRef,
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let mut name = self.name(correction)?;
        if name.taken {
            return self.withdraw(original, declaration, work);
        }
        self.keyed.put(waiting_slot(correction, original), &())?;
        if !name.awaited {
            name.awaited = true;
            self.keyed.put(name_slot(correction), &name)?;
        }
        Ok(())
    }

    /// Withdraws all events of a name, those still to come too. The first withdrawal counts.
    fn withdraw(&mut self, hash: &[u8; 32], by: EventRef, work: &mut Work<'_>) -> anyhow::Result<()> {
        let mut name = self.name(hash)?;
        if name.withdrawn.is_some() {
            return Ok(());
        }
        name.withdrawn = Some((by.height, by.idx));
        self.keyed.put(name_slot(hash), &name)?;
        let mut events: Vec<Named> = name.first.into_iter().collect();
        if name.more {
            events.extend(self.keyed.scan::<Named>(&more_slots(hash))?.into_iter().map(|(_, event)| event));
        }
        for event in events.iter().filter(|event| event.declares == Declares::Nothing) {
            work.void(event.position(), by);
        }
        Ok(())
    }

    /// Rewrites what was withdrawn in this block, with what withdrew it.
    pub(super) fn apply_voids(&mut self, work: &mut Work<'_>) -> anyhow::Result<()> {
        let voided = std::mem::take(&mut work.voided);
        forget(voided.keys(), work);
        for (target, by) in voided {
            let Some(mut memo) = self.keyed.get::<EventMemo>(&event_slot(target))? else { continue };
            if memo.head().voided.is_some() {
                continue;
            }
            memo.void(by);
            self.keyed.put(event_slot(target), &memo)?;
            // Of what came after its own correction, that is itself the news.
            let news = by.max(target);
            let mut reader = Reader::default();
            for thing in memo.things.iter().filter_map(|key| key.thing()) {
                let slot = facts_slot(&thing).position(target).end();
                for fact in reader.under(&self.keyed, &thing, &slot)? {
                    work.touch_anew(&thing, news, memo.row.t, fact.role == Role::Emptied);
                    work.rows.facts.push(FactRow::from(&fact));
                }
            }
            work.rows.deliveries.extend(memo.delivery_row());
            work.rows.events.push(memo.row);
        }
        Ok(())
    }
}

pub(super) fn declares(event: &Event) -> Declares {
    match &event.error {
        None => Declares::Nothing,
        Some(error) if error.reason.as_deref() == Some("did_not_occur") => Declares::DidNotOccur,
        Some(_) => Declares::IncorrectData,
    }
}

/// A name that one waits for, and the one that waits.
fn waiting_slot(correction: &[u8; 32], original: &[u8]) -> Vec<u8> {
    Key::of(b'K').bytes(correction).bytes(original).end()
}

/// Takes back the rows of what is withdrawn in the block that brought it: a key has one row a version.
fn forget<'a>(voided: impl Iterator<Item = &'a EventRef>, work: &mut Work<'_>) {
    let here: BTreeSet<u32> = voided.filter(|target| target.height == work.height).map(|target| target.idx).collect();
    if !here.is_empty() {
        // What was erased in this block is an event of another.
        work.rows.events.retain(|row| row.block != work.height || !here.contains(&row.idx));
        work.rows.deliveries.retain(|row| !here.contains(&row.idx));
        work.rows.facts.retain(|row| !here.contains(&row.idx));
    }
}
