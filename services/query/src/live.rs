//! What happens, as it happens: new blocks, alerts, and how recalls proceed.
//!
//! Nothing runs while nobody listens. Each new block is read from the store once, by whoever asks first, and kept for
//! the others; who comes back after a while reads what it missed, up to [`RESUME_BLOCKS_MAX`].
//!
//! ```text
//! event: alert      data: {"event","code","key","party","place","detail"}         0..ALERTS_PER_BLOCK_MAX
//! event: recall     data: {"event","id","state","acknowledgement"?}                0..
//! event: block      data: {"height","time","events","notices"}    id: <height>     last of its block: resuming there
//!                                                                                  loses nothing
//! event: skipped    data: {"from","to"}      blocks that a client was too far behind for
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use clickhouse::{Client, Row};
use medtrace_gs1::{Class, Thing};
use medtrace_ledger::EventRef;
use medtrace_registry::RecallStatus;
use medtrace_registry::notice::Name;
use medtrace_service::Shutdown;
use medtrace_store::rows::{AlertRow, NoticeRow};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};

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
    /// The height, on the last message of its block.
    pub id: Option<u64>,
    pub data: Value,
}

/// The messages of one block, in order.
pub type Told = (u64, Arc<[Message]>);

/// Cheap to clone: all see the same.
#[derive(Clone)]
pub struct Live {
    client: Client,
    pub view: View,
    pub shutdown: Shutdown,
    /// Room for clients.
    pub room: Arc<Semaphore>,
    /// The newest blocks that were asked for, heights without gap.
    kept: Arc<Mutex<VecDeque<Told>>>,
}

#[derive(Row, Deserialize)]
struct Brief {
    height: u64,
    time_ms: u64,
    events: u32,
    notices: u32,
}

impl Live {
    pub fn new(client: Client, view: View, shutdown: Shutdown) -> Live {
        Live { client, view, shutdown, room: Arc::new(Semaphore::new(CLIENTS_MAX)), kept: Arc::default() }
    }

    /// Blocks from `next` on, at least one and at most [`KEPT_BLOCKS`]; `next` must be in the snapshot.
    pub async fn since(&self, next: u64, snapshot: &Snapshot) -> clickhouse::error::Result<Vec<Told>> {
        let mut kept = self.kept.lock().await;
        let end = kept.back().map_or(next, |(height, _)| height + 1);
        let begin = kept.front().map_or(next, |(height, _)| *height);
        if next < begin || next > end {
            drop(kept);
            return self.read(next, snapshot).await;
        }
        if end <= snapshot.known() {
            kept.extend(self.read(end, snapshot).await?);
            let surplus = kept.len().saturating_sub(KEPT_BLOCKS);
            kept.drain(..surplus);
        }
        Ok(kept.iter().filter(|(height, _)| *height >= next).cloned().collect())
    }

    async fn read(&self, from: u64, snapshot: &Snapshot) -> clickhouse::error::Result<Vec<Told>> {
        let to = snapshot.known().min(from.saturating_add(BATCH_BLOCKS - 1));
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
}

fn sealed(block: &Brief) -> Message {
    let data = json!({
        "height": block.height,
        "time": time_of_ms(block.time_ms),
        "events": block.events,
        "notices": block.notices,
    });
    Message { event: "block", id: Some(block.height), data }
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
    Message { event: "alert", id: None, data }
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
    Message { event: "recall", id: None, data }
}
