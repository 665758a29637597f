//! A missing submission: a service acknowledged it at an offset, and the sealed cut of that offset does not hold it. The
//! service and the log contradict each other; one of them broke its word.
//!
//! ```text
//! medtrace/missing/v1
//! receipt
//! |<line of the note>             signed by the service
//! key <index>
//! |<line of the key entry>        the service's, with the role `service`
//! path <base64 hash>              to the root of the keys in the header
//! header
//! |<line of the header>           one of its cuts covers the receipt's offset
//! path <base64 hash>              to the root in the checkpoint
//! checkpoint
//! |<line of the note>
//! leaf <base64 hash>              every record of that cut, in its order
//! ```
//!
//! Offsets may hold no record, so that no place in the cut is the offset's: the claim is that the leaf in the receipt is
//! nowhere in the cut. No quorum is needed: the log's own signature binds it.

use crate::block::{BLOCK_EVENTS_MAX, Header};
use crate::genesis::Genesis;
use crate::hash::Hash;
use crate::merkle;
use crate::names::PartyId;
use crate::note::{Note, VerifierKey};
use crate::proof::check::{check_in_log, check_key, open_checkpoint};
use crate::proof::sections::{block, hashes, key, named, note, path, push_block, push_hashes, section};
use crate::proof::{Broken, KeyProof, Part, broken};
use crate::receipt::Receipt;
use crate::text::Lines;

/// Longest file, in bytes (4 MiB): the 65,536 leaves of the largest cut take 3.2 MB.
pub const MISSING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The role of keys that sign receipts.
pub const SERVICE_ROLE: &str = "service";

pub(super) const FORMAT: &str = "medtrace/missing/v1";

/// A receipt and the cut that should hold what it acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub receipt: Note,
    /// The service's key, valid after the block.
    pub key: KeyProof,
    pub header: Header,
    /// From the header's leaf to the root in the checkpoint.
    pub header_path: Vec<Hash>,
    pub checkpoint: Note,
    /// Of all records of the cut.
    pub leaves: Vec<Hash>,
}

/// What it shows: what this service acknowledged is not where the log sealed that offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    pub receipt: Receipt,
    pub service: PartyId,
    /// Height of the block whose cut covers the offset.
    pub height: u64,
    /// Headers in the log that the checkpoint covers.
    pub checkpoint_size: u64,
}

impl Missing {
    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\nreceipt\n");
        push_block(&mut text, &self.receipt.to_string(), &[]);
        text.push_str(&format!("key {}\n", self.key.index));
        push_block(&mut text, &self.key.entry.text(), &self.key.path);
        text.push_str("header\n");
        push_block(&mut text, &self.header.text(), &self.header_path);
        text.push_str("checkpoint\n");
        push_block(&mut text, &self.checkpoint.to_string(), &[]);
        push_hashes(&mut text, "leaf ", &self.leaves);
        text
    }

    /// Parses strictly; what is accepted prints to the same bytes.
    pub fn parse(text: &str) -> Result<Missing, Broken> {
        let mut lines = Lines::new(FORMAT, text, MISSING_BYTES_MAX).map_err(broken(Part::Format))?;
        let receipt = note(&mut lines, "receipt", Part::Receipt)?;
        let index = section(&mut lines, "key ", Part::Key)?;
        let key = key(&mut lines, index)?;
        named(&mut lines, "header", Part::Header)?;
        let header = Header::parse(&block(&mut lines, Part::Header)?).map_err(broken(Part::Header))?;
        let header_path = path(&mut lines, Part::HeaderPath)?;
        let checkpoint = note(&mut lines, "checkpoint", Part::Checkpoint)?;
        let leaves = hashes(&mut lines, "leaf ", BLOCK_EVENTS_MAX as usize, Part::Leaves)?;
        lines.end().map_err(broken(Part::Format))?;
        Ok(Missing { receipt, key, header, header_path, checkpoint, leaves })
    }

    pub fn check(&self, genesis: &Genesis) -> Result<Absent, Broken> {
        let entry = &self.key.entry;
        let service = VerifierKey::new(entry.party.clone(), entry.public_key);
        let receipt = Receipt::open_note(&self.receipt, &service).map_err(broken(Part::Receipt))?;
        if receipt.origin != genesis.origin {
            return Err(Broken::new(Part::Receipt, "it is of another consortium"));
        }
        if self.header.origin != genesis.origin {
            return Err(Broken::new(Part::Header, "it is of another consortium"));
        }
        if !entry.roles.iter().any(|role| role.as_str() == SERVICE_ROLE) {
            return Err(Broken::new(Part::Key, "it is no service's: whoever likes can sign a receipt"));
        }
        check_key(&self.key, &self.header)?;
        let (checkpoint, _) = open_checkpoint(&self.checkpoint, genesis)?;
        check_in_log(&self.header, &self.header_path, &checkpoint, genesis)?;
        let cut = receipt.cut(&self.header).ok_or_else(|| Broken::new(Part::Cut, "no cut covers the offset"))?;
        if self.leaves.len() != cut.records as usize || merkle::root(self.leaves.iter().copied()) != cut.root {
            return Err(Broken::new(Part::Leaves, "they are not those of the cut"));
        }
        if let Some(place) = self.leaves.iter().position(|leaf| *leaf == receipt.leaf) {
            return Err(Broken::new(Part::Sealed, format!("it is record {place} of the cut")));
        }
        let (height, checkpoint_size) = (self.header.height, checkpoint.size);
        Ok(Absent { receipt, service: entry.party.clone(), height, checkpoint_size })
    }
}
