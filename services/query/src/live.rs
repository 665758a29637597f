//! What happens, as it happens: new blocks, alerts, and how recalls proceed.
//!
//! Nothing runs while nobody listens. Each new block is read from the store once, by whoever asks first, and kept for
//! the others; who comes back after a while reads what it missed, up to [`RESUME_BLOCKS_MAX`].
//!
//! ```text
//! event: alert      data: {"event","code","key","party","place","detail"}         0..ALERTS_PER_BLOCK_MAX
//! event: recall     data: {"event","id","state","acknowledgement"?}                0..
//! event: block      data: {"height","time","events","notices"}    id: <place>      last of its block: resuming there
//!                                                                                  loses nothing
//! event: skipped    data: {"from","to"}      blocks that a client was too far behind for
//! ```
//!
//! Suspected duplicates are alerts, too. They are known once a block is hashed, some time after it, so they follow later, on
//! a track of their own; [`Place`] says how far a client is on both.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use clickhouse::{Client, Row};
use medtrace_gs1::{Class, Thing};
use medtrace_ledger::EventRef;
use medtrace_registry::RecallStatus;
use medtrace_registry::notice::Name;
use medtrace_service::Shutdown;
use medtrace_store::rows::{AlertRow, DuplicateRow, EventRow, NoticeRow};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};

use crate::events::position;
use crate::hashes::with_first;
use crate::item::time_of_ms;
use crate::view::{Snapshot, View};

/// Streams open at the same time.
pub const CLIENTS_MAX: usize = 256;
/// Blocks that a client which was away gets to read; older ones are skipped, and it is told so.
pub const RESUME_BLOCKS_MAX: u64 = 10_000;
/// Blocks read from the store at once.
const BATCH_BLOCKS: u64 = 200;
/// Blocks kept for all clients.
const KEPT_BLOCKS: usize = 1_000;
/// Alerts told of one block; the table has them all.
const ALERTS_PER_BLOCK_MAX: u64 = 100;

/// One thing to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub event: &'static str,
    pub data: Value,
}

/// The messages of one block on one track, in order.
pub type Told = (u64, Arc<[Message]>);

/// How far a client has been told.
///
/// ```text
/// <height>             of everything up to this block
/// <height>/<number>    up to this block, but for its suspected duplicates: of those of so many blocks
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Blocks told of.
    pub sealed: u64,
    /// Blocks whose suspected duplicates have been told; at most `sealed`.
    pub hashed: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sealed.saturating_sub(1))?;
        if self.hashed < self.sealed { write!(f, "/{}", self.hashed) } else { Ok(()) }
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Place, ()> {
        let number = |text: &str| text.parse::<u64>().map_err(drop);
        let (height, hashed) = text.split_once('/').map_or((text, None), |(height, hashed)| (height, Some(hashed)));
        let sealed = number(height)?.saturating_add(1);
        let hashed = hashed.map_or(Ok(sealed), number)?;
        (hashed <= sealed).then_some(Place { sealed, hashed }).ok_or(())
    }
}

/// Cheap to clone: all see the same.
#[derive(Clone)]
pub struct Live {
    client: Client,
    pub view: View,
    pub shutdown: Shutdown,
    /// Room for clients.
    pub room: Arc<Semaphore>,
    sealed: Kept,
    suspected: Kept,
}

/// What is told in the order of blocks, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    Sealed,
    /// Suspected duplicates.
    Suspected,
}

/// The newest blocks that were asked for on a track, heights without gap.
type Kept = Arc<Mutex<VecDeque<Told>>>;

#[derive(Row, Deserialize)]
struct Brief {
    height: u64,
    time_ms: u64,
    events: u32,
    notices: u32,
}

impl Live {
    pub fn new(client: Client, view: View, shutdown: Shutdown) -> Live {
        let room = Arc::new(Semaphore::new(CLIENTS_MAX));
        Live { client, view, shutdown, room, sealed: Kept::default(), suspected: Kept::default() }
    }

    /// What blocks from `next` on tell on a track, of at least one and at most [`KEPT_BLOCKS`]; `next` must be in the
    /// snapshot, and hashed in it for what is suspected.
    pub async fn since(&self, track: Track, next: u64, snapshot: &Snapshot) -> clickhouse::error::Result<Vec<Told>> {
        let (kept, known_end) = match track {
            Track::Sealed => (&self.sealed, snapshot.headers_known()),
            Track::Suspected => (&self.suspected, snapshot.hashed),
        };
        let mut kept = kept.lock().await;
        let end = kept.back().map_or(next, |(height, _)| height + 1);
        let begin = kept.front().map_or(next, |(height, _)| *height);
        if next < begin || next > end {
            drop(kept);
            return self.some(track, next, known_end, snapshot).await;
        }
        if end < known_end {
            kept.extend(self.some(track, end, known_end, snapshot).await?);
            let surplus = kept.len().saturating_sub(KEPT_BLOCKS);
            kept.drain(..surplus);
        }
        Ok(kept.iter().filter(|(height, _)| *height >= next).cloned().collect())
    }

