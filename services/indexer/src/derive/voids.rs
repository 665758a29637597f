//! Corrections: an error declaration withdraws the other events of its name, in whichever order they come.
//!
//! `did_not_occur` withdraws at once. `incorrect_data` withdraws when the first of the corrective events it names is
//! sealed, be it before, after or never: until then the original stays in force. Only the same party can do either,
//! because names are per party.

use medtrace_event::Event;
use medtrace_ledger::EventRef;
use medtrace_store::rows::{FactRow, version};

use super::event::{event_slot, name_hash};
use super::memo::{Declares, EventMemo, Named};
use super::{Deriver, Work};
use crate::keyed::{Key, Keyed};

impl<K: Keyed> Deriver<K> {
    /// Enters an event under its name and finds what it withdraws, or what withdraws it.
    pub(super) fn settle_names(
        &mut self,
        party: &str,
        event: &Event,
        name: [u8; 32],
        position: EventRef,
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let declares = declares(event);
        let mut named = self.named(&name)?;
        match declares {
            Declares::DidNotOccur => withdraw(&named, position, work),
            Declares::IncorrectData => self.await_corrections(party, event, name, &named, position, work)?,
            Declares::Nothing => {
                if named.iter().any(|other| other.declares == Declares::DidNotOccur) {
                    void(position, position, work);
                }
            }
        }
        named.push(Named { height: position.height, idx: position.idx, declares });
        self.keyed.put(Key::of(b'I').bytes(&name).end(), &named)?;
        if declares == Declares::Nothing {
            self.correct_waiting(&name, position, work)?;
            self.late_original(&name, position, work)?;
        }
        Ok(())
    }

    /// Remembers that the events of `name` wait for any of the corrective events; withdraws them if one is there.
    fn await_corrections(
        &mut self,
        party: &str,
        event: &Event,
        name: [u8; 32],
        named: &[Named],
        position: EventRef,
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let corrective = event.error.iter().flat_map(|e| &e.corrective);
        for id in corrective {
            let correction = name_hash(party, id);
            let slot = Key::of(b'W').bytes(&correction).end();
            let mut waiting: Vec<[u8; 32]> = self.keyed.get(&slot)?.unwrap_or_default();
            if !waiting.contains(&name) {
                waiting.push(name);
                self.keyed.put(slot, &waiting)?;
            }
            if self.named(&correction)?.iter().any(|c| c.declares == Declares::Nothing) {
                withdraw(named, position, work);
                self.keyed.put(Key::of(b'X').bytes(&name).end(), &(position.height, position.idx))?;
            }
        }
        Ok(())
    }

    /// `position` is a corrective event: whatever waits for one of its name is withdrawn.
    fn correct_waiting(&mut self, name: &[u8; 32], position: EventRef, work: &mut Work<'_>) -> anyhow::Result<()> {
        let waiting: Vec<[u8; 32]> = self.keyed.get(&Key::of(b'W').bytes(name).end())?.unwrap_or_default();
        for original in waiting {
            withdraw(&self.named(&original)?, position, work);
            self.keyed.put(Key::of(b'X').bytes(&original).end(), &(position.height, position.idx))?;
        }
        Ok(())
    }

    /// `position` comes after its own correction.
    fn late_original(&mut self, name: &[u8; 32], position: EventRef, work: &mut Work<'_>) -> anyhow::Result<()> {
        if self.keyed.get::<(u64, u32)>(&Key::of(b'X').bytes(name).end())?.is_some() {
            void(position, position, work);
        }
        Ok(())
    }

    /// Rewrites what was withdrawn in this block, with what withdrew it.
    pub(super) fn apply_voids(&mut self, work: &mut Work<'_>) -> anyhow::Result<()> {
        for (target, by) in std::mem::take(&mut work.voided) {
            let Some(mut memo) = self.keyed.get::<EventMemo>(&event_slot(target))? else { continue };
            if (memo.row.void_block, memo.row.void_idx) != (0, 0) {
                continue;
            }
            (memo.row.void_block, memo.row.void_idx, memo.row.ver) = (by.height, by.idx, version(by));
            if let Some(delivery) = &mut memo.delivery {
                (delivery.void_block, delivery.void_idx, delivery.ver) = (by.height, by.idx, version(by));
                work.rows.deliveries.push(delivery.clone());
            }
            for key in &memo.things {
                let Some(thing) = key.thing() else { continue };
                self.void_facts(&Key::of(b'F').thing(&thing).position(target).end(), by, Some(work))?;
                self.void_facts(&Key::of(b'M').thing(&thing).position(target).end(), by, None)?;
                work.touch(&thing, by, memo.row.t);
            }
            work.rows.events.push(memo.row.clone());
            self.keyed.put(event_slot(target), &memo)?;
        }
        Ok(())
    }

    fn void_facts(&mut self, prefix: &[u8], by: EventRef, mut work: Option<&mut Work<'_>>) -> anyhow::Result<()> {
        for (rest, mut row) in self.keyed.scan::<FactRow>(prefix)? {
            (row.void_block, row.void_idx, row.ver) = (by.height, by.idx, version(by));
            self.keyed.put([prefix, &rest].concat(), &row)?;
            if let Some(work) = &mut work {
                work.rows.facts.push(row);
            }
        }
        Ok(())
    }
}

fn declares(event: &Event) -> Declares {
    match &event.error {
        None => Declares::Nothing,
        Some(error) if error.reason.as_deref() == Some("did_not_occur") => Declares::DidNotOccur,
        Some(_) => Declares::IncorrectData,
    }
}

fn withdraw(named: &[Named], by: EventRef, work: &mut Work<'_>) {
    for original in named.iter().filter(|n| n.declares == Declares::Nothing) {
        void(original.position(), by, work);
    }
}

/// The first withdrawal counts.
fn void(target: EventRef, by: EventRef, work: &mut Work<'_>) {
    work.voided.entry(target).or_insert(by);
}
