//! The life of a public key: enrolled once, revoked at most once, never back.
//!
//! A key is valid by position in the chain. "Valid at height K" means: after all notices of block K. So an event in the
//! block that enrols its key is good, and one in the block that revokes it is not; the header's `keys` root says the same.

use std::collections::BTreeSet;
use std::ops::Range;

use medtrace_ledger::{Custody, KeyEntry, PartyId, PublicKey};

use crate::notice::Role;
use crate::{At, Position};

/// The life of one public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLife {
    /// Whose key.
    pub party: PartyId,
    /// Who holds the private key.
    pub custody: Custody,
    /// Only these of the party's roles; empty = all it has.
    pub roles: Vec<Role>,
    /// Where it was enrolled.
    pub enrolled: Position,
    /// Where it ended.
    pub revoked: Option<Revocation>,
}

/// The end of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Where.
    pub position: Position,
    /// What it signed in blocks from this height on is suspect.
    pub since: Option<u64>,
}

impl KeyLife {
    pub(crate) fn enrolled(party: PartyId, custody: Custody, roles: Vec<Role>, enrolled: Position) -> KeyLife {
        KeyLife { party, custody, roles, enrolled, revoked: None }
    }

    /// Whether it had been enrolled and not yet revoked after the block at this height.
    pub fn alive(&self, height: u64) -> bool {
        self.enrolled.height <= height && self.revoked.is_none_or(|end| end.position.height > height)
    }
}

impl<'a> At<'a> {
    /// The life of a key that was known at this height; a later revocation does not show in [`At::key_valid`].
    pub fn key(&self, key: &PublicKey) -> Option<&'a KeyLife> {
        self.registry.keys.get(key).filter(|life| life.enrolled.height <= self.height)
    }

    /// The roles in which this key speaks for this party: none if it is not valid. A suspended party's keys are not.
    pub fn key_roles(&self, party: &PartyId, key: &PublicKey) -> BTreeSet<Role> {
        match self.key(key) {
            Some(life) if life.party == *party && life.alive(self.height) => self.roles_of(life),
            _ => BTreeSet::new(),
        }
    }

    /// Whether this key speaks for this party.
    pub fn key_valid(&self, party: &PartyId, key: &PublicKey) -> bool {
        !self.key_roles(party, key).is_empty()
    }

    /// All valid keys, sorted as the header's `keys` root needs them.
    pub fn key_entries(&self) -> Vec<KeyEntry> {
        let mut entries: Vec<KeyEntry> = self.keys().filter_map(|(key, life)| self.entry(key, life)).collect();
        entries.sort_by_cached_key(KeyEntry::text);
        entries
    }

    /// The entry of one valid key.
    pub fn key_entry(&self, key: &PublicKey) -> Option<KeyEntry> {
        self.key(key).filter(|life| life.alive(self.height)).and_then(|life| self.entry(key, life))
    }

    /// Whether what this key signed in the block at `signed` is suspect, as far as is known at this height: it was
    /// revoked later, with a `since` not after that block.
    pub fn suspect(&self, key: &PublicKey, signed: u64) -> Option<Revocation> {
        let end = self.key(key)?.revoked.filter(|end| end.position.height <= self.height)?;
        end.since.filter(|since| (*since..end.position.height).contains(&signed)).map(|_| end)
    }

    /// The blocks in which something is suspect by any key, from the first to behind the last.
    pub fn suspect_blocks(&self) -> Option<Range<u64>> {
        let ends = self.registry.keys.values().filter_map(|life| life.revoked);
        let ends = ends.filter(|end| end.position.height <= self.height);
        let blocks = ends.filter_map(|end| Some(end.since?..end.position.height));
        blocks.reduce(|all, blocks| all.start.min(blocks.start)..all.end.max(blocks.end))
    }

    /// Keys alive at this height.
    fn keys(&self) -> impl Iterator<Item = (&'a PublicKey, &'a KeyLife)> + use<'a> {
        let height = self.height;
        self.registry.keys.iter().filter(move |(_, life)| life.alive(height))
    }

    pub(crate) fn keys_of(&self, party: &PartyId) -> usize {
        self.keys().filter(|(_, life)| life.party == *party).count()
    }

    /// Members of the authority with a valid key.
    pub(crate) fn authority_members(&self) -> impl Iterator<Item = &'a PartyId> {
        let at = *self;
        let members = at.parties().filter(|party| party.roles.contains(&Role::Authority)).map(|p| &p.value.party);
        members.filter(move |member| {
            at.keys().any(|(_, life)| life.party == **member && at.roles_of(life).contains(&Role::Authority))
        })
    }

    fn roles_of(&self, life: &KeyLife) -> BTreeSet<Role> {
        let held = self.party(&life.party).map(|party| party.roles.as_slice()).unwrap_or_default();
        held.iter().copied().filter(|role| life.roles.is_empty() || life.roles.contains(role)).collect()
    }

    fn entry(&self, key: &PublicKey, life: &KeyLife) -> Option<KeyEntry> {
        let roles: BTreeSet<_> =
            self.roles_of(life).into_iter().filter_map(|role| role.as_str().parse().ok()).collect();
        (!roles.is_empty()).then(|| KeyEntry {
            party: life.party.clone(),
            public_key: *key,
            custody: life.custody.clone(),
            roles,
            enrolled: life.enrolled.height,
        })
    }
}
