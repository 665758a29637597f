//! The C2SP signed note: the one signature format of everything signed here.
//!
//! ```text
//! <text>                                    UTF-8 lines, no control characters, the last one ends in \n
//! <empty line>
//! — <key name> <base64(key id[4] ‖ signature)>        1..8 lines; — is U+2014
//!
//! Ed25519        key id = SHA-256(name ‖ "\n" ‖ 0x01 ‖ public key)[..4]     signature[64] over the text
//! cosignature    key id = SHA-256(name ‖ "\n" ‖ 0x04 ‖ public key)[..4]     unix seconds[8, big endian] ‖ signature[64]
//! ```
//!
//! Stricter than C2SP: a note here carries exactly the signature lines that its reader expects, in the expected order, so
//! that its bytes can be hashed as evidence. Unknown lines are refused, not skipped.
//! Source: <https://c2sp.org/signed-note>.

use std::fmt;

use crate::hash::{base64, from_base64, sha256};
use crate::key::{PublicKey, SignError, SigningKey};
use crate::names::KeyName;

/// Most signature lines of a note.
pub const SIGNATURE_LINES_MAX: usize = 8;
/// Longest note, in bytes, signature lines included.
pub const NOTE_BYTES_MAX: usize = 65_536;

const ALGORITHM_ED25519: u8 = 0x01;
const ALGORITHM_COSIGNATURE: u8 = 0x04;
const LINE_PREFIX: &str = "— ";

/// Why a note is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    #[error("{found} signature lines where {expected} must be")]
    SignatureLines { found: usize, expected: String },
    #[error("signature line {line} is not by the expected key {key}")]
    UnexpectedKey { line: usize, key: String },
    #[error("the signature of {0} does not verify")]
    BadSignature(KeyName),
    #[error(transparent)]
    Unsigned(#[from] SignError),
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    pub name: KeyName,
    pub key_id: [u8; 4],
    /// What follows the key id; 1 or more bytes.
    pub signature: Vec<u8>,
}

/// A text with its signature lines. Parsed or built, it always prints to a note that parses to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Result<Note, NoteError> {
        check_text(&text)?;
        if signatures.is_empty() || signatures.len() > SIGNATURE_LINES_MAX {
            let expected = format!("1 to {SIGNATURE_LINES_MAX}");
            return Err(NoteError::SignatureLines { found: signatures.len(), expected });
        }
        if signatures.iter().any(|line| line.signature.is_empty()) {
            return Err(NoteError::Malformed("an empty signature"));
        }
        for (i, line) in signatures.iter().enumerate() {
            if signatures[..i].iter().any(|other| other.name == line.name && other.key_id == line.key_id) {
                return Err(NoteError::Malformed("two signature lines of one key"));
            }
        }
        let note = Note { text, signatures };
        match note.to_string().len() <= NOTE_BYTES_MAX {
            true => Ok(note),
            false => Err(NoteError::Malformed("more than 65,536 bytes")),
        }
    }

    pub fn parse(note: &str) -> Result<Note, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("more than 65,536 bytes"));
        }
        let end_of_text = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line before the signatures"))? + 1;
        let (text, block) = (&note[..end_of_text], &note[end_of_text + 1..]);
        let lines = block.strip_suffix('\n').ok_or(NoteError::Malformed("the last line does not end"))?;
        let found = lines.split('\n').count();
        if found > SIGNATURE_LINES_MAX {
            return Err(NoteError::SignatureLines { found, expected: format!("1 to {SIGNATURE_LINES_MAX}") });
        }
        let signatures = lines.split('\n').map(SignatureLine::parse).collect::<Result<Vec<_>, _>>()?;
        Note::new(text.to_owned(), signatures)
    }

    /// What is signed: the text with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Checks that the signature lines are exactly those of `keys`, in their order, and that each verifies.
    pub fn verify_exactly(&self, keys: &[VerifierKey]) -> Result<(), NoteError> {
        if self.signatures.len() != keys.len() {
            let expected = format!("exactly {}", keys.len());
            return Err(NoteError::SignatureLines { found: self.signatures.len(), expected });
        }
        for (i, (line, key)) in self.signatures.iter().zip(keys).enumerate() {
            if !key.made(line) {
                return Err(NoteError::UnexpectedKey { line: i + 1, key: key.name.to_string() });
            }
            key.verify(&self.text, line)?;
        }
        Ok(())
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("the text does not end in a newline"));
    }
    if text.bytes().any(|c| c < 0x20 && c != b'\n') {
        return Err(NoteError::Malformed("a control character"));
    }
    Ok(())
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignatureLine {
    fn parse(line: &str) -> Result<SignatureLine, NoteError> {
        let (name, encoded) = line
            .strip_prefix(LINE_PREFIX)
            .and_then(|rest| rest.split_once(' '))
            .ok_or(NoteError::Malformed("a signature line is — name base64"))?;
        let name =
            name.parse().map_err(|_| NoteError::Malformed("a key name is printable ASCII without space and +"))?;
        let bytes = from_base64(encoded).ok_or(NoteError::Malformed("a signature is canonical base64"))?;
        match bytes.split_first_chunk::<4>() {
            Some((key_id, signature)) => Ok(SignatureLine { name, key_id: *key_id, signature: signature.to_vec() }),
            None => Err(NoteError::Malformed("a signature has a key id")),
        }
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LINE_PREFIX}{} {}", self.name, base64(&[&self.key_id[..], &self.signature].concat()))
    }
}

