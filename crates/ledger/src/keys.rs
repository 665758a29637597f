//! Key entries, and the root over all of them in every header: which key may speak for whom, valid by position.
//!
//! ```text
//! medtrace/key/v1
//! <party>
//! <base64 public key>
//! <own | hosted:NAME>         hosted: held by the service NAME on the party's behalf
//! <roles>                     1..16 words, ascending, joined by commas
//! <enrolled height>
//! ```
//!
//! leaf = H(0x00 ‖ entry); the entries ascend strictly as bytes; root as in RFC 6962.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::HEIGHT_MAX;
use crate::hash::Hash;
use crate::key::PublicKey;
use crate::merkle::{self, Tree};
use crate::names::{Invalid, PartyId, Word};
use crate::text::{FormatError, Lines};

/// Longest key entry, in bytes.
pub const KEY_ENTRY_BYTES_MAX: usize = 1024;
/// Most roles of an entry.
pub const ROLES_MAX: usize = 16;

const FORMAT: &str = "medtrace/key/v1";

/// Who holds a private key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Custody {
    /// The party itself.
    Own,
    /// The named service, on the party's behalf.
    Hosted(PartyId),
}

impl fmt::Display for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Custody::Own => f.write_str("own"),
            Custody::Hosted(service) => write!(f, "hosted:{service}"),
        }
    }
}

impl FromStr for Custody {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.strip_prefix("hosted:") {
            Some(service) => service.parse().map(Custody::Hosted),
            None if text == "own" => Ok(Custody::Own),
            None => Err(Invalid("custody is own or hosted:NAME")),
        }
    }
}

crate::names::serde_as_text!(Custody);

/// One valid key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    pub party: PartyId,
    pub public_key: PublicKey,
    pub custody: Custody,
    /// 1..16 roles.
    pub roles: BTreeSet<Word>,
    /// Height of the block whose notices enrolled it; 0 for the authority's keys of the genesis.
    pub enrolled: u64,
}

impl KeyEntry {
    pub fn text(&self) -> String {
        let roles: Vec<&str> = self.roles.iter().map(Word::as_str).collect();
        let (party, key, custody) = (&self.party, &self.public_key, &self.custody);
        format!("{FORMAT}\n{party}\n{key}\n{custody}\n{}\n{}\n", roles.join(","), self.enrolled)
    }

    pub fn parse(text: &str) -> Result<KeyEntry, FormatError> {
        let mut lines = Lines::new(FORMAT, text, KEY_ENTRY_BYTES_MAX)?;
        let entry = KeyEntry {
            party: lines.value("party")?,
            public_key: lines.value("public key")?,
            custody: lines.value("custody")?,
            roles: parse_roles(&mut lines)?,
            enrolled: lines.decimal("enrolled height", HEIGHT_MAX)?,
        };
        lines.end()?;
        entry.check()?;
        Ok(entry)
    }

    /// Checks the limits that the types do not hold.
    pub fn check(&self) -> Result<(), FormatError> {
        match (1..=ROLES_MAX).contains(&self.roles.len()) && self.enrolled <= HEIGHT_MAX {
            true => Ok(()),
            false => Err(FormatError::whole(FORMAT, "a key has 1 to 16 roles and was enrolled at a height")),
        }
    }

    /// H(0x00 ‖ text).
    pub fn leaf(&self) -> Hash {
        merkle::leaf_hash(self.text().as_bytes())
    }
}

fn parse_roles(lines: &mut Lines<'_>) -> Result<BTreeSet<Word>, FormatError> {
    let roles: Result<Vec<Word>, Invalid> = lines.next()?.split(',').map(str::parse).collect();
    let roles = roles.map_err(|e| lines.error(format!("role: {e}")))?;
    match roles.is_sorted_by(|a, b| a < b) {
        true => Ok(roles.into_iter().collect()),
        false => Err(lines.error("roles must ascend")),
    }
}

/// All keys valid after one block, in the order of the tree.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    entries: Vec<(String, KeyEntry)>,
    tree: Tree,
}

impl KeySet {
    pub fn new(entries: impl IntoIterator<Item = KeyEntry>) -> KeySet {
        let mut entries: Vec<_> = entries.into_iter().map(|entry| (entry.text(), entry)).collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.dedup_by(|(a, _), (b, _)| a == b);
        let tree = entries.iter().map(|(text, _)| merkle::leaf_hash(text.as_bytes())).collect();
        KeySet { entries, tree }
    }

    /// Number and root, as they stand in the header.
    pub fn count_and_root(&self) -> (u64, Hash) {
        (self.tree.size(), self.tree.root())
    }

    /// All entries, in the order of the tree.
    pub fn entries(&self) -> impl Iterator<Item = &KeyEntry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// The entry of a public key (one key is enrolled for one party).
    pub fn entry(&self, key: &PublicKey) -> Option<&KeyEntry> {
        self.entries.iter().map(|(_, entry)| entry).find(|entry| entry.public_key == *key)
    }

    /// Index of `entry` and its path to the root; `None` if it is not among the valid keys.
    pub fn path(&self, entry: &KeyEntry) -> Option<(u64, Vec<Hash>)> {
        let text = entry.text();
        let index = self.entries.binary_search_by(|(other, _)| other.cmp(&text)).ok()? as u64;
        self.tree.inclusion_path(index, self.tree.size()).map(|path| (index, path))
    }
}
