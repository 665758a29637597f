//! The checkpoint: what the chainer signs of the header log, and witnesses cosign.
//!
//! ```text
//! <origin>
//! <size>                      number of headers, at least 1
//! <base64 root>               of the header log at that size
//! ```
//!
//! A signed note: first the chainer's Ed25519 line, then lines of witnesses in the order of the policy, each at most
//! once. A witness signs `cosignature/v1\ntime <unix seconds>\n` ‖ text; its line holds the seconds and the signature.
//! No extension lines. Sources: <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/tlog-cosignature>.

use crate::genesis::Genesis;
use crate::hash::Hash;
use crate::key::SignError;
use crate::names::{KeyName, Origin};
use crate::note::{Note, NoteError, SignatureLine, Signer, VerifierKey};
use crate::policy::{Policy, Unmet};
use crate::text::{FormatError, Lines};
use crate::{HEIGHT_MAX, TIME_MS_MAX};

/// Longest text of a checkpoint, in bytes.
pub const CHECKPOINT_BYTES_MAX: usize = 256;
/// Latest time of a cosignature, in Unix seconds.
pub const COSIGNATURE_SECONDS_MAX: u64 = TIME_MS_MAX / 1000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: Origin,
    /// Number of headers in the log.
    pub size: u64,
    pub root: Hash,
}

/// A witness's verified cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Its name in the policy.
    pub witness: KeyName,
    /// The witness's clock, Unix seconds.
    pub time_s: u64,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("the checkpoint is of {0}")]
    Origin(Origin),
    /// A line after the chainer's that is no valid cosignature of the next witness.
    #[error("signature line {line} is not a valid cosignature of a witness in the policy, in its order")]
    Cosignature { line: usize },
}

impl Checkpoint {
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    pub fn parse(text: &str) -> Result<Checkpoint, FormatError> {
        let mut lines = Lines::headless("checkpoint", text, CHECKPOINT_BYTES_MAX)?;
        let origin = lines.value("origin")?;
        let size = lines.decimal("size", HEIGHT_MAX + 1)?;
        let root = lines.value("root")?;
        lines.end()?;
        match size {
            0 => Err(FormatError::whole("checkpoint", "the log has at least one header")),
            _ => Ok(Checkpoint { origin, size, root }),
        }
    }

    /// The note with the chainer's signature alone.
    pub fn sign(&self, chainer: &Signer) -> Result<Note, NoteError> {
        let text = self.text();
        let line = chainer.sign(&text)?;
        Note::new(text, vec![line])
    }

    /// Parses a checkpoint note and verifies every line. Whether the cosignatures reach the quorum is the caller's
    /// question: see [`unmet`].
    pub fn open(note: &str, genesis: &Genesis) -> Result<(Checkpoint, Vec<Cosignature>), CheckpointError> {
        Checkpoint::open_note(&Note::parse(note)?, genesis)
    }

    pub fn open_note(note: &Note, genesis: &Genesis) -> Result<(Checkpoint, Vec<Cosignature>), CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != genesis.origin {
            return Err(CheckpointError::Origin(checkpoint.origin));
        }
        let (first, rest) = note.signatures().split_first().expect("a note has a signature line");
        let chainer = &genesis.policy.log;
        if !chainer.made(first) {
            return Err(NoteError::UnexpectedKey { line: 1, key: chainer.name.to_string() }.into());
        }
        chainer.verify(note.text(), first)?;
        let mut witnesses = genesis.policy.witnesses.iter();
        let mut cosignatures = Vec::with_capacity(rest.len());
        for (i, line) in rest.iter().enumerate() {
            // Witnesses are tried in order and never again, so that the lines have one order and no repeats.
            let witness = witnesses.find(|witness| cosigned(&witness.key, line));
            let cosignature = witness.and_then(|witness| {
                let time_s = verify_cosignature(&witness.key, note.text(), line)?;
                Some(Cosignature { witness: witness.name.clone(), time_s })
            });
            cosignatures.push(cosignature.ok_or(CheckpointError::Cosignature { line: i + 2 })?);
        }
        Ok((checkpoint, cosignatures))
    }

    /// Adds to the chainer's line of `note` the cosignatures among `lines` that are valid, in the order of the policy.
    /// What is unknown, invalid or beyond the limit of lines is left out.
    pub fn with_cosignatures(note: &Note, lines: &[SignatureLine], genesis: &Genesis) -> Result<Note, NoteError> {
        let policy = &genesis.policy;
        let chainer = note.signatures().iter().find(|line| policy.log.made(line));
        let chainer = chainer.ok_or(NoteError::UnexpectedKey { line: 1, key: policy.log.name.to_string() })?;
        let valid = |key: &VerifierKey| {
            lines.iter().find(|line| cosigned(key, line) && verify_cosignature(key, note.text(), line).is_some())
        };
        let cosignatures = policy.witnesses.iter().filter_map(|witness| valid(&witness.key));
        let all = std::iter::once(chainer).chain(cosignatures).take(crate::note::SIGNATURE_LINES_MAX);
        Note::new(note.text().to_owned(), all.cloned().collect())
    }
}

/// What the quorum of the policy lacks beside these cosignatures; `None` where it is reached.
pub fn unmet(cosignatures: &[Cosignature], policy: &Policy) -> Option<Unmet> {
    policy.unmet(&cosignatures.iter().map(|cosignature| cosignature.witness.clone()).collect())
}

/// A witness's signature line over a checkpoint text at `time_s` (Unix seconds).
///
/// # Errors
/// The key's holder did not sign.
pub fn cosign(witness: &Signer, checkpoint_text: &str, time_s: u64) -> Result<SignatureLine, SignError> {
    let key = witness.verifier();
    let signature = witness.key.sign(&cosigned_message(checkpoint_text, time_s))?;
    Ok(SignatureLine {
        key_id: key.cosigner_id(),
        name: key.name,
        signature: [&time_s.to_be_bytes()[..], &signature].concat(),
    })
}

/// Verifies one cosignature line of `witness`; the witness's clock, Unix seconds.
pub fn verify_cosignature(witness: &VerifierKey, checkpoint_text: &str, line: &SignatureLine) -> Option<u64> {
    let (seconds, signature) = line.signature.split_first_chunk::<8>()?;
    let (time_s, signature) = (u64::from_be_bytes(*seconds), signature.try_into().ok()?);
    let valid = cosigned(witness, line)
        && time_s <= COSIGNATURE_SECONDS_MAX
        && witness.public.verifies(&cosigned_message(checkpoint_text, time_s), signature);
    valid.then_some(time_s)
}

fn cosigned(witness: &VerifierKey, line: &SignatureLine) -> bool {
    line.name == witness.name && line.key_id == witness.cosigner_id()
}

fn cosigned_message(checkpoint_text: &str, time_s: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time_s}\n{checkpoint_text}").into_bytes()
}
