//! Whether one event may stand in the place of another without any answer changing.

use medtrace_event::Event;
use medtrace_event::event::Endpoint;
use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;

use crate::{EventHead, Fact, Flags, Sealed, facts_of, head_of};

/// Everything that is derived from an event, wherever it is sealed.
#[derive(PartialEq)]
struct Told<'a> {
    facts: Vec<Fact>,
    head: EventHead,
    event_id: Option<&'a str>,
    places: [Option<&'a Thing>; 2],
    /// Of a correction: whether the event did not occur, and what puts it right.
    declares: Option<(bool, &'a [String])>,
    sources: &'a [Endpoint],
    destinations: &'a [Endpoint],
    /// Of a shipment that says where it is bound.
    documents: Option<Vec<&'a str>>,
}

/// Whether the same facts, rights and corrections follow from both.
pub fn same_facts(one: &Event, other: &Event) -> bool {
    told(one) == told(other)
}

/// Whether it is a shipment that says where it is bound.
pub fn is_bound(event: &Event) -> bool {
    event.biz_step.as_deref() == Some("shipping") && event.error.is_none() && !event.destinations.is_empty()
}

fn told(event: &Event) -> Told<'_> {
    let sealed = Sealed {
        position: EventRef { height: 0, idx: 0 },
        note_ms: 0,
        submission: [0; 32],
        index: 0,
        party: Box::default(),
        flags: Flags::default(),
    };
    Told {
        facts: facts_of(event, &sealed),
        head: head_of(event, &sealed),
        event_id: event.event_id.as_deref(),
        places: [&event.read_point, &event.biz_location].map(|place| place.as_ref().map(|place| &place.thing)),
        declares: event
            .error
            .as_ref()
            .map(|error| (error.reason.as_deref() == Some("did_not_occur"), error.corrective.as_slice())),
        sources: &event.sources,
        destinations: &event.destinations,
        documents: is_bound(event).then(|| event.transactions.iter().map(|one| one.id.as_str()).collect()),
    }
}
