//! Recalls: by the owner of every product named, or by a regulator for its region; an owner cannot change or lift what a
//! regulator issued. Acknowledgements: by the holder itself.
//!
//! Codes: `unknown-product`, `not-entitled`, `not-issued`, `recall-closed`, `unknown-recall`.

use std::collections::BTreeSet;

use medtrace_ledger::PartyId;

use super::Judge;
use crate::notice::{Acknowledgement, Order, Recall, RecallAction, Role};
use crate::{At, Effect, RecallState, RecallStatus, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn recall(&self, recall: &Recall) -> Result<Effect, Refusal> {
        let before = self.now.recall(&recall.recall).map(|recorded| &recorded.value);
        self.revision(before.map(|before| before.revision), recall.revision)?;
        let status = next_status(before.map(|before| before.status), &recall.action)?;
        let order = match &recall.action {
            RecallAction::Issue(order) => Some(order),
            RecallAction::Lift | RecallAction::Close => None,
        };
        self.products_known(order)?;
        let entitled = |speaker: &PartyId, roles: &_| {
            before.is_none_or(|before| self.may_recall(speaker, roles, &before.order, before.by_regulator))
                && order.is_none_or(|order| self.may_recall(speaker, roles, order, false))
        };
        match self.speakers.iter().find(|(speaker, roles)| entitled(speaker, roles)) {
            Some((speaker, _)) => {
                Ok(Effect { by: (*speaker).clone(), subject: Subject::Recall(recall.recall.clone(), status) })
            }
            None => Err(Refusal::whole(
                "not-entitled",
                "a recall is signed by the owner of every product it names or by a regulator for its region, \
                 and what a regulator issued only by a regulator",
            )),
        }
    }

    pub(super) fn acknowledgement(&self, ack: &Acknowledgement) -> Result<Effect, Refusal> {
        let before = self.registry.acknowledgements.get(&(ack.recall.clone(), ack.party.clone()));
        let before = before.and_then(|history| history.at(u64::MAX)).map(|recorded| recorded.revision);
        self.revision(before, ack.revision)?;
        self.known("/party", &ack.party)?;
        self.signed_by("/party", &ack.party)?;
        match self.now.recall(&ack.recall).map(|recall| recall.status) {
            Some(RecallStatus::Issued | RecallStatus::Lifted) => {
                let subject = Subject::Acknowledgement(ack.recall.clone(), ack.party.clone());
                Ok(Effect { by: ack.party.clone(), subject })
            }
            Some(RecallStatus::Closed) => Err(closed()),
            None => Err(Refusal::at("/recall", "unknown-recall", format!("there is no recall {}", ack.recall))),
        }
    }

    fn products_known(&self, order: Option<&Order>) -> Result<(), Refusal> {
        for (index, scope) in order.iter().flat_map(|order| order.scope.iter().enumerate()) {
            if let Some(product) = scope.product.as_ref().filter(|product| self.now.product(product).is_none()) {
                let detail = format!("there is no product {product}; an unregistered one is named by its gtin");
                return Err(Refusal::at(format!("/scope/{index}/product"), "unknown-product", detail));
            }
        }
        Ok(())
    }

    fn may_recall(&self, speaker: &PartyId, roles: &BTreeSet<Role>, order: &Order, regulators_only: bool) -> bool {
        let regions = self.now.party(speaker).map(|party| party.regions.as_slice()).unwrap_or_default();
        let regulator =
            roles.contains(&Role::Regulator) && regions.iter().any(|region| region.covers(&order.jurisdiction));
        regulator || (!regulators_only && self.now.owns_all(order, speaker))
    }
}

fn next_status(before: Option<RecallStatus>, action: &RecallAction) -> Result<RecallStatus, Refusal> {
    match (before, action) {
        (Some(RecallStatus::Closed), _) => Err(closed()),
        (_, RecallAction::Issue(_)) => Ok(RecallStatus::Issued),
        (Some(RecallStatus::Issued), RecallAction::Lift) => Ok(RecallStatus::Lifted),
        (Some(_), RecallAction::Close) => Ok(RecallStatus::Closed),
        (_, RecallAction::Lift | RecallAction::Close) => {
            Err(Refusal::at("/action", "not-issued", "only a recall in force is lifted, only an issued one closed"))
        }
    }
}

fn closed() -> Refusal {
    Refusal::at("/recall", "recall-closed", "the recall is closed; nothing follows")
}

/// The state that a judged recall notice leads to.
pub(super) fn state_after(now: At<'_>, recall: &Recall, by: &PartyId) -> Option<RecallState> {
    let before = now.recall(&recall.recall).map(|recorded| &recorded.value);
    let (order, by_regulator) = match &recall.action {
        RecallAction::Issue(order) => (order.clone(), !now.owns_all(order, by)),
        RecallAction::Lift | RecallAction::Close => (before?.order.clone(), before?.by_regulator),
    };
    let status = next_status(before.map(|before| before.status), &recall.action).ok()?;
    let (name, reason) = (recall.recall.clone(), recall.reason.clone());
    Some(RecallState { recall: name, revision: recall.revision, status, by: by.clone(), by_regulator, reason, order })
}
