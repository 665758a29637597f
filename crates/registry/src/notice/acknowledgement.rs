//! `acknowledgement`: a holder's answer to a recall. Signed by the holder.

use medtrace_ledger::PartyId;
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::text::Name;
use crate::limits::PROSE_CHARS_MAX;

/// How far a holder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckStatus {
    /// Read and understood; looking for the goods.
    Received,
    /// Holds none of it.
    None,
    /// Set aside.
    Quarantined,
    /// Sent back.
    Returned,
    /// Destroyed.
    Destroyed,
    /// Used on patients before the recall arrived.
    Used,
    /// Not to be found.
    Unaccounted,
}

/// A holder's answer as of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Which recall.
    pub recall: Name,
    /// Who answers.
    pub party: PartyId,
    /// 1 for this recall and party, then exactly one more each time.
    pub revision: u32,
    /// How far.
    pub status: AckStatus,
    /// How many packs that is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u32>,
    /// Free words, never about a patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Acknowledgement {
    pub(super) fn shape(&self, faults: &mut Faults) {
        faults.text("/note", self.note.as_deref(), PROSE_CHARS_MAX);
    }
}
