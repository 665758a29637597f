//! Private-key files: one key a file, in the one-line text form of Go's `note` package, as it is or encrypted with age,
//! readable by their owner only.
//!
//! ```text
//! *.key, 0600      PRIVATE+KEY+<key name>+<key id, 8 hex digits>+<base64(0x01 ‖ seed[32])>\n
//!              or  the same line as an age file (armoured or binary): under a passphrase, or to identities
//! ```
//!
//! The key's name is inside; the file is named after it (`factory-01.key`; a second key of the same name
//! `factory-01.2.key`). What opens the encrypted ones is a [`Protection`]. Sources of the forms:
//! golang.org/x/mod/sumdb/note, <https://c2sp.org/age>.

mod envelope;
mod line;
mod private;
mod protection;
mod ring;

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use medtrace_ledger::{KeyName, Signer, SigningKey};
use zeroize::Zeroizing;

pub use envelope::Closed;
pub use protection::{IDENTITY_FILE, PASSPHRASE_CHARS_MIN, PASSPHRASE_FILE, Protection};
pub use ring::Keyring;

use crate::files;

/// Longest key file, in bytes: an armoured age file of one line, to some identities.
const FILE_BYTES_MAX: u64 = 8 << 10;

/// Why a key file, or what opens it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("failed to use {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("failed to accept {path} as private: mode {mode:o} lets others use it; make it 600")]
    Readable { path: PathBuf, mode: u32 },
    #[error("failed to read {path} as a key file: {reason}")]
    Format { path: PathBuf, reason: &'static str },
    #[error("failed to open {path}: {reason}")]
    Closed { path: PathBuf, reason: Closed },
    #[error("failed to read {path} as {what}: {reason}")]
    Protection { path: PathBuf, what: &'static str, reason: String },
    #[error("failed to encrypt a key: {0}")]
    Encrypt(String),
    #[error("failed to write the key {0}: its holder does not give it out")]
    Held(KeyName),
    #[error("failed to gather 32 random bytes: {0}")]
    Random(getrandom::Error),
}

/// A new random key.
pub fn generate(name: KeyName) -> Result<Signer, KeysError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(KeysError::Random)?;
    Ok(Signer::new(name, SigningKey::from_seed(&seed)))
}

/// Writes a key to a file that must not exist yet, and flushes it to disk; encrypted, if there is anything to do it with.
pub fn write(path: &Path, signer: &Signer, protection: &Protection) -> Result<(), KeysError> {
    let bytes = content(signer, protection)?;
    let failed = |source| KeysError::Io { path: path.to_owned(), source };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// Writes a key in place of what the file holds; the former or this is there, whatever happens.
pub fn rewrite(path: &Path, signer: &Signer, protection: &Protection) -> Result<(), KeysError> {
    let bytes = content(signer, protection)?;
    files::replace(path, &bytes, 0o600).map_err(|source| KeysError::Io { path: path.to_owned(), source })
}

fn content(signer: &Signer, protection: &Protection) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    let line = line::encode(signer).ok_or_else(|| KeysError::Held(signer.name.clone()))?;
    protection.close(line).map_err(KeysError::Encrypt)
}

/// Reads one key file, encrypted or not; refuses one that group or world may use.
pub fn read(path: &Path, protection: &Protection) -> Result<Signer, KeysError> {
    let bytes = private::read(path, FILE_BYTES_MAX)?;
    let wrong = |reason| KeysError::Format { path: path.to_owned(), reason };
    let bytes = match envelope::is_encrypted(&bytes) {
        true => protection.open(&bytes).map_err(|reason| KeysError::Closed { path: path.to_owned(), reason })?,
        false => bytes,
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is no text"))?;
    line::decode(text).map_err(wrong)
}

/// Whether a file holds its key encrypted.
pub fn is_encrypted(path: &Path) -> Result<bool, KeysError> {
    private::read(path, FILE_BYTES_MAX).map(|bytes| envelope::is_encrypted(&bytes))
}

#[cfg(test)]
mod tests;
