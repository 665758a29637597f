//! Consistency: the log of one checkpoint begins with the log of another. Nothing was changed or removed in between.
//!
//! ```text
//! medtrace/consistency/v1
//! from
//! |<line of the note>             a checkpoint
//! to
//! |<line of the note>             a checkpoint of the same size or larger, with a quorum
//! path <base64 hash>              RFC 6962 section 2.1.2; none where the sizes are equal
//! ```

use crate::checkpoint::{Checkpoint, Cosignature};
use crate::genesis::Genesis;
use crate::hash::Hash;
use crate::merkle::verify_consistency;
use crate::note::Note;
use crate::proof::check::{enough, open_checkpoint};
use crate::proof::sections::{note, path, push_block};
use crate::proof::{Broken, Part, broken};
use crate::text::Lines;

/// Longest file, in bytes (64 KiB): two notes and a path.
pub const CONSISTENCY_BYTES_MAX: usize = 64 * 1024;

pub(super) const FORMAT: &str = "medtrace/consistency/v1";

/// A proof of consistency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    pub from: Note,
    pub to: Note,
    /// From the smaller tree's right edge up.
    pub path: Vec<Hash>,
}

/// What it shows: the log at `to` begins with the log at `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    pub from: Checkpoint,
    pub to: Checkpoint,
    /// Of `to`; they reach the quorum.
    pub cosignatures: Vec<Cosignature>,
}

impl Consistency {
    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\nfrom\n");
        push_block(&mut text, &self.from.to_string(), &[]);
        text.push_str("to\n");
        push_block(&mut text, &self.to.to_string(), &self.path);
        text
    }

    /// Parses strictly; what is accepted prints to the same bytes.
    pub fn parse(text: &str) -> Result<Consistency, Broken> {
        let mut lines = Lines::new(FORMAT, text, CONSISTENCY_BYTES_MAX).map_err(broken(Part::Format))?;
        let from = note(&mut lines, "from", Part::Checkpoint)?;
        let to = note(&mut lines, "to", Part::Checkpoint)?;
        let path = path(&mut lines, Part::ConsistencyPath)?;
        lines.end().map_err(broken(Part::Format))?;
        Ok(Consistency { from, to, path })
    }

    pub fn check(&self, genesis: &Genesis) -> Result<Grown, Broken> {
        let (from, _) = open_checkpoint(&self.from, genesis)?;
        let (to, cosignatures) = open_checkpoint(&self.to, genesis)?;
        enough(&cosignatures, genesis)?;
        match verify_consistency(from.size, to.size, &self.path, from.root, to.root) {
            true => Ok(Grown { from, to, cosignatures }),
            false => Err(Broken::new(Part::ConsistencyPath, "it does not lead from one root to the other")),
        }
    }
}
