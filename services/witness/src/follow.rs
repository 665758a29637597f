//! A full witness at work: reads the log, or an archive of it, from its first block, recomputes each from its records, and holds
//! every published checkpoint against it. A start begins anew: what was recomputed before is not believed, only what was cosigned is kept.
//!
//! ```text
//! blocks + records ─▶ recompute ─▶ root of every size ─┬─ checkpoints asked to cosign
//!                         │                            └─ checkpoints of the topic, or the archive's
//!                         ▼ differs                            ▼ differ
//!                       alarm: both stop, for ever; then the other side of a forked checkpoint is looked for
//! ```

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use medtrace_archive::{Archive, ArchiveError, Source};
use medtrace_chainer::verify::Verifier;
use medtrace_ledger::Genesis;
use medtrace_log::consumer::{Follower, Isolation, bounds, last};
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, catalogue};
use medtrace_log::{Cluster, LogError};
use medtrace_service::Shutdown;
use medtrace_service::client::with_causes;
use tokio::time::sleep;

use crate::alarms::{Alarms, Finding};
use crate::cosigner::{Cosigner, Signed};
use crate::evidence;
use crate::metrics::Metrics;
use crate::recomputed::Recomputed;

/// Pause before Kafka is tried again, milliseconds.
const RETRY_MS: u64 = 500;
/// How often the end of an archive is looked at, milliseconds.
const ARCHIVE_MS: u64 = 500;
/// How often what contradicts itself is read before it is believed: the fault may have been on the way.
const READS: u32 = 3;
/// How often a topic of ours that is not there is looked for: a broker that has just started may not know it yet.
const READS_OF_MISSING: u32 = 120;
/// How long a published checkpoint that is beyond what is recomputed holds up the next ones, milliseconds.
const AHEAD_MS: u64 = 10_000;

/// Everything that following needs.
#[derive(Clone, Debug)]
pub struct Following {
    /// Without one, everything is read from the archive.
    pub cluster: Option<Cluster>,
    pub archive: Option<Archive>,
    pub genesis: Genesis,
    pub cosigner: Arc<Cosigner>,
    pub recomputed: Arc<Recomputed>,
    pub alarms: Arc<Alarms>,
    pub metrics: Metrics,
}

impl Following {
    /// Follows until the shutdown, or until something is found that ends it; then looks for evidence.
    pub async fn run(self, shutdown: Shutdown) {
        let origin = self.genesis.origin.as_str();
        // What was cosigned by a former run must be what the log gives now.
        if let Some(latest) = self.cosigner.latest(origin).and_then(|latest| latest.note) {
            match self.cosigner.read(&latest) {
                Ok(signed) => _ = self.recomputed.judge(&signed),
                Err(error) => tracing::warn!(%error, "what was cosigned last cannot be compared with the log"),
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = self.refused() => {}
            () = self.blocks() => {}
            () = self.checkpoints() => {}
            () = self.catch_up() => {}
        }
        tracing::error!(recomputed = self.recomputed.size(), "nothing of this log is recomputed or cosigned any more");
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = evidence::seek(&self) => {}
        }
    }

    /// Says when what is published now is recomputed; does not end.
    async fn catch_up(&self) {
        let published = loop {
            match self.published().await {
                Ok(published) => break published,
                Err(error) => self.retry("checkpoints", &error).await,
            }
        };
        let size = published.and_then(|note| self.signed(&note).ok()).map_or(0, |signed| signed.head().0);
        self.recomputed.get_to(size).await;
        self.recomputed.caught_up();
        std::future::pending().await
    }

    /// The newest checkpoint there is.
    async fn published(&self) -> Result<Option<Vec<u8>>, ArchiveError> {
        match (&self.cluster, &self.archive) {
            (Some(cluster), _) => {
                Ok(last(cluster, CHECKPOINTS, 0, Isolation::Committed).await?.map(|message| message.value))
            }
            (None, Some(archive)) => Ok(archive.checkpoint().await?.map(String::into_bytes)),
            (None, None) => Ok(None),
        }
    }

