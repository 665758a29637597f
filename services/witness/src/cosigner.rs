//! What a witness promises: of each log it cosigns one history only, which never goes back, also after a crash.
//!
//! ```text
//! parse, origin, signatures        no lock; anybody may send anything
//! ─ lock of the log ─ old size = latest? ─ path holds? ─ cosign ─ keep (durable) ─ latest := new ─ unlock ─ answer
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use medtrace_ledger::checkpoint::cosign;
use medtrace_ledger::note::SignatureLine;
use medtrace_ledger::{AddCheckpoint, ForeignCheckpoint, Hash, Signer, VerifierKey, merkle};

use crate::folder::{Folder, FolderError, Latest};
use crate::logs::Logs;
use crate::refusal::Refusal;

/// A checkpoint that a log has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub checkpoint: ForeignCheckpoint,
    /// The log's valid lines.
    pub lines: Vec<SignatureLine>,
}

impl Signed {
    /// The note with the log's lines alone.
    pub fn note(&self) -> String {
        self.checkpoint.note_with(&self.lines)
    }

    /// Size and root.
    pub fn head(&self) -> (u64, Hash) {
        (self.checkpoint.size(), self.checkpoint.root())
    }
}

/// The witness's promise over all its logs.
#[derive(Debug)]
pub struct Cosigner {
    signer: Signer,
    folder: Arc<Folder>,
    logs: BTreeMap<String, Log>,
}

#[derive(Debug)]
struct Log {
    keys: Vec<VerifierKey>,
    latest: Mutex<Latest>,
}

impl Cosigner {
    /// Takes up what was cosigned before. The first of `keys` signs.
    ///
    /// # Errors
    /// Where the folder holds something else than this witness's notes.
    pub fn open(folder: Arc<Folder>, logs: Logs, keys: &[Signer]) -> Result<Cosigner, FolderError> {
        let own: Vec<VerifierKey> = keys.iter().map(Signer::verifier).collect();
        let open = |(origin, keys): (String, Vec<VerifierKey>)| {
            let latest = Mutex::new(folder.latest(&origin, &own)?);
            Ok((origin, Log { keys, latest }))
        };
        let logs = logs.into_keys().into_iter().map(open).collect::<Result<_, _>>()?;
        let signer = keys.first().expect("a configuration has a key").clone();
        Ok(Cosigner { signer, folder, logs })
    }

    /// The own public key, under its name.
    pub fn verifier(&self) -> VerifierKey {
        self.signer.verifier()
    }

    /// Reads a note and verifies that a witnessed log signed it.
    ///
    /// # Errors
    /// Malformed, of an unknown log, or not signed by it.
    pub fn read(&self, note: &str) -> Result<Signed, Refusal> {
        let checkpoint = ForeignCheckpoint::parse(note)?;
        let origin = checkpoint.origin();
        let log = self.logs.get(origin).ok_or_else(|| Refusal::UnknownLog(origin.to_owned()))?;
        let lines = checkpoint.signed_by(&log.keys).ok_or_else(|| Refusal::Unsigned(origin.to_owned()))?;
        Ok(Signed { checkpoint, lines })
    }

    /// What was last cosigned of a log; `None` for an unknown one.
    pub fn latest(&self, origin: &str) -> Option<Latest> {
        let log = self.logs.get(origin)?;
        Some(log.latest.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Whether [`Cosigner::cosign`] would refuse it as things are now.
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, signed: &Signed, asked: &AddCheckpoint) -> Result<(), Refusal> {
        let latest = self.latest(signed.checkpoint.origin()).unwrap_or_else(Latest::nothing);
        follows(&latest, &signed.checkpoint, asked)
    }

    /// Cosigns a checkpoint that follows from the latest. Blocks while it is written; it must run to its end once begun.
    ///
    /// # Errors
    /// The latest is not the old size, has another root, or the path does not hold; or it could not be made durable, and
    /// nothing was cosigned.
    pub fn cosign(&self, signed: &Signed, asked: &AddCheckpoint, time_s: u64) -> Result<SignatureLine, Refusal> {
        let checkpoint = &signed.checkpoint;
        let origin = checkpoint.origin();
        let log = self.logs.get(origin).ok_or_else(|| Refusal::UnknownLog(origin.to_owned()))?;
        let mut latest = log.latest.lock().unwrap_or_else(PoisonError::into_inner);
        follows(&latest, checkpoint, asked)?;
        let line = cosign(&self.signer, checkpoint.text(), time_s)?;
        let lines = [&signed.lines[..], std::slice::from_ref(&line)].concat();
        let note = checkpoint.note_with(&lines);
        // With one line more it must still be what a start can read.
        ForeignCheckpoint::parse(&note)?;
        // The commit point. Before it nobody has seen the cosignature, so that a failed write leaves nothing to keep to:
        // whether or not the file was replaced, whatever follows from the former latest may still be cosigned.
        self.folder.keep(origin, &note).map_err(Refusal::NotDurable)?;
        *latest = Latest { size: checkpoint.size(), root: checkpoint.root(), note: Some(note) };
        Ok(line)
    }
}

/// Whether a checkpoint follows from the latest, as C2SP's tlog-witness has it.
fn follows(latest: &Latest, new: &ForeignCheckpoint, asked: &AddCheckpoint) -> Result<(), Refusal> {
    let (old, size) = (asked.old_size, new.size());
    if old > size {
        return Err(Refusal::OldSize { old, new: size });
    }
    if old != latest.size {
        return Err(Refusal::Stale { latest: latest.size });
    }
    let unproven = Refusal::Unproven { old, new: size };
    let holds = match old {
        // Of an empty log nothing can be shown, but that it is empty.
        0 if size == 0 => asked.proof.is_empty() && new.root() == merkle::empty_root(),
        0 => asked.proof.is_empty(),
        _ if old == size && new.root() != latest.root => {
            return Err(Refusal::Fork { latest: latest.note.clone().unwrap_or_default() });
        }
        _ => merkle::verify_consistency(old, size, &asked.proof, latest.root, new.root()),
    };
    if holds { Ok(()) } else { Err(unproven) }
}
