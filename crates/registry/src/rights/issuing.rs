//! Which identifiers a party may bring into being, and join on one pack.

use medtrace_event::event::{Event, Kind};
use medtrace_gs1::{Class, Thing};
use medtrace_ledger::PartyId;

use super::{Ask, Right};
use crate::Refusal;

impl Ask<'_> {
    /// What comes into being must be this party's to issue.
    pub(super) fn issued(&self) -> Vec<Refusal> {
        let births = [Right::Transform, Right::Commission];
        let Some(right) = births.into_iter().find(|right| self.needed.contains(right)) else {
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
            let detail = format!("{} may not {} {thing}: {whose}", self.party.party, right.as_str());
            refusals.push(Refusal::at(path, "foreign-prefix", detail));
        }
        refusals
    }

    /// A code joins another of its scheme only where both are the party's to issue: whoever could join two serials would
    /// make two packs one. Of another scheme (a drug code beside a GTIN), a pack's further codes are the party's own or of
    /// the same party as its code: nobody joins a third one's.
    pub(super) fn joined(&self) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for (index, same) in self.event.same_as.iter().enumerate() {
            for (nth, also) in same.also.iter().enumerate() {
                let mine = self.may_issue(also, Right::Commission);
                let (good, detail) = if also.scheme() == same.thing.scheme() {
                    let detail = format!("{also} and {} are not both {}'s to issue", same.thing, self.party.party);
                    (mine && self.may_issue(&same.thing, Right::Commission), detail)
                } else {
                    let issuer = self.at.issuer(also);
                    let together = issuer.is_some() && issuer == self.at.issuer(&same.thing);
                    let detail =
                        format!("{also} was not issued by {} nor by whose {} is", self.party.party, same.thing);
                    (together || mine, detail)
                };
                if !good {
                    refusals.push(Refusal::at(format!("/medtrace:sameAs/{index}/also/{nth}"), "foreign-join", detail));
                }
            }
        }
        refusals
    }

    fn may_issue(&self, thing: &Thing, right: Right) -> bool {
        let lent_by = |lender: &PartyId| self.at.party(lender).is_some_and(|lender| self.at.owns_code(lender, thing));
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
        Kind::Transformation => (&event.outputs, &event.output_quantities, ("outputEPCList", "outputQuantityList")),
        Kind::Object | Kind::Transaction => (&event.epcs, &event.quantities, ("epcList", "quantityList")),
        Kind::Aggregation | Kind::Association => {
            (&event.children, &event.child_quantities, ("childEPCs", "childQuantityList"))
        }
    };
    let one = things.iter().enumerate().map(move |(i, thing)| (format!("/{}/{i}", names.0), thing));
    let many = quantities.iter().enumerate().map(move |(i, of)| (format!("/{}/{i}/epcClass", names.1), &of.thing));
    one.chain(many)
}
