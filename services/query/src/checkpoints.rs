//! What the chainer has signed of the header log: the topic `checkpoints`, followed by a task of its own.
//!
//! Only checkpoints whose signatures hold and reach the witnesses' quorum are kept, so that each may end a proof. The
//! store may be behind them: a proof takes the newest that covers its header and lies within the headers in the view.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use medtrace_ledger::checkpoint::{self, CheckpointError};
use medtrace_ledger::policy::Unmet;
use medtrace_ledger::{Checkpoint, Genesis, Note};
use medtrace_log::consumer::{self, Follower, Isolation};
use medtrace_log::topics::CHECKPOINTS;
use medtrace_log::{Cluster, LogError};
use medtrace_service::Shutdown;

/// Checkpoints kept; beyond, every second one is forgotten, so that old headers stay covered.
const KEPT_MAX: usize = 20_000;
/// Offsets of the topic that are read at start (each checkpoint's transaction takes two).
const START_OFFSETS: u64 = 20_000;
/// Between two attempts to open the topic, milliseconds.
const RETRY_MS: u64 = 1_000;

/// One that may end a proof.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Headers in the log that it covers.
    pub size: u64,
    pub note: Arc<Note>,
}

/// Cheap to clone: all see the same.
#[derive(Clone)]
pub struct Checkpoints(Arc<Inner>);

struct Inner {
    genesis: Genesis,
    /// By size, with when it came.
    kept: RwLock<BTreeMap<u64, (Arc<Note>, Instant)>>,
    followed: AtomicBool,
}

/// Why a record of the topic is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Quorum(Unmet),
}

impl Checkpoints {
    pub fn new(genesis: Genesis) -> Checkpoints {
        Checkpoints(Arc::new(Inner { genesis, kept: RwLock::default(), followed: AtomicBool::new(false) }))
    }

    /// Verifies a checkpoint's note and keeps it. A later one of the same size, with other cosignatures, replaces it.
    ///
    /// # Errors
    /// See [`Unfit`]; then nothing has changed.
    pub fn offer(&self, note: &str) -> Result<u64, Unfit> {
        let (checkpoint, cosignatures) = Checkpoint::open(note, &self.0.genesis)?;
        if let Some(unmet) = checkpoint::unmet(&cosignatures, &self.0.genesis.policy) {
            return Err(Unfit::Quorum(unmet));
        }
        let note = Note::parse(note).map_err(CheckpointError::from)?;
        if let Ok(mut kept) = self.0.kept.write() {
            kept.insert(checkpoint.size, (Arc::new(note), Instant::now()));
            if kept.len() > KEPT_MAX {
                thin(&mut kept);
            }
        }
        Ok(checkpoint.size)
    }

    pub fn newest(&self) -> Option<Signed> {
        let kept = self.0.kept.read().ok()?;
        kept.last_key_value().map(|(size, (note, _))| Signed { size: *size, note: note.clone() })
    }

    /// The one of this size, if it is kept.
    pub fn of_size(&self, size: u64) -> Option<Signed> {
        let kept = self.0.kept.read().ok()?;
        kept.get(&size).map(|(note, _)| Signed { size, note: note.clone() })
    }

    /// The newest that covers the header at `height` and no more than `headers` of them.
    pub fn covering(&self, height: u64, headers: u64) -> Option<Signed> {
        if headers <= height {
            return None;
        }
        let kept = self.0.kept.read().ok()?;
        let found = kept.range(height + 1..=headers).next_back();
        found.map(|(size, (note, _))| Signed { size: *size, note: note.clone() })
    }

    /// For how long the oldest checkpoint beyond `headers` has been here.
    pub fn waiting(&self, headers: u64) -> Option<Duration> {
        let kept = self.0.kept.read().ok()?;
        kept.range(headers + 1..).next().map(|(_, (_, came))| came.elapsed())
    }

    /// The topic has been read to its end once.
    pub fn followed(&self) -> bool {
        self.0.followed.load(Ordering::Relaxed)
    }

