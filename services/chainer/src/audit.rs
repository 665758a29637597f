//! The whole chain, recomputed from the log: what a stranger would do who trusts nothing but the genesis.

use medtrace_archive::{Archive, ArchiveError, Source};
use medtrace_ledger::hash::Hash;
use medtrace_ledger::{Checkpoint, Genesis};
use medtrace_log::consumer::{Isolation, RangeReader, last};
use medtrace_log::sealed::{SealedBlock, SealedLog, read_header};
use medtrace_log::topics::{self, BLOCKS, CHECKPOINTS, NOTICES, SCAN_EVENTS};
use medtrace_log::{Cluster, LogError};

use crate::recover::made_anew;
use crate::verify::{Recomputed, Verifier};

/// Bytes of checkpoints read at once.
const READ_BYTES: usize = 1 << 20;
/// Findings after which an audit gives up looking for more.
pub const FINDINGS_MAX: usize = 1_000;

/// One thing that does not recompute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Height of the block; for a checkpoint, of the last block it covers.
    pub height: u64,
    pub what: String,
}

/// What an audit went through, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub blocks: u64,
    pub records: u64,
    /// Items of all records that are not bad.
    pub items: u64,
    pub bad: u64,
    pub checkpoints: u64,
    /// Headers that the last checkpoint covers.
    pub published: u64,
    /// Size and root of the chain, if it has a block.
    pub end: Option<(u64, Hash)>,
    pub findings: Vec<Finding>,
}

impl Report {
    /// Counts one more block, and what was found in it.
    pub fn add(&mut self, block: &SealedBlock, recomputed: Recomputed) {
        let height = block.header.height;
        self.findings.extend(recomputed.differences.into_iter().map(|what| Finding { height, what }));
        self.blocks += 1;
        self.records += block.records.len() as u64;
        self.bad += block.header.bad.len() as u64;
        self.items += recomputed.items;
    }
}

/// Recomputes the whole chain from the log as it is now: every leaf, signature, root, key, bad line, header and
/// checkpoint. `visit` sees each block with its records as they stand in the log, verified or not, in order.
///
/// What does not recompute is a finding; an error means that the log could not be read.
pub async fn verify_chain(
    cluster: &Cluster,
    genesis: &Genesis,
    visit: impl FnMut(&SealedBlock),
) -> Result<Report, LogError> {
    verify_chain_from(None, cluster, genesis, visit).await.map_err(|error| match error {
        ArchiveError::Log(error) => error,
        // There is no archive that it could come from.
        error => LogError::Broken(error.to_string()),
    })
}

/// The same with the blocks of an archive as far as it goes, and the others from the log: for one that does not hold all
/// records any more. Headers, checkpoints and topics are those of the log all the same.
///
/// # Errors
/// The log or the archive could not be read, or lacks records which the archive does not hold.
pub async fn verify_chain_from(
    archive: Option<&Archive>,
    cluster: &Cluster,
    genesis: &Genesis,
    mut visit: impl FnMut(&SealedBlock),
) -> Result<Report, ArchiveError> {
    // The end of the checkpoints before the end of the blocks: a chain that grows meanwhile is not ahead of itself.
    let checkpoints_to = last(cluster, CHECKPOINTS, 0, Isolation::Committed).await?.map_or(0, |end| end.offset + 1);
    let mut report = Report::default();
    let mut roots = Vec::new();
    let mut verifier = Verifier::begin(genesis);
    if let Some(message) = last(cluster, BLOCKS, 0, Isolation::Committed).await? {
        let size = read_header(&message)?.0.height.saturating_add(1);
        let mut blocks = Blocks::open(archive, cluster).await?;
        while verifier.chain().size() < size && report.findings.len() < FINDINGS_MAX {
            let block = match blocks.next(&mut report).await {
                Ok(Some(block)) => block,
                Ok(None) => break,
                // What stands there cannot be read as a block: after it nothing can be held against anything.
                Err(error) if error.contradicts() || is_lost(&error) => {
                    report.findings.push(Finding { height: verifier.chain().size(), what: error.to_string() });
                    break;
                }
                Err(error) => return Err(error),
            };
            let appended = check_block(&mut verifier, &block, &mut report).await?;
            visit(&block);
            if !appended {
                break;
            }
            roots.push(verifier.chain().root());
        }
        report.end = roots.last().map(|root| (verifier.chain().size(), *root));
    }
    check_topics(cluster, &verifier, &mut report).await?;
    check_checkpoints(cluster, genesis, checkpoints_to, &roots, &mut report).await?;
    Ok(report)
}

