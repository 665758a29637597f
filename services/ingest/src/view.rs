//! What the chain says of parties, keys, places and products, followed block by block: a [`Registry`] and how far it goes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use medtrace_archive::{Archive, ArchiveError, Records};
use medtrace_ledger::{Genesis, Header, Note, Submission, TopicUuid};
use medtrace_log::{
    Cluster, LogError,
    consumer::{Isolation, last},
    record::Record,
    sealed::{SealedBlock, read_header},
    topics::{BLOCKS, NOTICES, SCAN_EVENTS},
};
use medtrace_registry::Registry;
use medtrace_service::Shutdown;
use serde_json::{Value, json};

/// Records of `scan-events` that the chainer named bad and that are remembered, the latest ones.
const BAD_MAX: usize = 65_536;
/// The chain is sealed by a clock at most so far ahead of this machine's, in milliseconds (10 minutes): what is signed here
/// would come to be too old.
pub const AHEAD_MS_MAX: u64 = 10 * 60 * 1_000;
/// How often the end of the chain is looked up, in milliseconds.
const HEAD_EVERY_MS: u64 = 2_000;
/// Pause before the log is opened again after an error, in milliseconds.
const RETRY_MS: u64 = 500;

/// The chain's content contradicts itself: this process must not go on.
#[derive(Debug, thiserror::Error)]
#[error("failed to follow the chain: block {height} seals a notice record that cannot be read: {cause}")]
pub struct Unreadable {
    height: u64,
    cause: String,
}

/// The followed state, shared by all requests.
pub struct View {
    registry: RwLock<Arc<Registry>>,
    progress: RwLock<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Height and header time (Unix ms) of the last block applied.
    applied: Option<(u64, u64)>,
    /// Height of the chain's last block when it was last looked up; `None` in the outer place: not looked up yet.
    head: Option<Option<u64>>,
    /// Whether the end of the chain has ever been reached.
    reached: bool,
    /// Why the log cannot be followed at the moment.
    trouble: Option<String>,
    /// Why records of `scan-events` were named bad, by partition and offset.
    bad: HashMap<(u32, u64), String>,
    /// Them in the order of the blocks.
    bad_order: VecDeque<(u32, u64)>,
}

impl View {
    /// The state before block 0.
    pub fn new(genesis: &Genesis) -> View {
        let registry = RwLock::new(Arc::new(Registry::from_genesis(genesis)));
        View { registry, progress: RwLock::default() }
    }

    /// What held after the last block applied. A caller keeps this one for the whole of a request.
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Height of the last block applied.
    pub fn height(&self) -> Option<u64> {
        self.progress(|progress| progress.applied.map(|(height, _)| height))
    }

    /// Why the chainer named this record of `scan-events` bad, if it did.
    pub fn bad(&self, partition: u32, offset: u64) -> Option<String> {
        self.progress(|progress| progress.bad.get(&(partition, offset)).cloned())
    }

    /// Whether everything that the chain held when it was last looked up has been applied.
    pub fn caught_up(&self) -> bool {
        self.progress(|progress| progress.trouble.is_none() && progress.is_at_head())
    }

    /// Whether that has ever been so. Before, nobody can be judged; afterwards a short lag refuses nobody.
    pub fn has_caught_up(&self) -> bool {
        self.progress(|progress| progress.reached)
    }

    /// By how much the newest block is ahead of this clock, in milliseconds, if that is too much.
    pub fn ahead_ms(&self, now_ms: u64) -> Option<u64> {
        let time_ms = self.progress(|progress| progress.applied.map_or(0, |(_, time_ms)| time_ms));
        Some(time_ms.saturating_sub(now_ms)).filter(|ahead| *ahead > AHEAD_MS_MAX)
    }

    /// For `/readyz`.
    pub fn details(&self) -> Value {
        self.progress(|progress| {
            let applied = progress.applied.map(|(height, _)| height);
            let head = progress.head.flatten();
            let lag = head.map_or(0, |head| (head + 1).saturating_sub(applied.map_or(0, |height| height + 1)));
            json!({ "height": applied, "head": head, "lag_blocks": lag, "trouble": progress.trouble })
        })
    }

