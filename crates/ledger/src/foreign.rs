//! Checkpoints of any log, as C2SP has them: what a witness reads, of our log and of others.
//!
//! ```text
//! <origin>                                              any line that is not empty
//! <size>                                                number of leaves; 0: the log is empty
//! <base64 root>                                         RFC 6962, at that size
//! <extension line> …                                    opaque, not empty; cosigned with the rest
//! <empty line>
//! — <key name> <base64(key id[4] ‖ signature)>          1..64 lines; those of unknown keys are skipped
//! ```
//!
//! Laxer than [`crate::Checkpoint`], which is evidence of ours and has one spelling: here the text is kept byte for byte and
//! everything that C2SP allows is taken. Sources: <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>.

use crate::hash::{Hash, from_base64};
use crate::note::{SignatureLine, VerifierKey};
use crate::text::{FormatError, Lines};

/// Most signature lines that are read. C2SP asks for at least 16.
pub const FOREIGN_SIGNATURE_LINES_MAX: usize = 64;
/// Longest note, in bytes, signature lines included: room for 16 post-quantum signatures.
pub const FOREIGN_NOTE_BYTES_MAX: usize = 128 * 1024;
/// Largest size of a log (that of the signed 64-bit integers which others count with).
pub const FOREIGN_SIZE_MAX: u64 = i64::MAX as u64;

const FORMAT: &str = "checkpoint";
const LINE_PREFIX: &str = "— ";

/// A checkpoint note as it was handed in. Parsing verifies no signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCheckpoint {
    text: String,
    origin: String,
    size: u64,
    root: Hash,
    /// Lines whose name could be that of a key known here.
    signatures: Vec<SignatureLine>,
}

impl ForeignCheckpoint {
    /// Parses a note.
    ///
    /// # Errors
    /// What is not a checkpoint note, or beyond a limit.
    pub fn parse(note: &str) -> Result<ForeignCheckpoint, FormatError> {
        let fault = |problem: &str| FormatError::whole(FORMAT, problem);
        if note.len() > FOREIGN_NOTE_BYTES_MAX {
            return Err(fault("more than 131,072 bytes"));
        }
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(fault("a control character"));
        }
        let text_end = note.rfind("\n\n").ok_or_else(|| fault("no empty line before the signatures"))? + 1;
        let (text, block) = (&note[..text_end], &note[text_end + 1..]);
        let block = block.strip_suffix('\n').ok_or_else(|| fault("the last line does not end"))?;
        if block.split('\n').count() > FOREIGN_SIGNATURE_LINES_MAX {
            return Err(fault("more than 64 signature lines"));
        }
        let mut signatures = Vec::new();
        for line in block.split('\n') {
            let line = signature_line(line).ok_or_else(|| fault("a signature line is — name base64"))?;
            signatures.extend(line);
        }

        let mut lines = Lines::headless(FORMAT, text, FOREIGN_NOTE_BYTES_MAX)?;
        let origin = lines.next()?.to_owned();
        let size = lines.decimal("size", FOREIGN_SIZE_MAX)?;
        let root = lines.value("root")?;
        while let Some(extension) = lines.peek() {
            if extension.is_empty() {
                return Err(lines.error("an extension line is not empty"));
            }
            lines.next()?;
        }
        lines.end()?;
        match origin.is_empty() {
            true => Err(fault("the origin is empty")),
            false => Ok(ForeignCheckpoint { text: text.to_owned(), origin, size, root, signatures }),
        }
    }

    /// What is signed and cosigned: the text with its last newline, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The log's identity.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the log at that size.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The signature lines, but for those whose names no key here can have.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// The first Ed25519 line of each of `keys` that signed; lines of other keys are skipped. `None` where none of them
    /// did, or where a line says it is by one of them and is not.
    pub fn signed_by(&self, keys: &[VerifierKey]) -> Option<Vec<SignatureLine>> {
        let mut valid: Vec<SignatureLine> = Vec::new();
        for line in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.made(line)) else { continue };
            key.verify(&self.text, line).ok()?;
            if !valid.iter().any(|other| key.made(other)) {
                valid.push(line.clone());
            }
        }
        (!valid.is_empty()).then_some(valid)
    }

    /// The note with these lines alone.
    pub fn note_with(&self, lines: &[SignatureLine]) -> String {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        format!("{}\n{lines}", self.text)
    }
}

/// A line in the form of a signature; inside, `None` where no key here can have its name. `None` in any other form.
fn signature_line(line: &str) -> Option<Option<SignatureLine>> {
    let (name, encoded) = line.strip_prefix(LINE_PREFIX)?.split_once(' ')?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
        return None;
    }
    let bytes = from_base64(encoded)?;
    let (key_id, signature) = bytes.split_first_chunk::<4>().filter(|(_, signature)| !signature.is_empty())?;
    let known = |name| SignatureLine { name, key_id: *key_id, signature: signature.to_vec() };
    Some(name.parse().ok().map(known))
}