    /// Ends once an alarm ends all recomputing and cosigning of this log.
    async fn refused(&self) {
        let mut alarmed = self.alarms.watch();
        while !self.alarms.refuses(self.genesis.origin.as_str()) {
            if alarmed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Recomputes block after block; ends with an alarm only.
    async fn blocks(&self) {
        let mut verifier = Verifier::begin(&self.genesis);
        let (mut contradictions, mut at) = (0, 0);
        loop {
            let error = match self.recompute(&mut verifier).await {
                Ok(()) => return,
                Err(error) => error,
            };
            let size = verifier.chain().size();
            match believed_after(&error) {
                // Only in one place again and again is it the log's fault.
                Some(reads) => {
                    contradictions = if size == at { contradictions + 1 } else { 1 };
                    if contradictions >= reads {
                        let what = with_causes(&error);
                        return self.recomputed.alarm(Finding::Unreadable { size: size + 1, what });
                    }
                }
                None => contradictions = 0,
            }
            at = size;
            self.retry("blocks", &error).await;
        }
    }

    /// Ends well only with an alarm.
    async fn recompute(&self, verifier: &mut Verifier) -> Result<(), ArchiveError> {
        let mut blocks = Source::open(self.archive.as_ref(), self.cluster.as_ref(), verifier.chain().size()).await?;
        loop {
            let Some(block) = blocks.next().await? else {
                // The end of an archive, which may grow.
                sleep(Duration::from_millis(ARCHIVE_MS)).await;
                continue;
            };
            let recomputed = loop {
                match verifier.next(&block).await {
                    Ok(recomputed) => break recomputed,
                    // A worker's end says nothing about the log.
                    Err(error) => self.retry("a block's records", &error.into()).await,
                }
            };
            if !recomputed.differences.is_empty() || !recomputed.follows {
                let (size, differences) = (block.header.height + 1, recomputed.differences);
                self.recomputed.alarm(Finding::Block { size, header: block.text, differences });
                return Ok(());
            }
            self.recomputed.grew(verifier.chain().root());
            self.metrics.recomputed.set(self.recomputed.size().cast_signed());
        }
    }

    /// Holds every published checkpoint against the blocks; does not end.
    async fn checkpoints(&self) {
        let mut next = None;
        loop {
            let compared = match &self.cluster {
                Some(cluster) => self.compare_from(cluster, &mut next).await,
                None => self.compare_archived().await,
            };
            let error = match compared {
                Ok(never) => match never {},
                Err(error) => error,
            };
            self.retry("checkpoints", &error).await;
        }
    }

    async fn compare_from(&self, cluster: &Cluster, next: &mut Option<u64>) -> Result<Infallible, ArchiveError> {
        let low = bounds(cluster, CHECKPOINTS, 1, Isolation::Committed).await?.first().map_or(0, |all| all.low);
        let start = next.unwrap_or(low);
        let follower = Follower::open(cluster, CHECKPOINTS, Isolation::Committed, &[(0, start)]).await?;
        loop {
            let message = follower.next().await?;
            *next = Some(message.offset + 1);
            match self.signed(&message.value) {
                Ok(signed) => self.compare(&signed).await,
                Err(what) => self.recomputed.alarm(Finding::Unsigned { offset: message.offset, what }),
            }
        }
    }

    /// An archive has the newest checkpoint only, and those in between are not seen.
    async fn compare_archived(&self) -> Result<Infallible, ArchiveError> {
        let mut seen = None;
        loop {
            let published = self.published().await?;
            if let Some(note) = published.as_ref().filter(|_| published != seen) {
                match self.signed(note) {
                    Ok(signed) => self.compare(&signed).await,
                    // Whoever serves it is not the log: it proves nothing, and is not believed.
                    Err(what) => tracing::warn!(what, "the archive's checkpoint is none of our log"),
                }
            }
            seen = published;
            sleep(Duration::from_millis(ARCHIVE_MS)).await;
        }
    }

    /// One that is far beyond the log's end is remembered, and does not keep later ones from being compared.
    async fn compare(&self, signed: &Signed) {
        loop {
            let reached = self.recomputed.reached(signed.head().0, Duration::from_millis(AHEAD_MS)).await;
            if reached || self.recomputed.has_room() {
                _ = self.recomputed.judge(signed);
                return;
            }
        }
    }

    /// A checkpoint that our log signed.
    pub(crate) fn signed(&self, note: &[u8]) -> Result<Signed, String> {
        let note = std::str::from_utf8(note).map_err(|_| "it is no text".to_owned())?;
        let signed = self.cosigner.read(note).map_err(|refusal| refusal.to_string())?;
        match signed.checkpoint.origin() == self.genesis.origin.as_str() {
            true => Ok(signed),
            false => Err(format!("it is of {}", signed.checkpoint.origin())),
        }
    }

    pub(crate) async fn retry(&self, what: &str, error: &ArchiveError) {
        self.metrics.retries.inc();
        tracing::warn!(error = with_causes(error), "reading {what} is begun again");
        sleep(Duration::from_millis(RETRY_MS)).await;
    }
}

/// How often an error must have come that says something about what stands in the log; `None` where it only says something
/// about the connection to it.
fn believed_after(error: &ArchiveError) -> Option<u32> {
    use LogError::{Broken, Damaged, OutOfRange, Topic};
    let error = match error {
        ArchiveError::Log(error) => error,
        error => return error.contradicts().then_some(READS),
    };
    match error {
        Broken(_) | Damaged { .. } | OutOfRange { .. } => Some(READS),
        // Before the chainer's first start there is none.
        Topic { topic, .. } if topic == BLOCKS => None,
        Topic { topic, .. } if catalogue().iter().any(|known| known.name == *topic) => Some(READS_OF_MISSING),
        Topic { .. } => Some(READS),
        // Nor does it say anything that older records are in the archive only: nothing is cosigned until it is there.
        _ => None,
    }
}
