//! What a gap notice must say, found out before anybody signs it: which id was lost, which one is new, and that all that was
//! sealed under the lost one is in an archive. What is not there can never be recomputed by anybody again.

use medtrace_archive::{Archive, ArchiveError, Source};
use medtrace_ledger::{Genesis, TopicName, TopicUuid};
use medtrace_log::consumer::{Isolation, last};
use medtrace_log::sealed::read_header;
use medtrace_log::topics::{self, BLOCKS};
use medtrace_log::{Cluster, LogError};
use medtrace_registry::notice::{Gap, Texts};

use crate::chain::Chain;
use crate::verify::Verifier;

/// Why there is no gap that a notice may tell of.
#[derive(Debug, thiserror::Error)]
pub enum NoGap {
    /// Any id is right where nothing was cut.
    #[error("tell of a gap in {0}: nothing of it has been sealed")]
    NeverSealed(TopicName),
    /// A log that is truncated has the same id; it must be made anew.
    #[error(
        "tell of a gap in {0}: it still is {1}, under which it is sealed; a topic that lost its end is made anew first"
    )]
    SameId(TopicName, TopicUuid),
    /// What is sealed does not recompute; that must be settled first.
    #[error("recompute block {height}: {what}")]
    Differs { height: u64, what: String },
    /// The log or the archive cannot be read, or the archive lacks what was sealed under the lost id.
    #[error(transparent)]
    Unread(#[from] ArchiveError),
}

impl From<LogError> for NoGap {
    fn from(error: LogError) -> NoGap {
        NoGap::Unread(error.into())
    }
}

/// Recomputes the whole chain, from the archive as far as it goes, and gives the next gap notice of this topic.
///
/// # Errors
/// See [`NoGap`].
pub async fn find_gap(
    archive: Option<&Archive>,
    cluster: &Cluster,
    genesis: &Genesis,
    topic: &TopicName,
    reason: Texts,
) -> Result<Gap, NoGap> {
    let chain = recompute(archive, cluster, genesis).await?;
    let ids = chain.registry().now().topic_ids(topic);
    let lost = ids.last().ok_or_else(|| NoGap::NeverSealed(topic.clone()))?.value;
    let found = topics::describe(cluster, &[topic.as_str()]).await?;
    let new = found.first().map(|topic| topic.uuid).filter(|id| *id != lost);
    let new = new.ok_or_else(|| NoGap::SameId(topic.clone(), lost))?;
    // The first id was no notice's.
    let revision = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    Ok(Gap { topic: topic.clone(), revision, lost, new, reason })
}

async fn recompute(archive: Option<&Archive>, cluster: &Cluster, genesis: &Genesis) -> Result<Chain, NoGap> {
    let mut verifier = Verifier::begin(genesis);
    let Some(end) = last(cluster, BLOCKS, 0, Isolation::Committed).await? else { return Ok(verifier.into_chain()) };
    let (end, text) = read_header(&end)?;
    let mut blocks = Source::open(archive, Some(cluster), 0).await?;
    while verifier.chain().size() <= end.height {
        let Some(block) = blocks.next().await? else { break };
        let height = block.header.height;
        let mut differences = verifier.next(&block).await?.differences;
        if height == end.height && block.text != text {
            differences.push("its header in the log is another than the one archived".to_owned());
        }
        if !differences.is_empty() {
            return Err(NoGap::Differs { height, what: differences.join("; ") });
        }
    }
    match verifier.unsettled().into_iter().next() {
        Some((height, what)) => Err(NoGap::Differs { height, what }),
        None => Ok(verifier.into_chain()),
    }
}
