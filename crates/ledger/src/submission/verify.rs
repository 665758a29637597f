//! What the chainer checks of every submission before it is cut, and again whoever audits it.

use crate::hash::Hash;
use crate::item::{ITEM_BYTES_MAX, ItemLeaf};
use crate::key::PublicKey;
use crate::merkle;
use crate::names::{Origin, PartyId, Word};
use crate::note::{Note, NoteError};

use super::{SUBMISSION_BYTES_MAX, SUBMISSION_NOTE_BYTES_MAX, Submission, SubmissionKind};

/// How much older than its block a submission may be, in milliseconds (7 days).
pub const AGE_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;
/// How far ahead of its block's clock a submission may be, in milliseconds (5 minutes).
pub const AHEAD_MS_MAX: u64 = 5 * 60 * 1000;

/// The reasons that stand in `bad` lines.
pub mod reason {
    /// The record or its note cannot be read at all.
    pub const UNDECODABLE: &str = "undecodable";
    pub const WRONG_ORIGIN: &str = "wrong-origin";
    /// Another consortium of the same name: H(genesis text) differs.
    pub const WRONG_GENESIS: &str = "wrong-genesis";
    /// A kind of submission that its topic does not carry, or of item that the submission does not.
    pub const WRONG_KIND: &str = "wrong-kind";
    /// A key that is not valid at this position, or not this party's.
    pub const UNKNOWN_KEY: &str = "unknown-key";
    /// Not exactly the declared signature lines.
    pub const SIGNATURE_LINES: &str = "signature-lines";
    pub const BAD_SIGNATURE: &str = "bad-signature";
    pub const COUNT: &str = "count";
    pub const ROOT: &str = "root";
    /// Outside [block − 7 days, block + 5 min].
    pub const TIME: &str = "time";
    /// An item came without its bytes: only what has been sealed can be erased.
    pub const ERASED: &str = "erased";
    /// An item, or all items together, beyond their limits.
    pub const TOO_LARGE: &str = "too-large";
    /// A notice of a gap in the topic `notices` that names another id than the one under which it stands.
    pub const GAP: &str = "gap";
}

/// Why a submission is named bad.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Refused {
    /// One of [`reason`].
    pub reason: &'static str,
    pub detail: String,
}

impl Refused {
    fn new(reason: &'static str, detail: impl ToString) -> Refused {
        Refused { reason, detail: detail.to_string() }
    }

    /// The reason as it stands in a `bad` line.
    pub fn word(&self) -> Word {
        self.reason.parse().expect("every reason is a word")
    }
}

/// What a submission is held against.
pub struct Expected<'a> {
    /// The kind that the record's topic carries.
    pub kind: SubmissionKind,
    pub origin: &'a Origin,
    /// H(genesis text).
    pub genesis: Hash,
}

/// Everything that does not depend on the position in the chain, so that workers may do it in parallel: text, origin,
/// kind, exactly the declared signatures, count, sizes, root. `items` are the leaves recomputed from the record.
pub fn open_submission(note: &str, items: &[ItemLeaf], expected: &Expected<'_>) -> Result<Submission, Refused> {
    if note.len() > SUBMISSION_NOTE_BYTES_MAX {
        return Err(Refused::new(reason::UNDECODABLE, "the note is longer than 4,096 bytes"));
    }
    let note = Note::parse(note).map_err(|e| Refused::new(note_reason(&e), e))?;
    let submission = Submission::parse(note.text()).map_err(|e| Refused::new(reason::UNDECODABLE, e))?;
    if submission.origin != *expected.origin {
        return Err(Refused::new(reason::WRONG_ORIGIN, format!("{} is not {}", submission.origin, expected.origin)));
    }
    if submission.genesis != expected.genesis {
        return Err(Refused::new(reason::WRONG_GENESIS, format!("{} is not {}", submission.genesis, expected.genesis)));
    }
    if submission.kind != expected.kind {
        return Err(Refused::new(reason::WRONG_KIND, format!("not a text of {}", expected.kind.format())));
    }
    note.verify_exactly(&submission.verifiers()).map_err(|e| Refused::new(note_reason(&e), e))?;
    check_items(&submission, items)?;
    Ok(submission)
}

fn note_reason(error: &NoteError) -> &'static str {
    match error {
        NoteError::Malformed(_) | NoteError::Unsigned(_) => reason::UNDECODABLE,
        NoteError::SignatureLines { .. } | NoteError::UnexpectedKey { .. } => reason::SIGNATURE_LINES,
        NoteError::BadSignature(_) => reason::BAD_SIGNATURE,
    }
}

fn check_items(submission: &Submission, items: &[ItemLeaf]) -> Result<(), Refused> {
    if items.len() != submission.count as usize {
        let detail = format!("{} items where {} are declared", items.len(), submission.count);
        return Err(Refused::new(reason::COUNT, detail));
    }
    for (index, item) in items.iter().enumerate() {
        if item.kind.is_some_and(|kind| !submission.kind.admits(kind)) {
            return Err(Refused::new(reason::WRONG_KIND, format!("item {index}")));
        }
        if item.bytes > ITEM_BYTES_MAX {
            return Err(Refused::new(reason::TOO_LARGE, format!("item {index} is longer than 256 KiB")));
        }
    }
    if items.iter().map(|item| item.bytes).sum::<usize>() > SUBMISSION_BYTES_MAX {
        return Err(Refused::new(reason::TOO_LARGE, "the items are longer than 900 KiB together"));
    }
    let root = merkle::root(items.iter().map(|item| item.hash));
    if root != submission.root {
        return Err(Refused::new(reason::ROOT, format!("the items give {root}, declared is {}", submission.root)));
    }
    Ok(())
}

/// Whether the signer's clock is within [block − 7 days, block + 5 min].
pub fn check_time(submission_ms: u64, block_ms: u64) -> Result<(), Refused> {
    let earliest = block_ms.saturating_sub(AGE_MS_MAX);
    let latest = block_ms.saturating_add(AHEAD_MS_MAX);
    match (earliest..=latest).contains(&submission_ms) {
        true => Ok(()),
        false => Err(Refused::new(reason::TIME, format!("{submission_ms} is outside {earliest} to {latest}"))),
    }
}

/// The whole check: [`open_submission`], then each key against the chain (`is_valid` at this position), then the time.
pub fn verify_submission(
    note: &str,
    items: &[ItemLeaf],
    expected: &Expected<'_>,
    block_ms: u64,
    is_valid: impl Fn(&PartyId, &PublicKey) -> bool,
) -> Result<Submission, Refused> {
    let submission = open_submission(note, items, expected)?;
    if let Some(key) = submission.public_keys.iter().find(|key| !is_valid(&submission.party, key)) {
        return Err(Refused::new(reason::UNKNOWN_KEY, format!("{} of {}", key, submission.party)));
    }
    check_time(submission.time_ms, block_ms)?;
    Ok(submission)
}
