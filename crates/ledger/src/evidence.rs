//! Evidence that needs no trust in whoever hands it over, but only the genesis: proofs of items, one or many or erased, of the
//! log's growth, and of misconduct. Each is one text file whose first line names its kind.

mod batch;
mod consistency;
mod erased;
mod fork;
mod missing;

pub use batch::{BATCH_BYTES_MAX, BATCH_ITEMS_MAX, Batch};
pub use consistency::{CONSISTENCY_BYTES_MAX, Consistency, Grown};
pub use erased::{Erased, Gone};
pub use fork::{FORK_BYTES_MAX, Fork, Forked};
pub use missing::{Absent, MISSING_BYTES_MAX, Missing, SERVICE_ROLE};

use crate::genesis::Genesis;
use crate::proof::{Broken, Part, Proof, Verified, broken};

/// Longest file of evidence, in bytes.
pub const EVIDENCE_BYTES_MAX: usize = BATCH_BYTES_MAX;

/// Any evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    Item(Box<Proof>),
    Batch(Box<Batch>),
    Consistency(Box<Consistency>),
    Fork(Box<Fork>),
    Missing(Box<Missing>),
    Erased(Box<Erased>),
}

/// What evidence has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    Item(Box<Verified>),
    /// In the order of the log.
    Batch(Vec<Verified>),
    Consistency(Grown),
    Fork(Forked),
    Missing(Box<Absent>),
    Erased(Box<Gone>),
}

impl Evidence {
    /// Parses a file as it was read; its kind is what its first line says.
    pub fn from_bytes(bytes: &[u8]) -> Result<Evidence, Broken> {
        let text = std::str::from_utf8(bytes).map_err(broken(Part::Format))?;
        match text.split('\n').next() {
            Some(crate::proof::FORMAT) => Ok(Evidence::Item(Box::new(Proof::parse(text)?))),
            Some(batch::FORMAT) => Ok(Evidence::Batch(Box::new(Batch::parse(text)?))),
            Some(consistency::FORMAT) => Ok(Evidence::Consistency(Box::new(Consistency::parse(text)?))),
            Some(fork::FORMAT) => Ok(Evidence::Fork(Box::new(Fork::parse(text)?))),
            Some(missing::FORMAT) => Ok(Evidence::Missing(Box::new(Missing::parse(text)?))),
            Some(erased::FORMAT) => Ok(Evidence::Erased(Box::new(Erased::parse(text)?))),
            _ => Err(Broken::new(Part::Format, "the first line names no kind of evidence")),
        }
    }

    /// The file.
    pub fn text(&self) -> String {
        match self {
            Evidence::Item(proof) => proof.text(),
            Evidence::Batch(batch) => batch.text(),
            Evidence::Consistency(consistency) => consistency.text(),
            Evidence::Fork(fork) => fork.text(),
            Evidence::Missing(missing) => missing.text(),
            Evidence::Erased(erased) => erased.text(),
        }
    }

    /// Verifies all of it, given the genesis.
    pub fn check(&self, genesis: &Genesis) -> Result<Shown, Broken> {
        Ok(match self {
            Evidence::Item(proof) => Shown::Item(Box::new(proof.check(genesis)?)),
            Evidence::Batch(batch) => Shown::Batch(batch.check(genesis)?),
            Evidence::Consistency(consistency) => Shown::Consistency(consistency.check(genesis)?),
            Evidence::Fork(fork) => Shown::Fork(fork.check(genesis)?),
            Evidence::Missing(missing) => Shown::Missing(Box::new(missing.check(genesis)?)),
            Evidence::Erased(erased) => Shown::Erased(Box::new(erased.check(genesis)?)),
        })
    }
}
