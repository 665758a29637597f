//! The bytes of evidence: what is hashed, signed, sealed and proven.
//!
//! In scope: the texts and trees from which a stranger can check what medtrace says – items, submissions, cuts, block
//! headers, key entries, receipts, checkpoints, the genesis, whole proofs, evidence of misconduct – each printed and parsed
//! strictly, so that every accepted text prints again to the same bytes.
//!
//! Out of scope: what an event means (`medtrace-event`), who may say it (`medtrace-registry`), where it is stored
//! (`medtrace-log`, `medtrace-store`), and anything with a clock, randomness, files or a network: salts, keys and times
//! are handed in.
//!
//! H is SHA-256 everywhere. One signature format: the C2SP signed note. One tree: RFC 6962. The format document from
//! which a second implementation can be written is `schemas/FORMATS.md`; its vectors are under `schemas/vectors/`.

pub mod add_checkpoint;
pub mod block;
pub mod checkpoint;
pub mod evidence;
pub mod foreign;
pub mod genesis;
pub mod hash;
pub mod item;
pub mod key;
pub mod keys;
pub mod merkle;
pub mod names;
pub mod note;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod submission;
mod text;
pub mod tile;
pub mod vkey;

pub use add_checkpoint::AddCheckpoint;
pub use block::{Bad, Cut, EventRef, Header};
pub use checkpoint::{Checkpoint, Cosignature};
pub use evidence::{Batch, Consistency, Erased, Evidence, Fork, Missing, Shown};
pub use foreign::ForeignCheckpoint;
pub use genesis::Genesis;
pub use hash::Hash;
pub use item::{Item, ItemKind, ItemLeaf, Salt};
pub use key::{PublicKey, Sign, SignError, SigningKey};
pub use keys::{Custody, KeyEntry, KeySet};
pub use names::{Invalid, KeyName, Origin, PartyId, TopicName, TopicUuid, Word};
pub use note::{Note, NoteError, Signer, VerifierKey};
pub use policy::Policy;
pub use proof::{Broken, Part, Proof, Verified};
pub use receipt::Receipt;
pub use submission::{Refused, SealedSubmission, Submission, SubmissionKind, seal_submission, verify_submission};
pub use text::FormatError;
pub use tile::Tile;
pub use vkey::KeyUse;

/// Latest time that any text may carry: 9999-12-31T23:59:59.999Z, in Unix milliseconds.
pub const TIME_MS_MAX: u64 = 253_402_300_799_999;
/// Highest block height (a row's version is `height · 2³² + idx`).
pub const HEIGHT_MAX: u64 = u32::MAX as u64;
