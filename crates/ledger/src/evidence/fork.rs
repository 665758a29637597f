//! A fork: two checkpoints signed by the log that cannot both be true. The log's key signed two histories.
//!
//! ```text
//! medtrace/fork/v1
//! checkpoint
//! |<line of the note>             the smaller one, or either where the sizes are equal
//! checkpoint
//! |<line of the note>
//! path <base64 hash>              none where the sizes are equal
//! ```
//!
//! Of one size, the roots differ. Of two sizes, the path is that of a consistency proof with its first node always there
//! (RFC 6962 leaves it out where the smaller size is a power of two): it leads to the larger root, and so fixes the root
//! at the smaller size, which is not the one that was signed. No quorum is needed: the log's own signatures accuse it.

use crate::checkpoint::Checkpoint;
use crate::genesis::Genesis;
use crate::hash::Hash;
use crate::merkle::{Nodes, roots_of_consistency, whole_consistency_path_with};
use crate::note::Note;
use crate::proof::check::open_checkpoint;
use crate::proof::sections::{note, path, push_block};
use crate::proof::{Broken, Part, broken};
use crate::text::Lines;

/// Longest file, in bytes (64 KiB): two notes and a path.
pub const FORK_BYTES_MAX: usize = 64 * 1024;

pub(super) const FORMAT: &str = "medtrace/fork/v1";

/// Two checkpoints that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    pub smaller: Note,
    pub larger: Note,
    pub path: Vec<Hash>,
}

/// What it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forked {
    pub smaller: Checkpoint,
    pub larger: Checkpoint,
    /// The root at the smaller size by what the larger one says; not the smaller one's.
    pub other_root: Hash,
}

impl Fork {
    /// From two checkpoint notes, in either order. `nodes` is of the tree of the larger one; it is not asked where the sizes
    /// are equal. Checked: an error says why they are no fork.
    pub fn between(a: &Note, b: &Note, genesis: &Genesis, nodes: &mut Nodes<'_>) -> Result<Fork, Broken> {
        let (size_a, size_b) = (open_checkpoint(a, genesis)?.0.size, open_checkpoint(b, genesis)?.0.size);
        let (smaller, larger) = if size_a <= size_b { (a, b) } else { (b, a) };
        let path = match size_a == size_b {
            true => Some(Vec::new()),
            false => whole_consistency_path_with(size_a.min(size_b), size_a.max(size_b), nodes),
        };
        let path = path.ok_or_else(|| Broken::new(Part::ConsistencyPath, "the tree of the larger one is not known"))?;
        let fork = Fork { smaller: smaller.clone(), larger: larger.clone(), path };
        fork.check(genesis)?;
        Ok(fork)
    }

    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\ncheckpoint\n");
        push_block(&mut text, &self.smaller.to_string(), &[]);
        text.push_str("checkpoint\n");
        push_block(&mut text, &self.larger.to_string(), &self.path);
        text
    }

    /// Parses strictly; what is accepted prints to the same bytes.
    pub fn parse(text: &str) -> Result<Fork, Broken> {
        let mut lines = Lines::new(FORMAT, text, FORK_BYTES_MAX).map_err(broken(Part::Format))?;
        let smaller = note(&mut lines, "checkpoint", Part::Checkpoint)?;
        let larger = note(&mut lines, "checkpoint", Part::Checkpoint)?;
        let path = path(&mut lines, Part::ConsistencyPath)?;
        lines.end().map_err(broken(Part::Format))?;
        Ok(Fork { smaller, larger, path })
    }

    pub fn check(&self, genesis: &Genesis) -> Result<Forked, Broken> {
        let (smaller, _) = open_checkpoint(&self.smaller, genesis)?;
        let (larger, _) = open_checkpoint(&self.larger, genesis)?;
        let other_root = match smaller.size == larger.size && self.path.is_empty() {
            true => Some(larger.root),
            false => roots_of_consistency(smaller.size, larger.size, &self.path)
                .and_then(|(old, new)| (new == larger.root).then_some(old)),
        };
        match other_root {
            None => Err(Broken::new(Part::ConsistencyPath, "it does not lead to the root of the larger one")),
            Some(root) if root == smaller.root => Err(Broken::new(Part::Fork, "both can be true")),
            Some(other_root) => Ok(Forked { smaller, larger, other_root }),
        }
    }
}
