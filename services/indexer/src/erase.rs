//! Takes erased items out of the tables: what an [`ErasureRow`] means beside the row itself.
//!
//! ```text
//! submission    frame: the item's leaf alone; salt: zeros      the old row is removed, not only replaced
//! event_ref     the event's key                                removed
//! event_hash    the event's hashes                             removed, by the lane that writes them
//! duplicate     what says or repeats the event                 the next that said it is the first
//! ```
//!
//! All of it may be done again at any time. ClickHouse rewrites the parts that hold such a row; the old parts leave the
//! disk when their lifetime ends (setting `old_parts_lifetime`, 8 minutes).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use clickhouse::Client;
use medtrace_ledger::{EventRef, Salt};
use medtrace_log::record::Record;
use medtrace_store::rows::{DuplicateRow, ErasureRow, EventHashRow, RefKind, SubmissionRow};

use crate::hashes::{EDITION, may_be_first};
use crate::write::{WriteError, passing, put};

/// Salts are so many bytes each.
const SALT_BYTES: usize = 16;

/// The item that the row names.
pub fn item(row: &ErasureRow) -> EventRef {
    EventRef { height: row.block, idx: row.idx }
}

/// Whether it is the event, not a copy of it.
pub fn is_event(row: &ErasureRow) -> bool {
    (row.block, row.idx) == (row.of_block, row.of_idx)
}

/// A submission's row without the bytes of these items.
pub fn erased(mut row: SubmissionRow, items: impl IntoIterator<Item = u32>) -> anyhow::Result<SubmissionRow> {
    let salts = row.salts.as_chunks::<SALT_BYTES>().0.iter().map(|salt| Salt(*salt)).collect();
    let record = Record { note: std::mem::take(&mut row.note), salts, bodies: std::mem::take(&mut row.frame) };
    let record = record.erase(items).context("failed to erase an item of a stored submission")?;
    let unpacked = record.unpack().context("failed to read a submission with an erased item")?;
    row.erased = (0..unpacked.len()).filter(|index| unpacked.item(*index).is_none()).count() as u16;
    row.salts = unpacked.record.salts.iter().flat_map(|salt| salt.0).collect();
    (row.note, row.frame) = (unpacked.record.note, unpacked.record.bodies);
    Ok(row)
}

/// Takes the items out of `submission` and `event_ref`. When it returns, no row holds them.
///
/// # Errors
/// Those of the store; it may be done again.
pub async fn take_out(client: &Client, rows: &[ErasureRow]) -> Result<(), WriteError> {
    let mut submissions: BTreeMap<(u64, u32), BTreeSet<u32>> = BTreeMap::new();
    for item in rows.iter().map(item) {
        submissions.entry((item.height, item.ordinal())).or_default().insert(item.index());
    }
    for ((block, ordinal), items) in submissions {
        let found = client.query("SELECT ?fields FROM submission FINAL WHERE block = ? AND ordinal = ?");
        let found = found.bind(block).bind(ordinal).fetch_optional::<SubmissionRow>().await;
        // A row that the store refused is not there to be changed.
        let Some(row) = found.map_err(passing::<SubmissionRow>)? else { continue };
        let row = erased(row, items).map_err(|error| WriteError::Damaged { table: "submission", error })?;
        let left = row.erased;
        put(client, &[row]).await.map_err(passing::<SubmissionRow>)?;
        let old = client.query(
            "ALTER TABLE submission DELETE WHERE block = ? AND ordinal = ? AND erased < ? SETTINGS mutations_sync = 1",
        );
        old.bind(block).bind(ordinal).bind(left).execute().await.map_err(WriteError::NotNow)?;
    }
    for event in rows.iter().filter(|row| is_event(row)) {
        let key = client
            .query("ALTER TABLE event_ref DELETE WHERE kind = ? AND block = ? AND idx = ? SETTINGS mutations_sync = 1");
        let key = key.bind(RefKind::EventKey as u8).bind(event.block).bind(event.idx);
        key.execute().await.map_err(WriteError::NotNow)?;
    }
    Ok(())
}

/// Takes the hashes of the events that the blocks `from` to `to` erase out of `event_hash` and `duplicate`. For the one
/// that writes them, once it has written those of these blocks.
///
/// # Errors
/// Those of the store; it may be done again.
pub async fn take_hashes_out(client: &Client, from: u64, to: u64) -> clickhouse::error::Result<()> {
    let due = client.query("SELECT ?fields FROM erasure FINAL WHERE by_block >= ? AND by_block <= ?");
    let due = due.bind(from).bind(to).fetch_all::<ErasureRow>().await?;
    for event in due.iter().filter(|row| is_event(row)) {
        let alike = client.query(
            "SELECT ?fields FROM event_hash FINAL WHERE (prefix, digest) IN
             (SELECT prefix, digest FROM event_hash WHERE block = ? AND idx = ? AND edition = ?) ORDER BY block, idx",
        );
        let alike = alike.bind(event.block).bind(event.idx).bind(EDITION);
        let mut alike = alike.fetch_all::<EventHashRow>().await?;
        alike.retain(|row| (row.block, row.idx) != (event.block, event.idx));
        // In this order, so that whatever it ends in, the next time finds the hashes.
        put(client, &duplicates(&alike)).await?;
        let said = client.query(
            "ALTER TABLE duplicate DELETE WHERE (block = ? AND idx = ?) OR (of_block = ? AND of_idx = ?)
             SETTINGS mutations_sync = 1",
        );
        said.bind(event.block).bind(event.idx).bind(event.block).bind(event.idx).execute().await?;
        let hashes =
            client.query("ALTER TABLE event_hash DELETE WHERE block = ? AND idx = ? SETTINGS mutations_sync = 1");
        hashes.bind(event.block).bind(event.idx).execute().await?;
    }
    Ok(())
}

/// The rows of events with the same hash, in the order of the log: all but the first repeat it.
pub fn duplicates(alike: &[EventHashRow]) -> Vec<DuplicateRow> {
    let mut alike = alike.iter().filter(|row| may_be_first(row));
    let Some(first) = alike.next() else { return Vec::new() };
    let again =
        |row: &EventHashRow| DuplicateRow { block: row.block, idx: row.idx, of_block: first.block, of_idx: first.idx };
    alike.map(again).collect()
}
