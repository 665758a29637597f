//! Where a thing is now, from its own state and its containers' states: children are not touched when a container
//! moves, so readers look upward.

use medtrace_gs1::Thing;

use crate::State;

/// The present of a thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// One word: see [`State::condition`].
    pub condition: String,
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
/// its own last word.
pub fn present(own: &State, chain: &[(Thing, State)]) -> Present {
    let containers = chain.iter().map(|(thing, _)| thing.clone()).collect();
    let (mut place, mut holder, mut disposition) = (own, own, own);
    let mut inferred = false;
    let mut since = own.inside.as_ref().map(|(_, since)| *since);
    let alive = own.ended.is_none();
    for (_, state) in chain.iter().take_while(|_| alive) {
        let Some(from) = since else { break };
        if state.placed > place.placed.max(Some(from)) {
            (place, inferred) = (state, true);
        }
        if state.held > holder.held.max(Some(from)) {
            holder = state;
        }
        if state.disposed > disposition.disposed.max(Some(from)) && state.ended.is_none() {
            disposition = state;
        }
        since = state.inside.as_ref().map(|(_, outer)| from.max(*outer));
    }
    let condition = if alive && !own.partly_used { disposition.condition() } else { own.condition() };
    Present {
        condition: condition.to_owned(),
        place: place.place.to_string(),
        holder: holder.holder.to_string(),
        heading: place.heading.as_deref().map(str::to_owned),
        containers,
        inferred,
    }
}
