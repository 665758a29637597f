//! The receipt: what an ingest service signs when the log has taken a submission. If the cut that covers its offset does
//! not hold the submission, the receipt proves misconduct.
//!
//! ```text
//! medtrace/receipt/v1
//! <origin>
//! <base64 submission id>          H(submission text)
//! <base64 leaf>                   H(0x00 ‖ 'S' ‖ note): what the cut must hold
//! <topic> <topic uuid> <partition> <offset>
//! <unix ms>
//! ```
//!
//! A signed note with exactly one signature line, by the service's key. The leaf stands beside the id because a cut is over
//! leaves, and those cover the signature lines too: from the id alone nobody could tell that a cut does not hold it.

use crate::TIME_MS_MAX;
use crate::block::{Cut, Header};
use crate::hash::Hash;
use crate::names::{Origin, TopicName, TopicUuid};
use crate::note::{Note, NoteError, Signer, VerifierKey, sign_note};
use crate::text::{FormatError, Lines};

/// Longest text of a receipt, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 1024;

const FORMAT: &str = "medtrace/receipt/v1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub origin: Origin,
    /// H(submission text).
    pub submission: Hash,
    /// Leaf of the record in its cut.
    pub leaf: Hash,
    pub topic: TopicName,
    pub uuid: TopicUuid,
    pub partition: u32,
    pub offset: u64,
    /// Unix milliseconds, the service's clock.
    pub time_ms: u64,
}

/// Why a receipt is refused.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Receipt {
    pub fn text(&self) -> String {
        let Receipt { origin, submission, leaf, topic, uuid, partition, offset, time_ms } = self;
        format!("{FORMAT}\n{origin}\n{submission}\n{leaf}\n{topic} {uuid} {partition} {offset}\n{time_ms}\n")
    }

    pub fn parse(text: &str) -> Result<Receipt, FormatError> {
        let mut lines = Lines::new(FORMAT, text, RECEIPT_BYTES_MAX)?;
        let (origin, submission) = (lines.value("origin")?, lines.value("submission id")?);
        let leaf = lines.value("leaf")?;
        let Some(place) = lines.words_if::<4>("")? else {
            return Err(lines.error("<topic> <topic uuid> <partition> <offset> must follow"));
        };
        let receipt = Receipt {
            origin,
            submission,
            leaf,
            topic: place.value(0, "topic")?,
            uuid: place.value(1, "topic uuid")?,
            partition: place.decimal(2, "partition", i32::MAX as u64)? as u32,
            offset: place.decimal(3, "offset", i64::MAX as u64)?,
            time_ms: lines.decimal("time", TIME_MS_MAX)?,
        };
        lines.end()?;
        Ok(receipt)
    }

    /// The signed note.
    pub fn sign(&self, service: &Signer) -> Result<String, NoteError> {
        Ok(sign_note(self.text(), std::slice::from_ref(service))?.to_string())
    }

    /// Parses and verifies a signed receipt.
    pub fn open(note: &str, service: &VerifierKey) -> Result<Receipt, ReceiptError> {
        Receipt::open_note(&Note::parse(note)?, service)
    }

    pub fn open_note(note: &Note, service: &VerifierKey) -> Result<Receipt, ReceiptError> {
        note.verify_exactly(std::slice::from_ref(service))?;
        Ok(Receipt::parse(note.text())?)
    }

    /// The cut of this header that covers the receipt's offset, if it is this one.
    pub fn cut<'a>(&self, header: &'a Header) -> Option<&'a Cut> {
        header.cuts.iter().find(|cut| {
            (&cut.topic, cut.uuid, cut.partition) == (&self.topic, self.uuid, self.partition)
                && (cut.from..cut.to).contains(&self.offset)
        })
    }
}
