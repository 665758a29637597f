//! Place notices: by the party that owns the GLN, or the URI's prefix.
//!
//! Codes: `foreign-place`.

use super::Judge;
use crate::notice::Place;
use crate::{Effect, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn place(&self, place: &Place) -> Result<Effect, Refusal> {
        let before = self.now.place(&place.place).map(|recorded| recorded.revision);
        self.revision(before, place.revision)?;
        let party = self.known("/party", &place.party)?;
        self.signed_by("/party", &place.party)?;
        if !self.now.owns_place(party, &place.place) {
            let detail = format!("{} is not a place of {}", place.place, place.party);
            return Err(Refusal::at("/place", "foreign-place", detail));
        }
        Ok(Effect { by: place.party.clone(), subject: Subject::Place(place.place.clone()) })
    }
}
