//! Where a lot without serials lies: in parts, some of them perhaps the asker's.

use medtrace_gs1::Thing;
use medtrace_service::Problem;
use medtrace_timeline::{Caller, Reason, ReasonCode};
use rust_decimal::Decimal;

use super::Said;
use crate::api::reach::settled;
use crate::app::App;
use crate::reach::{Part, Scope};
use crate::view::Snapshot;

/// Places named of a lot that lies elsewhere.
const PLACES_SHOWN: usize = 3;
/// Conditions in which nothing is left of a part, and what that is as a reason.
const GONE: [(&str, ReasonCode); 3] = [
    ("dispensed", ReasonCode::AlreadyUsed),
    ("destroyed", ReasonCode::Destroyed),
    ("inactive", ReasonCode::Transformed),
];

/// The lot's parts and the snapshot that they are as of.
///
/// # Errors
/// 503 while newer rows are being written, or if the store does not answer.
pub async fn parts(app: &App, lot: &Thing) -> Result<(Vec<Part>, Snapshot), Problem> {
    let scope = Scope { classes: vec![lot.class()], lots: vec![lot.id().to_owned()], ..Scope::default() };
    let (reach, snapshot) = settled(app, &[scope]).await?;
    Ok((reach.parts, snapshot))
}

/// What the parts say: all of it is gone, or none of it is the asker's or bound for the asker.
pub fn judge(parts: &[Part], caller: &Caller) -> Vec<Said> {
    let gone = |part: &Part| GONE.iter().find(|(condition, _)| *condition == part.condition).map(|(_, code)| *code);
    let live: Vec<&Part> = parts.iter().filter(|part| gone(part).is_none() && part.amount > Decimal::ZERO).collect();
    if live.is_empty() {
        let amount = |code| parts.iter().filter(|part| gone(part) == Some(code)).map(|part| part.amount).sum();
        let amounts = GONE.iter().map(|(_, code)| (*code, amount(*code)));
        return amounts.filter(|(_, amount): &(_, Decimal)| !amount.is_zero()).map(all_gone).collect();
    }
    let Some(place) = &caller.place else { return Vec::new() };
    let mine = |part: &&Part| {
        caller.party.as_ref().is_some_and(|party| *party == part.holder)
            || *place == part.place
            || caller.addresses.contains(&part.heading)
    };
    if live.iter().any(mine) {
        return Vec::new();
    }
    let mut places: Vec<&str> =
        live.iter().map(|part| if part.place.is_empty() { &*part.heading } else { &*part.place }).collect();
    places.sort_unstable();
    places.dedup();
    places.truncate(PLACES_SHOWN);
    let events = live.iter().filter_map(|part| part.last).max().map(|(_, event)| event);
    let reason =
        Reason { code: ReasonCode::Elsewhere, particular: places.join(", "), events: events.into_iter().collect() };
    vec![Said::of(&reason)]
}

fn all_gone((code, amount): (ReasonCode, Decimal)) -> Said {
    Said::of(&Reason { code, particular: amount.normalize().to_string(), events: Vec::new() })
}
