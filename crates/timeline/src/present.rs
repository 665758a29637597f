//! Where a thing is now, from its own state and its containers' states: children are not touched when a container
//! moves, so readers look upward.

use std::collections::BTreeSet;

use medtrace_gs1::Thing;

use crate::words::ends_contents;
use crate::{End, Mark, Order, State, Warnings};

/// The present of a thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// One word: see [`State::condition`].
    pub condition: String,
    /// What warns of it until taken back: bare CBV dispositions.
    pub warnings: BTreeSet<String>,
    pub place: String,
    pub holder: String,
    pub heading: Option<String>,
    /// Innermost first.
    pub containers: Vec<Thing>,
    /// Told by a container, not by the thing's own scans.
    pub inferred: bool,
}

/// The state `own` as its containers (`chain`, innermost first, with their own states) make it now: of each field the
/// latest word counts, a container's only from when the thing was inside it. A thing that ended inside a container keeps
/// its own last word; one that ended with its container has that end.
pub fn present(own: &State, chain: &[(Thing, State)]) -> Present {
    let containers = chain.iter().map(|(thing, _)| thing.clone()).collect();
    let (mut place, mut holder, mut disposition) = (own, own, own);
    let (mut way, mut told) = (own.way.clone(), own.warned_by_container.clone());
    let mut end = own.ended.as_ref();
    let mut inferred = false;
    let mut since = own.inside.as_ref().map(|(_, since)| *since);
    for (_, state) in chain {
        let Some(from) = since else { break };
        if let Some(theirs) = state.ended.as_ref().filter(|end| reaches(end, from))
            && end.is_none_or(|(_, own)| theirs.1.order < own.order)
        {
            (end, inferred) = (Some(theirs), true);
        }
        if own.ended.is_none() {
            if state.placed > place.placed.max(Some(from)) {
                (place, inferred) = (state, true);
            }
            if state.held > holder.held.max(Some(from)) {
                holder = state;
            }
            if state.disposed > disposition.disposed.max(Some(from)) && state.ended.is_none() {
                disposition = state;
            }
            way = way.with(&state.way, from);
            add_later(&mut told, &state.warned, from);
            add_later(&mut told, &state.warned_by_container, from);
        }
        since = state.inside.as_ref().map(|(_, outer)| from.max(*outer));
    }
    let condition = match end {
        Some((end, _)) => end.disposition(),
        None if own.partly_used => own.condition(),
        None => disposition.condition(),
    };
    let warnings = own.warned.values().chain(told.values()).map(|warning| warning.word.to_string());
    Present {
        condition: condition.to_owned(),
        warnings: warnings.filter(|word| !word.is_empty()).collect(),
        place: place.place.to_string(),
        holder: holder.holder.to_string(),
        heading: way.heading().map(str::to_owned),
        containers,
        inferred,
    }
}

/// Whether a container's end is that of what was put into it at `from`.
fn reaches((_, mark): &(End, Mark), from: Order) -> bool {
    mark.order > from && ends_contents(&mark.step)
}

/// Of each kind the latest, the container's only from when the thing was inside it.
fn add_later(told: &mut Warnings, container: &Warnings, from: Order) {
    for (kind, warning) in container {
        if Some(warning.order) > told.get(kind).map(|told| told.order).max(Some(from)) {
            told.insert(*kind, warning.clone());
        }
    }
}
