//! From sealed blocks to rows: deterministic, one block after the other, the same whether it runs for the first time,
//! again after a crash, or in an audit.
//!
//! What one event costs, as `tests/measure.rs` tells (its first lines say how to run it) on the development machine, two
//! cores that others used too, unoptimised own code; µs of a processor, of which reading the event and seeing that its bytes
//! are as they must be sealed is 10:
//!
//! | | applied in order | folded anew each time |
//! |---|---|---|
//! | one pack an event, submissions of 500 | 30 | 205 by the clock |
//! | commissioned, shipped, received, stored | 32 | 185 by the clock |
//! | a case packed one by one: 2,500, 5,000, 10,000 times | 34, 34, 34 | 456, 713, 1,310 by the clock |
//! | a lot with 2,500, 5,000, 10,000 events | 29, 28, 28 | 315, 697, 1,106 by the clock |
//!
//! A quarter of it goes to the allocator. What stays quadratic: unpacking a container of thousands one by one (each that
//! leaves is told what the container went through), and a lot spread over thousands of containers (its row names all).

mod erase;
mod event;
mod follow;
mod master;
mod memo;
mod notice;
mod reader;
mod refold;
mod rows;
mod states;
mod voids;

use std::collections::BTreeMap;

use anyhow::Context;
use medtrace_gs1::Thing;
use medtrace_ledger::merkle::Frontier;
use medtrace_ledger::note::Note;
use medtrace_ledger::submission::{submission_leaf, undecodable_leaf};
use medtrace_ledger::{EventRef, Genesis, Hash, ItemKind, Origin, Submission};
use medtrace_log::frame::Body;
use medtrace_log::record::{Record, Unpacked};
use medtrace_log::sealed::{SealedBlock, SealedRecord};
use medtrace_log::topics::NOTICES;
use medtrace_registry::Registry;
use medtrace_store::rows::{BlockRow, EventRefRow, RefKind, RefusedRow, SubmissionRow};
use medtrace_timeline::Fact;

pub use follow::Foreign;
pub use rows::Rows;

use crate::keyed::{Key, Keyed, Overlay};

/// Derives rows block by block over the keyed state.
pub struct Deriver<K> {
    keyed: Overlay<K>,
    registry: Registry,
    origin: Origin,
    /// H(genesis text).
    genesis: Hash,
    /// As many as were derived: the next block's height.
    headers: Frontier,
}

/// One block under way.
struct Work<'a> {
    height: u64,
    time_ms: u64,
    rows: Rows,
    events: u32,
    notices: u32,
    /// Things whose facts changed.
    touched: BTreeMap<Thing, Touch>,
    /// Events withdrawn in this block, with what withdraws them.
    voided: BTreeMap<EventRef, EventRef>,
    block: &'a SealedBlock,
}

/// How the facts of a thing changed in one block.
#[derive(Clone)]
struct Touch {
    /// The newest event that did it.
    by: EventRef,
    /// The earliest instant of which anything new is told, µs.
    earliest: i64,
    /// It was emptied, or an emptying of it was withdrawn.
    emptied: bool,
    /// More than new facts of its own: it is folded from all facts.
    anew: bool,
    facts: Vec<Fact>,
}

/// A record that verified, and whose note reads as a submission.
struct Opened {
    submission: Submission,
    unpacked: Unpacked,
    ordinal: u32,
    notices: bool,
}

impl<K: Keyed> Deriver<K> {
    /// Takes up where the keyed state ends.
    pub fn open(base: K, genesis: &Genesis) -> anyhow::Result<Self> {
        let keyed = Overlay::new(base);
        let kept = keyed.get::<follow::Kept>(&headers_key())?;
        let headers = kept.map(|kept| kept.read().context("failed to read the header log of the keyed state"));
        let mut deriver = Deriver {
            keyed,
            registry: Registry::from_genesis(genesis),
            origin: genesis.origin.clone(),
            genesis: genesis.hash(),
            headers: headers.transpose()?.unwrap_or_default(),
        };
        deriver.replay_notices()?;
        Ok(deriver)
    }

