//! The bytes of an event that are signed and sealed, and the key by which a replay is known.
//!
//! ```text
//! bytes      RFC 8785 (JCS) of the event:
//!              @context   the effective one, as a list; left out where it is exactly the standard one
//!              eventID    always; a missing one becomes urn:uuid:<version 8 of the key of the bytes without it>
//!              recordTime never
//! event key  SHA-256( "medtrace/event-key/v1\n" ‖ party ‖ "\n" ‖ bytes )
//! UUIDv8     the first 16 bytes of a hash with RFC 9562's version (8) and variant set
//! ```
//!
//! Nothing random and no clock enters, so a request that is sent again has the same bytes and keys.

use crate::context::Context;
use crate::event::Event;
use crate::fault::Fault;
use crate::json::Json;
use crate::semantics;
use crate::{EVENT_BYTES_MAX, IDENTIFIERS_MAX};
use sha2::{Digest, Sha256};

/// An event ready to be signed.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedEvent {
    pub bytes: Vec<u8>,
    /// [`event_key`] of the party and these bytes.
    pub key: [u8; 32],
    pub event_id: String,
    pub event: Event,
}

/// Makes the sealed bytes of one event. `json` is the event alone (its own `@context`, if any, is replaced), `context`
/// the effective one ([`crate::document::Entry::context`]), `party` the name of who says it.
///
/// # Errors
/// All faults of the event, those of [`semantics`] where there are no others; too many bytes or identifiers.
pub fn seal(mut json: Json, context: &Context, party: &str) -> Result<SealedEvent, Vec<Fault>> {
    let what = json.what();
    let Some(object) = json.as_object_mut() else {
        return Err(vec![Fault::new("", "type", format!("{what} should be an event object"))]);
    };
    object.remove("recordTime");
    match context.to_json() {
        Some(context) => object.insert("@context", context),
        None => object.remove("@context"),
    };
    if object.get("eventID").is_none() {
        let key = event_key(party, &json.to_jcs());
        if let Some(object) = json.as_object_mut() {
            object.insert("eventID", uuid_urn(&key));
        }
    }
    let bytes = json.to_jcs();
    let event = asked(checked(&bytes, Event::from_json(json)?)?)?;
    Ok(SealedEvent {
        key: event_key(party, &bytes),
        event_id: event.event_id.clone().unwrap_or_default(),
        bytes,
        event,
    })
}

/// Reads bytes that are sealed, be it by another release with fewer rules, and says whether they are what [`seal`] would
/// have made.
///
/// # Errors
/// All faults of the event; `not-canonical`, `record-time`, `event-id` where the bytes break the rules above.
pub fn open(bytes: &[u8], party: &str) -> Result<SealedEvent, Vec<Fault>> {
    let event = checked(bytes, Event::from_bytes(bytes)?)?;
    if event.json.to_jcs() != bytes {
        return Err(vec![Fault::new("", "not-canonical", "the bytes should be the event's RFC 8785 form")]);
    }
    if event.json.get("recordTime").is_some() {
        return Err(vec![Fault::new("/recordTime", "record-time", "a signed event should carry no recordTime")]);
    }
    if let Some(json) = event.json.get("@context")
        && Context::read(json).ok().and_then(|context| context.to_json()).as_ref() != Some(json)
    {
        let detail = "@context should be a list, and left out where it is exactly the standard one";
        return Err(vec![Fault::new("/@context", "not-canonical", detail)]);
    }
    let Some(event_id) = event.event_id.clone() else {
        return Err(vec![Fault::new("/eventID", "missing", "an event signed at home should bring its eventID")]);
    };
    Ok(SealedEvent { bytes: bytes.to_vec(), key: event_key(party, bytes), event_id, event })
}

/// [`open`] for bytes that come in: they are judged as those of [`seal`] are.
///
/// # Errors
/// As [`open`], then those of [`semantics`].
pub fn admit(bytes: &[u8], party: &str) -> Result<SealedEvent, Vec<Fault>> {
    let sealed = open(bytes, party)?;
    Ok(SealedEvent { event: asked(sealed.event)?, ..sealed })
}

/// The event, if it keeps what the standard asks at capture.
fn asked(event: Event) -> Result<Event, Vec<Fault>> {
    let faults = semantics::check(&event).faults;
    if faults.is_empty() { Ok(event) } else { Err(faults) }
}

fn checked(bytes: &[u8], event: Event) -> Result<Event, Vec<Fault>> {
    if bytes.len() > EVENT_BYTES_MAX {
        let detail = format!("{} bytes; at most {EVENT_BYTES_MAX} are taken, split the event", bytes.len());
        return Err(vec![Fault::limit("", "too-large", detail)]);
    }
    let identifiers = event.things().count();
    if identifiers > IDENTIFIERS_MAX {
        let detail = format!("{identifiers} identifiers; at most {IDENTIFIERS_MAX} are taken, split the event");
        return Err(vec![Fault::limit("", "too-many-identifiers", detail)]);
    }
    Ok(event)
}

/// The key by which the same bytes of the same party are known again.
pub fn event_key(party: &str, bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"medtrace/event-key/v1\n");
    hash.update(party.as_bytes());
    hash.update(b"\n");
    hash.update(bytes);
    hash.finalize().into()
}

/// `urn:uuid:` of the version 8 UUID of a hash.
pub(crate) fn uuid_urn(hash: &[u8; 32]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Uuid::new_v8(bytes).urn().to_string()
}
