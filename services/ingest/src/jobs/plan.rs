//! A document to its submissions: every event judged, the good ones packed in order, each submission led by the
//! document's own item.

use medtrace_event::source::SourceEvent;
use medtrace_event::{Document, Fault, Json, xml};
use medtrace_ledger::{SigningKey, submission::SubmissionKind};
use medtrace_service::Problem;

use super::{Behaviour, CAPTURE_EVENTS_MAX, Job};
use crate::{
    admit::{Part, Speaker, document_item, item},
    refused::{Refused, VIOLATIONS_MAX},
    seal::{Body, Consortium, SealError, Sealed, Size, seal},
};

/// Media types of XML documents.
pub const XML_TYPES: [&str; 2] = ["application/xml", "text/xml"];
const LIST: &str = "/epcisBody/eventList";

/// What a document becomes.
pub(super) struct Plan {
    pub records: Vec<Sealed>,
    pub events: usize,
    /// One problem for each refused event, at most [`VIOLATIONS_MAX`].
    pub errors: Vec<Problem>,
}

/// A document, whatever its syntax.
pub struct Captured {
    /// What surrounds the events, as the JSON document has it.
    header: Json,
    events: Vec<SourceEvent>,
}

/// Reads the envelope of a document and checks what can be said before any event is looked at.
pub fn envelope(body: &[u8], media_type: &str) -> Result<Captured, Vec<Fault>> {
    let captured = match XML_TYPES.contains(&media_type) {
        true => of_xml(body)?,
        false => {
            let Document { header, events, .. } = Document::parse(body)?;
            Captured { header, events: events.into_iter().map(SourceEvent::Json).collect() }
        }
    };
    match captured.events.len() {
        0 => Err(vec![Fault::new(LIST, "empty", "there should be at least one event")]),
        count if count > CAPTURE_EVENTS_MAX => Err(vec![too_many(count)]),
        _ => Ok(captured),
    }
}

/// XML has faults of its own, after which nothing can be said of the rest: with any, nothing of the document is taken.
fn of_xml(body: &[u8]) -> Result<Captured, Vec<Fault>> {
    let mut reader = xml::Events::open(body).map_err(|fault| vec![fault])?;
    let mut events = Vec::new();
    for event in &mut reader {
        events.push(SourceEvent::Xml(Box::new(event?)));
        if events.len() > CAPTURE_EVENTS_MAX {
            return Err(vec![too_many(events.len())]);
        }
    }
    Ok(Captured { header: reader.header().clone(), events })
}

fn too_many(count: usize) -> Fault {
    let detail = format!("{count} events; one document takes {CAPTURE_EVENTS_MAX}");
    Fault::limit(LIST, "too-many-events", detail)
}

/// Judges and packs a document. The same document gives the same event keys, whenever it is planned.
pub(super) fn plan(
    job: &Job,
    body: &[u8],
    consortium: &Consortium,
    speaker: Speaker<'_>,
    key: &SigningKey,
) -> Result<Plan, SealError> {
    let failed = |errors| Ok(Plan { records: Vec::new(), events: 0, errors });
    let document = match envelope(body, &job.media_type) {
        Ok(document) => document,
        Err(faults) => return failed(vec![problem(&faults)]),
    };
    let (items, errors) = judge(&document, speaker);
    if items.is_empty() || (job.behaviour == Behaviour::Rollback && !errors.is_empty()) {
        return failed(errors);
    }
    let who = job.who();
    let part = |part, parts, items| Part {
        header: &document.header,
        media_type: &job.media_type,
        sha256: job.sha256,
        count: document.events.len(),
        part,
        parts,
        items,
        who: &who,
    };
    // The longest that the item of each part can be.
    let leads = [0, 1].map(|n| document_item(&part(n * CAPTURE_EVENTS_MAX, CAPTURE_EVENTS_MAX, Size::MAX.items)));
    let [first, later] = match leads {
        [Ok(first), Ok(later)] => [first.size(), later.size()],
        [Err(fault), _] | [_, Err(fault)] => return failed(vec![problem(&[fault])]),
    };
    let packed = pack(&items, first, later);
    let mut records = Vec::with_capacity(packed.len());
    for (index, events) in packed.iter().enumerate() {
        let lead = match document_item(&part(index, packed.len(), events.len())) {
            Ok(lead) => lead,
            Err(fault) => return failed(vec![problem(&[fault])]),
        };
        let bodies = std::iter::once(&lead).chain(*events);
        records.push(seal(consortium, SubmissionKind::Events, speaker.party, key, speaker.now_ms, bodies)?);
    }
    Ok(Plan { records, events: items.len(), errors })
}

fn judge(document: &Captured, speaker: Speaker<'_>) -> (Vec<Body>, Vec<Problem>) {
    let (mut items, mut errors) = (Vec::with_capacity(document.events.len()), Vec::new());
    for event in &document.events {
        let mut refused = Refused::default();
        match speaker.event(event.entry(), "", &mut refused) {
            Some(sealed) => items.push(item(&sealed)),
            None if errors.len() < VIOLATIONS_MAX => {
                let mut of_document = Refused::default();
                of_document.take(refused, |path| event.located(Fault::new(path, "", "")).path);
                errors.push(of_document.into_event_problem());
            }
            None => {}
        }
    }
    (items, errors)
}

/// Cuts the events, in order, into runs that each fit into a submission beside their leading item.
fn pack(items: &[Body], first: Size, later: Size) -> Vec<&[Body]> {
    let mut runs = Vec::new();
    let (mut start, mut size) = (0, first);
    for (index, item) in items.iter().enumerate() {
        if !size.plus(item.size()).fits() {
            runs.push(&items[start..index]);
            (start, size) = (index, later);
        }
        size = size.plus(item.size());
    }
    runs.push(&items[start..]);
    runs
}

/// One problem for these faults.
pub fn problem(faults: &[Fault]) -> Problem {
    let mut refused = Refused::default();
    refused.faults("", faults);
    refused.into_problem()
}

#[cfg(test)]
mod tests {
    use super::*;
    use medtrace_ledger::ItemKind;

    fn body(bytes: usize, identifiers: usize) -> Body {
        Body { kind: ItemKind::Event, bytes: vec![0; bytes], identifiers }
    }

    #[test]
    fn runs_keep_the_order_and_every_limit() {
        let lead = Size { items: 1, bytes: 1_000, identifiers: 0 };
        let lengths = |items: &[Body]| pack(items, lead, lead).iter().map(|run| run.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&vec![body(100, 1); 1_200]), [499, 499, 202]);
        assert_eq!(lengths(&vec![body(256 * 1024, 1); 7]), [3, 3, 1]);
        assert_eq!(lengths(&vec![body(10, 9_000); 5]), [2, 2, 1]);
        assert_eq!(lengths(&vec![body(10, 1); 499]), [499]);
        assert_eq!(lengths(&[body(10, 20_000), body(10, 20_000)]), [1, 1]);
    }
}