    /// Height of the block that [`Deriver::derive`] expects.
    pub fn next_height(&self) -> u64 {
        self.headers.size()
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The keyed state as it was committed last.
    pub fn base(&self) -> &K {
        self.keyed.base()
    }

    /// Keys that [`Deriver::commit`] would change.
    pub fn pending(&self) -> usize {
        self.keyed.pending()
    }

    /// The rows of the next block. The keyed state changes in memory only.
    ///
    /// # Errors
    /// Only those of the keyed state and of a block out of turn: whatever a record holds becomes a row.
    pub fn derive(&mut self, block: &SealedBlock) -> anyhow::Result<Rows> {
        let header = &block.header;
        let next = self.next_height();
        anyhow::ensure!(header.height == next, "block {} came where {next} is next", header.height);
        let mut work = Work {
            height: header.height,
            time_ms: header.time_ms,
            rows: Rows::default(),
            events: 0,
            notices: 0,
            touched: BTreeMap::new(),
            voided: BTreeMap::new(),
            block,
        };
        for record in &block.records {
            if let Some(opened) = open_record(record, &mut work)? {
                self.take_items(&opened, &mut work)?;
            }
        }
        self.take_topics(header)?;
        self.apply_voids(&mut work)?;
        self.refold(&mut work)?;
        self.close(work)
    }

    /// Makes the keyed state durable up to the last derived block. Only after its rows are in the store.
    pub fn commit(&mut self) -> anyhow::Result<()> {
        self.keyed.commit()
    }

    fn take_items(&mut self, opened: &Opened, work: &mut Work<'_>) -> anyhow::Result<()> {
        if opened.notices {
            let items =
                (0..opened.unpacked.len()).filter_map(|index| Some((index as u32, opened.unpacked.item(index)?)));
            let notices = items.filter(|(_, item)| item.kind == ItemKind::Notice);
            let notices: Vec<(u32, &[u8])> = notices.map(|(index, item)| (index, item.bytes)).collect();
            work.notices += notices.len() as u32;
            return self.take_notices(&opened.submission, opened.ordinal, &notices, work);
        }
        for index in 0..opened.unpacked.len() {
            let Some(position) = EventRef::new(work.height, opened.ordinal, index as u32) else { continue };
            let item = opened.unpacked.item(index);
            match item.map(|item| (item.kind, item.bytes)) {
                Some((ItemKind::Event, bytes)) => {
                    work.events += 1;
                    self.take_event(&opened.submission, position, bytes, work)?;
                }
                Some((ItemKind::Document, bytes)) => {
                    self.take_master_data(&opened.submission.party, position, bytes, work);
                }
                Some((ItemKind::Notice, _)) => {}
                None => {
                    let erased = work.block.erased.get(&position);
                    let erased =
                        erased.with_context(|| format!("{position} came as its leaf alone, and no notice says so"))?;
                    work.events += 1;
                    self.take_erased(&opened.submission, position, erased, work)?;
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, mut work: Work<'_>) -> anyhow::Result<Rows> {
        let block = work.block;
        let mut positions: Vec<(String, i32, i64)> =
            block.header.cuts.iter().map(|c| (c.topic.to_string(), c.partition as i32, c.to as i64)).collect();
        positions.sort();
        let leaf = block.header.leaf();
        work.rows.blocks.push(BlockRow {
            height: work.height,
            time_ms: work.time_ms,
            header: block.text.clone(),
            leaf: leaf.0,
            submissions: block.header.records(),
            events: work.events,
            notices: work.notices,
            positions,
        });
        self.headers.push(leaf);
        self.keyed.put(headers_key(), &follow::Kept::from(&self.headers))?;
        Ok(work.rows)
    }
}

fn headers_key() -> Vec<u8> {
    Key::of(b'H').end()
}

/// The evidence row of a record, and its submission if it verified.
fn open_record(record: &SealedRecord, work: &mut Work<'_>) -> anyhow::Result<Option<Opened>> {
    let mut row = SubmissionRow {
        block: work.height,
        ordinal: record.ordinal,
        topic: record.topic.clone(),
        partition: record.partition,
        offset: record.offset as i64,
        party: String::new(),
        id: [0; 32],
        leaf: undecodable_leaf(&record.value).0,
        bad: record.bad.clone().unwrap_or_default(),
        note: String::new(),
        salts: Vec::new(),
        frame: Vec::new(),
        erased: 0,
    };
    let Ok(unpacked) = Record::decode(&record.value) else {
        anyhow::ensure!(
            record.bad.is_some(),
            "block {} does not name the undecodable record {} bad",
            work.height,
            record.ordinal
        );
        work.rows.submissions.push(row);
        return Ok(None);
    };
    row.leaf = submission_leaf(&unpacked.record.note).0;
    row.note = unpacked.record.note.clone();
    row.salts = unpacked.record.salts.iter().flat_map(|salt| salt.0).collect();
    row.frame = unpacked.record.bodies.clone();
    row.erased = unpacked.bodies.iter().filter(|body| matches!(body, Body::Erased(_))).count() as u16;
    let submission = Note::parse(&row.note).ok().and_then(|note| Submission::parse(note.text()).ok());
    if let Some(submission) = &submission {
        row.party = submission.party.to_string();
        row.id = submission.id().0;
    }
    let bad = record.bad.is_some();
    if !bad {
        let position =
            EventRef::new(work.height, record.ordinal, 0).context("a block holds more records than it may")?;
        work.rows.event_refs.push(EventRefRow::new(RefKind::Submission, row.id, position));
    }
    work.rows.submissions.push(row);
    let (ordinal, notices) = (record.ordinal, record.topic == NOTICES);
    Ok(submission.filter(|_| !bad).map(|submission| Opened { submission, unpacked, ordinal, notices }))
}

impl Work<'_> {
    /// The first withdrawal counts.
    fn void(&mut self, target: EventRef, by: EventRef) {
        self.voided.entry(target).or_insert(by);
    }

    fn refuse(&mut self, position: EventRef, target: &str, reason: String) {
        let content = position.to_string();
        self.rows.refused.push(RefusedRow { block: self.height, target: target.to_owned(), reason, content });
    }
}
