//! What encrypted key files are opened with, and new ones are encrypted with.

use std::{fmt, path::Path, sync::Arc};

use age::{
    scrypt,
    secrecy::{ExposeSecret, SecretString},
    x25519,
};
use zeroize::Zeroizing;

use super::{Closed, KeysError, envelope, private};
use crate::{ConfigError, Env};

/// Variable: a file whose one line is the passphrase of key files, mode 600.
pub const PASSPHRASE_FILE: &str = "MEDTRACE_KEYS_PASSPHRASE_FILE";
/// Variable: a file of age identities (`AGE-SECRET-KEY-1…`, one a line), mode 600.
pub const IDENTITY_FILE: &str = "MEDTRACE_KEYS_IDENTITY_FILE";
/// Shortest passphrase that a key is encrypted under, in characters.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// Scrypt work factor of files written here: 2^17 of 1 KiB are 128 MiB for some tenths of a second.
const WORK_FACTOR: u8 = 17;
/// Highest work factor taken (256 MiB, what the age tool writes): a hostile file can neither hang a start nor take the
/// machine's memory.
const WORK_FACTOR_MAX: u8 = 18;
/// Longest passphrase file, in bytes.
const PASSPHRASE_BYTES_MAX: u64 = 1024;
/// Longest identity file, in bytes.
const IDENTITIES_BYTES_MAX: u64 = 16 << 10;
/// Most identities of a file.
const IDENTITIES_MAX: usize = 16;

/// What opens encrypted key files; nothing by default. New key files are encrypted to the first identity, else under the
/// passphrase, else not at all. An identity opens at once, a passphrase costs some tenths of a second a file, on purpose.
#[derive(Clone, Default)]
pub struct Protection {
    passphrase: Option<SecretString>,
    identities: Arc<Vec<x25519::Identity>>,
}

impl Protection {
    /// From the files that `MEDTRACE_KEYS_PASSPHRASE_FILE` and `MEDTRACE_KEYS_IDENTITY_FILE` name, where they are set.
    /// Whoever reads one of those files and the key files has the keys.
    ///
    /// # Errors
    /// The variable whose file is not there, not private, or not what it must be.
    pub fn from_env(env: &Env) -> Result<Protection, ConfigError> {
        let file = |variable: &'static str, read: fn(&Path) -> Result<Protection, KeysError>| {
            let path = env.text(variable).map(Path::new);
            path.map(read)
                .transpose()
                .map_err(|error| ConfigError::new(variable, format!("{:#}", anyhow::Error::from(error))))
        };
        let passphrase = file(PASSPHRASE_FILE, Protection::passphrase)?.unwrap_or_default();
        let identities = file(IDENTITY_FILE, Protection::identities)?.unwrap_or_default();
        Ok(Protection { identities: identities.identities, ..passphrase })
    }

    /// A passphrase, from the file whose one line it is.
    pub fn passphrase(path: &Path) -> Result<Protection, KeysError> {
        let wrong = |reason: &str| protection(path, "a passphrase", reason);
        let bytes = private::read(path, PASSPHRASE_BYTES_MAX)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is no text"))?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        if line.is_empty() || line.chars().any(char::is_control) {
            return Err(wrong("it is one line that is not empty"));
        }
        Ok(Protection { passphrase: Some(line.to_owned().into()), ..Protection::default() })
    }

    /// Identities, from a file as `age-keygen` writes it.
    pub fn identities(path: &Path) -> Result<Protection, KeysError> {
        let wrong = |reason: String| protection(path, "age identities", reason);
        let bytes = private::read(path, IDENTITIES_BYTES_MAX)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is no text".into()))?;
        let mut identities = Vec::new();
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // What is wrong with it is not said further: the line may be a secret.
            let identity = line.parse().map_err(|_| wrong(format!("line {} is no X25519 identity", index + 1)))?;
            identities.push(identity);
        }
        match identities.len() {
            1..=IDENTITIES_MAX => Ok(Protection { identities: Arc::new(identities), ..Protection::default() }),
            found => Err(wrong(format!("it holds 1 to {IDENTITIES_MAX} identities, here are {found}"))),
        }
    }

    /// The text of a new identity file, with its public side as a comment.
    pub fn new_identity() -> Zeroizing<String> {
        let identity = x25519::Identity::generate();
        let secret = identity.to_string();
        Zeroizing::new(format!("# public key: {}\n{}\n", identity.to_public(), secret.expose_secret()))
    }

    /// Whether there is nothing: key files are read and written as they are.
    pub fn is_none(&self) -> bool {
        self.passphrase.is_none() && self.identities.is_empty()
    }

    pub(super) fn open(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
        let passphrase = self.passphrase.clone().map(|passphrase| {
            let mut identity = scrypt::Identity::new(passphrase);
            identity.set_max_work_factor(WORK_FACTOR_MAX);
            identity
        });
        let identities: Vec<&dyn age::Identity> = self.identities.iter().map(|one| one as _).collect();
        envelope::open(bytes, passphrase.as_ref().map(|one| one as _), &identities)
    }

    /// The bytes of a key file: encrypted, or as they are if there is nothing to do it with.
    pub(super) fn close(&self, line: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, String> {
        if let Some(identity) = self.identities.first() {
            return envelope::seal(&identity.to_public(), &line).map(Zeroizing::new);
        }
        let Some(passphrase) = &self.passphrase else { return Ok(line) };
        if passphrase.expose_secret().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(format!("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters"));
        }
        let mut recipient = scrypt::Recipient::new(passphrase.clone());
        recipient.set_work_factor(WORK_FACTOR);
        envelope::seal(&recipient, &line).map(Zeroizing::new)
    }
}

fn protection(path: &Path, what: &'static str, reason: impl Into<String>) -> KeysError {
    KeysError::Protection { path: path.to_owned(), what, reason: reason.into() }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passphrase = self.passphrase.is_some();
        write!(f, "Protection(passphrase: {passphrase}, identities: {})", self.identities.len())
    }
}
