//! What the tables must hold.

use std::collections::HashMap;
use std::path::Path;

use medtrace_event::event_key;
use medtrace_ledger::{EventRef, Genesis};
use medtrace_log::frame::{self, Body};
use medtrace_log::sealed::SealedBlock;
use medtrace_store::rows::{DuplicateRow, ErasureRow, EventHashRow, EventRefRow, RefKind, SubmissionRow};
use medtrace_timeline::Flags;

use crate::derive::{Deriver, Rows};
use crate::keyed::{Disk, Keyed, Overlay, after, read};
use crate::tables::{Table, TakeRows};
use crate::{erase, hashes};

/// Changes that are gathered before they go to disk.
const PENDING_MAX: usize = 100_000;
/// Added to a table's number: see [`Expected`].
const DEFERRED: u8 = 128;
/// In place of a table's number: see [`Expected`].
const FIRST: u8 = 127;

/// The rows of all tables as reads see them: of each key the newest, without those that are hidden.
///
/// ```text
/// number of the table ‖ key         → row
/// number of the table + 128 ‖ key   → a row of the store that is to be looked at again
/// 127 ‖ event hash                  → where an event with it was sealed first
/// ```
pub struct Expected<K> {
    rows: Overlay<K>,
}

impl<K: Keyed> Expected<K> {
    pub fn new(base: K) -> Self {
        Expected { rows: Overlay::new(base) }
    }

    /// Takes the rows of the next block.
    pub fn take(&mut self, rows: &Rows) -> anyhow::Result<()> {
        rows.show(&mut Taking(self))?;
        for row in &rows.erasures {
            self.erase(row)?;
        }
        self.relieve()
    }

    /// Does to the rows what [`crate::erase`] does to the tables.
    fn erase(&mut self, row: &ErasureRow) -> anyhow::Result<()> {
        let at = erase::item(row);
        let key = postcard::to_stdvec(&(at.height, at.ordinal()))?;
        let Some(whole) = self.get::<SubmissionRow>(&key)? else { return Ok(()) };
        let body = frame::unpack(&whole.frame)?;
        if let Some(Body::Whole(_, bytes)) = body.get(at.index() as usize).filter(|_| erase::is_event(row)) {
            let event_key = event_key(&whole.party, bytes);
            self.strike::<EventRefRow>(&EventRefRow::new(RefKind::EventKey, event_key, at).key())?;
            for hash in hashes::of_event(bytes, at, Flags::default()) {
                self.forget_hash(&hash)?;
            }
        }
        self.rows.put(slot(SubmissionRow::NUMBER, &key), &erase::erased(whole, [at.index()])?)
    }

    /// Strikes a hash off; what repeated its event, repeats the next that has it.
    fn forget_hash(&mut self, gone: &EventHashRow) -> anyhow::Result<()> {
        self.strike::<EventHashRow>(&gone.key())?;
        self.strike::<DuplicateRow>(&postcard::to_stdvec(&(gone.block, gone.idx))?)?;
        if !hashes::may_be_first(gone) || self.rows.get(&slot(FIRST, &gone.digest))? != Some((gone.block, gone.idx)) {
            return Ok(());
        }
        let alike = slot(EventHashRow::NUMBER, &postcard::to_stdvec(&(gone.prefix, gone.digest))?);
        let mut alike: Vec<EventHashRow> = self.rows.scan(&alike)?.into_iter().map(|(_, row)| row).collect();
        alike.retain(hashes::may_be_first);
        alike.sort_by_key(|row| (row.block, row.idx));
        self.rows.remove(slot(FIRST, &gone.digest));
        if let Some(first) = alike.first() {
            self.rows.put(slot(FIRST, &gone.digest), &(first.block, first.idx))?;
            self.strike::<DuplicateRow>(&postcard::to_stdvec(&(first.block, first.idx))?)?;
        }
        for again in erase::duplicates(&alike) {
            self.rows.put(slot(DuplicateRow::NUMBER, &again.key()), &again)?;
        }
        Ok(())
    }

    pub fn get<T: Table>(&self, key: &[u8]) -> anyhow::Result<Option<T>> {
        self.rows.get(&slot(T::NUMBER, key))
    }

    pub fn strike<T: Table>(&mut self, key: &[u8]) -> anyhow::Result<()> {
        self.rows.remove(slot(T::NUMBER, key));
        self.relieve()
    }

