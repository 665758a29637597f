//! Alarms: what a witness found that must not be, with both sides of it, for whoever has to judge. An alarm stays, also over
//! restarts, until an operator has taken its file away.
//!
//! ```text
//! alarms/<kind>-<size>-<8 hex digits>.json       one alarm; the digits tell it from others of that kind and size
//! alarms/fork-<size>-<8 hex digits>.fork         of our log: the same as evidence, which needs only the genesis
//! ```

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use medtrace_ledger::evidence::Fork;
use medtrace_ledger::hash::hex;
use medtrace_ledger::{Genesis, Hash, Note};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::folder::{Folder, FolderError};

/// Most alarms of one kind that are kept of one log: who can sign for it must not be able to fill a disk, nor to crowd one
/// kind out by another. Further ones are only logged.
pub const ALARMS_MAX: usize = 16;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Finding {
    /// A block that is not what its records give.
    Block {
        /// Headers up to and with this one.
        size: u64,
        /// The header as it stands in the log.
        header: String,
        /// What it says, and what its records give.
        differences: Vec<String>,
    },
    /// What stands in the log cannot be read as the next block.
    Unreadable { size: u64, what: String },
    /// A checkpoint that the log signed, and that is not what its blocks give.
    Checkpoint { size: u64, note: String, computed: Hash },
    /// Two checkpoints of one size that the log signed, with different roots.
    Fork { size: u64, notes: [String; 2] },
    /// A record of `checkpoints` that the log did not sign. It proves nothing against the log.
    Unsigned { offset: u64, what: String },
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Of which log.
    pub origin: String,
    /// When it was found, Unix ms.
    pub time_ms: u64,
    #[serde(flatten)]
    pub finding: Finding,
}

impl Finding {
    /// Whether a full witness cosigns nothing of its log any more.
    pub fn is_final(&self) -> bool {
        match self {
            Finding::Block { .. } | Finding::Unreadable { .. } | Finding::Checkpoint { .. } => true,
            // Of a fork one side may still be what the blocks give; the other is a finding of its own.
            Finding::Fork { .. } | Finding::Unsigned { .. } => false,
        }
    }

    fn kind(&self) -> (&'static str, u64) {
        match self {
            Finding::Block { size, .. } => ("block", *size),
            Finding::Unreadable { size, .. } => ("unreadable", *size),
            Finding::Checkpoint { size, .. } => ("checkpoint", *size),
            Finding::Fork { size, .. } => ("fork", *size),
            Finding::Unsigned { offset, .. } => ("unsigned", *offset),
        }
    }
}

impl Alarm {
    /// The same finding has the same name.
    fn name(&self) -> String {
        let (kind, size) = self.finding.kind();
        let what = serde_json::to_vec(&(&self.origin, &self.finding)).unwrap_or_default();
        format!("{kind}-{size}-{}", hex(&Hash::of(what).0[..4]))
    }
}

/// All alarms of a witness.
#[derive(Debug)]
pub struct Alarms {
    folder: Arc<Folder>,
    genesis: Genesis,
    raised: Mutex<Vec<Raised>>,
    /// How many there are.
    count: watch::Sender<usize>,
}

#[derive(Debug)]
struct Raised {
    alarm: Alarm,
    name: String,
    durable: bool,
}

impl Alarms {
    /// Takes up the alarms of former runs.
    ///
    /// # Errors
    /// Where an alarm's file cannot be read as one: who damaged it may have meant to hide it.
    pub fn open(folder: Arc<Folder>, genesis: Genesis) -> Result<Alarms, FolderError> {
        let read = |(path, bytes): (PathBuf, Vec<u8>)| match serde_json::from_slice::<Alarm>(&bytes) {
            Ok(alarm) => Ok(Raised { name: alarm.name(), alarm, durable: true }),
            Err(error) => Err(FolderError::Broken { path, reason: error.to_string() }),
        };
        let raised: Vec<_> = folder.alarms()?.into_iter().map(read).collect::<Result<_, _>>()?;
        let count = watch::Sender::new(raised.len());
        Ok(Alarms { folder, genesis, raised: Mutex::new(raised), count })
    }

    /// Raises an alarm, unless it was raised before. From here on it holds, also where its file cannot be written: that is
    /// tried again by [`Alarms::keep`].
    pub fn raise(&self, alarm: Alarm) {
        let name = alarm.name();
        let mut raised = self.lock();
        if raised.iter().any(|other| other.name == name) {
            return;
        }
        let (kind, size) = alarm.finding.kind();
        let shown = serde_json::to_string(&alarm).unwrap_or_default();
        tracing::error!(kind, size, origin = alarm.origin, alarm = shown, "ALARM: the log is not what it must be");
        let alike = |other: &&Raised| other.alarm.origin == alarm.origin && other.alarm.finding.kind().0 == kind;
        if raised.iter().filter(alike).count() < ALARMS_MAX {
            raised.push(Raised { alarm, name, durable: false });
            self.count.send_replace(raised.len());
        }
        drop(raised);
        self.keep();
    }

    /// Writes what is not durable yet. Blocks while it writes.
    pub fn keep(&self) {
        for raised in self.lock().iter_mut().filter(|raised| !raised.durable) {
            match self.write(raised) {
                Ok(()) => raised.durable = true,
                Err(error) => tracing::error!(name = raised.name, %error, "an alarm could not be written yet"),
            }
        }
    }

    fn write(&self, raised: &Raised) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(&raised.alarm)?;
        if let Some(evidence) = self.evidence(&raised.alarm.finding) {
            self.folder.keep_alarm(&format!("{}.fork", raised.name), evidence.as_bytes())?;
        }
        self.folder.keep_alarm(&format!("{}.json", raised.name), &text)
    }

    /// A fork of our log as a file of evidence; `None` for other findings and logs.
    fn evidence(&self, finding: &Finding) -> Option<String> {
        let Finding::Fork { notes: [one, other], .. } = finding else { return None };
        let (one, other) = (Note::parse(one).ok()?, Note::parse(other).ok()?);
        Some(Fork::between(&one, &other, &self.genesis, &mut |_, _| None).ok()?.text())
    }

    /// All of them, the oldest first as far as this run found them.
    pub fn all(&self) -> Vec<Alarm> {
        self.lock().iter().map(|raised| raised.alarm.clone()).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Whether one of them ends all recomputing and cosigning of a log.
    pub fn refuses(&self, origin: &str) -> bool {
        has_final(&self.lock(), origin)
    }

    /// Changes with every alarm.
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Raised>> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_final(raised: &[Raised], origin: &str) -> bool {
    raised.iter().any(|raised| raised.alarm.origin == origin && raised.alarm.finding.is_final())
}
