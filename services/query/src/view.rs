//! The view that answers reflect: the newest block whose rows are all in the store, and the registry as of it.
//!
//! One task follows the store; every request takes one snapshot and asks everything at its height, so that an answer
//! never mixes two heights.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};
use std::time::Duration;

use anyhow::Context;
use clickhouse::Client;
use medtrace_ledger::block::IDX_PER_SUBMISSION;
use medtrace_ledger::merkle::Tree;
use medtrace_ledger::{Genesis, Hash, PublicKey, TopicName};
use medtrace_registry::{Notice, Position, Registry};
use medtrace_service::{Problem, Shutdown};
use medtrace_store::rows::NoticeRow;
use serde::Deserialize;
use tokio::sync::watch;

use crate::app::poisoned;

/// How often the store is asked for a newer block, milliseconds. Part of what a recall needs to take effect.
const POLL_MS: u64 = 50;
/// Blocks taken up in one step.
const STEP_BLOCKS: u64 = 10_000;

/// One consistent state of everything that is asked often.
#[derive(Clone)]
pub struct Snapshot {
    /// The newest block; `None` before the first.
    pub height: Option<u64>,
    /// Its header time, ms since 1970-01-01 UTC.
    pub time_ms: u64,
    /// Blocks below this have event hashes; at most the number of blocks.
    pub hashed: u64,
    /// The next offset of each partition that is indexed, by topic and partition.
    pub positions: BTreeMap<(String, i32), i64>,
    /// The store answered the last time it was asked.
    pub alive: bool,
    /// What the store held at the start of this process has been taken up, and again after the store was emptied to be
    /// derived anew: before, nothing can be answered.
    pub caught_up: bool,
    /// Shared by all snapshots.
    registry: Arc<RwLock<Registry>>,
    /// Leaf and time (ms) of every header, by height: the header log. Shared: only the first `height` + 1 belong to
    /// this snapshot.
    pub headers: Arc<RwLock<Vec<(Hash, u64)>>>,
    /// The tree over those leaves, with all its nodes, so that a path is read and not hashed again. Shared likewise.
    pub log: Arc<RwLock<Tree>>,
}

impl Snapshot {
    fn empty(genesis: &Genesis) -> Snapshot {
        Snapshot {
            height: None,
            time_ms: 0,
            hashed: 0,
            positions: BTreeMap::new(),
            alive: false,
            caught_up: false,
            registry: Arc::new(RwLock::new(Registry::from_genesis(genesis))),
            headers: Arc::default(),
            log: Arc::default(),
        }
    }

    /// The height as K; before the first block nothing is known, and 0 is as good as any.
    pub fn known(&self) -> u64 {
        self.height.unwrap_or(0)
    }

    /// Number of headers in this snapshot.
    pub fn headers_known(&self) -> u64 {
        self.height.map_or(0, |height| height + 1)
    }

    /// The registry; ask it [`Registry::at`] the height that is meant.
    ///
    /// # Errors
    /// 500 once a thread has panicked while it wrote.
    pub fn registry(&self) -> Result<RwLockReadGuard<'_, Registry>, Problem> {
        self.registry.read().map_err(poisoned)
    }

    /// The last block whose header time is not after `time_ms`.
    pub fn height_at(&self, time_ms: u64) -> Option<u64> {
        let headers = self.headers.read().ok()?;
        let until = headers.partition_point(|(_, time)| *time <= time_ms) as u64;
        until.checked_sub(1).zip(self.height).map(|(at, newest)| at.min(newest))
    }
}

/// Follows the store.
#[derive(Clone)]
pub struct View {
    snapshots: watch::Receiver<Snapshot>,
}

#[derive(clickhouse::Row, Deserialize)]
struct Marker {
    height: u64,
    time_ms: u64,
    leaf: [u8; 32],
    positions: Vec<(String, i32, i64)>,
    /// The same in each.
    hashed: u64,
}

impl View {
    /// Starts to follow; the first snapshot is empty until the store has answered.
    pub fn follow(client: Client, genesis: &Genesis, shutdown: Shutdown) -> View {
        let genesis = genesis.clone();
        let (sender, snapshots) = watch::channel(Snapshot::empty(&genesis));
        tokio::spawn(async move {
            let mut said = String::new();
            // The highest block ever seen: a store that is derived anew says nothing useful before it is there again.
            let mut highest = None;
            while !shutdown.is_cancelled() {
                let stepped = step(&client, &sender).await;
                let alive = stepped.is_ok();
                let at_end = matches!(stepped, Ok(Stepped::ToTheEnd));
                if matches!(stepped, Ok(Stepped::Emptied)) {
                    tracing::warn!("the store was emptied; the view begins again");
                    sender.send_replace(Snapshot::empty(&genesis));
                }
                let error = stepped.err().map_or_else(String::new, |error| format!("{error:#}"));
                sender.send_if_modified(|s| {
                    let before = (s.alive, s.caught_up);
                    highest = highest.max(s.height);
                    (s.alive, s.caught_up) = (alive, s.caught_up || at_end && s.height >= highest);
                    before != (s.alive, s.caught_up)
                });
                // Once, however often it is tried.
                if error != said && !alive {
                    tracing::warn!(error, "the view stands still");
                }
                said = error;
                tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
            }
        });
        View { snapshots }
    }

    pub fn now(&self) -> Snapshot {
        self.snapshots.borrow().clone()
    }

    /// Whether what the store held at the start of this process has been taken up.
    pub fn has_caught_up(&self) -> bool {
        self.snapshots.borrow().caught_up
    }

    /// A snapshot of at least this height, if there is one within `patience`.
    pub async fn at_least(&self, height: u64, patience: Duration) -> Option<Snapshot> {
        let mut snapshots = self.snapshots.clone();
        let reached = snapshots.wait_for(|s| s.height.is_some_and(|h| h >= height));
        tokio::time::timeout(patience, reached).await.ok()?.ok().map(|s| s.clone())
    }

