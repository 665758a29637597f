//! The policy: whose checkpoints are believed, and how many witnesses must have cosigned them. C2SP tlog-policy.
//!
//! ```text
//! log <vkey> [<url>]                          the chainer's Ed25519 key
//! witness <name> <vkey> [<url>]               0..7, with cosignature keys
//! group <name> <any|all|k> <member>…          0..16; members are witnesses or groups above
//! quorum <name|none>
//! ```
//!
//! Lines in this order, words joined by single spaces. A name stands for one witness or group, and is a member of at most
//! one group, so that a witness counts once. `none` is no name: it says that no cosignature is needed.
//!
//! Stricter than C2SP, so that one policy has one text: one log, no comments, no empty lines, no tabs, ASCII only, lines
//! in this order. Every such text is a policy to other readers too. Source: <https://c2sp.org/tlog-policy>.

mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::names::KeyName;
use crate::note::{SIGNATURE_LINES_MAX, VerifierKey};
use crate::text::FormatError;
use crate::vkey::KeyUse;

/// Most witnesses: their lines and the chainer's fit into one note.
pub const WITNESSES_MAX: usize = SIGNATURE_LINES_MAX - 1;
/// Most groups.
pub const GROUPS_MAX: usize = 16;
/// Longest address, in bytes.
pub const URL_BYTES_MAX: usize = 256;
/// Longest policy, in bytes (16 KiB).
pub const POLICY_BYTES_MAX: usize = 16 * 1024;

pub(crate) const FORMAT: &str = "policy";
/// The quorum of no witness.
const NONE: &str = "none";

/// Who is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The chainer's key: signs checkpoints. Its name is the origin.
    pub log: VerifierKey,
    /// Where the log is served (`/log/checkpoint` lies below it).
    pub log_url: Option<String>,
    /// In the order in which their lines stand in a checkpoint.
    pub witnesses: Vec<Witness>,
    /// Each names only witnesses and groups before it.
    pub groups: Vec<Group>,
    /// The witness or group that must have cosigned; `None` where no cosignature is needed.
    pub quorum: Option<KeyName>,
}

/// A witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// What the policy and our answers call it.
    pub name: KeyName,
    /// Cosigns checkpoints, under the key's own name.
    pub key: VerifierKey,
    /// Its C2SP submission prefix: `<url>/add-checkpoint`.
    pub url: Option<String>,
}

/// Witnesses and groups of which some must have cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: KeyName,
    pub threshold: Threshold,
    /// At least one.
    pub members: Vec<KeyName>,
}

/// How many members of a group must have cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    Any,
    All,
    /// 1 to the number of members.
    Count(usize),
}

impl Group {
    /// Members that must have cosigned.
    pub fn needed(&self) -> usize {
        match self.threshold {
            Threshold::Any => 1,
            Threshold::All => self.members.len(),
            Threshold::Count(count) => count,
        }
    }
}

/// A quorum that is not reached: what is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the quorum {quorum} is not reached: {missing}")]
pub struct Unmet {
    pub quorum: KeyName,
    /// As in `1 more of hospital, university`.
    pub missing: String,
}

impl Policy {
    /// A policy without witnesses.
    pub fn alone(log: VerifierKey) -> Policy {
        Policy { log, log_url: None, witnesses: Vec::new(), groups: Vec::new(), quorum: None }
    }

    /// The keys of the log and of the witnesses.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        std::iter::once(&self.log).chain(self.witnesses.iter().map(|witness| &witness.key))
    }

    pub fn text(&self) -> String {
        self.to_string()
    }

    /// Parses a policy; what is accepted prints to the same bytes.
    pub fn parse(text: &str) -> Result<Policy, FormatError> {
        parse::parse(text)
    }

    /// Checks the rules that the types do not hold.
    pub fn check(&self) -> Result<(), FormatError> {
        parse::check(self)
    }

    /// Whether the cosignatures of these witnesses (by their names in the policy) are enough.
    pub fn is_met(&self, cosigned: &BTreeSet<KeyName>) -> bool {
        self.unmet(cosigned).is_none()
    }

    /// What is missing beside the cosignatures of these witnesses; `None` where they are enough.
    pub fn unmet(&self, cosigned: &BTreeSet<KeyName>) -> Option<Unmet> {
        let quorum = self.quorum.as_ref()?;
        // Groups name only what stands above them, so that one pass settles all.
        let mut missing: BTreeMap<&KeyName, Option<String>> = BTreeMap::new();
        for Witness { name, .. } in &self.witnesses {
            missing.insert(name, (!cosigned.contains(name)).then(|| name.to_string()));
        }
        for group in &self.groups {
            let lacking = group.members.iter().filter_map(|member| match missing.get(member) {
                Some(what) => what.as_deref(),
                None => Some(member.as_str()),
            });
            let lacking: Vec<&str> = lacking.collect();
            let needed = group.needed().saturating_sub(group.members.len() - lacking.len());
            let what = || format!("{} ({needed} more of {})", group.name, lacking.join(", "));
            let what = (needed > 0).then(what);
            missing.insert(&group.name, what);
        }
        match missing.remove(quorum) {
            Some(None) => None,
            Some(Some(missing)) => Some(Unmet { quorum: quorum.clone(), missing }),
            None => Some(Unmet { quorum: quorum.clone(), missing: "nobody has this name".into() }),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = |url: &Option<String>| url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        writeln!(f, "log {}{}", self.log.vkey(KeyUse::Ed25519), url(&self.log_url))?;
        for witness in &self.witnesses {
            let key = witness.key.vkey(KeyUse::Cosignature);
            writeln!(f, "witness {} {key}{}", witness.name, url(&witness.url))?;
        }
        for Group { name, threshold, members } in &self.groups {
            write!(f, "group {name} {threshold}")?;
            members.iter().try_for_each(|member| write!(f, " {member}"))?;
            writeln!(f)?;
        }
        writeln!(f, "quorum {}", self.quorum.as_ref().map_or(NONE, KeyName::as_str))
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Any => f.write_str("any"),
            Threshold::All => f.write_str("all"),
            Threshold::Count(count) => write!(f, "{count}"),
        }
    }
}
