//! What the words of the CBV mean to the fold and the verdict: which end a life, which warn, which of those last, which
//! steps move a thing from hand to hand. One table each.

use std::collections::BTreeMap;

use medtrace_event::Action;
use medtrace_ledger::EventRef;
use serde::{Deserialize, Serialize};

use crate::{EventHead, Fact, Flags, Order, ReasonCode, Role};

/// What a disposition warns of, be it the latest one or a persistent one. `None`: of nothing.
pub(crate) fn alarm(disposition: &str) -> Option<ReasonCode> {
    Some(match disposition {
        "dispensed" | "retail_sold" => ReasonCode::AlreadyUsed,
        "destroyed" | "disposed" => ReasonCode::Destroyed,
        "stolen" => ReasonCode::Stolen,
        "recalled" => ReasonCode::Recalled,
        "damaged" => ReasonCode::Damaged,
        "non_conformant" => ReasonCode::NonConformant,
        "expired" | "inactive" | "needs_replacement" | "no_pedigree_match" => ReasonCode::Unfit,
        "mismatch_class" | "mismatch_instance" | "mismatch_quantity" => ReasonCode::Mismatch,
        "non_sellable_other" | "unavailable" => ReasonCode::OnHold,
        "returned" => ReasonCode::Returned,
        "partially_dispensed" => ReasonCode::PartlyUsed,
        _ => return None,
    })
}

/// A warning that lasts whatever else is said of the thing, until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lasting {
    /// Held or seized, until released.
    Hold,
    /// Damaged, failed an inspection, expired …, until it passes an inspection or is released.
    Unfit,
    /// Stolen or recalled, until released.
    Barred,
}

/// A warning given or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Bare CBV disposition; empty if it was taken back.
    pub word: Box<str>,
    pub order: Order,
    pub position: EventRef,
}

/// The last of each kind.
pub type Warnings = BTreeMap<Lasting, Warning>;

/// The lasting warnings that an event gives (each with its disposition) or takes back (with nothing). Only who is
/// entitled to takes any back.
pub(crate) fn warnings(head: &EventHead) -> Vec<(Lasting, &str)> {
    let entitled = !head.flags.has(Flags::NOT_ENTITLED);
    match (&*head.step, &*head.disposition) {
        // As the rights call it: `release`, and `inspect` that passes.
        ("inspecting", "available") if entitled => {
            vec![(Lasting::Hold, ""), (Lasting::Unfit, ""), (Lasting::Barred, "")]
        }
        ("inspecting", "conformant") if entitled => vec![(Lasting::Unfit, "")],
        (step, disposition) => {
            let held = if disposition == "unavailable" { disposition } else { "non_sellable_other" };
            let held = (step == "holding").then_some((Lasting::Hold, held));
            let said = match disposition {
                "damaged" | "non_conformant" | "expired" | "needs_replacement" | "no_pedigree_match" => {
                    Some((Lasting::Unfit, disposition))
                }
                "stolen" | "recalled" => Some((Lasting::Barred, disposition)),
                _ => None,
            };
            held.into_iter().chain(said).collect()
        }
    }
}

/// How a thing's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    Used,
    Destroyed,
    /// Consumed by a transformation.
    Transformed,
}

impl End {
    /// The bare CBV disposition of this end.
    pub fn disposition(self) -> &'static str {
        match self {
            End::Used => "dispensed",
            End::Destroyed => "destroyed",
            End::Transformed => "inactive",
        }
    }
}

/// Whether an ObjectEvent ends the thing's life, and how.
pub(crate) fn ending(head: &EventHead) -> Option<End> {
    match (&*head.step, &*head.disposition, head.action) {
        (_, "partially_dispensed", _) => None,
        (_, "dispensed" | "retail_sold", _) | ("dispensing" | "installing" | "retail_selling", _, _) => Some(End::Used),
        (_, "destroyed" | "disposed", _) | ("destroying" | "decommissioning" | "killing", _, _) => Some(End::Destroyed),
        (_, _, Some(Action::Delete)) => Some(End::Destroyed),
        _ => None,
    }
}

/// Whether the end of a container at this step is the end of what is inside. Without a step, or where only its code is
/// retired, it is not.
pub(crate) fn ends_contents(step: &str) -> bool {
    !matches!(step, "" | "decommissioning" | "killing")
}

/// What an event does to who has a thing, and whether it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Custody {
    /// The signer has it, at rest: made, packed, stored, used.
    Has,
    /// The signer takes it from whoever sent it.
    Receives,
    /// The signer sends it off.
    Sends,
    /// It leaves with a carrier, or passes from one carrier to the next.
    Leaves,
    /// A carrier has it, and it stays on its way.
    Carries,
    /// Says nothing of who has it: whoever inspects, holds, counts or sees a thing need not be its holder.
    Unchanged,
}

/// See [`Custody`].
pub(crate) fn custody(fact: &Fact) -> Custody {
    let head = &fact.head;
    let contents = matches!(fact.role, Role::Child | Role::Parent | Role::Emptied);
    if fact.begins() || fact.role == Role::Input {
        return Custody::Has;
    }
    match &*head.step {
        "receiving" | "accepting" | "collecting" => Custody::Receives,
        // Into or out of a vehicle, on the way or before it.
        "loading" | "unloading" => Custody::Unchanged,
        _ if contents && head.action == Some(Action::Observe) => Custody::Unchanged,
        _ if contents => Custody::Has,
        "shipping" => Custody::Sends,
        "departing" | "consigning" => Custody::Leaves,
        "arriving" => Custody::Carries,
        // Inside one organisation, or with a carrier.
        "transporting" if &*head.disposition == "in_progress" => Custody::Has,
        "transporting" => Custody::Carries,
        "commissioning" | "creating_class_instance" | "encoding" => Custody::Has,
        "packing" | "unpacking" | "repackaging" | "replacing" | "picking" => Custody::Has,
        "storing" | "stocking" | "reserving" | "staging_outbound" | "void_shipping" => Custody::Has,
        "dispensing" | "installing" | "retail_selling" => Custody::Has,
        "destroying" | "decommissioning" | "killing" => Custody::Has,
        _ => Custody::Unchanged,
    }
}