    /// For those who wait for every change.
    pub fn changes(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.clone()
    }
}

/// What one step found.
enum Stepped {
    /// There may be more.
    On,
    ToTheEnd,
    /// The newest block of the snapshot is not there any more.
    Emptied,
}

/// Takes up blocks that are new in the store, with their notices.
async fn step(client: &Client, sender: &watch::Sender<Snapshot>) -> anyhow::Result<Stepped> {
    let mut snapshot = sender.borrow().clone();
    let from = snapshot.height.map_or(0, |height| height + 1);
    let mut markers = client
        .query(
            "SELECT height, time_ms, leaf, positions, coalesce((SELECT max(next) FROM hashed), 0) AS hashed
             FROM block FINAL WHERE height >= ? AND height < ? ORDER BY height",
        )
        .bind(snapshot.known())
        .bind(from + STEP_BLOCKS)
        .fetch_all::<Marker>()
        .await?;
    let hashed = markers.first().map_or(0, |marker| marker.hashed);
    if let Some(newest) = snapshot.height {
        let headers = snapshot.headers.read().map_err(|_| anyhow::anyhow!("the header log is broken"))?;
        let leaf = headers.get(newest as usize).map(|(leaf, _)| leaf.0);
        match markers.first() {
            Some(first) if first.height == newest && Some(first.leaf) == leaf => drop(markers.remove(0)),
            _ => return Ok(Stepped::Emptied),
        }
    }
    let Some(last) = markers.last() else {
        sender.send_if_modified(|now| std::mem::replace(&mut now.hashed, hashed.min(from)) != now.hashed);
        return Ok(Stepped::ToTheEnd);
    };
    let at_end = (markers.len() as u64) < STEP_BLOCKS;
    let (height, time_ms) = (last.height, last.time_ms);
    let contiguous = markers.iter().zip(from..).all(|(marker, expected)| marker.height == expected);
    anyhow::ensure!(contiguous, "the store has no marker of every block from {from} to {height}");
    let notices = client
        .query("SELECT ?fields FROM notice FINAL WHERE block >= ? AND block <= ? AND refusal = '' ORDER BY block, idx")
        .bind(from)
        .bind(height)
        .fetch_all::<NoticeRow>()
        .await?;
    {
        let mut registry = snapshot.registry.write().map_err(|_| anyhow::anyhow!("the registry is broken"))?;
        for submission in notices.chunk_by(|a, b| submission_of(a) == submission_of(b)) {
            apply(&mut registry, submission)?;
        }
        let mut headers = snapshot.headers.write().map_err(|_| anyhow::anyhow!("the header log is broken"))?;
        headers.truncate(from as usize);
        headers.extend(markers.iter().map(|m| (Hash(m.leaf), m.time_ms)));
        let mut log = snapshot.log.write().map_err(|_| anyhow::anyhow!("the header log is broken"))?;
        // A step that failed half-way is taken again: what is in already stays.
        for marker in markers.iter().skip(log.size().saturating_sub(from) as usize) {
            log.push(Hash(marker.leaf));
        }
    }
    let gaps: Vec<_> = notices.iter().filter(|row| row.kind == "gap").filter_map(made_anew).collect();
    for marker in markers {
        for (_, made_anew) in gaps.iter().filter(|(height, _)| *height == marker.height) {
            snapshot.positions.retain(|(topic, _), _| topic != made_anew.as_str());
        }
        for (topic, partition, next) in marker.positions {
            snapshot.positions.insert((topic, partition), next);
        }
    }
    (snapshot.height, snapshot.time_ms, snapshot.hashed) = (Some(height), time_ms, hashed.min(height + 1));
    sender.send_replace(snapshot);
    Ok(if at_end { Stepped::ToTheEnd } else { Stepped::On })
}

/// The block and the topic of a gap: from there on its offsets are others.
fn made_anew(row: &NoticeRow) -> Option<(u64, TopicName)> {
    match Notice::parse(row.body.as_bytes()) {
        Ok(Notice::Gap(gap)) => Some((row.block, gap.topic)),
        _ => None,
    }
}

fn submission_of(row: &NoticeRow) -> (u64, u32) {
    (row.block, row.idx / IDX_PER_SUBMISSION)
}

/// The notices of one submission. Whose keys signed is settled once, before the first, as by whoever sealed them.
fn apply(registry: &mut Registry, rows: &[NoticeRow]) -> anyhow::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let party = first.party.parse().map_err(|e| anyhow::anyhow!("{e}"))?;
    let keys = first.signers.iter().map(|key| PublicKey::parse(key)).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(|e| anyhow::anyhow!("{e}"))?;
    let signers = registry.signers(&party, &keys);
    for row in rows {
        let at = || format!("failed to apply notice {}-{}", row.block, row.idx);
        let position = Position { height: row.block, idx: row.idx, time_ms: row.time_ms };
        let notice = Notice::parse(row.body.as_bytes());
        let notice = notice
            .map_err(|faults| anyhow::anyhow!("{}", faults.first().map_or_else(String::new, ToString::to_string)));
        let notice = notice.with_context(at)?;
        if let Notice::Gap(_) = notice {
            // Which ids topics have is in the headers, which are not read here, and asked by nobody.
            continue;
        }
        let judged = signers.clone().and_then(|signers| registry.apply(position, &signers, &notice));
        // A step that failed half-way is taken again: what is in already is refused, and changes nothing.
        match judged {
            Ok(_) => {}
            Err(refusal) if refusal.code == "out-of-order" => {}
            Err(refusal) => return Err(refusal).with_context(at),
        }
    }
    Ok(())
}
