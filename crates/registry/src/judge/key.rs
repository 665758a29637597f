//! Key notices: by the party's root key; an enrolment by the new key too. The authority cannot speak for a party.
//!
//! Codes: `not-root-key`, `no-possession`, `key-revoked`, `key-taken`, `unknown-key`, `role-not-held`, `since`, `too-many`,
//! `authority-too-small`.

use medtrace_ledger::PublicKey;

use super::Judge;
use crate::notice::{Key, KeyAction, Party, Role};
use crate::{Effect, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn key(&self, key: &Key) -> Result<Effect, Refusal> {
        let party = self.known("/party", &key.party)?;
        if !self.signed_with(party, &party.root_key) {
            let detail = format!("the root key of {} must sign its key notices", key.party);
            return Err(Refusal::whole("not-root-key", detail));
        }
        let subject = match &key.action {
            KeyAction::Enrol { roles, .. } => self.enrolment(party, key, roles)?,
            KeyAction::Revoke { since } => self.revocation(key, *since)?,
        };
        Ok(Effect { by: key.party.clone(), subject })
    }

    fn signed_with(&self, party: &Party, key: &PublicKey) -> bool {
        self.signers.iter().any(|(name, signing)| *name == party.party && signing == key)
    }

    fn enrolment(&self, party: &Party, key: &Key, roles: &[Role]) -> Result<Subject, Refusal> {
        self.fresh_key("/publicKey", &key.public_key)?;
        self.revision(None, key.revision)?;
        if !self.signed_with(party, &key.public_key) {
            return Err(Refusal::whole("no-possession", "the new key must sign its own enrolment"));
        }
        if let Some(index) = roles.iter().position(|role| !party.roles.contains(role)) {
            let detail = format!("{} is not a {}", key.party, roles[index].as_str());
            return Err(Refusal::at(format!("/roles/{index}"), "role-not-held", detail));
        }
        self.room_for_a_key(&key.party, false)?;
        Ok(Subject::KeyEnrolled(key.party.clone(), key.public_key))
    }

    fn revocation(&self, key: &Key, since: Option<u32>) -> Result<Subject, Refusal> {
        let life = self.registry.keys.get(&key.public_key).filter(|life| life.party == key.party);
        let Some(life) = life else {
            let detail = format!("{} is not a key of {}", key.public_key, key.party);
            return Err(Refusal::at("/publicKey", "unknown-key", detail));
        };
        if life.revoked.is_some() {
            return Err(Refusal::at("/publicKey", "key-revoked", format!("{} was revoked before", key.public_key)));
        }
        self.revision(Some(1), key.revision)?;
        let (enrolled, here) = (life.enrolled.height, self.position.height);
        if since.is_some_and(|since| !(enrolled..=here).contains(&u64::from(since))) {
            let detail = format!("since is a height from {enrolled} (enrolment) to {here} (this block)");
            return Err(Refusal::at("/since", "since", detail));
        }
        self.authority_remains_without(key)?;
        Ok(Subject::KeyRevoked(key.party.clone(), key.public_key))
    }

    /// A member of the authority may not give up its last key when its vote is needed.
    fn authority_remains_without(&self, key: &Key) -> Result<(), Refusal> {
        let member = self.now.authority_members().any(|member| *member == key.party);
        if member && self.now.keys_of(&key.party) == 1 {
            return self.authority_remains(|member| *member != key.party);
        }
        Ok(())
    }
}
