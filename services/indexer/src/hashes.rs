//! The CBV event hash of every event, and who says what was said before. Off the hot path: nobody waits for it, and it
//! takes its turn when no block does.
//!
//! ```text
//! block markers ─▶ events and frames of the next blocks ─▶ event_hash ─▶ duplicate ─▶ hashed.next
//! ```
//!
//! `hashed` is written last: whatever the process dies in, the same blocks are hashed again, into the same rows. It is a
//! function of the log like every other row, and the audit compares it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clickhouse::{Client, Row};
use medtrace_event::hash::editions_differ;
use medtrace_event::{CbvVersion, Json, event_hash};
use medtrace_ledger::EventRef;
use medtrace_log::frame::{self, Body};
use medtrace_log::topics::SCAN_EVENTS;
use medtrace_service::Shutdown;
use medtrace_store::read::hashed_to;
use medtrace_store::rows::{DuplicateRow, EventHashRow, EventRow, FrameRow, HashedRow, SubmissionRow, edition, prefix};
use medtrace_timeline::Flags;
use serde::Deserialize;

use crate::erase;
use crate::status::{Metrics, Status};
use crate::write::put;

/// Blocks whose events are hashed at once, at most.
const BLOCKS_MAX: u64 = 1_000;
/// Events that are hashed at once, about; one block may hold more.
const EVENTS_MAX: u64 = 20_000;
/// Digests of one query: the store takes 256 KiB of literals.
const PREFIXES_PER_QUERY: usize = 5_000;
/// How often is looked whether there is anything to do, milliseconds.
const LOOK_MS: u64 = 100;
/// So long blocks that wait come first, milliseconds; then a batch is hashed all the same.
const PATIENCE_MS: u64 = 5_000;

/// Hashes what is sealed, until the shutdown.
pub async fn run(client: Client, status: Status, metrics: Metrics, shutdown: Shutdown) {
    let (mut waited_ms, mut next) = (0, 0);
    while pause(&shutdown).await {
        if status.next() <= next {
            waited_ms = 0;
            continue;
        }
        waited_ms += LOOK_MS;
        if status.lag().records > 0 && waited_ms < PATIENCE_MS {
            continue;
        }
        waited_ms = 0;
        match step(&client).await {
            Ok(hashed) => {
                next = hashed.next;
                metrics.hashed.inc_by(hashed.events);
                metrics.duplicates.inc_by(hashed.duplicates);
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "event hashes will be tried again"),
        }
    }
}

async fn pause(shutdown: &Shutdown) -> bool {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => true,
        () = shutdown.cancelled() => false,
    }
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashed {
    /// Blocks that are hashed by now.
    pub next: u64,
    pub events: u64,
    pub duplicates: u64,
}

#[derive(Row, Deserialize)]
struct Marker {
    height: u64,
    events: u32,
}

#[derive(Row, Deserialize)]
struct Head {
    block: u64,
    idx: u32,
    flags: u32,
}

/// Hashes the next blocks whose markers are in the store, if there are any.
///
/// # Errors
/// The store's own, of which nothing is known then; and frames that are damaged. Either way the step may be taken again.
pub async fn step(client: &Client) -> anyhow::Result<Hashed> {
    let from = hashed_to(client).await?;
    let markers = client.query("SELECT ?fields FROM block FINAL WHERE height >= ? AND height < ? ORDER BY height");
    let markers = markers.bind(from).bind(from + BLOCKS_MAX).fetch_all::<Marker>().await?;
    let mut events = 0;
    let few = markers.iter().take_while(|marker| {
        let room = events < EVENTS_MAX;
        events += u64::from(marker.events);
        room
    });
    let Some(to) = few.last().map(|marker| marker.height) else {
        return Ok(Hashed { next: from, ..Hashed::default() });
    };
    let rows = of_blocks(client, from, to).await?;
    put(client, &rows).await?;
    let duplicates = duplicates(&rows, &first(client, &rows, to).await?);
    put(client, &duplicates).await?;
    erase::take_hashes_out(client, from, to).await?;
    // The commit point.
    let mut insert = client.insert::<HashedRow>("hashed").await?;
    insert.write(&HashedRow { one: 1, next: to + 1 }).await?;
    insert.end().await?;
    let events = rows.iter().filter(|row| row.edition == EDITION).count() as u64;
    Ok(Hashed { next: to + 1, events, duplicates: duplicates.len() as u64 })
}

