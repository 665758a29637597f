//! Finding the end of the chain: read `blocks` to its end, and refuse to go on if this process or anybody who holds a
//! checkpoint has seen another chain or a longer one.

use std::sync::Arc;

use medtrace_ledger::block::Header;
use medtrace_ledger::hash::Hash;
use medtrace_ledger::{Checkpoint, Genesis, SubmissionKind};
use medtrace_log::consumer::{Isolation, last};
use medtrace_log::sealed::{SealedBlock, SealedLog, read_header};
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, NOTICES, Topic};
use medtrace_log::{Cluster, LogError};

use crate::chain::{Chain, Fault};
use crate::inspect::{Consortium, inspect};
use crate::standing::Standing;
use crate::stop::Stop;

/// The chain as `blocks` holds it.
pub struct Recovered {
    pub chain: Chain,
    /// The last header, if there is one.
    pub last: Option<Header>,
    /// Offset behind the last block.
    pub blocks_to: u64,
    /// Size of the last published checkpoint; 0 if there is none.
    pub published: u64,
}

/// Somebody's word of how the chain begins.
struct Claim {
    who: &'static str,
    size: u64,
    root: Hash,
}

/// Reads the chain and holds it against the standing file and the last checkpoint.
pub async fn recover(
    cluster: &Cluster,
    genesis: &Genesis,
    consortium: &Arc<Consortium>,
    standing: Option<Standing>,
) -> Result<Recovered, Stop> {
    let published = last_checkpoint(cluster, genesis).await?;
    let own = standing.map(|standing| Claim { who: "the standing file", size: standing.size, root: standing.root });
    let signed = published.as_ref().map(|(size, root)| Claim { who: "the last checkpoint", size: *size, root: *root });
    let claims: Vec<Claim> = own.into_iter().chain(signed).collect();

    let mut chain = Chain::begin(genesis);
    let end = last(cluster, BLOCKS, 0, Isolation::Committed).await?;
    let (size, blocks_to) = match &end {
        Some(message) => (read_header(message)?.0.height.saturating_add(1), message.offset + 1),
        None => (0, 0),
    };
    if let Some(Claim { who, size: said, .. }) = claims.iter().find(|claim| claim.size > size) {
        return Err(Stop::Ahead { who, said: *said, held: size });
    }
    let mut last = None;
    if size > 0 {
        let mut log = SealedLog::open(cluster, 0, Some(NOTICES)).await?;
        while chain.size() < size {
            let block = log.next().await?;
            follow(&mut chain, consortium, &block)?;
            compare(&chain, &claims)?;
            last = Some(block.header);
        }
    }
    Ok(Recovered { chain, last, blocks_to, published: published.map_or(0, |(size, _)| size) })
}

/// Appends one block to the chain, with its notices.
fn follow(chain: &mut Chain, consortium: &Consortium, block: &SealedBlock) -> Result<(), Fault> {
    let notices: Vec<_> = block
        .records
        .iter()
        .map(|record| {
            let value = record.value.clone();
            (record.ordinal, inspect(SubmissionKind::Notices, consortium, record.offset, value))
        })
        .collect();
    chain.follow(&block.header, &notices)
}

fn compare(chain: &Chain, claims: &[Claim]) -> Result<(), Stop> {
    let (size, root) = (chain.size(), chain.root());
    match claims.iter().find(|claim| claim.size == size && claim.root != root) {
        Some(claim) => {
            Err(Stop::Differs { who: claim.who, size, said: claim.root.to_string(), held: root.to_string() })
        }
        None => Ok(()),
    }
}

/// Size and root of the last published checkpoint.
async fn last_checkpoint(cluster: &Cluster, genesis: &Genesis) -> Result<Option<(u64, Hash)>, Stop> {
    let Some(message) = last(cluster, CHECKPOINTS, 0, Isolation::Committed).await? else { return Ok(None) };
    let note = String::from_utf8(message.value).map_err(|error| Stop::Checkpoint(error.to_string()))?;
    let (checkpoint, _) = Checkpoint::open(&note, genesis).map_err(|error| Stop::Checkpoint(error.to_string()))?;
    Ok(Some((checkpoint.size, checkpoint.root)))
}

/// The topics must still be those that the chain was cut from.
pub fn same_topics(chain: &Chain, topics: &[Topic]) -> Result<(), Stop> {
    for topic in topics {
        let name = topic.name.parse().map_err(|_| LogError::Broken(format!("{} is no topic's name", topic.name)))?;
        if let Some(expected) = chain.uuid(&name).filter(|uuid| *uuid != topic.uuid) {
            let (found, expected) = (topic.uuid.to_string(), expected.to_string());
            return Err(Stop::Topic { topic: topic.name.clone(), found, expected });
        }
    }
    Ok(())
}