    /// Blocks from one height to below another that is above it.
    async fn some(
        &self,
        track: Track,
        from: u64,
        end: u64,
        snapshot: &Snapshot,
    ) -> clickhouse::error::Result<Vec<Told>> {
        let to = (end - 1).min(from.saturating_add(BATCH_BLOCKS - 1));
        match track {
            Track::Sealed => self.read(from, to, snapshot).await,
            Track::Suspected => self.read_suspected(from, to).await,
        }
    }

    async fn read(&self, from: u64, to: u64, snapshot: &Snapshot) -> clickhouse::error::Result<Vec<Told>> {
        let between = |sql: &str| self.client.query(sql).bind(from).bind(to);
        let blocks = between("SELECT ?fields FROM block FINAL WHERE height >= ? AND height <= ? ORDER BY height");
        let alerts = between(
            "SELECT ?fields FROM alert FINAL WHERE block >= ? AND block <= ?
             ORDER BY block, idx, code, class, id LIMIT ? BY block",
        );
        let notices = between(
            "SELECT ?fields FROM notice FINAL WHERE block >= ? AND block <= ?
             AND kind IN ('recall', 'acknowledgement') AND refusal = '' ORDER BY block, idx",
        );
        let (blocks, alerts, notices) = tokio::try_join!(
            blocks.fetch_all::<Brief>(),
            alerts.bind(ALERTS_PER_BLOCK_MAX).fetch_all::<AlertRow>(),
            notices.fetch_all::<NoticeRow>(),
        )?;
        let told = |block: &Brief| {
            let alerts = alerts.iter().filter(|row| row.block == block.height).map(alert);
            let notices = notices.iter().filter(|row| row.block == block.height).map(|row| recall(row, snapshot));
            let messages = alerts.chain(notices).chain([sealed(block)]).collect();
            (block.height, messages)
        };
        Ok(blocks.iter().map(told).collect())
    }

    async fn read_suspected(&self, from: u64, to: u64) -> clickhouse::error::Result<Vec<Told>> {
        let rows = self.client.query(
            "SELECT ?fields FROM duplicate FINAL WHERE block >= ? AND block <= ? ORDER BY block, idx LIMIT ? BY block",
        );
        let rows = rows.bind(from).bind(to).bind(ALERTS_PER_BLOCK_MAX).fetch_all::<DuplicateRow>().await?;
        let pairs = with_first(&self.client, &rows).await?;
        let told = |height| {
            let own = pairs.iter().filter(|(again, _)| again.block == height);
            (height, own.map(|(again, first)| suspicion(again, first)).collect())
        };
        Ok((from..=to).map(told).collect())
    }
}

fn sealed(block: &Brief) -> Message {
    let data = json!({
        "height": block.height,
        "time": time_of_ms(block.time_ms),
        "events": block.events,
        "notices": block.notices,
    });
    Message { event: "block", data }
}

fn alert(row: &AlertRow) -> Message {
    let class = Class::from_u64(row.class).filter(|_| !row.id.is_empty() || row.class != 0);
    let data = json!({
        "event": EventRef { height: row.block, idx: row.idx }.to_string(),
        "code": row.code,
        "key": class.map(|class| Thing::new(class, &row.id).uri()),
        "party": row.party,
        "place": (!row.place.is_empty()).then_some(&row.place),
        "detail": row.detail,
    });
    Message { event: "alert", data }
}

/// In the form of an alert; `detail` names the event that said it first.
fn suspicion(again: &EventRow, first: &EventRow) -> Message {
    let data = json!({
        "event": position(again).to_string(),
        "code": "suspected-duplicate",
        "key": null,
        "party": again.party,
        "place": (!again.read_point.is_empty()).then_some(&again.read_point),
        "detail": position(first).to_string(),
    });
    Message { event: "alert", data }
}

/// A recall, or an answer to one; `state` is how the recall stood after its block.
fn recall(row: &NoticeRow, snapshot: &Snapshot) -> Message {
    let body: Value = serde_json::from_str(&row.body).unwrap_or_default();
    let name = body["recall"].as_str().and_then(|text| Name::new(text).ok());
    let registry = snapshot.registry().ok();
    let state = registry.as_ref().zip(name.as_ref()).and_then(|(registry, name)| registry.at(row.block).recall(name));
    let mut data = json!({
        "event": EventRef { height: row.block, idx: row.idx }.to_string(),
        "id": body["recall"],
        "state": state.map(|recall| match recall.status {
            RecallStatus::Issued => "open",
            ended => ended.as_str(),
        }),
    });
    if row.kind == "acknowledgement" {
        data["acknowledgement"] = json!({ "party": body["party"], "status": body["status"] });
    }
    Message { event: "recall", data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for (text, sealed, hashed) in [("0", 1, 1), ("4", 5, 5), ("4/0", 5, 0), ("4/4", 5, 4)] {
            let place = Place { sealed, hashed };
            assert_eq!((text.parse(), place.to_string().as_str()), (Ok(place), text));
        }
        for wrong in ["", "/", "4/", "/4", "4/6", "4/3/2", "-1", "four", "4 "] {
            assert_eq!(wrong.parse::<Place>(), Err(()), "{wrong}");
        }
    }
}