/// Block after block. With an archive, what the log says of the headers is held against it.
struct Blocks {
    source: Source,
    headers: Option<SealedLog>,
}

impl Blocks {
    async fn open(archive: Option<&Archive>, cluster: &Cluster) -> Result<Blocks, ArchiveError> {
        let headers = match archive {
            // No cut is of this topic: headers alone.
            Some(_) => Some(SealedLog::open(cluster, 0, Some(BLOCKS)).await?),
            None => None,
        };
        Ok(Blocks { source: Source::open(archive, Some(cluster), 0).await?, headers })
    }

    async fn next(&mut self, report: &mut Report) -> Result<Option<SealedBlock>, ArchiveError> {
        let block = self.source.next().await?;
        if let (Some(block), Some(headers)) = (&block, &mut self.headers)
            && headers.next().await?.text != block.text
        {
            let what = "its header in the log is another than the one archived".to_owned();
            report.findings.push(Finding { height: block.header.height, what });
        }
        Ok(block)
    }
}

/// Whether records are where nobody can look any more, unless in an archive.
fn is_lost(error: &ArchiveError) -> bool {
    matches!(error, ArchiveError::Log(LogError::MadeAnew { .. }))
}

/// Holds one block against its records; whether the chain could go on with it.
async fn check_block(verifier: &mut Verifier, block: &SealedBlock, report: &mut Report) -> Result<bool, LogError> {
    let recomputed = verifier.next(block).await?;
    let follows = recomputed.follows;
    report.add(block, recomputed);
    Ok(follows)
}

/// The topics must be those that the headers name, if need be since a gap notice: a topic made anew has other records under
/// the same offsets.
async fn check_topics(cluster: &Cluster, verifier: &Verifier, report: &mut Report) -> Result<(), LogError> {
    let wrong = match topics::describe(cluster, &[NOTICES, SCAN_EVENTS]).await {
        Err(error) if error.contradicts() => Some(error.to_string()),
        topics => made_anew(verifier.chain(), &topics?),
    };
    if let Some(what) = wrong {
        report.findings.push(Finding { height: verifier.chain().size().saturating_sub(1), what });
    }
    Ok(())
}

/// Every published checkpoint must be this chainer's, of this chain, and none may go back.
async fn check_checkpoints(
    cluster: &Cluster,
    genesis: &Genesis,
    to: u64,
    roots: &[Hash],
    report: &mut Report,
) -> Result<(), LogError> {
    let mut reader = RangeReader::open(cluster, CHECKPOINTS, 0, Isolation::Committed)?;
    let (mut at, mut before) = (0, 0);
    while at < to {
        let (messages, next) = reader.read(at, to, READ_BYTES).await?;
        at = next;
        for message in messages {
            report.checkpoints += 1;
            let note = String::from_utf8_lossy(&message.value).into_owned();
            let (height, what) = match Checkpoint::open(&note, genesis) {
                Err(error) => (before, format!("the checkpoint at offset {} is none: {error}", message.offset)),
                Ok((checkpoint, cosignatures)) => {
                    let Checkpoint { size, root, .. } = checkpoint;
                    let earlier = before;
                    before = before.max(size);
                    let held = usize::try_from(size - 1).ok().and_then(|index| roots.get(index));
                    let what = match held {
                        // With cosignatures an earlier one is published again.
                        _ if size < earlier && cosignatures.is_empty() => {
                            format!("the checkpoint of {size} headers follows one of {earlier}")
                        }
                        None => format!("a checkpoint of {size} headers was signed, blocks holds {}", roots.len()),
                        Some(held) if *held != root => {
                            format!("the checkpoint of {size} headers says {root}, the log gives {held}")
                        }
                        Some(_) => continue,
                    };
                    (size - 1, what)
                }
            };
            report.findings.push(Finding { height, what });
        }
    }
    report.published = before;
    Ok(())
}
