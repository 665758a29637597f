//! The one table by which scan steps become EPCIS events.
//!
//! No two rows make the same event, so that [`of`] finds the step of an event again. Dispositions that the CBV leaves
//! open are chosen here: what is on the road stays `in_transit` until it is received.

use crate::event::{Action, Kind};
use Action::{Add, Delete, Observe};
use Kind::{Aggregation, Object};

/// What a step needs, or may have, beside its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    No,
}
use Need::{No, Optional, Required};

/// Which place the event sets as the items' place (`bizLocation`); its `readPoint` is always the place of the scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// The place of the scan.
    Here,
    /// Not known until the next event: the items are leaving.
    Leaves,
    /// `to`: the items move inside one organisation.
    To,
}
use Where::{Here, Leaves, To};

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// As in a scan request, e.g. `void-shipment`.
    pub name: &'static str,
    pub kind: Kind,
    pub action: Action,
    /// CBV bare word.
    pub biz_step: &'static str,
    /// CBV bare word; of an inspection, the one of `pass`.
    pub disposition: Option<&'static str>,
    /// Where `result` must be `pass` or `fail`, the disposition of `fail`.
    pub failed: Option<&'static str>,
    pub location: Where,
    /// The container.
    pub parent: Need,
    pub from: Need,
    pub to: Need,
    /// Whether there may be no item at all: everything in the parent, or the place itself.
    pub empty: bool,
    /// Whether lot and expiry are set (ILMD); elsewhere what a code says of them is only noted (`medtrace:labels`).
    pub ilmd: bool,
    pub temperature: Need,
}

/// The event of a row and the place it sets; `with` adds what the row needs.
const fn row(
    name: &'static str,
    (kind, action): (Kind, Action),
    biz_step: &'static str,
    disposition: Option<&'static str>,
    location: Where,
) -> Step {
    let parent = if matches!(kind, Aggregation) { Required } else { No };
    let [from, to] = [No; 2];
    Step {
        name,
        kind,
        action,
        biz_step,
        disposition,
        failed: None,
        location,
        parent,
        from,
        to,
        empty: false,
        ilmd: false,
        temperature: Optional,
    }
}

const ADD: (Kind, Action) = (Object, Add);
const OBSERVE: (Kind, Action) = (Object, Observe);
const DELETE: (Kind, Action) = (Object, Delete);
const PUT_IN: (Kind, Action) = (Aggregation, Add);
const TAKE_OUT: (Kind, Action) = (Aggregation, Delete);

/// The table.
#[rustfmt::skip]
pub const STEPS: &[Step] = &[
    Step { ilmd: true, ..row("commission", ADD, "commissioning", Some("active"), Here) },
    row("pack", PUT_IN, "packing", Some("in_progress"), Here),
    Step { empty: true, ..row("unpack", TAKE_OUT, "unpacking", Some("in_progress"), Here) },
    row("load", PUT_IN, "loading", None, Here),
    Step { empty: true, ..row("unload", TAKE_OUT, "unloading", None, Here) },
    Step { to: Required, from: Optional, ..row("ship", OBSERVE, "shipping", Some("in_transit"), Leaves) },
    Step { to: Optional, from: Optional, ..row("void-shipment", OBSERVE, "void_shipping", Some("in_progress"), Here) },
    Step { to: Optional, ..row("depart", OBSERVE, "departing", Some("in_transit"), Leaves) },
    row("arrive", OBSERVE, "arriving", Some("in_transit"), Here),
    Step { to: Required, from: Optional, ..row("hand-over", OBSERVE, "consigning", Some("in_transit"), Leaves) },
    Step { from: Optional, to: Optional, ..row("receive", OBSERVE, "receiving", Some("in_progress"), Here) },
    Step { from: Optional, ..row("refuse", OBSERVE, "inspecting", Some("returned"), Leaves) },
    row("store", OBSERVE, "storing", Some("in_progress"), Here),
    Step { to: Required, ..row("transfer", OBSERVE, "transporting", Some("in_progress"), To) },
    Step { failed: Some("non_conformant"), ..row("inspect", OBSERVE, "inspecting", Some("conformant"), Here) },
    row("observe", OBSERVE, "other", None, Here),
    row("hold", OBSERVE, "holding", Some("non_sellable_other"), Here),
    row("seize", OBSERVE, "holding", Some("unavailable"), Here),
    row("release", OBSERVE, "inspecting", Some("available"), Here),
    row("use", OBSERVE, "dispensing", Some("dispensed"), Here),
    row("use-part", OBSERVE, "dispensing", Some("partially_dispensed"), Here),
    row("implant", OBSERVE, "installing", Some("dispensed"), Here),
    Step { to: Required, from: Optional, ..row("return", OBSERVE, "shipping", Some("returned"), Leaves) },
    row("damage", OBSERVE, "inspecting", Some("damaged"), Here),
    row("destroy", DELETE, "destroying", Some("destroyed"), Here),
    Step { empty: true, temperature: Required, ..row("temperature", OBSERVE, "sensor_reporting", None, Here) },
];

/// Withdraws an earlier event. It makes no event of its own kind but repeats the eventID with an `errorDeclaration`.
pub const UNDO: &str = "undo";

/// The withdrawal's row: it says nothing of the goods, only of the eventID.
pub const UNDO_STEP: Step = Step { empty: true, temperature: No, ..row(UNDO, OBSERVE, "", None, Leaves) };

/// Finds a step by its name; [`UNDO`] is not among them.
pub fn step(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// The step that an event's shape stands for, if it is one of the table's.
pub fn of(
    kind: Kind,
    action: Option<Action>,
    biz_step: Option<&str>,
    disposition: Option<&str>,
) -> Option<&'static Step> {
    STEPS.iter().find(|step| {
        step.kind == kind
            && Some(step.action) == action
            && Some(step.biz_step) == biz_step
            && (step.disposition == disposition || (step.failed.is_some() && step.failed == disposition))
    })
}
