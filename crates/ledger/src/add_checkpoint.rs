//! The question to a witness: the body of C2SP tlog-witness's `add-checkpoint`.
//!
//! ```text
//! old <size>                 that the witness last cosigned; 0 if it never did
//! <base64 hash> …            consistency path from there to the checkpoint, 0..63 lines (RFC 6962 section 2.1.2)
//! <empty line>
//! <checkpoint note>
//! ```
//!
//! Source: <https://c2sp.org/tlog-witness>.

use std::fmt;

use crate::foreign::{FOREIGN_NOTE_BYTES_MAX, FOREIGN_SIZE_MAX};
use crate::hash::Hash;
use crate::text::{FormatError, Lines, decimal};

/// Most lines of the consistency path.
pub const PROOF_LINES_MAX: usize = 63;
/// Longest body, in bytes: the note, and what may come before it.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = FOREIGN_NOTE_BYTES_MAX + PROOF_LINES_MAX * 45 + 32;

const FORMAT: &str = "add-checkpoint";

/// Asks for a cosignature. Prints to the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the log that the witness last cosigned; 0 if it never did.
    pub old_size: u64,
    /// Consistency path from the old size to the checkpoint's.
    pub proof: Vec<Hash>,
    /// The checkpoint as a note; not looked at here.
    pub note: String,
}

impl AddCheckpoint {
    /// Parses a body.
    ///
    /// # Errors
    /// What is not in this form, or beyond a limit.
    pub fn parse(body: &str) -> Result<AddCheckpoint, FormatError> {
        let mut lines = Lines::headless(FORMAT, body, ADD_CHECKPOINT_BYTES_MAX)?;
        let old_size = lines.next_if("old ").and_then(|size| decimal(size, FOREIGN_SIZE_MAX));
        let old_size = old_size.ok_or_else(|| FormatError::whole(FORMAT, "the first line is old <size>"))?;
        let mut proof = Vec::new();
        while lines.peek().is_some_and(|line| !line.is_empty()) {
            if proof.len() == PROOF_LINES_MAX {
                return Err(lines.error("more than 63 consistency lines"));
            }
            proof.push(lines.value("hash")?);
        }
        lines.next()?;
        Ok(AddCheckpoint { old_size, proof, note: lines.rest().to_owned() })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}
