//! Bearer tokens: who calls. A token is bound to (party, operator, device) and kept only as its SHA-256.
//!
//! ```text
//! token     "mt_" base64url(32 random bytes), shown once by `mint`
//! file      {"tokens": [{"hash": "<base64 SHA-256 of the token's text>", "party": "factory-01", "operator": "op-7",
//!            "device": "line-3", "created": 1767225600000}]}                        0600, replaced by renaming
//! ```
//!
//! The file is read again when it changes, so a token is revoked by taking its entry out. Tokens are never logged.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use axum::http::{HeaderMap, header};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    problem::{Kind, Problem},
    reload::Reloaded,
};

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
const TOKEN_PREFIX: &str = "mt_";
/// Size of the tokens file, in bytes: about 40,000 tokens.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Length of an operator's or a device's name, in bytes.
const NAME_BYTES_MAX: usize = 128;

#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    #[error("failed to use {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("failed to read {path} as a tokens file: {reason}")]
    Format { path: PathBuf, reason: String },
    #[error("failed to gather {TOKEN_BYTES} random bytes: {0}")]
    Random(getrandom::Error),
    #[error(
        "failed to accept {name:?} as the name of a party, an operator or a device: 1 to {NAME_BYTES_MAX} printable bytes without spaces"
    )]
    Name { name: String },
}

/// Who makes a call: what its token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    pub party: String,
    /// The person's login at the party, never a name; the log sees only a pseudonym of it.
    pub operator: String,
    /// The scanner's or system's id at the party; the log sees only a pseudonym of it.
    pub device: String,
}

#[derive(Serialize, Deserialize, Default)]
struct File {
    tokens: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    hash: String,
    party: String,
    operator: String,
    device: String,
    /// Unix milliseconds.
    created: i64,
}

/// SHA-256 of a token's text.
pub type TokenHash = [u8; 32];

type Known = HashMap<u64, Vec<(TokenHash, Caller)>>;

/// The tokens file of a service, followed as it changes.
pub struct Tokens(Reloaded<Known, TokensError>);

impl Tokens {
    /// Reads the file; it must exist and be whole. Later versions that are not keep the former one in force.
    pub fn open(path: &Path) -> Result<Self, TokensError> {
        Reloaded::open(path, |path, _| load(path)).map(Self)
    }

    /// Whom this token belongs to.
    pub fn of(&self, token: &str) -> Option<Caller> {
        self.of_hash(&Sha256::digest(token).into())
    }

    /// Whom the token with this hash belongs to. Looks up by its first 8 bytes, then compares all 32 in constant time.
    pub fn of_hash(&self, hash: &TokenHash) -> Option<Caller> {
        let known = self.0.get();
        let mut named = known.get(&prefix(hash))?.iter();
        named.find(|(stored, _)| bool::from(stored.ct_eq(hash))).map(|(_, caller)| caller.clone())
    }

    /// Whom a request's `Authorization: Bearer …` belongs to, or the 401 that says what is missing.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        self.bearer(headers).map(|(_, caller)| caller)
    }

    /// As [`Tokens::caller`], with the hash of the token: for what lasts as long as that.
    pub fn bearer(&self, headers: &HeaderMap) -> Result<(TokenHash, Caller), Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Err(Kind::Unauthenticated.because("send your token as Authorization: Bearer <token>"));
        };
        let token = value.to_str().ok().and_then(|value| value.split_once(' '));
        match token {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let hash = Sha256::digest(token.trim()).into();
                let caller = self.of_hash(&hash).map(|caller| (hash, caller));
                caller.ok_or_else(|| {
                    Kind::Unauthenticated.because("this token is not known here; it may have been revoked")
                })
            }
            _ => Err(Kind::Unauthenticated.because("the Authorization header is not of the form: Bearer <token>")),
        }
    }
}

/// Makes a token, adds it to the file (which is made if it is not there) and returns its text, the only time it is seen.
/// `created` is in Unix milliseconds.
pub fn mint(path: &Path, caller: &Caller, created: i64) -> Result<String, TokensError> {
    for name in [&caller.party, &caller.operator, &caller.device] {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(TokensError::Name { name: name.clone() });
        }
    }
    let failed = |source| TokensError::Io { path: path.to_owned(), source };
    let mut secret = [0; TOKEN_BYTES];
    getrandom::fill(&mut secret).map_err(TokensError::Random)?;
    let token = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));

    // Two processes may mint at the same time: the lock file orders them.
    let lock = private(&sibling(path, "lock"), false).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut file = if path.exists() { read(path)? } else { File::default() };
    file.tokens.push(Entry {
        hash: STANDARD.encode(Sha256::digest(&token)),
        party: caller.party.clone(),
        operator: caller.operator.clone(),
        device: caller.device.clone(),
        created,
    });
    replace(path, &file).map_err(failed)?;
    Ok(token)
}

fn load(path: &Path) -> Result<Known, TokensError> {
    let mut known = Known::new();
    for Entry { hash, party, operator, device, .. } in read(path)?.tokens {
        let wrong = || TokensError::Format {
            path: path.to_owned(),
            reason: format!("a token of {party} has a hash that is not base64 of 32 bytes"),
        };
        let hash: TokenHash = STANDARD.decode(&hash).ok().and_then(|hash| hash.try_into().ok()).ok_or_else(wrong)?;
        known.entry(prefix(&hash)).or_default().push((hash, Caller { party, operator, device }));
    }
    Ok(known)
}

fn read(path: &Path) -> Result<File, TokensError> {
    let failed = |source| TokensError::Io { path: path.to_owned(), source };
    let wrong = |reason| TokensError::Format { path: path.to_owned(), reason };
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(wrong(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    // The text of a JSON error never quotes values, so no hash reaches a log.
    serde_json::from_slice(&fs::read(path).map_err(failed)?).map_err(|e| wrong(format!("line {}", e.line())))
}

fn replace(path: &Path, file: &File) -> io::Result<()> {
    let fresh = sibling(path, "new");
    let mut to = private(&fresh, true)?;
    serde_json::to_writer_pretty(&mut to, file)?;
    to.write_all(b"\n")?;
    to.sync_all()?;
    fs::rename(fresh, path)
}

/// Opens for writing what only this user may read.
fn private(path: &Path, truncate: bool) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create(true).truncate(truncate).mode(0o600).open(path)
}

fn sibling(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

fn prefix(hash: &TokenHash) -> u64 {
    u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
}