async fn of_blocks(client: &Client, from: u64, to: u64) -> anyhow::Result<Vec<EventHashRow>> {
    let between = |sql: &str| client.query(sql).bind(from).bind(to);
    let heads = between("SELECT ?fields FROM event FINAL WHERE block >= ? AND block <= ? ORDER BY block, idx");
    let heads = heads.fetch_all::<Head>().await?;
    let heads = heads.into_iter().map(|head| (EventRef { height: head.block, idx: head.idx }, Flags(head.flags)));
    let heads: Arc<Heads> = Arc::new(heads.collect());
    let mut rows = Vec::with_capacity(heads.len());
    if heads.is_empty() {
        return Ok(rows);
    }
    let frames = between(
        "SELECT ?fields FROM submission FINAL
         WHERE block >= ? AND block <= ? AND topic = ? AND bad = '' ORDER BY block, ordinal",
    );
    let mut frames = frames.bind(SCAN_EVENTS).fetch::<FrameRow>()?;
    while let Some(FrameRow { block, ordinal, frame }) = frames.next().await? {
        let heads = heads.clone();
        rows.extend(tokio::task::spawn_blocking(move || of_frame(block, ordinal, &frame, &heads)).await??);
    }
    Ok(rows)
}

/// The edition of which every event has a hash.
pub const EDITION: u8 = edition(CbvVersion::V2_0);

/// Events that count, with what is known of them.
type Heads = BTreeMap<EventRef, Flags>;

/// The rows of those events of a submission that count.
fn of_frame(block: u64, ordinal: u32, frame: &[u8], heads: &Heads) -> anyhow::Result<Vec<EventHashRow>> {
    let mut rows = Vec::new();
    let Some(first) = EventRef::new(block, ordinal, 0) else { return Ok(rows) };
    let own = |at: &EventRef| at.height == first.height && at.ordinal() == first.ordinal();
    let mut heads = heads.range(first..).take_while(|(at, _)| own(at)).peekable();
    if heads.peek().is_none() {
        return Ok(rows);
    }
    let bodies = frame::unpack(frame).with_context(|| format!("failed to unpack the submission at {first}"))?;
    for (position, flags) in heads {
        // An erased item has no bytes any more.
        let Some(Body::Whole(_, bytes)) = bodies.get(position.index() as usize) else { continue };
        rows.extend(of_event(bytes, *position, *flags));
    }
    Ok(rows)
}

/// The rows of one event; none of what is no JSON.
pub fn of_event(bytes: &[u8], position: EventRef, flags: Flags) -> Vec<EventHashRow> {
    let Ok(event) = Json::parse(bytes) else { return Vec::new() };
    let versions: &[CbvVersion] = match editions_differ(&event) {
        true => &[CbvVersion::V2_0, CbvVersion::V2_1],
        false => &[CbvVersion::V2_0],
    };
    let row = |version: &CbvVersion| {
        let digest = event_hash(&event, *version).digest;
        EventHashRow {
            prefix: prefix(&digest),
            digest,
            edition: edition(*version),
            block: position.height,
            idx: position.idx,
            declaration: flags.has(Flags::DECLARATION),
        }
    };
    versions.iter().map(row).collect()
}

/// Rows of the events of one block, from what it derives to: for the audit.
pub fn of_derived(
    height: u64,
    submissions: &[SubmissionRow],
    events: &[EventRow],
) -> anyhow::Result<Vec<EventHashRow>> {
    let own = events.iter().filter(|row| row.block == height);
    let heads = own.map(|row| (EventRef { height: row.block, idx: row.idx }, Flags(row.flags))).collect();
    let sound = submissions.iter().filter(|row| row.topic == SCAN_EVENTS && row.bad.is_empty());
    let rows = sound.map(|row| of_frame(row.block, row.ordinal, &row.frame, &heads));
    let rows: Vec<_> = rows.collect::<anyhow::Result<_>>()?;
    Ok(rows.concat())
}

/// Whether an event of this row is one that others can repeat.
pub fn may_be_first(row: &EventHashRow) -> bool {
    row.edition == EDITION && !row.declaration
}

/// Where each of these digests was sealed first, declarations aside.
async fn first(client: &Client, rows: &[EventHashRow], to: u64) -> anyhow::Result<HashMap<[u8; 32], EventRef>> {
    #[derive(Row, Deserialize)]
    struct First {
        digest: [u8; 32],
        at: (u64, u32),
    }
    let mut first = HashMap::new();
    let prefixes: Vec<u64> = rows.iter().filter(|row| may_be_first(row)).map(|row| row.prefix).collect();
    for some in prefixes.chunks(PREFIXES_PER_QUERY) {
        let query = client.query(
            "SELECT digest, min((block, idx)) AS at FROM event_hash
             WHERE prefix IN ? AND edition = ? AND NOT declaration AND block <= ? GROUP BY digest",
        );
        for row in query.bind(some).bind(EDITION).bind(to).fetch_all::<First>().await? {
            first.insert(row.digest, EventRef { height: row.at.0, idx: row.at.1 });
        }
    }
    Ok(first)
}

/// Those that say again what was said first elsewhere.
pub fn duplicates(rows: &[EventHashRow], first: &HashMap<[u8; 32], EventRef>) -> Vec<DuplicateRow> {
    let again = rows.iter().filter(|row| may_be_first(row)).filter_map(|row| {
        let of = first.get(&row.digest).filter(|first| **first < EventRef { height: row.block, idx: row.idx })?;
        Some(DuplicateRow { block: row.block, idx: row.idx, of_block: of.height, of_idx: of.idx })
    });
    again.collect()
}