/// A public key under the name by which its notes are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    pub name: KeyName,
    pub public: PublicKey,
}

impl VerifierKey {
    pub fn new(name: impl Into<KeyName>, public: PublicKey) -> VerifierKey {
        VerifierKey { name: name.into(), public }
    }

    /// The id that stands in the signature lines of this key.
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id_for(ALGORITHM_ED25519)
    }

    /// The id that stands in the cosignature lines of this key.
    pub fn cosigner_id(&self) -> [u8; 4] {
        self.key_id_for(ALGORITHM_COSIGNATURE)
    }

    fn key_id_for(&self, algorithm: u8) -> [u8; 4] {
        let hash = sha256(&[self.name.as_str().as_bytes(), b"\n", &[algorithm], self.public.as_bytes()]).0;
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Whether `line` claims to be an Ed25519 signature of this key.
    pub fn made(&self, line: &SignatureLine) -> bool {
        line.name == self.name && line.key_id == self.key_id()
    }

    /// Verifies one Ed25519 signature line over `text`.
    pub fn verify(&self, text: &str, line: &SignatureLine) -> Result<(), NoteError> {
        let signature: Option<&[u8; 64]> = line.signature.as_slice().try_into().ok();
        match signature.is_some_and(|signature| self.made(line) && self.public.verifies(text.as_bytes(), signature)) {
            true => Ok(()),
            false => Err(NoteError::BadSignature(self.name.clone())),
        }
    }
}

/// A private key under the name by which it signs.
#[derive(Debug, Clone)]
pub struct Signer {
    pub name: KeyName,
    pub key: SigningKey,
}

impl Signer {
    pub fn new(name: impl Into<KeyName>, key: SigningKey) -> Signer {
        Signer { name: name.into(), key }
    }

    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), public: self.key.public() }
    }

    /// The Ed25519 signature line over `text`.
    ///
    /// # Errors
    /// The key's holder did not sign.
    pub fn sign(&self, text: &str) -> Result<SignatureLine, SignError> {
        Ok(SignatureLine {
            name: self.name.clone(),
            key_id: self.verifier().key_id(),
            signature: self.key.sign(text.as_bytes())?.to_vec(),
        })
    }
}

/// Signs `text` with each of `signers`, in their order.
pub fn sign_note(text: String, signers: &[Signer]) -> Result<Note, NoteError> {
    let signatures = signers.iter().map(|signer| signer.sign(&text)).collect::<Result<_, _>>()?;
    Note::new(text, signatures)
}
