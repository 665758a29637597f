//! The rights of a party over an event: one small table per role, one function that applies them.
//!
//! Refusal codes: `unknown-party`, `key-not-valid`, `not-entitled` (no role of the party has the right), `place-missing`,
//! `foreign-place`, `foreign-prefix`, `foreign-join`.

pub mod distributor;
pub mod hospital;
mod issuing;
pub mod manufacturer;
mod needs;
mod places;
pub mod regulator;
mod right;

use std::collections::BTreeSet;

use medtrace_event::Event;
use medtrace_ledger::{PartyId, PublicKey};

pub use needs::needs;
pub use right::Right;

use crate::notice::{Party, Role};
use crate::{At, Refusal};

/// What a role may say of goods.
pub const fn of(role: Role) -> &'static [Right] {
    match role {
        Role::Manufacturer => manufacturer::RIGHTS,
        Role::Distributor | Role::Carrier | Role::Logistics => distributor::RIGHTS,
        Role::Hospital => hospital::RIGHTS,
        Role::Regulator => regulator::RIGHTS,
        Role::Authority | Role::Service => &[],
    }
}

/// Whether this party may say this, as far as is known at this height. With `key`, in the roles that this key speaks in.
///
/// - Every right that the event needs ([`needs`]) belongs to a role of the party.
/// - What is commissioned, or comes out of a transformation, is issued under the party's own prefixes, or is a product
///   that it owns; or one of a party that delegated that step.
/// - Several codes on one pack are of one party and of different schemes, or the further ones its own; two codes of one
///   scheme are both its own.
/// - It acts at its own places, or at delegated ones for the delegated steps; a regulator at any place in its region.
/// - An error declaration needs only the right to undo; that it comes from the original party is not judged here.
///
/// # Errors
/// Everything that stands against it, with RFC 6901 pointers into the event.
pub fn may(at: At<'_>, party: &PartyId, key: Option<&PublicKey>, event: &Event) -> Result<(), Vec<Refusal>> {
    let Some(known) = at.party(party) else {
        return Err(vec![Refusal::whole("unknown-party", format!("there is no party {party}"))]);
    };
    let roles = match key {
        Some(key) => at.key_roles(party, key),
        None => known.roles.iter().copied().collect(),
    };
    if let Some(key) = key.filter(|_| roles.is_empty()) {
        return Err(vec![Refusal::whole("key-not-valid", format!("{key} is not a valid key of {party}"))]);
    }
    let ask = Ask { at, party: &known.value, roles, needed: needs(event), event };
    let mut refusals = ask.roles_suffice();
    if event.error.is_none() {
        refusals.extend(ask.places());
        refusals.extend(ask.issued());
        refusals.extend(ask.joined());
    }
    match refusals.is_empty() {
        true => Ok(()),
        false => Err(refusals),
    }
}

struct Ask<'a> {
    at: At<'a>,
    party: &'a Party,
    roles: BTreeSet<Role>,
    needed: BTreeSet<Right>,
    event: &'a Event,
}

impl Ask<'_> {
    fn roles_suffice(&self) -> Vec<Refusal> {
        let lacking = self.needed.iter().filter(|right| !self.roles.iter().any(|role| of(*role).contains(right)));
        lacking.map(|right| self.lacks(*right)).collect()
    }

    fn lacks(&self, right: Right) -> Refusal {
        let words = |roles: &mut dyn Iterator<Item = Role>| roles.map(Role::as_str).collect::<Vec<_>>().join(", ");
        let mine = words(&mut self.roles.iter().copied());
        let able = words(&mut Role::ALL.into_iter().filter(|role| of(*role).contains(&right)));
        let path = match self.event.biz_step {
            _ if right == Right::Undo => "/errorDeclaration",
            Some(_) => "/bizStep",
            None => "",
        };
        let detail = format!("{} ({mine}) may not {}; that is for: {able}", self.party.party, right.as_str());
        Refusal::at(path, "not-entitled", detail)
    }
}
