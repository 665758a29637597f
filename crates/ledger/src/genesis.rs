//! The genesis: the one thing a stranger must have been given. Everything else is verified from it.
//!
//! ```text
//! medtrace/genesis/v1
//! <origin>
//! <JCS of one JSON object, on one line>
//!
//! {"authority":{"keys":[KEY…],"threshold":m},      1..8 keys of n members, 1 ≤ m ≤ n; a key's name is its member's party
//!  "policy":"<policy text>",                       the chainer's key, witnesses, quorum: see `policy`
//!  "time":unix ms}
//! KEY = {"name":…,"publicKey":base64}              (spaces and line breaks here for reading only)
//! ```
//!
//! A signed note: lines of at least m members, each by an authority key, in the order of the list. Several keys may be of
//! one member, who counts once. No public key occurs twice in all of it. The name of the log's key is the origin.
//! H(genesis text) stands in every submission and in the header of block 0.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use crate::TIME_MS_MAX;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::keys::{Custody, KeyEntry};
use crate::names::{KeyName, Origin, PartyId, Word};
use crate::note::{NOTE_BYTES_MAX, Note, NoteError, SIGNATURE_LINES_MAX, Signer, VerifierKey, sign_note};
use crate::policy::Policy;
use crate::text::{FormatError, Lines};

/// The role of the authority's keys.
pub const AUTHORITY_ROLE: &str = "authority";

const FORMAT: &str = "medtrace/genesis/v1";

/// Keys of members of which `threshold` must sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Members, not keys: who has several counts once.
    pub threshold: usize,
    pub keys: Vec<VerifierKey>,
}

/// A consortium's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    pub origin: Origin,
    /// Unix milliseconds.
    pub time_ms: u64,
    pub authority: Quorum,
    /// Whose checkpoints are believed.
    pub policy: Policy,
}

/// Why a genesis is refused.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("signature line {line} is not by an authority key, in the order of the genesis")]
    UnexpectedKey { line: usize },
    #[error("{found} members of the authority signed where {threshold} must have")]
    Threshold { found: usize, threshold: usize },
}

// Members in the order of JCS; values have one JSON spelling, so that serde_json prints JCS.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    authority: QuorumBody,
    policy: String,
    time: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuorumBody {
    keys: Vec<KeyBody>,
    threshold: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct KeyBody {
    name: KeyName,
    public_key: PublicKey,
}

impl From<&VerifierKey> for KeyBody {
    fn from(key: &VerifierKey) -> KeyBody {
        KeyBody { name: key.name.clone(), public_key: key.public }
    }
}

impl From<KeyBody> for VerifierKey {
    fn from(key: KeyBody) -> VerifierKey {
        VerifierKey { name: key.name, public: key.public_key }
    }
}

impl From<&Quorum> for QuorumBody {
    fn from(quorum: &Quorum) -> QuorumBody {
        QuorumBody { keys: quorum.keys.iter().map(KeyBody::from).collect(), threshold: quorum.threshold }
    }
}

impl From<QuorumBody> for Quorum {
    fn from(body: QuorumBody) -> Quorum {
        Quorum { threshold: body.threshold, keys: body.keys.into_iter().map(VerifierKey::from).collect() }
    }
}

impl Genesis {
    pub fn text(&self) -> String {
        let body = Body { authority: (&self.authority).into(), policy: self.policy.text(), time: self.time_ms };
        let json = serde_json::to_string(&body).expect("strings and numbers always print");
        format!("{FORMAT}\n{}\n{json}\n", self.origin)
    }

    /// H(genesis text).
    pub fn hash(&self) -> Hash {
        Hash::of(self.text())
    }

    /// Parses the text; whoever holds only this has verified nothing.
    pub fn parse_text(text: &str) -> Result<Genesis, FormatError> {
        let mut lines = Lines::new(FORMAT, text, NOTE_BYTES_MAX)?;
        let origin = lines.value("origin")?;
        let json = lines.next()?;
        let body: Body = serde_json::from_str(json).map_err(|e| lines.error(e.to_string()))?;
        lines.end()?;
        let genesis = Genesis {
            origin,
            time_ms: body.time,
            authority: body.authority.into(),
            policy: Policy::parse(&body.policy)?,
        };
        genesis.check()?;
        match genesis.text() == text {
            true => Ok(genesis),
            false => Err(FormatError::whole(FORMAT, "the JSON is not in its canonical form (RFC 8785)")),
        }
    }

    /// Parses the note and verifies the authority's signatures.
    pub fn parse(note: &str) -> Result<Genesis, GenesisError> {
        let note = Note::parse(note)?;
        let genesis = Genesis::parse_text(note.text())?;
        let mut authority = genesis.authority.keys.iter();
        let mut members = BTreeSet::new();
        for (i, line) in note.signatures().iter().enumerate() {
            let key = authority.find(|key| key.made(line)).ok_or(GenesisError::UnexpectedKey { line: i + 1 })?;
            key.verify(note.text(), line)?;
            members.insert(&key.name);
        }
        let (found, threshold) = (members.len(), genesis.authority.threshold);
        if found < threshold {
            return Err(GenesisError::Threshold { found, threshold });
        }
        Ok(genesis)
    }

    /// The signed note; `authority` must be signers of the authority, in the order of the list.
    pub fn sign(&self, authority: &[Signer]) -> Result<String, GenesisError> {
        self.check()?;
        let note = sign_note(self.text(), authority)?.to_string();
        Genesis::parse(&note)?;
        Ok(note)
    }

    /// Checks the limits that the types do not hold.
    pub fn check(&self) -> Result<(), FormatError> {
        let fault = |problem: &str| Err(FormatError::whole(FORMAT, problem));
        let keys = &self.authority.keys;
        let members: BTreeSet<&KeyName> = keys.iter().map(|key| &key.name).collect();
        if keys.len() > SIGNATURE_LINES_MAX || !(1..=members.len()).contains(&self.authority.threshold) {
            return fault("the authority has 1 to 8 keys and a threshold of 1 to the number of its members");
        }
        if self.time_ms > TIME_MS_MAX {
            return fault("the time is after the year 9999");
        }
        if members.iter().any(|name| name.as_str().parse::<PartyId>().is_err()) {
            return fault("the name of an authority key is a party");
        }
        self.policy.check()?;
        if self.policy.log.name.as_str() != self.origin.as_str() {
            return fault("the name of the log's key is the origin");
        }
        let keys = || keys.iter().chain(self.policy.keys());
        if keys().map(|key| key.public).collect::<HashSet<_>>().len() < keys().count() {
            return fault("no public key may occur twice");
        }
        Ok(())
    }

    /// The authority's key entries, valid from height 0.
    pub fn authority_entries(&self) -> Vec<KeyEntry> {
        let roles: BTreeSet<Word> = AUTHORITY_ROLE.parse().into_iter().collect();
        let entry = |key: &VerifierKey| {
            let party = key.name.as_str().parse().ok()?;
            let roles = roles.clone();
            Some(KeyEntry { party, public_key: key.public, custody: Custody::Own, roles, enrolled: 0 })
        };
        self.authority.keys.iter().filter_map(entry).collect()
    }
}
