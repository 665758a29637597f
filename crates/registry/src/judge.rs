//! Judging one notice against what holds before it. Nothing here changes the registry but `commit`.
//!
//! Refusal codes of every notice: `out-of-order` (position not after the last), `signers`, `key-not-valid`, `revision`,
//! `unknown-party`, `not-signed-by`. Those of one kind stand on top of its file.

mod commit;
mod delegation;
mod erasure;
mod gap;
mod key;
mod party;
mod place;
mod product;
mod recall;

use std::collections::BTreeSet;

use medtrace_ledger::{PartyId, PublicKey};

pub(crate) use commit::commit;

use crate::limits::SIGNERS_MAX;
use crate::notice::{KeyAction, Notice, Party, Role};
use crate::{At, Effect, Position, Refusal, Registry};

/// Judges one notice: what holds now, where it stands, who signed it.
pub(crate) struct Judge<'a> {
    now: At<'a>,
    position: Position,
    /// Parties with a valid key among the signers, in the order given; with the roles that key speaks in.
    speakers: Vec<(&'a PartyId, BTreeSet<Role>)>,
    /// All that signed, a key to be enrolled included.
    signers: &'a [(PartyId, PublicKey)],
    registry: &'a Registry,
}

impl<'a> Judge<'a> {
    /// Checks what is the same for every notice: its position and that each signer's key is a valid one of its party.
    pub fn new(
        registry: &'a Registry,
        position: Position,
        signers: &'a [(PartyId, PublicKey)],
        notice: &Notice,
    ) -> Result<Judge<'a>, Refusal> {
        if registry.last.is_some_and(|last| (position.height, position.idx) <= (last.height, last.idx)) {
            return Err(Refusal::whole("out-of-order", "a notice stands after all notices applied before it"));
        }
        if signers.is_empty() || signers.len() > SIGNERS_MAX {
            return Err(Refusal::whole("signers", format!("a notice has 1 to {SIGNERS_MAX} signers")));
        }
        let now = registry.now();
        let mut speakers = Vec::new();
        for (party, key) in signers {
            let roles = now.key_roles(party, key);
            if !roles.is_empty() {
                speakers.push((party, roles));
            } else if !introduces(registry, notice, party, key) {
                let detail = format!("{key} is not a valid key of {party}");
                return Err(Refusal::whole("key-not-valid", detail));
            }
        }
        Ok(Judge { now, position, speakers, signers, registry })
    }

    /// Judges the notice itself.
    pub fn effect(&self, notice: &Notice) -> Result<Effect, Refusal> {
        match notice {
            Notice::Party(party) => self.party(party),
            Notice::Key(key) => self.key(key),
            Notice::Product(product) => self.product(product),
            Notice::Place(place) => self.place(place),
            Notice::Delegation(delegation) => self.delegation(delegation),
            Notice::Recall(recall) => self.recall(recall),
            Notice::Acknowledgement(acknowledgement) => self.acknowledgement(acknowledgement),
            Notice::Erasure(erasure) => self.erasure(erasure),
            Notice::Gap(gap) => self.gap(gap),
        }
    }

    /// Exactly one more than the subject's last revision.
    fn revision(&self, last: Option<u32>, found: u32) -> Result<(), Refusal> {
        let right = last.unwrap_or(0).saturating_add(1);
        match found == right {
            true => Ok(()),
            false => Err(Refusal::at("/revision", "revision", format!("the next revision is {right}, not {found}"))),
        }
    }

    /// A party that is there.
    fn known(&self, path: &str, party: &PartyId) -> Result<&'a Party, Refusal> {
        let found = self.now.party(party).map(|recorded| &recorded.value);
        found.ok_or_else(|| Refusal::at(path, "unknown-party", format!("there is no party {party}")))
    }

    /// One of the signers is a valid key of this party.
    fn signed_by(&self, path: &str, party: &PartyId) -> Result<(), Refusal> {
        match self.speakers.iter().any(|(speaker, _)| *speaker == party) {
            true => Ok(()),
            false => Err(Refusal::at(path, "not-signed-by", format!("a valid key of {party} must sign"))),
        }
    }
}

/// Whether the notice itself brings this key: then it may sign before it is valid. A submission that enrols several keys
/// carries the signatures of all of them, so keys that nobody has yet may sign beside.
fn introduces(registry: &Registry, notice: &Notice, party: &PartyId, key: &PublicKey) -> bool {
    let enrols = matches!(notice, Notice::Key(new) if new.party == *party
        && matches!(new.action, KeyAction::Enrol { .. }));
    enrols && !registry.keys.contains_key(key) && !registry.reserved.contains(key)
}