    /// Follows the topic until the shutdown, and opens it again after whatever happens.
    pub async fn follow(self, cluster: Cluster, shutdown: Shutdown) {
        let follow = async {
            loop {
                let Err(error) = self.read(&cluster).await;
                tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "checkpoints will be opened again");
                tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            }
        };
        tokio::select! { () = follow => {}, () = shutdown.cancelled() => {} }
    }

    async fn read(&self, cluster: &Cluster) -> Result<std::convert::Infallible, LogError> {
        let bounds = consumer::bounds(cluster, CHECKPOINTS, 1, Isolation::Committed).await?;
        let (low, high) = bounds.first().map_or((0, 0), |b| (b.low, b.high));
        let start = high.saturating_sub(START_OFFSETS).max(low);
        let follower = Follower::open(cluster, CHECKPOINTS, Isolation::Committed, &[(0, start)]).await?;
        self.0.followed.store(true, Ordering::Relaxed);
        loop {
            let message = follower.next().await?;
            let taken = self.offer(&String::from_utf8_lossy(&message.value));
            // Every checkpoint is published before it is cosigned.
            if let Err(fault @ Unfit::Checkpoint(_)) = taken {
                tracing::error!(offset = message.offset, %fault, "a record of checkpoints is none to rely on");
            }
        }
    }
}

/// Forgets every second one, but never the newest.
fn thin<T>(kept: &mut BTreeMap<u64, T>) {
    let last = kept.len() - 1;
    let mut at = 0;
    kept.retain(|_, _| {
        at += 1;
        (last + 1 - at).is_multiple_of(2)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use medtrace_ledger::genesis::Quorum;
    use medtrace_ledger::{Hash, KeyName, Policy, Signer, SigningKey};

    fn signer(name: &str) -> Signer {
        Signer::new(name.parse::<KeyName>().unwrap(), SigningKey::from_seed(&Hash::of(name).0))
    }

    fn checkpoints() -> Checkpoints {
        Checkpoints::new(Genesis {
            origin: "log.example/test".parse().unwrap(),
            time_ms: 0,
            authority: Quorum { threshold: 1, keys: vec![signer("authority").verifier()] },
            policy: Policy::alone(signer("log.example/test").verifier()),
        })
    }

    fn note(size: u64, by: &str) -> String {
        let checkpoint = Checkpoint { origin: "log.example/test".parse().unwrap(), size, root: Hash::of("root") };
        checkpoint.sign(&signer(by)).unwrap().to_string()
    }

    #[test]
    fn a_proof_ends_in_the_newest_checkpoint_that_the_view_reaches() {
        let checkpoints = checkpoints();
        assert!(checkpoints.newest().is_none());
        for size in [1, 3, 9] {
            assert_eq!(checkpoints.offer(&note(size, "log.example/test")).unwrap(), size);
        }
        let covering = |height, headers| checkpoints.covering(height, headers).map(|signed| signed.size);
        assert_eq!(covering(0, 1), Some(1));
        assert_eq!(covering(0, 5), Some(3));
        assert_eq!(covering(2, 9), Some(9));
        assert_eq!(covering(3, 8), None);
        assert_eq!(covering(9, 9), None);
        assert_eq!(checkpoints.newest().unwrap().size, 9);
        assert!(checkpoints.waiting(8).is_some());
        assert!(checkpoints.waiting(9).is_none());
    }

    #[test]
    fn strangers_sign_nothing() {
        let checkpoints = checkpoints();
        assert!(checkpoints.offer(&note(1, "authority")).is_err());
        assert!(checkpoints.offer("").is_err());
        assert!(checkpoints.newest().is_none());
    }

    #[test]
    fn thinning_keeps_the_newest_and_half_of_the_others() {
        let mut kept: BTreeMap<u64, ()> = (1..=6).map(|size| (size, ())).collect();
        thin(&mut kept);
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), [2, 4, 6]);
    }
}
