//! Where a party may act.

use medtrace_gs1::Thing;

use super::{Ask, Right, of};
use crate::Refusal;
use crate::notice::Role;

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

impl Ask<'_> {
    /// At its own places, at delegated ones, or anywhere if the step needs no place and names none.
    pub(super) fn places(&self) -> Vec<Refusal> {
        let locations = [("/readPoint/id", &self.event.read_point), ("/bizLocation/id", &self.event.biz_location)];
        let mut named: Vec<(String, &Thing)> =
            locations.iter().filter_map(|(path, place)| Some((path.to_string(), &place.as_ref()?.thing))).collect();
        if self.needed.contains(&Right::Ship) || self.needed.contains(&Right::Return) {
            let sources = self.event.sources.iter().enumerate();
            let own = sources.filter(|(_, source)| matches!(&*source.kind, "location" | "possessing_party"));
            named.extend(own.map(|(index, source)| (format!("/sourceList/{index}/source"), &source.thing)));
        }
        if named.is_empty() {
            let moving = self.needed.iter().find(|right| MOVING.contains(right));
            let missing = |right: &Right| format!("to {} needs a place: readPoint or bizLocation", right.as_str());
            return moving.map(|right| Refusal::whole("place-missing", missing(right))).into_iter().collect();
        }
        let foreign = named.into_iter().filter(|(_, place)| !self.may_act_at(place));
        foreign
            .map(|(path, place)| {
                let whose = match self.at.owner_of_place(place) {
                    Some(owner) => format!("it is a place of {owner}, who has not delegated this step"),
                    None => {
                        "it is nobody's; a GLN is listed by its party, a URI lies under a party's prefix".to_owned()
                    }
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
            || self.needed.iter().all(|right| self.delegated_at(place, *right))
    }

    fn delegated_at(&self, place: &Thing, right: Right) -> bool {
        let Some(gln) = place.gln() else { return false };
        self.at.delegations_to(&self.party.party).any(|lent| {
            lent.steps.contains(&right)
                && lent.glns.contains(&gln)
                && self.at.party(&lent.from).is_some_and(|lender| self.at.owns_place(lender, place))
        })
    }

    fn in_regulators_region(&self, place: &Thing) -> bool {
        let as_regulator = self.roles.contains(&Role::Regulator)
            && self.needed.iter().all(|right| of(Role::Regulator).contains(right));
        let region = self.at.place(place).map(|place| &place.value.region);
        as_regulator && region.is_some_and(|region| self.party.regions.iter().any(|mine| mine.covers(region)))
    }
}
