//! Whether a block follows from those before it: what a log that was exchanged does not stand.

use medtrace_ledger::merkle::{self, Frontier};
use medtrace_ledger::{Hash, Header};
use medtrace_log::sealed::SealedBlock;
use serde::{Deserialize, Serialize};

use super::{Deriver, Rows};
use crate::keyed::Keyed;

/// A block of another chain than the one that is indexed, or one whose records are not those that were sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "block {height} does not belong to the chain that is indexed: its {what} is {found}, not {expected}; nothing of it is \
     indexed until an operator has found out why"
)]
pub struct Foreign {
    pub height: u64,
    what: String,
    found: String,
    expected: String,
}

/// The header log as the keyed state keeps it.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    size: u64,
    nodes: Vec<[u8; 32]>,
}

impl From<&Frontier> for Kept {
    fn from(headers: &Frontier) -> Kept {
        Kept { size: headers.size(), nodes: headers.nodes().iter().map(|node| node.0).collect() }
    }
}

impl Kept {
    pub(super) fn read(self) -> Option<Frontier> {
        Frontier::from_parts(self.size, self.nodes.into_iter().map(Hash).collect())
    }
}

impl<K: Keyed> Deriver<K> {
    /// As [`Deriver::derive`], of a log that nobody has verified: the block must follow from those before it, and its
    /// records must be those that it seals.
    ///
    /// # Errors
    /// [`Foreign`] beside those of [`Deriver::derive`]; after it, this deriver is of no more use.
    pub fn follow(&mut self, block: &SealedBlock) -> anyhow::Result<Rows> {
        let header = &block.header;
        differs(header, || "origin".to_owned(), &header.origin, &self.origin)?;
        if header.height == self.next_height() {
            let before = if header.height == 0 { self.genesis } else { self.headers.root() };
            differs(header, || "root of the headers before it".to_owned(), &header.log_root, &before)?;
        }
        let rows = self.derive(block)?;
        for (cut, ordinals) in header.cuts_with_ordinals() {
            let records = rows.submissions.get(ordinals.start as usize..ordinals.end as usize).unwrap_or_default();
            let root = merkle::root(records.iter().map(|row| Hash(row.leaf)));
            differs(header, || format!("root of the cut {}/{}", cut.topic, cut.partition), &cut.root, &root)?;
        }
        Ok(rows)
    }
}

fn differs<T: PartialEq + ToString>(
    header: &Header,
    what: impl FnOnce() -> String,
    found: &T,
    expected: &T,
) -> Result<(), Foreign> {
    match found == expected {
        true => Ok(()),
        false => Err(Foreign {
            height: header.height,
            what: what(),
            found: found.to_string(),
            expected: expected.to_string(),
        }),
    }
}
