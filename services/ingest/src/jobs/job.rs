//! What is known of one capture job, and how EPCIS 2.0 shows it (§ 12.6.1, `GET /capture/{captureID}`).
//!
//! ```text
//! job id = UUID version 8 of SHA-256( "medtrace/job/v1\n" ‖ party ‖ "\n" ‖ behaviour ‖ "\n" ‖ base64 SHA-256 of the document )
//! ```

use medtrace_event::{scan::Who, time};
use medtrace_ledger::{Hash, PartyId, hash::sha256};
use medtrace_service::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `GS1-Capture-Error-Behaviour`: what happens to the rest when one event is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behaviour {
    /// Nothing is stored.
    #[default]
    Rollback,
    /// The others are stored.
    Proceed,
}

impl Behaviour {
    pub const fn as_str(self) -> &'static str {
        match self {
            Behaviour::Rollback => "rollback",
            Behaviour::Proceed => "proceed",
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The document is on disk.
    Received,
    /// Its submissions are on disk, bytes and all.
    Planned,
    /// The log has acknowledged all of them.
    Published,
    /// The index holds all of them, or nothing was to be stored.
    Finished,
}

/// One capture job, as it stands in its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: String,
    pub party: PartyId,
    /// Pseudonym of who sent it.
    pub operator: Option<String>,
    /// Pseudonym of what sent it.
    pub device: Option<String>,
    pub behaviour: Behaviour,
    pub media_type: String,
    /// SHA-256 of the bytes received.
    pub sha256: Hash,
    /// How many they are.
    #[serde(default)]
    pub bytes: u64,
    /// Unix milliseconds.
    pub created_ms: u64,
    pub finished_ms: Option<u64>,
    pub stage: Stage,
    /// When the submissions were signed, Unix milliseconds.
    pub planned_ms: u64,
    /// Submissions of the plan.
    pub records: usize,
    /// Events of the plan.
    pub events: usize,
    /// Events that were refused.
    #[serde(default)]
    pub refused: usize,
    /// Why, for the first of them; then which submissions the chain names bad.
    pub errors: Vec<Problem>,
}

/// What was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// SHA-256 of the bytes.
    pub sha256: Hash,
    pub bytes: u64,
}

impl Job {
    pub fn new(
        party: &PartyId,
        who: &Who,
        behaviour: Behaviour,
        media_type: &str,
        received: Received,
        now_ms: u64,
    ) -> Job {
        Job {
            id: id(party, behaviour, received.sha256),
            party: party.clone(),
            operator: who.operator.clone(),
            device: who.device.clone(),
            behaviour,
            media_type: media_type.to_owned(),
            sha256: received.sha256,
            bytes: received.bytes,
            created_ms: now_ms,
            finished_ms: None,
            stage: Stage::Received,
            planned_ms: 0,
            records: 0,
            events: 0,
            refused: 0,
            errors: Vec::new(),
        }
    }

    pub fn who(&self) -> Who {
        Who { operator: self.operator.clone(), device: self.device.clone() }
    }

    pub fn is_running(&self) -> bool {
        self.stage != Stage::Finished
    }

    /// The job as clients see it; `events`, `refused` and `receipts` go beyond the standard.
    pub fn show(&self, receipts: &[String]) -> Value {
        let text = |ms: u64| time::text(ms.cast_signed().saturating_mul(1000));
        json!({
            "captureID": self.id,
            "createdAt": text(self.created_ms),
            "finishedAt": self.finished_ms.map(text),
            "running": self.is_running(),
            "success": self.errors.is_empty(),
            "captureErrorBehaviour": self.behaviour.as_str(),
            "errors": self.errors,
            "events": self.events,
            "refused": self.refused,
            "receipts": receipts,
        })
    }
}

fn id(party: &PartyId, behaviour: Behaviour, document: Hash) -> String {
    let text = format!("medtrace/job/v1\n{party}\n{}\n{document}", behaviour.as_str());
    let hash = sha256(&[text.as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    uuid::Uuid::new_v8(bytes).to_string()
}