    /// Applies the next block: its notices, in order, with the one function that all readers of the log share.
    pub fn apply(&self, block: &SealedBlock) -> Result<(), Unreadable> {
        let header = &block.header;
        let events = self.events_id();
        let unreadable = |cause: String| Unreadable { height: header.height, cause };
        for record in block.records.iter().filter(|record| record.topic == NOTICES && record.bad.is_none()) {
            let unpacked = Record::decode(&record.value).map_err(|e| unreadable(e.to_string()))?;
            let note = Note::parse(&unpacked.record.note).map_err(|e| unreadable(e.to_string()))?;
            let submission = Submission::parse(note.text()).map_err(|e| unreadable(e.to_string()))?;
            // An erased notice has no bytes left to apply.
            let item = |index| Some((index, unpacked.item(index as usize)?.bytes));
            let notices = (0..submission.count).filter_map(item);
            let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
            // Copies only while a request still holds the version before.
            let registry = Arc::make_mut(&mut registry);
            registry.apply_submission(header.height, header.time_ms, record.ordinal, &submission, notices);
        }
        if header.cuts.iter().any(|cut| self.registry().now().topic(&cut.topic).is_none()) {
            Arc::make_mut(&mut self.registry.write().unwrap_or_else(PoisonError::into_inner)).seal(header);
        }
        let lost = events.is_some() && events != self.events_id();
        self.change(|progress| {
            if lost {
                // Its offsets are other records' now.
                progress.bad.clear();
                progress.bad_order.clear();
            }
            progress.applied = Some((header.height, header.time_ms));
            progress.head = progress.head.map(|head| head.max(progress.applied.map(|(height, _)| height)));
            progress.trouble = None;
            for (place, reason) in bad_events(header) {
                progress.bad.insert(place, reason);
                progress.bad_order.push_back(place);
            }
            while progress.bad_order.len() > BAD_MAX {
                let oldest = progress.bad_order.pop_front();
                oldest.and_then(|oldest| progress.bad.remove(&oldest));
            }
        });
        Ok(())
    }

    /// The id under which `scan-events` is sealed.
    fn events_id(&self) -> Option<TopicUuid> {
        let registry = self.registry();
        registry.now().topic(&SCAN_EVENTS.parse().ok()?).map(|id| id.value)
    }

    /// The chain's last block, as just looked up; `None`: it has none yet.
    pub fn set_head(&self, head: Option<u64>) {
        self.change(|progress| progress.head = Some(head.max(progress.applied.map(|(height, _)| height))));
    }

    fn set_trouble(&self, trouble: &ArchiveError) {
        self.change(|progress| progress.trouble = Some(trouble.to_string()));
    }

    fn progress<T>(&self, read: impl FnOnce(&Progress) -> T) -> T {
        read(&self.progress.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut progress);
        progress.reached |= progress.is_at_head();
    }
}

impl Progress {
    fn is_at_head(&self) -> bool {
        self.head.is_some_and(|head| self.applied.map(|(height, _)| height) >= head)
    }
}

/// Partition, offset and reason of the records of `scan-events` that a header names bad. That topic has no transactions,
/// so its offsets have no gaps.
fn bad_events(header: &Header) -> Vec<((u32, u64), String)> {
    let events = header.bad.iter().filter(|bad| bad.topic.as_str() == SCAN_EVENTS);
    let place = |ordinal| header.locate(ordinal).map(|(cut, index)| (cut.partition, cut.from + u64::from(index)));
    events.filter_map(|bad| Some((place(bad.ordinal)?, bad.reason.to_string()))).collect()
}

/// Follows the chain until the shutdown. Waits out an unreachable broker; ends with an error where the log contradicts
/// itself or an operator is needed.
pub async fn follow(
    cluster: &Cluster,
    archive: Option<&Archive>,
    view: &View,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        ended = apply_blocks(cluster, archive, view) => ended,
        ended = look_up_head(cluster, view) => ended,
    }
}

async fn apply_blocks(cluster: &Cluster, archive: Option<&Archive>, view: &View) -> anyhow::Result<()> {
    loop {
        let next = view.height().map_or(0, |height| height + 1);
        let followed = async {
            let mut log = Records::open(archive, cluster, next, Some(NOTICES)).await?;
            loop {
                let block = log.next().await?;
                if let Err(unreadable) = view.apply(&block) {
                    return Err::<(), ArchiveError>(LogError::Broken(unreadable.to_string()).into());
                }
            }
        };
        if let Err(error) = followed.await {
            wait_out(view, error).await?;
        }
    }
}

async fn look_up_head(cluster: &Cluster, view: &View) -> anyhow::Result<()> {
    loop {
        match last(cluster, BLOCKS, 0, Isolation::Committed).await {
            Ok(None) => view.set_head(None),
            Ok(Some(message)) => view.set_head(Some(read_header(&message)?.0.height)),
            Err(error) => wait_out(view, error.into()).await?,
        }
        tokio::time::sleep(Duration::from_millis(HEAD_EVERY_MS)).await;
    }
}

/// The one place that decides what can be waited out.
async fn wait_out(view: &View, error: ArchiveError) -> anyhow::Result<()> {
    match error {
        error if error.passes() => {
            tracing::warn!(error = %error, "the log cannot be followed at the moment");
            view.set_trouble(&error);
            tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            Ok(())
        }
        // Everything else needs an operator.
        error => Err(error.into()),
    }
}
