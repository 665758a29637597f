//! Which rights an event needs, whatever words it uses: what it *does* (type and action) and what it *calls* itself
//! (business step and disposition) both count, so that no wording slips past a table.

use std::collections::BTreeSet;

use medtrace_event::event::{Action, Event, Kind};

use super::Right;

/// The rights that this event needs, all of them.
///
/// An error declaration needs only `undo`: whether it is the original party's is for whoever knows the original.
pub fn needs(event: &Event) -> BTreeSet<Right> {
    if event.error.is_some() {
        return BTreeSet::from([Right::Undo]);
    }
    let word = event.biz_step.as_deref();
    let done = by_deed(event.kind, event.action, word);
    let said = match event.kind {
        // What is mounted on what (a sensor on a container): no goods move and nothing is used up.
        Kind::Association => by_word(word, event.disposition.as_deref()).filter(|right| *right != Right::Use),
        _ => by_word(word, event.disposition.as_deref()),
    };
    let mut needed: BTreeSet<Right> = done.into_iter().chain(said).chain(by_dispositions(event)).collect();
    if needed.is_empty() {
        needed.insert(Right::Observe);
    }
    needed
}

/// By what the event changes.
fn by_deed(kind: Kind, action: Option<Action>, word: Option<&str>) -> Option<Right> {
    match (kind, action) {
        (Kind::Object, Some(Action::Add)) => Some(Right::Commission),
        (Kind::Object, Some(Action::Delete)) => match word {
            Some("dispensing" | "installing" | "retail_selling") => Some(Right::Use),
            _ => Some(Right::Destroy),
        },
        (Kind::Transformation, _) => Some(Right::Transform),
        (Kind::Aggregation, Some(Action::Add)) => match word {
            Some("loading") => Some(Right::Load),
            _ => Some(Right::Pack),
        },
        (Kind::Aggregation, Some(Action::Delete)) => match word {
            Some("unloading") => Some(Right::Unload),
            _ => Some(Right::Unpack),
        },
        _ => None,
    }
}

/// By what it says of how things fare, whatever it calls itself: who ends a thing by a word may end it, who bars it may
/// hold it, who takes such a word back may release it.
fn by_dispositions(event: &Event) -> impl Iterator<Item = Right> {
    let persistent = &event.persistent;
    let latest = event.disposition.iter().filter_map(|word| by_fate(word));
    let set = persistent.set.iter().filter_map(|word| by_fate(word).or_else(|| by_doubt(word)));
    let unset = persistent.unset.iter().filter_map(|word| match (by_fate(word), by_doubt(word)) {
        (Some(_), _) | (_, Some(Right::Hold)) => Some(Right::Release),
        (_, doubt) => doubt.map(|_| Right::Inspect),
    });
    latest.chain(set).chain(unset)
}

fn by_fate(disposition: &str) -> Option<Right> {
    Some(match disposition {
        "dispensed" | "retail_sold" | "partially_dispensed" => Right::Use,
        "destroyed" | "disposed" => Right::Destroy,
        "stolen" | "recalled" => Right::Hold,
        _ => return None,
    })
}

/// As a latest disposition these belong to many steps; what is set for good is an inspection's result or a hold.
fn by_doubt(disposition: &str) -> Option<Right> {
    Some(match disposition {
        "damaged" => Right::Damage,
        "non_sellable_other" | "unavailable" => Right::Hold,
        "expired" | "inactive" | "needs_replacement" | "no_pedigree_match" | "non_conformant" => Right::Inspect,
        "mismatch_class" | "mismatch_instance" | "mismatch_quantity" | "returned" => Right::Inspect,
        _ => return None,
    })
}

/// By its business step, every word of CBV 2.0 §7.1. `None`: it says nothing beyond what it does; a step of somebody's
/// own is no more than an observation.
fn by_word(word: Option<&str>, disposition: Option<&str>) -> Option<Right> {
    Some(match word? {
        "commissioning" | "creating_class_instance" | "encoding" => Right::Commission,
        "packing" | "repackaging" | "replacing" => Right::Pack,
        "unpacking" => Right::Unpack,
        "loading" => Right::Load,
        "unloading" => Right::Unload,
        "shipping" if disposition == Some("returned") => Right::Return,
        "shipping" => Right::Ship,
        "void_shipping" => Right::VoidShipment,
        "consigning" => Right::HandOver,
        "departing" => Right::Depart,
        "transporting" if disposition == Some("in_progress") => Right::Transfer,
        "transporting" => Right::Depart,
        "arriving" => Right::Arrive,
        "receiving" | "accepting" | "collecting" => Right::Receive,
        "storing" | "stocking" | "picking" | "reserving" | "staging_outbound" => Right::Store,
        "holding" if disposition == Some("unavailable") => Right::Seize,
        "holding" => Right::Hold,
        "inspecting" => match disposition {
            Some("returned") => Right::Refuse,
            Some("damaged") => Right::Damage,
            Some("available") => Right::Release,
            _ => Right::Inspect,
        },
        "sampling" | "repairing" => Right::Inspect,
        "dispensing" | "installing" | "retail_selling" => Right::Use,
        "destroying" | "decommissioning" | "killing" => Right::Destroy,
        "sensor_reporting" => Right::Temperature,
        // assembling, disassembling, removing, cycle_counting, stock_taking, entering_exiting, other, and any own word.
        _ => return None,
    })
}
