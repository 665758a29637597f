//! Private-key files: one key a file, in the one-line text form of Go's `note` package, readable by its owner only.
//!
//! ```text
//! PRIVATE+KEY+<key name>+<key id, 8 hex digits>+<base64(0x01 ‖ seed[32])>\n            0600, *.key
//! ```
//!
//! The key's name is inside; the file is named after it (`factory-01.key`; a second key of the same name
//! `factory-01.2.key`). Source of the form: golang.org/x/mod/sumdb/note.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use medtrace_ledger::{KeyName, Signer, SigningKey};

use crate::reload::Reloaded;

const PREFIX: &str = "PRIVATE+KEY+";
const ALGORITHM_ED25519: u8 = 1;
/// Longest key file, in bytes.
const FILE_BYTES_MAX: u64 = 1024;
/// Any of these bits of the mode lets others read the key.
const OTHERS_MODE: u32 = 0o077;

#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("failed to use {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("failed to accept {path} as private: mode {mode:o} lets others use it; make it 600")]
    Readable { path: PathBuf, mode: u32 },
    #[error("failed to read {path} as a key file: {reason}")]
    Format { path: PathBuf, reason: &'static str },
    #[error("failed to gather 32 random bytes: {0}")]
    Random(getrandom::Error),
}

/// A new random key.
pub fn generate(name: KeyName) -> Result<Signer, KeysError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(KeysError::Random)?;
    Ok(Signer::new(name, SigningKey::from_seed(&seed)))
}

/// Writes a key to a file that must not exist yet, and flushes it to disk.
pub fn write(path: &Path, signer: &Signer) -> Result<(), KeysError> {
    let failed = |source| KeysError::Io { path: path.to_owned(), source };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(encode(signer).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads one key file; refuses one that group or world may use.
pub fn read(path: &Path) -> Result<Signer, KeysError> {
    let failed = |source| KeysError::Io { path: path.to_owned(), source };
    let meta = fs::metadata(path).map_err(failed)?;
    let mode = meta.mode() & 0o777;
    if mode & OTHERS_MODE != 0 {
        return Err(KeysError::Readable { path: path.to_owned(), mode });
    }
    let wrong = |reason| KeysError::Format { path: path.to_owned(), reason };
    if meta.len() > FILE_BYTES_MAX {
        return Err(wrong("longer than one line can be"));
    }
    decode(&fs::read_to_string(path).map_err(failed)?).map_err(wrong)
}

fn encode(signer: &Signer) -> String {
    let seed = signer.key.seed();
    let key = STANDARD.encode([&[ALGORITHM_ED25519], &seed[..]].concat());
    format!("{PREFIX}{}+{:08x}+{key}\n", signer.name, key_id(signer))
}

fn decode(text: &str) -> Result<Signer, &'static str> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let parts = line.strip_prefix(PREFIX).ok_or("it does not begin with PRIVATE+KEY+")?;
    // Neither a name nor a key id has a +; base64 may.
    let mut parts = parts.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a name, a key id and a key must follow PRIVATE+KEY+, parted by +");
    };
    let name: KeyName = name.parse().map_err(|_| "the name is no key name")?;
    let key = STANDARD.decode(key).map_err(|_| "the key is no base64")?;
    let seed: &[u8; 32] = match key.split_first() {
        Some((&ALGORITHM_ED25519, seed)) => seed.try_into().map_err(|_| "the seed is not 32 bytes")?,
        _ => return Err("the key is not of algorithm 1 (Ed25519)"),
    };
    let signer = Signer::new(name, SigningKey::from_seed(seed));
    match id == format!("{:08x}", key_id(&signer)) {
        true => Ok(signer),
        false => Err("the key id is not that of this name and key"),
    }
}

fn key_id(signer: &Signer) -> u32 {
    u32::from_be_bytes(signer.verifier().key_id())
}

/// The keys that a process may use: all `*.key` files of a folder, read again when the folder changes.
pub struct Keyring(Reloaded<HashMap<KeyName, Vec<Signer>>, KeysError>);

impl Keyring {
    /// Reads the folder; a file that is not private or not a key is an error. Later versions with such a file keep the
    /// former keys in force.
    pub fn open(folder: &Path) -> Result<Self, KeysError> {
        Reloaded::open(folder, load).map(Self)
    }

    /// All keys of this name, in the order of their files; empty if there are none.
    pub fn of(&self, name: &KeyName) -> Vec<Signer> {
        let found = |keys: &HashMap<KeyName, Vec<Signer>>| keys.get(name).cloned();
        // A folder's time is coarse: before saying that there is no such key, look once more.
        found(&self.0.get()).or_else(|| found(&self.0.get_anew())).unwrap_or_default()
    }
}

fn load(folder: &Path) -> Result<HashMap<KeyName, Vec<Signer>>, KeysError> {
    let failed = |source| KeysError::Io { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "key") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut keys = HashMap::<_, Vec<_>>::new();
    for path in paths {
        let signer = read(&path)?;
        keys.entry(signer.name.clone()).or_default().push(signer);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// The private key of the Go documentation of `note` (package example), and its verifier key's id.
    const FOREIGN: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

    fn folder(test: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("medtrace-keys-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn reads_and_writes_the_form_of_go() {
        let signer = decode(FOREIGN).unwrap();
        assert_eq!(signer.name.as_str(), "PeterNeumann");
        assert_eq!(encode(&signer), format!("{FOREIGN}\n"));
        // PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
        assert_eq!(signer.key.public().to_string(), "GlzZBxQ8OExB6DDFvOEqqIF+xWSaqr8sMTiLNbLXRNY=");
    }

    #[test]
    fn what_is_not_a_key_says_why() {
        for (text, reason) in [
            ("", "it does not begin with PRIVATE+KEY+"),
            ("PRIVATE+KEY+a", "a name, a key id and a key must follow PRIVATE+KEY+, parted by +"),
            ("PRIVATE+KEY+a b+00000000+AA==", "the name is no key name"),
            ("PRIVATE+KEY+a+00000000+?", "the key is no base64"),
            ("PRIVATE+KEY+a+00000000+BAAA", "the key is not of algorithm 1 (Ed25519)"),
            ("PRIVATE+KEY+a+00000000+AQAA", "the seed is not 32 bytes"),
            (&FOREIGN.replace("c74f20a3", "c74f20a4"), "the key id is not that of this name and key"),
            (&FOREIGN.replace("Peter", "Petra"), "the key id is not that of this name and key"),
        ] {
            assert_eq!(decode(text).unwrap_err(), reason, "{text}");
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_and_a_new_one_is_seen() {
        let folder = folder("ring");
        let (name, other): (KeyName, KeyName) = ("factory-01".parse().unwrap(), "factory-02".parse().unwrap());
        let first = generate(name.clone()).unwrap();
        write(&folder.join("factory-01.key"), &first).unwrap();
        assert!(matches!(write(&folder.join("factory-01.key"), &first), Err(KeysError::Io { .. })));
        let ring = Keyring::open(&folder).unwrap();
        assert_eq!(ring.of(&name).len(), 1);
        assert_eq!(ring.of(&other).len(), 0);

        write(&folder.join("factory-02.key"), &generate(other.clone()).unwrap()).unwrap();
        assert_eq!(ring.of(&other).len(), 1);

        let open = folder.join("factory-02.key");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keyring::open(&folder), Err(KeysError::Readable { mode: 0o640, .. })));
        assert_eq!(ring.of(&name)[0].key.seed(), first.key.seed());
    }
}
