//! What arrives from Kafka: blocks and checkpoints, each followed by a task of its own.

use std::time::Duration;

use medtrace_ledger::checkpoint::unmet;
use medtrace_ledger::{Checkpoint, Genesis, Hash};
use medtrace_log::consumer::{Follower, Isolation, bounds};
use medtrace_log::sealed::{SealedBlock, SealedLog};
use medtrace_log::topics::CHECKPOINTS;
use medtrace_log::{Cluster, LogError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Pause before the log is tried again, milliseconds.
const RETRY_MS: u64 = 500;
/// Checkpoints on their way.
const CHECKPOINTS_WAITING: usize = 256;
/// Offsets of `checkpoints` that are read at start (each checkpoint's transaction takes two).
const START_OFFSETS: u64 = 2_000;

/// A checkpoint with the chainer's signature and a quorum of cosignatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub size: u64,
    pub root: Hash,
    pub note: String,
}

impl Signed {
    /// Verifies a note; `None` where the quorum is not reached yet: it will be published again.
    pub fn open(note: &str, genesis: &Genesis) -> Result<Option<Signed>, String> {
        let (checkpoint, cosignatures) = Checkpoint::open(note, genesis).map_err(|error| error.to_string())?;
        let signed = Signed { size: checkpoint.size, root: checkpoint.root, note: note.to_owned() };
        Ok(unmet(&cosignatures, &genesis.policy).is_none().then_some(signed))
    }
}

/// Both feeds. Ends with its value.
pub(crate) struct Feed {
    /// One block at a time waits, as a block may be large.
    pub blocks: Receiver<Result<SealedBlock, LogError>>,
    pub checkpoints: Receiver<Result<Signed, LogError>>,
    tasks: [JoinHandle<()>; 2],
}

impl Feed {
    /// Blocks from `height` on, and all checkpoints from lately.
    pub fn open(cluster: &Cluster, genesis: &Genesis, height: u64) -> Feed {
        let ((to_blocks, blocks), (to_checkpoints, checkpoints)) = (channel(1), channel(CHECKPOINTS_WAITING));
        let (of_blocks, of_checkpoints, genesis) = (cluster.clone(), cluster.clone(), genesis.clone());
        let tasks = [
            tokio::spawn(async move {
                let mut next = height;
                while again(&to_blocks, follow_blocks(&of_blocks, &mut next, &to_blocks).await).await {}
            }),
            tokio::spawn(async move {
                while again(&to_checkpoints, follow_checkpoints(&of_checkpoints, &genesis, &to_checkpoints).await).await
                {
                }
            }),
        ];
        Feed { blocks, checkpoints, tasks }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Whether to open the log again: after what passes by itself. Anything else goes to whoever listens.
async fn again<T>(to: &Sender<Result<T, LogError>>, ended: Result<(), LogError>) -> bool {
    let Err(error) = ended else { return false };
    if !error.passes() {
        let _ = to.send(Err(error)).await;
        return false;
    }
    tracing::warn!(error = %error, "the log cannot be used at the moment");
    sleep(Duration::from_millis(RETRY_MS)).await;
    true
}

/// Ends without error when nobody listens any more.
async fn follow_blocks(
    cluster: &Cluster,
    next: &mut u64,
    to: &Sender<Result<SealedBlock, LogError>>,
) -> Result<(), LogError> {
    let mut log = SealedLog::open(cluster, *next, None).await?;
    loop {
        let block = log.next().await?;
        *next += 1;
        if to.send(Ok(block)).await.is_err() {
            return Ok(());
        }
    }
}

async fn follow_checkpoints(
    cluster: &Cluster,
    genesis: &Genesis,
    to: &Sender<Result<Signed, LogError>>,
) -> Result<(), LogError> {
    let ends = bounds(cluster, CHECKPOINTS, 1, Isolation::Committed).await?;
    let start = ends.first().map_or(0, |ends| ends.high.saturating_sub(START_OFFSETS).max(ends.low));
    let follower = Follower::open(cluster, CHECKPOINTS, Isolation::Committed, &[(0, start)]).await?;
    loop {
        let message = follower.next().await?;
        match Signed::open(&String::from_utf8_lossy(&message.value), genesis) {
            Ok(None) => {}
            Ok(Some(signed)) => {
                if to.send(Ok(signed)).await.is_err() {
                    return Ok(());
                }
            }
            Err(reason) => tracing::warn!(offset = message.offset, reason, "a checkpoint is not published"),
        }
    }
}
