//! Delegations: by the party that lends, of what is its own.
//!
//! Codes: `foreign-place`.

use super::Judge;
use crate::notice::Delegation;
use crate::{Effect, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn delegation(&self, delegation: &Delegation) -> Result<Effect, Refusal> {
        let Delegation { from, to, .. } = delegation;
        let before = self.registry.delegations.get(&(to.clone(), from.clone()));
        let before = before.and_then(|history| history.at(u64::MAX)).map(|recorded| recorded.revision);
        self.revision(before, delegation.revision)?;
        let lender = self.known("/from", from)?;
        self.known("/to", to)?;
        self.signed_by("/from", from)?;
        if let Some(index) = delegation.glns.iter().position(|gln| !self.now.owns_place(lender, &gln.place())) {
            let detail = format!("{} is not a GLN of {from}", delegation.glns[index]);
            return Err(Refusal::at(format!("/glns/{index}"), "foreign-place", detail));
        }
        Ok(Effect { by: from.clone(), subject: Subject::Delegation { from: from.clone(), to: to.clone() } })
    }
}
