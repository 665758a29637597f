//! `key`: a further key of a party, or the end of one. Signed by the party's root key; an enrolment by the new key too.

use medtrace_ledger::{Custody, PartyId, PublicKey};
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::party::Role;

/// A key notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Key {
    /// Whose key.
    pub party: PartyId,
    /// The public key is the subject: enrolled at 1, revoked at 2.
    pub revision: u32,
    /// The key.
    pub public_key: PublicKey,
    /// What happens to it.
    pub action: KeyAction,
}

/// What a key notice does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAction {
    /// The key is valid from here.
    Enrol {
        /// Who holds the private key.
        custody: Custody,
        /// Only these of the party's roles; empty = all it has.
        roles: Vec<Role>,
    },
    /// The key is not valid any more and never comes back.
    Revoke {
        /// What it signed in blocks from this height on is suspect (heights fit 32 bits).
        since: Option<u32>,
    },
}

impl Key {
    pub(super) fn shape(&self, faults: &mut Faults) {
        if let KeyAction::Enrol { roles, .. } = &self.action {
            faults.list("/roles", roles, Role::ALL.len());
        }
    }
}

/// The members as written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    party: PartyId,
    revision: u32,
    public_key: PublicKey,
    action: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    custody: Option<Custody>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Enrol,
    Revoke,
}

impl TryFrom<Wire> for Key {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Key, Self::Error> {
        let action = match (wire.action, wire.custody, wire.since) {
            (Word::Enrol, Some(custody), None) => KeyAction::Enrol { custody, roles: wire.roles },
            (Word::Enrol, None, _) => return Err("an enrolment needs custody"),
            (Word::Enrol, _, Some(_)) => return Err("only a revocation has since"),
            (Word::Revoke, None, since) if wire.roles.is_empty() => KeyAction::Revoke { since },
            (Word::Revoke, ..) => return Err("a revocation has neither custody nor roles"),
        };
        Ok(Key { party: wire.party, revision: wire.revision, public_key: wire.public_key, action })
    }
}

impl From<Key> for Wire {
    fn from(key: Key) -> Wire {
        let (action, custody, roles, since) = match key.action {
            KeyAction::Enrol { custody, roles } => (Word::Enrol, Some(custody), roles, None),
            KeyAction::Revoke { since } => (Word::Revoke, None, Vec::new(), since),
        };
        Wire { party: key.party, revision: key.revision, public_key: key.public_key, action, custody, roles, since }
    }
}
