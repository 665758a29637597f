//! Party notices: by the authority; by `threshold` of its members when they give power.
//!
//! Codes: `not-authority`, `threshold`, `key-taken`, `gln-taken`, `prefix-taken`, `authority-too-small`.

use std::collections::BTreeSet;

use medtrace_ledger::{PartyId, PublicKey};

use super::Judge;
use crate::limits::PARTY_KEYS_MAX;
use crate::notice::{Party, Role};
use crate::{Effect, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn party(&self, party: &Party) -> Result<Effect, Refusal> {
        let before = self.now.party(&party.party).map(|recorded| &recorded.value);
        self.revision(before.map(|before| before.revision), party.revision)?;
        let by = self.authority("a party notice", gives_power(before, party))?;
        if before.is_none_or(|before| before.root_key != party.root_key) {
            self.fresh_key("/rootKey", &party.root_key)?;
            self.room_for_a_key(&party.party, before.is_some())?;
        }
        self.glns_and_prefixes_free(party)?;
        let leaves = before.is_some_and(|before| before.roles.contains(&Role::Authority));
        if leaves && !party.roles.contains(&Role::Authority) {
            self.authority_remains(|member| *member != party.party)?;
        }
        Ok(Effect { by, subject: Subject::Party(party.party.clone()) })
    }

    /// The first member of the authority that signed, if enough did.
    pub(super) fn authority(&self, what: &str, gives_power: bool) -> Result<PartyId, Refusal> {
        let members: BTreeSet<_> = self
            .speakers
            .iter()
            .filter(|(_, roles)| roles.contains(&Role::Authority))
            .map(|(party, _)| *party)
            .collect();
        let Some(first) = members.first() else {
            return Err(Refusal::whole("not-authority", format!("{what} is signed by the authority")));
        };
        let wanted = if gives_power { self.registry.threshold } else { 1 };
        if members.len() < wanted {
            let found = members.len();
            let detail = format!("what gives power is signed by {wanted} members of the authority, here by {found}");
            return Err(Refusal::whole("threshold", detail));
        }
        Ok((*first).clone())
    }

    /// Nobody ever had this key.
    pub(super) fn fresh_key(&self, path: &str, key: &PublicKey) -> Result<(), Refusal> {
        match self.registry.keys.get(key) {
            Some(life) if life.revoked.is_some() => {
                Err(Refusal::at(path, "key-revoked", format!("{key} was revoked; a revoked key never comes back")))
            }
            Some(life) => Err(Refusal::at(path, "key-taken", format!("{key} is already a key of {}", life.party))),
            None if self.registry.reserved.contains(key) => {
                Err(Refusal::at(path, "key-taken", format!("{key} is a key of the genesis")))
            }
            None => Ok(()),
        }
    }

    pub(super) fn room_for_a_key(&self, party: &PartyId, root_goes: bool) -> Result<(), Refusal> {
        let keys = self.now.keys_of(party).saturating_sub(usize::from(root_goes));
        match keys < PARTY_KEYS_MAX {
            true => Ok(()),
            false => Err(Refusal::whole("too-many", format!("a party has at most {PARTY_KEYS_MAX} keys at a time"))),
        }
    }

    /// GLNs and prefixes are one party's alone.
    fn glns_and_prefixes_free(&self, party: &Party) -> Result<(), Refusal> {
        for (index, gln) in party.glns.iter().enumerate() {
            let listed = self.registry.glns.get(gln).and_then(|history| history.at(u64::MAX)?.value.as_ref());
            if let Some(other) = listed.filter(|other| **other != party.party) {
                return Err(Refusal::at(format!("/glns/{index}"), "gln-taken", format!("{gln} is a GLN of {other}")));
            }
        }
        for (index, prefix) in party.prefixes.iter().enumerate() {
            if let Some((taken, other)) = self.now.holder_of_overlap(prefix, &party.party) {
                let detail = format!("{prefix} overlaps {taken} of {other}");
                return Err(Refusal::at(format!("/prefixes/{index}"), "prefix-taken", detail));
            }
        }
        Ok(())
    }

    /// Enough members with a valid key stay to admit anybody ever again.
    pub(super) fn authority_remains(&self, stays: impl Fn(&PartyId) -> bool) -> Result<(), Refusal> {
        let able = self.now.authority_members().filter(|member| stays(member)).count();
        match able >= self.registry.threshold {
            true => Ok(()),
            false => {
                let detail = format!("{} members of the authority must stay able to sign", self.registry.threshold);
                Err(Refusal::whole("authority-too-small", detail))
            }
        }
    }
}

/// Whether anything is given that was not there before: a root key, a role, a GLN, a prefix, a region. Names and contacts
/// change, and things are taken away, on one member's word.
fn gives_power(before: Option<&Party>, after: &Party) -> bool {
    let Some(before) = before else { return true };
    before.root_key != after.root_key
        || after.roles.iter().any(|role| !before.roles.contains(role))
        || after.glns.iter().any(|gln| !before.glns.contains(gln))
        || after.prefixes.iter().any(|prefix| !before.prefixes.contains(prefix))
        || after.regions.iter().any(|region| !before.regions.contains(region))
}
