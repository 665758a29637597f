//! What may stand in the place of an event whose bytes are erased: the event itself, less what nothing is derived from.
//!
//! ```text
//! stays      type, times, action, step, dispositions, places, every identifier, quantity, lot and expiry, sources and
//!            destinations, the documents of a shipment that says where it is bound, eventID, errorDeclaration, sameAs, labels
//! may go     other members and extensions, sensor elements, certificates, pseudonyms, requestID, other documents
//! ```
//!
//! A replacement adds nothing: every value of it stands in the original at the same place. So nobody, the authority
//! included, can put words into a party's mouth this way.

use std::mem::take;

use crate::fault::Fault;
use crate::json::{Json, pointer};
use crate::{Event, open};

/// Whether one event may stand in the place of another of this party; both in the bytes in which events are sealed.
///
/// # Errors
/// Those of [`open`]; `same-bytes` where nothing is taken away, `adds` where something is said that was not said before,
/// `other-facts` where something is missing that things, places or rights depend on.
pub fn replaces(original: &[u8], replacement: &[u8], party: &str) -> Result<(), Vec<Fault>> {
    let (original, replacement) = (open(original, party)?, open(replacement, party)?);
    let refuse = |path: String, code, detail: &str| Err(vec![Fault::new(path, code, detail)]);
    if original.bytes == replacement.bytes {
        return refuse(String::new(), "same-bytes", "a replacement should leave something out");
    }
    if let Some(path) = added(&original.event.json, &replacement.event.json) {
        return refuse(path, "adds", "a replacement should say nothing that the event does not say");
    }
    match kept(original.event) == kept(replacement.event) {
        true => Ok(()),
        false => refuse(
            String::new(),
            "other-facts",
            "a replacement should keep type, time, action, step, dispositions, things, quantities, places, parties, \
             eventID and corrections",
        ),
    }
}

/// The event without what may go.
fn kept(mut event: Event) -> Event {
    let bound = event.biz_step.as_deref() == Some("shipping") && !event.destinations.is_empty();
    if !bound {
        event.transactions.clear();
    }
    event.sensors.clear();
    event.certification.clear();
    // What they are about is said elsewhere; that there are any is a fact.
    event.warnings.truncate(1);
    event.warnings.iter_mut().for_each(|warning| *warning = Fault::new("", "", ""));
    (event.operator, event.device, event.request_id) = (None, None, None);
    for place in [&mut event.read_point, &mut event.biz_location].into_iter().flatten() {
        take(&mut place.text);
    }
    event.json = Json::Null;
    event
}

/// Where the second value says something that the first does not say.
fn added(original: &Json, replacement: &Json) -> Option<String> {
    match (original, replacement) {
        (Json::Object(original), Json::Object(replacement)) => replacement.iter().find_map(|(name, value)| {
            let inside = original.get(name).map_or(Some(String::new()), |original| added(original, value));
            inside.map(|path| pointer(name) + &path)
        }),
        (Json::Array(original), Json::Array(replacement)) => {
            // In the same order, some left out.
            let mut rest = original.iter();
            let missing = replacement.iter().position(|value| !rest.any(|original| added(original, value).is_none()));
            missing.map(|index| format!("/{index}"))
        }
        _ => (original != replacement).then(String::new),
    }
}
