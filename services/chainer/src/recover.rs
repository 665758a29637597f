//! Finding the end of the chain: read `blocks` to its end, and refuse to go on if this process or anybody who holds a
//! checkpoint has seen another chain or a longer one.

use std::sync::Arc;

use medtrace_ledger::block::Header;
use medtrace_ledger::hash::Hash;
use medtrace_ledger::{Checkpoint, Genesis, Note, SubmissionKind};
use medtrace_log::consumer::Message;
use medtrace_log::sealed::{SealedBlock, read_header};
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, NOTICES, Topic};

use crate::chain::{Chain, Fault};
use crate::clock::APART_MS_MAX;
use crate::inspect::{Consortium, inspect};
use crate::outside::{Blocks as _, Outside};
use crate::standing::Standing;
use crate::stop::Stop;
use crate::verify::Verifier;

/// The chain as `blocks` holds it.
pub struct Recovered {
    pub chain: Chain,
    /// The last header, if there is one.
    pub last: Option<Header>,
    /// Offset behind the last block.
    pub blocks_to: u64,
    /// The last published checkpoint.
    pub published: Option<Published>,
}

/// Somebody's word of how the chain begins.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub who: &'static str,
    pub size: u64,
    pub root: Hash,
}

impl From<&Standing> for Claim {
    fn from(standing: &Standing) -> Claim {
        Claim { who: "the standing file", size: standing.size, root: standing.root }
    }
}

/// A checkpoint that stands in the log.
#[derive(Clone, Debug)]
pub struct Published {
    pub checkpoint: Checkpoint,
    pub note: Note,
}

impl From<&Published> for Claim {
    fn from(published: &Published) -> Claim {
        Claim { who: "the last checkpoint", size: published.checkpoint.size, root: published.checkpoint.root }
    }
}

/// The chain as far as somebody has signed it: its notices are applied, its events are left to whoever signed.
pub struct Followed<O: Outside> {
    pub(crate) chain: Chain,
    pub(crate) last: Option<Header>,
    /// Headers that another has signed while this process looked on: it remembers them by itself, whatever the log says
    /// later. What stood in the log before is the log's word alone.
    pub(crate) seen: u64,
    /// Stands behind the chain's last block.
    log: Option<O::Blocks>,
}

impl<O: Outside> Followed<O> {
    /// Before the first block.
    pub fn begin(genesis: &Genesis) -> Followed<O> {
        Followed { chain: Chain::begin(genesis), last: None, seen: 0, log: None }
    }

    /// Goes on to `size` headers, and holds every claim against the chain as it passes. Cancelling loses nothing.
    pub(crate) async fn follow(
        &mut self,
        outside: &O,
        consortium: &Consortium,
        size: u64,
        claims: &[Claim],
    ) -> Result<(), Stop> {
        compare(&self.chain, claims)?;
        if self.chain.size() >= size {
            return Ok(());
        }
        let mut log = match self.log.take() {
            Some(log) => log,
            None => outside.blocks(self.chain.size(), Some(NOTICES)).await?,
        };
        while self.chain.size() < size {
            let block = log.next().await?;
            follow(&mut self.chain, consortium, &block)?;
            self.last = Some(block.header);
            compare(&self.chain, claims)?;
        }
        self.log = Some(log);
        Ok(())
    }
}

/// Reads the chain from what has been followed to its end, and holds it against the standing file and the last checkpoint.
/// A block that nobody has signed yet may have been written by anybody: it is recomputed from its records, and must not be
/// of the future (`clock_ms`).
pub(crate) async fn recover<O: Outside>(
    outside: &O,
    genesis: &Genesis,
    consortium: &Arc<Consortium>,
    standing: Option<Standing>,
    mut followed: Followed<O>,
    clock_ms: u64,
) -> Result<Recovered, Stop> {
    let published = last_checkpoint(outside, genesis).await?;
    let last_claim = published.as_ref().map(Claim::from);
    let own = Claim { who: "what this process has read", size: followed.chain.size(), root: followed.chain.root() };
    let claims: Vec<Claim> =
        [Some(own), standing.as_ref().map(Claim::from), last_claim].into_iter().flatten().collect();
    let end = outside.last(BLOCKS).await?;
    let (size, blocks_to) = match &end {
        Some(message) => (read_header(message)?.0.height.saturating_add(1), message.offset + 1),
        None => (0, 0),
    };
    if let Some(Claim { who, size: said, .. }) = claims.iter().find(|claim| claim.size > size) {
        return Err(Stop::Ahead { who, said: *said, held: size });
    }
    let signed = claims.iter().map(|claim| claim.size).max().unwrap_or_default();
    followed.follow(outside, consortium, signed, &claims).await?;
    let Followed { chain, mut last, .. } = followed;
    let mut verifier = Verifier::of(chain, consortium.clone());
    if verifier.chain().size() < size {
        let mut log = outside.blocks(verifier.chain().size(), None).await?;
        while verifier.chain().size() < size {
            let block = log.next().await?;
            recompute(&mut verifier, &block, clock_ms).await?;
            last = Some(block.header);
        }
    }
    Ok(Recovered { chain: verifier.into_chain(), last, blocks_to, published })
}

async fn recompute(verifier: &mut Verifier, block: &SealedBlock, clock_ms: u64) -> Result<(), Stop> {
    let (height, time_ms) = (block.header.height, block.header.time_ms);
    let mut differences = verifier.next(block).await?.differences;
    if time_ms > clock_ms.saturating_add(APART_MS_MAX) {
        differences.push(format!("its time is {time_ms}, this clock reads {clock_ms}"));
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Stop::Foreign { height, what: differences.join("; ") }),
    }
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

async fn last_checkpoint<O: Outside>(outside: &O, genesis: &Genesis) -> Result<Option<Published>, Stop> {
    let message = outside.last(CHECKPOINTS).await?;
    message.map(|message| Published::read(message, genesis)).transpose()
}

impl Published {
    /// From a record of `checkpoints`.
    pub fn read(message: Message, genesis: &Genesis) -> Result<Published, Stop> {
        let none = |error: &dyn std::fmt::Display| Stop::Checkpoint(error.to_string());
        let note = String::from_utf8(message.value).map_err(|error| none(&error))?;
        let note = Note::parse(&note).map_err(|error| none(&error))?;
        let (checkpoint, _) = Checkpoint::open_note(&note, genesis).map_err(|error| none(&error))?;
        Ok(Published { checkpoint, note })
    }
}

/// In words, which topic has another id than the one it is cut under: it was made anew, and no gap notice said so yet.
pub fn made_anew(chain: &Chain, topics: &[Topic]) -> Option<String> {
    topics.iter().find_map(|topic| {
        let expected = chain.uuid(&topic.name.parse().ok()?)?;
        let says = || format!("topic {} is {}, the chain was cut from {expected}", topic.name, topic.uuid);
        (expected != topic.uuid).then(says)
    })
}
