//! CBV event hashes as the indexer keeps them: look-ups, and suspected duplicates.
//!
//! The indexer hashes when it has time, after a block can be asked for. So whoever asks by hash waits until all up to its
//! height are hashed, and is told if that takes too long: nothing is left out unsaid.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clickhouse::{Client, Row};
use medtrace_event::{CbvVersion, EventHash};
use medtrace_ledger::EventRef;
use medtrace_service::{Kind, Problem};
use medtrace_store::read::hashed_to;
use medtrace_store::rows::{DuplicateRow, EventRow, edition};
use serde::Deserialize;

use crate::app::store_failed;
use crate::events::{FOUND_MAX, position};

/// How long a question by hash waits for the hashes of its height, milliseconds.
const WAIT_MS: u64 = 2_000;
/// Pause before looking again, milliseconds.
const LOOK_MS: u64 = 50;
/// Positions of one query: the store takes 256 KiB of literals.
const POSITIONS_PER_QUERY: usize = 5_000;

/// Waits until every event up to `known` is hashed.
///
/// # Errors
/// 503 if that takes longer than [`WAIT_MS`], or the store does not answer.
pub async fn complete(client: &Client, known: u64) -> Result<(), Problem> {
    let complete = async {
        loop {
            if hashed_to(client).await.map_err(store_failed)? > known {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(WAIT_MS), complete).await.unwrap_or_else(|_| {
        Err(Kind::Unavailable.because(format!("event hashes are not known up to block {known} yet; ask again")))
    })
}

/// A hash as `event_hash` holds it: edition, digest in hexadecimal digits. Where the editions cannot differ, only the
/// hash of 2.0 is kept.
pub fn stored(hash: &EventHash) -> Vec<(u64, String)> {
    let digest = medtrace_ledger::hash::hex(&hash.digest);
    let editions: &[CbvVersion] = match hash.version {
        CbvVersion::V2_0 => &[CbvVersion::V2_0],
        CbvVersion::V2_1 => &[CbvVersion::V2_0, CbvVersion::V2_1],
    };
    editions.iter().map(|version| (edition(*version).into(), digest.clone())).collect()
}

#[derive(Row, Deserialize)]
struct Position {
    block: u64,
    idx: u32,
}

/// Those of `events` that say again what an earlier one said, as far as they are hashed.
pub async fn suspected(client: &Client, events: &BTreeSet<EventRef>) -> Result<BTreeSet<EventRef>, Problem> {
    let events: Vec<(u64, u32)> = events.iter().map(|event| (event.height, event.idx)).collect();
    let mut suspected = BTreeSet::new();
    for some in events.chunks(POSITIONS_PER_QUERY) {
        let query = client.query("SELECT ?fields FROM duplicate FINAL WHERE (block, idx) IN ?").bind(some);
        let rows = query.fetch_all::<Position>().await.map_err(store_failed)?;
        suspected.extend(rows.into_iter().map(|row| EventRef { height: row.block, idx: row.idx }));
    }
    Ok(suspected)
}

/// The other events that say what this one says, the first of them first; about [`FOUND_MAX`] at most.
pub async fn alike(client: &Client, event: EventRef, known: u64) -> Result<Vec<EventRef>, Problem> {
    let own = client.query("SELECT ?fields FROM duplicate FINAL WHERE block = ? AND idx = ?");
    let own = own.bind(event.height).bind(event.idx).fetch_optional::<DuplicateRow>().await.map_err(store_failed)?;
    let first = own.map_or(event, |row| EventRef { height: row.of_block, idx: row.of_idx });
    let again = client.query(
        "SELECT block, idx FROM duplicate FINAL
         WHERE of_block = ? AND of_idx = ? AND block <= ? ORDER BY block, idx LIMIT ?",
    );
    let again = again.bind(first.height).bind(first.idx).bind(known).bind(FOUND_MAX);
    let again = again.fetch_all::<Position>().await.map_err(store_failed)?;
    let all = [first].into_iter().chain(again.iter().map(|row| EventRef { height: row.block, idx: row.idx }));
    Ok(all.filter(|other| *other != event).collect())
}

/// Events that say again what another said first, each with that one, in the order of `rows`. What is not there any more
/// is left out: the first of them may just have been erased.
pub async fn with_first(
    client: &Client,
    rows: &[DuplicateRow],
) -> clickhouse::error::Result<Vec<(EventRow, EventRow)>> {
    let places = |row: &DuplicateRow| [(row.block, row.idx), (row.of_block, row.of_idx)];
    let wanted: BTreeSet<(u64, u32)> = rows.iter().flat_map(places).collect();
    let wanted: Vec<(u64, u32)> = wanted.into_iter().collect();
    let mut events = BTreeMap::new();
    for some in wanted.chunks(POSITIONS_PER_QUERY) {
        let query = client.query("SELECT ?fields FROM event FINAL WHERE (block, idx) IN ?").bind(some);
        events.extend(query.fetch_all::<EventRow>().await?.into_iter().map(|row| (position(&row), row)));
    }
    let event = |height, idx| events.get(&EventRef { height, idx }).cloned();
    let pair = |row: &DuplicateRow| Some((event(row.block, row.idx)?, event(row.of_block, row.of_idx)?));
    Ok(rows.iter().filter_map(pair).collect())
}
