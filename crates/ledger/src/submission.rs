//! A submission: 1..500 items of one party under one signature. One record of the log.
//!
//! ```text
//! medtrace/events/v1          or medtrace/notices/v1
//! <origin>
//! <base64 H(genesis text)>
//! <party>                     the name in every signature line
//! <base64 public key>         events: one; notices: 1..8, one line per signer, ascending as text
//! <unix ms>                   the signer's clock
//! <count>                     1..500
//! <base64 root>               RFC 6962 over the items' leaves
//! ```
//!
//! The note is this text with exactly one signature line per public key, in the same order.
//!
//! ```text
//! submission id = H(text)         leaf = H(0x00 ‖ 'S' ‖ note)         undecodable record: leaf = H(0x00 ‖ 'X' ‖ value)
//! ```

mod verify;

use std::fmt::Write as _;

pub use verify::{AGE_MS_MAX, AHEAD_MS_MAX, Expected, Refused, check_time, open_submission, reason, verify_submission};

use crate::TIME_MS_MAX;
use crate::hash::{Hash, sha256};
use crate::item::{ITEM_BYTES_MAX, ItemKind, ItemLeaf};
use crate::key::{PublicKey, SigningKey};
use crate::merkle;
use crate::names::{Origin, PartyId};
use crate::note::{NoteError, SIGNATURE_LINES_MAX, Signer, VerifierKey, sign_note};
use crate::text::{FormatError, Lines};

/// Most items of a submission.
pub const SUBMISSION_ITEMS_MAX: usize = 500;
/// Most bytes of all items of a submission together (900 KiB).
pub const SUBMISSION_BYTES_MAX: usize = 900 * 1024;
/// Longest note of a submission, in bytes.
pub const SUBMISSION_NOTE_BYTES_MAX: usize = 4096;

const EVENTS_FORMAT: &str = "medtrace/events/v1";
const NOTICES_FORMAT: &str = "medtrace/notices/v1";

/// Which of the two sealed topics a submission belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubmissionKind {
    Events,
    Notices,
}

impl SubmissionKind {
    pub fn format(self) -> &'static str {
        match self {
            SubmissionKind::Events => EVENTS_FORMAT,
            SubmissionKind::Notices => NOTICES_FORMAT,
        }
    }

    /// The topic that carries these submissions.
    pub fn topic(self) -> &'static str {
        match self {
            SubmissionKind::Events => "scan-events",
            SubmissionKind::Notices => "notices",
        }
    }

    pub fn of_topic(topic: &str) -> Option<SubmissionKind> {
        [SubmissionKind::Events, SubmissionKind::Notices].into_iter().find(|kind| kind.topic() == topic)
    }

    /// Whether such a submission may hold such an item.
    pub fn admits(self, item: ItemKind) -> bool {
        match self {
            SubmissionKind::Events => matches!(item, ItemKind::Event | ItemKind::Document),
            SubmissionKind::Notices => item == ItemKind::Notice,
        }
    }

    fn signers_max(self) -> usize {
        match self {
            SubmissionKind::Events => 1,
            SubmissionKind::Notices => SIGNATURE_LINES_MAX,
        }
    }
}

/// The signed text of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub kind: SubmissionKind,
    pub origin: Origin,
    /// H(genesis text).
    pub genesis: Hash,
    pub party: PartyId,
    /// Ascending by their base64 text.
    pub public_keys: Vec<PublicKey>,
    /// The signer's clock, Unix milliseconds.
    pub time_ms: u64,
    /// Number of items.
    pub count: u32,
    /// RFC 6962 root over the items' leaves.
    pub root: Hash,
}

