//! What the chainer has signed of the header log: the topic `checkpoints`, followed by a task of its own.
//!
//! Only checkpoints whose signatures hold and reach the witnesses' quorum may end a proof. The store may be behind them: a
//! proof takes the newest that covers its header and lies within the headers in the view. Two of one size that differ are a
//! fork: the first stays, and `fork-<size>.fork` in the service's folder proves it (`medtrace proof check`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use medtrace_ledger::checkpoint::{self, CheckpointError};
use medtrace_ledger::evidence::Fork;
use medtrace_ledger::policy::Unmet;
use medtrace_ledger::{Checkpoint, Genesis, Note};
use medtrace_log::consumer::{self, Follower, Isolation};
use medtrace_log::topics::CHECKPOINTS;
use medtrace_log::{Cluster, LogError};
use medtrace_service::{Shutdown, files};

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
    folder: PathBuf,
    /// By size.
    kept: RwLock<BTreeMap<u64, Kept>>,
    /// Size of the first fork that was seen, 0 before.
    forked: AtomicU64,
    followed: AtomicBool,
}

struct Kept {
    note: Arc<Note>,
    came: Instant,
    /// Its cosignatures reach the quorum.
    cosigned: bool,
}

/// Why a record of the topic is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Quorum(Unmet),
    #[error("the log has signed another checkpoint of {0} headers: it has two histories")]
    Fork(u64),
}

impl Checkpoints {
    pub fn new(genesis: Genesis, folder: &Path) -> Checkpoints {
        let (folder, kept, forked) = (folder.to_owned(), RwLock::default(), AtomicU64::new(0));
        Checkpoints(Arc::new(Inner { genesis, folder, kept, forked, followed: AtomicBool::new(false) }))
    }

    /// Verifies a checkpoint's note and keeps it. A later one of the same size, with other cosignatures, replaces it.
    ///
    /// # Errors
    /// See [`Unfit`]; then it ends no proof.
    pub fn offer(&self, note: &str) -> Result<u64, Unfit> {
        let note = Note::parse(note).map_err(CheckpointError::from)?;
        let (Checkpoint { size, .. }, cosignatures) = Checkpoint::open_note(&note, &self.0.genesis)?;
        let unmet = checkpoint::unmet(&cosignatures, &self.0.genesis.policy);
        if let Ok(mut kept) = self.0.kept.write() {
            match kept.get(&size) {
                Some(first) if first.note.text() != note.text() => {
                    self.forks(size, &first.note, &note);
                    return Err(Unfit::Fork(size));
                }
                Some(first) if first.cosigned && unmet.is_some() => {}
                _ => {
                    let (note, came, cosigned) = (Arc::new(note), Instant::now(), unmet.is_none());
                    kept.insert(size, Kept { note, came, cosigned });
                }
            }
            if kept.len() > KEPT_MAX {
                thin(&mut kept);
            }
        }
        unmet.map_or(Ok(size), |unmet| Err(Unfit::Quorum(unmet)))
    }

    /// Keeps the proof of the first fork.
    fn forks(&self, size: u64, first: &Note, second: &Note) {
        let seen = self.0.forked.compare_exchange(0, size, Ordering::Relaxed, Ordering::Relaxed);
        let fork = Fork::between(first, second, &self.0.genesis, &mut |_, _| None);
        let (Ok(_), Ok(fork)) = (seen, fork) else { return };
        let (path, evidence) = (self.0.folder.join(format!("fork-{size}.fork")), fork.text());
        tracing::error!(size, evidence, "FORK: the log has signed two histories");
        if let Err(error) = files::replace(&path, evidence.as_bytes(), 0o644) {
            tracing::error!(path = %path.display(), %error, "the proof of a fork could not be written");
        }
    }

    /// Size of two checkpoints that cannot both be true, if there are such.
    pub fn forked(&self) -> Option<u64> {
        Some(self.0.forked.load(Ordering::Relaxed)).filter(|size| *size > 0)
    }

    pub fn newest(&self) -> Option<Signed> {
        self.covering(0, u64::MAX - 1)
    }

    /// The one of this size, if it is kept.
    pub fn of_size(&self, size: u64) -> Option<Signed> {
        self.covering(size.checked_sub(1)?, size)
    }