    /// At most `most` rows of a table whose keys come after `last`, in order.
    pub fn page<T: Table>(&mut self, last: Option<&[u8]>, most: usize) -> anyhow::Result<Vec<T>> {
        self.page_of(T::NUMBER, last, most)
    }

    /// Keeps a row of the store that was not expected when it was read.
    pub fn defer<T: Table>(&mut self, row: &T) -> anyhow::Result<()> {
        self.rows.put(slot(T::NUMBER | DEFERRED, &row.key()), row)?;
        self.relieve()
    }

    /// As [`Expected::page`], of what was deferred.
    pub fn deferred<T: Table>(&mut self, last: Option<&[u8]>, most: usize) -> anyhow::Result<Vec<T>> {
        self.page_of(T::NUMBER | DEFERRED, last, most)
    }

    pub fn settle<T: Table>(&mut self, key: &[u8]) {
        self.rows.remove(slot(T::NUMBER | DEFERRED, key));
    }

    /// Where the first event with the hash of each of these rows was sealed, these included.
    fn first(&mut self, rows: &[EventHashRow]) -> anyhow::Result<HashMap<[u8; 32], EventRef>> {
        let mut first = HashMap::new();
        for row in rows.iter().filter(|row| hashes::may_be_first(row)) {
            let slot = slot(FIRST, &row.digest);
            let at = match self.rows.get::<(u64, u32)>(&slot)? {
                Some(at) => at,
                None => {
                    self.rows.put(slot, &(row.block, row.idx))?;
                    (row.block, row.idx)
                }
            };
            first.insert(row.digest, EventRef { height: at.0, idx: at.1 });
        }
        Ok(first)
    }

    fn page_of<T: Table>(&mut self, number: u8, last: Option<&[u8]>, most: usize) -> anyhow::Result<Vec<T>> {
        self.rows.commit()?;
        let from = last.map_or_else(|| slot(number, &[]), |last| [&slot(number, last), &[0][..]].concat());
        let pairs = self.rows.base().range(&from, &after(&[number]), most)?;
        pairs.iter().map(|(_, row)| read(row)).collect()
    }

    /// Every row of a table: for small ones.
    pub fn all<T: Table>(&mut self) -> anyhow::Result<Vec<T>> {
        self.page(None, usize::MAX)
    }

    fn relieve(&mut self) -> anyhow::Result<()> {
        match self.rows.pending() > PENDING_MAX {
            true => self.rows.commit(),
            false => Ok(()),
        }
    }
}

fn slot(number: u8, key: &[u8]) -> Vec<u8> {
    [&[number], key].concat()
}

struct Taking<'a, K>(&'a mut Expected<K>);

impl<K: Keyed> TakeRows for Taking<'_, K> {
    type Error = anyhow::Error;

    fn take<T: Table>(&mut self, rows: &[T]) -> anyhow::Result<()> {
        for row in rows {
            match row.hides() {
                true => self.0.rows.remove(slot(T::NUMBER, &row.key())),
                false => self.0.rows.put(slot(T::NUMBER, &row.key()), row)?,
            }
        }
        Ok(())
    }
}

/// Derives the whole chain again, in a folder of its own.
pub struct Auditor {
    deriver: Deriver<Disk>,
    pub expected: Expected<Disk>,
}

impl Auditor {
    /// `folder` must be empty; it may be removed afterwards.
    pub fn new(folder: &Path, genesis: &Genesis) -> anyhow::Result<Auditor> {
        let deriver = Deriver::open(Disk::open(&folder.join("timelines"))?, genesis)?;
        Ok(Auditor { deriver, expected: Expected::new(Disk::open(&folder.join("rows"))?) })
    }

    /// Derives the next block.
    pub fn take(&mut self, block: &SealedBlock) -> anyhow::Result<()> {
        let mut rows = self.deriver.derive(block)?;
        rows.event_hashes = hashes::of_derived(block.header.height, &rows.submissions, &rows.events)?;
        rows.duplicates = hashes::duplicates(&rows.event_hashes, &self.expected.first(&rows.event_hashes)?);
        self.expected.take(&rows)?;
        match self.deriver.pending() > PENDING_MAX {
            true => self.deriver.commit(),
            false => Ok(()),
        }
    }

    /// Height of the block that comes next.
    pub fn next_height(&self) -> u64 {
        self.deriver.next_height()
    }
}
