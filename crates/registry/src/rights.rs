//! The rights of a party over an event: one small table per role, one function that applies them.
//!
//! Refusal codes: `unknown-party`, `key-not-valid`, `not-entitled` (no role of the party has the right), `place-missing`,
//! `foreign-place`, `foreign-prefix`.

pub mod distributor;
pub mod hospital;
pub mod manufacturer;
mod needs;
pub mod regulator;
mod right;

use std::collections::BTreeSet;

use medtrace_event::event::{Event, Kind};
use medtrace_gs1::{Class, Thing};
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

/// Rights that move goods: without a place they say nothing. All others may come without one.
const MOVING: &[Right] = &[
    Right::Arrive,
    Right::Depart,
    Right::HandOver,
    Right::Load,
    Right::Receive,
    Right::Refuse,
    Right::Return,
    Right::Ship,
    Right::Store,
    Right::Transfer,
    Right::Unload,
    Right::VoidShipment,
];

/// Whether this party may say this, as far as is known at this height. With `key`, in the roles that this key speaks in.
///
/// - Every right that the event needs ([`needs`]) belongs to a role of the party.
/// - What is commissioned, or comes out of a transformation, is issued under the party's own prefixes, or is a product
///   that it owns; or one of a party that delegated that step.
/// - It acts at its own places, or at delegated ones for the delegated steps; a regulator at any place in its region.
/// - An error declaration needs only the right to undo; that it comes from the original party is not judged here.
///
/// # Errors
/// Everything that stands against it, with RFC 6901 pointers into the event.
pub fn may(
    at: At<'_>,
    party: &PartyId,
    key: Option<&PublicKey>,
    event: &Event,
) -> Result<(), Vec<Refusal>> {
    let Some(known) = at.party(party) else {
        return Err(vec![Refusal::whole(
            "unknown-party",
            format!("there is no party {party}"),
        )]);
    };
    let roles = match key {
        Some(key) => at.key_roles(party, key),
        None => known.roles.iter().copied().collect(),
    };
    if let Some(key) = key.filter(|_| roles.is_empty()) {
        return Err(vec![Refusal::whole(
            "key-not-valid",
            format!("{key} is not a valid key of {party}"),
        )]);
    }
    let ask = Ask {
        at,
        party: &known.value,
        roles,
        needed: needs(event),
        event,
    };
    let mut refusals = ask.roles_suffice();
    if event.error.is_none() {
        refusals.extend(ask.places());
        refusals.extend(ask.issued());
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
        let lacking = self
            .needed
            .iter()
            .filter(|right| !self.roles.iter().any(|role| of(*role).contains(right)));
        lacking.map(|right| self.lacks(*right)).collect()
    }

    fn lacks(&self, right: Right) -> Refusal {
        let words = |roles: &mut dyn Iterator<Item = Role>| {
            roles.map(Role::as_str).collect::<Vec<_>>().join(", ")
        };
        let mine = words(&mut self.roles.iter().copied());
        let able = words(
            &mut Role::ALL
                .into_iter()
                .filter(|role| of(*role).contains(&right)),
        );
        let path = match self.event.biz_step {
            _ if right == Right::Undo => "/errorDeclaration",
            Some(_) => "/bizStep",
            None => "",
        };
        let detail = format!(
            "{} ({mine}) may not {}; that is for: {able}",
            self.party.party,
            right.as_str()
        );
        Refusal::at(path, "not-entitled", detail)
    }

    fn places(&self) -> Vec<Refusal> {
        let locations = [
            ("/readPoint/id", &self.event.read_point),
            ("/bizLocation/id", &self.event.biz_location),
        ];
        let mut named: Vec<(String, &Thing)> = locations
            .iter()
            .filter_map(|(path, place)| Some((path.to_string(), &place.as_ref()?.thing)))
            .collect();
        if self.needed.contains(&Right::Ship) || self.needed.contains(&Right::Return) {
            let sources = self.event.sources.iter().enumerate();
            let own = sources
                .filter(|(_, source)| matches!(&*source.kind, "location" | "possessing_party"));
            named.extend(
                own.map(|(index, source)| (format!("/sourceList/{index}/source"), &source.thing)),
            );
        }
        if named.is_empty() {
            let moving = self.needed.iter().find(|right| MOVING.contains(right));
            let missing = |right: &Right| {
                format!(
                    "to {} needs a place: readPoint or bizLocation",
                    right.as_str()
                )
            };
            return moving
                .map(|right| Refusal::whole("place-missing", missing(right)))
                .into_iter()
                .collect();
        }
        let foreign = named
            .into_iter()
            .filter(|(_, place)| !self.may_act_at(place));
        foreign
            .map(|(path, place)| {
                let whose = match self.at.owner_of_place(place) {
                    Some(owner) => format!("it is a place of {owner}, who has not delegated this step"),
                    None => "it is nobody's; a GLN is listed by its party, a URI lies under a party's prefix".to_owned(),
                };
                Refusal::at(path, "foreign-place", format!("{} may not act at {place}: {whose}", self.party.party))
            })
            .collect()
    }

    /// Own, delegated for every step needed, in a regulator's region, or a bare point on the globe (nobody's place).
    fn may_act_at(&self, place: &Thing) -> bool {
        place.id().starts_with("geo:")
            || self.at.owns_place(self.party, place)
            || self.in_regulators_region(place)
            || self
                .needed
                .iter()
                .all(|right| self.delegated_at(place, *right))
    }

    fn delegated_at(&self, place: &Thing, right: Right) -> bool {
        let Some(gln) = place.gln() else { return false };
        self.at.delegations_to(&self.party.party).any(|lent| {
            lent.steps.contains(&right)
                && lent.glns.contains(&gln)
                && self
                    .at
                    .party(&lent.from)
                    .is_some_and(|lender| self.at.owns_place(lender, place))
        })
    }

    fn in_regulators_region(&self, place: &Thing) -> bool {
        let as_regulator = self.roles.contains(&Role::Regulator)
            && self
                .needed
                .iter()
                .all(|right| of(Role::Regulator).contains(right));
        let region = self.at.place(place).map(|place| &place.value.region);
        as_regulator
            && region
                .is_some_and(|region| self.party.regions.iter().any(|mine| mine.covers(region)))
    }

    /// What comes into being must be this party's to issue.
    fn issued(&self) -> Vec<Refusal> {
        let births = [Right::Commission, Right::Transform]
            .into_iter()
            .filter(|right| self.needed.contains(right));
        let Some(right) = births.last() else {
            return Vec::new();
        };
        // Of a class (a GTIN, a drug code) one answer holds for all its serials.
        let mut good: Option<Class> = None;
        let mut refusals = Vec::new();
        for (path, thing) in born(self.event) {
            if good == Some(thing.class()) {
                continue;
            }
            if self.may_issue(thing, right) {
                good = (thing.class().value() != 0).then_some(thing.class());
                continue;
            }
            let whose = match self.at.issuer(thing) {
                Some(issuer) => format!("it is {issuer}'s to issue"),
                None => "nobody holds its prefix, and no product notice names its owner".to_owned(),
            };
            let detail = format!(
                "{} may not {} {thing}: {whose}",
                self.party.party,
                right.as_str()
            );
            refusals.push(Refusal::at(path, "foreign-prefix", detail));
        }
        refusals
    }

    fn may_issue(&self, thing: &Thing, right: Right) -> bool {
        let lent_by = |lender: &PartyId| {
            self.at
                .party(lender)
                .is_some_and(|lender| self.at.owns_code(lender, thing))
        };
        self.at.owns_code(self.party, thing)
            || self
                .at
                .delegations_to(&self.party.party)
                .any(|lent| lent.steps.contains(&right) && lent_by(&lent.value.from))
    }
}

/// What the event brings into being, with its path.
fn born(event: &Event) -> impl Iterator<Item = (String, &Thing)> {
    let (things, quantities, names) = match event.kind {
        Kind::Transformation => (
            &event.outputs,
            &event.output_quantities,
            ("outputEPCList", "outputQuantityList"),
        ),
        Kind::Object | Kind::Transaction => {
            (&event.epcs, &event.quantities, ("epcList", "quantityList"))
        }
        Kind::Aggregation | Kind::Association => (
            &event.children,
            &event.child_quantities,
            ("childEPCs", "childQuantityList"),
        ),
    };
    let one = things
        .iter()
        .enumerate()
        .map(move |(i, thing)| (format!("/{}/{i}", names.0), thing));
    let many = quantities
        .iter()
        .enumerate()
        .map(move |(i, of)| (format!("/{}/{i}/epcClass", names.1), &of.thing));
    let also = event.same_as.iter().enumerate().flat_map(|(i, same)| {
        same.also
            .iter()
            .map(move |thing| (format!("/medtrace:sameAs/{i}"), thing))
    });
    one.chain(many).chain(also)
}