    /// The newest that covers the header at `height` and no more than `headers` of them.
    pub fn covering(&self, height: u64, headers: u64) -> Option<Signed> {
        if headers <= height {
            return None;
        }
        let kept = self.0.kept.read().ok()?;
        let found = kept.range(height + 1..=headers).rfind(|(_, kept)| kept.cosigned);
        found.map(|(size, kept)| Signed { size: *size, note: kept.note.clone() })
    }

    /// For how long the oldest checkpoint beyond `headers` has been here.
    pub fn waiting(&self, headers: u64) -> Option<Duration> {
        let kept = self.0.kept.read().ok()?;
        kept.range(headers + 1..).find(|(_, kept)| kept.cosigned).map(|(_, kept)| kept.came.elapsed())
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
            if let Err(fault @ (Unfit::Checkpoint(_) | Unfit::Fork(_))) = taken {
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
    use medtrace_ledger::policy::Witness;
    use medtrace_ledger::{Hash, KeyName, Policy, Signer, SigningKey};

    fn signer(name: &str) -> Signer {
        Signer::new(name.parse::<KeyName>().unwrap(), SigningKey::from_seed(&Hash::of(name).0))
    }

    fn checkpoints() -> Checkpoints {
        Checkpoints::new(genesis(), Path::new("nowhere"))
    }

    fn genesis() -> Genesis {
        Genesis {
            origin: "log.example/test".parse().unwrap(),
            time_ms: 0,
            authority: Quorum { threshold: 1, keys: vec![signer("authority").verifier()] },
            policy: Policy::alone(signer("log.example/test").verifier()),
        }
    }

    fn note(size: u64, by: &str) -> String {
        rooted(size, "root", by)
    }

    fn rooted(size: u64, root: &str, by: &str) -> String {
        let checkpoint = Checkpoint { origin: "log.example/test".parse().unwrap(), size, root: Hash::of(root) };
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
    fn of_two_histories_the_first_stays_and_a_file_proves_both() {
        let folder = std::env::temp_dir().join(format!("medtrace-checkpoints-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let checkpoints = Checkpoints::new(genesis(), &folder);
        let (first, second) = (note(3, "log.example/test"), rooted(3, "another", "log.example/test"));
        assert_eq!((checkpoints.offer(&first).unwrap(), checkpoints.forked()), (3, None));
        assert!(matches!(checkpoints.offer(&second), Err(Unfit::Fork(3))));
        assert!(matches!(checkpoints.offer(&rooted(3, "another", "authority")), Err(Unfit::Checkpoint(_))));
        assert_eq!(checkpoints.forked(), Some(3));
        assert_eq!(checkpoints.newest().unwrap().note.to_string(), first);
        let file = std::fs::read_to_string(folder.join("fork-3.fork")).unwrap();
        let forked = Fork::parse(&file).unwrap().check(&genesis()).unwrap();
        assert_eq!((forked.smaller.root, forked.larger.root), (Hash::of("root"), Hash::of("another")));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_lacks_the_quorum_ends_no_proof_and_still_shows_a_fork() {
        let witness = Witness { name: "w".parse().unwrap(), key: signer("w").verifier(), url: None };
        let quorum = Some(witness.name.clone());
        let policy = Policy { witnesses: vec![witness], quorum, ..genesis().policy };
        let checkpoints = Checkpoints::new(Genesis { policy, ..genesis() }, Path::new("nowhere"));
        assert!(matches!(checkpoints.offer(&note(3, "log.example/test")), Err(Unfit::Quorum(_))));
        assert!(checkpoints.newest().is_none() && checkpoints.of_size(3).is_none());
        assert!(matches!(checkpoints.offer(&rooted(3, "another", "log.example/test")), Err(Unfit::Fork(3))));
        assert_eq!(checkpoints.forked(), Some(3));
    }

    #[test]
    fn thinning_keeps_the_newest_and_half_of_the_others() {
        let mut kept: BTreeMap<u64, ()> = (1..=6).map(|size| (size, ())).collect();
        thin(&mut kept);
        assert_eq!(kept.into_keys().collect::<Vec<_>>(), [2, 4, 6]);
    }
}
