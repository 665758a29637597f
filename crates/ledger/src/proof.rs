//! The proof of a sealed item: one text file that anybody verifies offline, given only the genesis.
//!
//! ```text
//! medtrace/proof/v1
//! event <height>-<idx>            the public name
//! item <E|N|D> <base64 salt>
//! |<bytes of the item>            one line
//! path <base64 hash>              0.. lines, from the leaf up: to the root in the submission
//! submission
//! |<line of the note>             its text, the empty line, its signature lines
//! path <base64 hash>              to the root of the cut that holds record ⌊idx / 512⌋
//! key <index>                     one section per public key of the submission, in its order
//! |<line of the key entry>
//! path <base64 hash>              to the root of the keys in the header
//! header
//! |<line of the header>
//! path <base64 hash>              to the root in the checkpoint
//! checkpoint
//! |<line of the note>             checkpoint, the chainer's signature, witnesses' cosignatures
//! ```
//!
//! Each object is followed by the path from its leaf to the root that stands in a later object. Indices that the header
//! and the name already give are not repeated. Every byte counts: changing any one makes parsing or checking fail.

mod build;
pub(crate) mod check;
pub(crate) mod parse;
pub(crate) mod sections;

use std::fmt;

pub use build::Parts;
pub use check::Verified;

use crate::block::{EventRef, Header};
use crate::hash::Hash;
use crate::item::{ItemKind, Salt};
use crate::keys::KeyEntry;
use crate::note::Note;
use check::Way;
use sections::push_block;

/// Longest proof, in bytes (512 KiB).
pub const PROOF_BYTES_MAX: usize = 512 * 1024;

pub(crate) const FORMAT: &str = "medtrace/proof/v1";

/// The proof of one sealed item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub event: EventRef,
    pub kind: ItemKind,
    pub salt: Salt,
    /// The item: one line of UTF-8 without control characters.
    pub bytes: String,
    /// From the item's leaf to the root in the submission.
    pub item_path: Vec<Hash>,
    /// The submission's signed note.
    pub submission: Note,
    /// From the submission's leaf to the root of its cut.
    pub submission_path: Vec<Hash>,
    /// One for each public key of the submission, in its order.
    pub keys: Vec<KeyProof>,
    pub header: Header,
    /// From the header's leaf to the root in the checkpoint.
    pub header_path: Vec<Hash>,
    /// The checkpoint's signed note, with cosignatures.
    pub checkpoint: Note,
}

/// A key entry and its way to the root in the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProof {
    pub index: u64,
    pub entry: KeyEntry,
    pub path: Vec<Hash>,
}

/// The part of a proof, or of other evidence, that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Not a proof text: size, first line, order of sections.
    Format,
    /// The name does not fit the header.
    Event,
    /// The item's line or bytes.
    Item,
    /// The item is not in the submission.
    ItemPath,
    /// The submission's note or text, or it is of another consortium or kind.
    Submission,
    /// The signatures of the submission.
    Signature,
    /// The submission is not in its cut.
    SubmissionPath,
    /// A key entry, or it is not the signer's.
    Key,
    /// A key was not valid after the block.
    KeyPath,
    /// The header's text, or it is of another consortium.
    Header,
    /// The header names the submission bad.
    Bad,
    /// The submission's time is outside what its block allows.
    Time,
    /// The header is not in the log.
    HeaderPath,
    /// The header does not follow from the headers before it.
    LogRoot,
    /// The checkpoint's note or the chainer's signature.
    Checkpoint,
    /// The witnesses' cosignatures, or too few of them.
    Cosignatures,
    /// The path between two sizes of the log.
    ConsistencyPath,
    /// Two checkpoints that may both be true.
    Fork,
    /// The receipt's note, text or signature.
    Receipt,
    /// The header has no cut at the receipt's place.
    Cut,
    /// Not all leaves of the cut.
    Leaves,
    /// The submission is in its cut.
    Sealed,
    /// No notice of the authority that erases the item.
    Erasure,
}

impl Part {
    /// The part's name in messages and vectors.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Format => "format",
            Part::Event => "event",
            Part::Item => "item",
            Part::ItemPath => "item-path",
            Part::Submission => "submission",
            Part::Signature => "signature",
            Part::SubmissionPath => "submission-path",
            Part::Key => "key",
            Part::KeyPath => "key-path",
            Part::Header => "header",
            Part::Bad => "bad",
            Part::Time => "time",
            Part::HeaderPath => "header-path",
            Part::LogRoot => "log-root",
            Part::Checkpoint => "checkpoint",
            Part::Cosignatures => "cosignatures",
            Part::ConsistencyPath => "consistency-path",
            Part::Fork => "fork",
            Part::Receipt => "receipt",
            Part::Cut => "cut",
            Part::Leaves => "leaves",
            Part::Sealed => "sealed",
            Part::Erasure => "erasure",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A proof that does not hold: which part, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {detail}")]
pub struct Broken {
    pub part: Part,
    pub detail: String,
}

impl Broken {
    pub(crate) fn new(part: Part, detail: impl ToString) -> Broken {
        Broken { part, detail: detail.to_string() }
    }
}

/// Makes any error the error of a part.
pub(crate) fn broken<E: ToString>(part: Part) -> impl FnOnce(E) -> Broken {
    move |error| Broken::new(part, error)
}

impl Proof {
    /// The proof file.
    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\nevent ");
        self.push_sealed(&mut text);
        text.push_str("checkpoint\n");
        push_block(&mut text, &self.checkpoint.to_string(), &[]);
        text
    }

    /// Prints all but the checkpoint, from the item's name on.
    pub(crate) fn push_sealed(&self, text: &mut String) {
        text.push_str(&format!("{}\nitem {} {}\n", self.event, self.kind, self.salt));
        push_block(text, &format!("{}\n", self.bytes), &self.item_path);
        self.way().push(text);
    }

    pub(crate) fn way(&self) -> Way<'_> {
        Way {
            event: self.event,
            item_path: &self.item_path,
            submission: &self.submission,
            submission_path: &self.submission_path,
            keys: &self.keys,
            header: &self.header,
            header_path: &self.header_path,
            checkpoint: &self.checkpoint,
        }
    }

    /// Parses a proof file as it was read: UTF-8, then as [`Proof::parse`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Proof, Broken> {
        Proof::parse(std::str::from_utf8(bytes).map_err(broken(Part::Format))?)
    }

    /// Parses a proof file strictly; what is accepted prints to the same bytes.
    pub fn parse(text: &str) -> Result<Proof, Broken> {
        parse::parse(text)
    }
}