impl Submission {
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n{}\n", self.kind.format(), self.origin, self.genesis, self.party);
        for key in &self.public_keys {
            let _ = writeln!(text, "{key}");
        }
        let _ = write!(text, "{}\n{}\n{}\n", self.time_ms, self.count, self.root);
        text
    }

    pub fn parse(text: &str) -> Result<Submission, FormatError> {
        let kind = match text.split('\n').next() {
            Some(NOTICES_FORMAT) => SubmissionKind::Notices,
            _ => SubmissionKind::Events,
        };
        let mut lines = Lines::new(kind.format(), text, SUBMISSION_NOTE_BYTES_MAX)?;
        let origin = lines.value("origin")?;
        let genesis = lines.value("genesis")?;
        let party = lines.value("party")?;
        let mut public_keys = vec![lines.value::<PublicKey>("public key")?];
        while lines.peek().is_some_and(|line| line.len() == PUBLIC_KEY_CHARS) {
            public_keys.push(lines.value("public key")?);
        }
        let submission = Submission {
            kind,
            origin,
            genesis,
            party,
            public_keys,
            time_ms: lines.decimal("time", TIME_MS_MAX)?,
            count: lines.decimal("count", SUBMISSION_ITEMS_MAX as u64)? as u32,
            root: lines.value("root")?,
        };
        lines.end()?;
        submission.check()?;
        Ok(submission)
    }

    /// Checks the limits and the order that the types do not hold.
    pub fn check(&self) -> Result<(), FormatError> {
        let fault = |problem: &str| Err(FormatError::whole(self.kind.format(), problem));
        if self.public_keys.is_empty() || self.public_keys.len() > self.kind.signers_max() {
            return fault("events have 1 public key, notices 1 to 8");
        }
        if !self.public_keys.is_sorted_by(|a, b| a.to_string() < b.to_string()) {
            return fault("public keys must ascend as text");
        }
        if self.time_ms > TIME_MS_MAX {
            return fault("the time is after the year 9999");
        }
        if self.count == 0 || self.count as usize > SUBMISSION_ITEMS_MAX {
            return fault("a submission has 1 to 500 items");
        }
        Ok(())
    }

    /// The submission id: H(text).
    pub fn id(&self) -> Hash {
        Hash::of(self.text())
    }

    /// The keys whose signature lines the note carries, in order.
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.public_keys.iter().map(|key| VerifierKey::new(self.party.clone(), *key)).collect()
    }
}

/// Characters of a public key's line; no decimal is as long.
const PUBLIC_KEY_CHARS: usize = 44;

/// Leaf of a submission in its cut: H(0x00 ‖ 'S' ‖ note).
pub fn submission_leaf(note: &str) -> Hash {
    sha256(&[&[0x00, b'S'], note.as_bytes()])
}

/// Leaf of a record that cannot be decoded: H(0x00 ‖ 'X' ‖ record value).
pub fn undecodable_leaf(value: &[u8]) -> Hash {
    sha256(&[&[0x00, b'X'], value])
}

/// A submission as it goes into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSubmission {
    pub submission: Submission,
    /// The signed note: text and signature lines.
    pub note: String,
    /// H(text).
    pub id: Hash,
    /// Its leaf in the cut.
    pub leaf: Hash,
}

/// Why a submission cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("item {0} may not stand in this kind of submission, or is longer than 256 KiB")]
    Item(usize),
    #[error("the items are longer than 900 KiB together")]
    TooLarge,
}

/// Signs a submission over `items` with all of `keys` (any order; events take one).
pub fn seal_submission(
    kind: SubmissionKind,
    origin: &Origin,
    genesis: Hash,
    party: &PartyId,
    keys: &[SigningKey],
    time_ms: u64,
    items: &[ItemLeaf],
) -> Result<SealedSubmission, SealError> {
    let unfit = |item: &ItemLeaf| item.bytes > ITEM_BYTES_MAX || !item.kind.is_some_and(|item| kind.admits(item));
    if let Some(index) = items.iter().position(unfit) {
        return Err(SealError::Item(index));
    }
    if items.iter().map(|item| item.bytes).sum::<usize>() > SUBMISSION_BYTES_MAX {
        return Err(SealError::TooLarge);
    }
    let mut signers: Vec<Signer> = keys.iter().map(|key| Signer::new(party.clone(), key.clone())).collect();
    signers.sort_by_cached_key(|signer| signer.key.public().to_string());
    let submission = Submission {
        kind,
        origin: origin.clone(),
        genesis,
        party: party.clone(),
        public_keys: signers.iter().map(|signer| signer.key.public()).collect(),
        time_ms,
        count: items.len() as u32,
        root: merkle::root(items.iter().map(|item| item.hash)),
    };
    submission.check()?;
    let note = sign_note(submission.text(), &signers)?.to_string();
    let (id, leaf) = (submission.id(), submission_leaf(&note));
    Ok(SealedSubmission { submission, note, id, leaf })
}
