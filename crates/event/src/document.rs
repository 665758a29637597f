//! EPCIS documents: bytes to the events inside, each with its effective context.
//!
//! Taken are `EPCISDocument` (`epcisBody.eventList`), `EPCISQueryDocument`
//! (`epcisBody.queryResults.resultsBody.eventList`) and one bare event. Events are not read yet: see [`crate::seal()`].

use crate::context::Context;
use crate::event::Kind;
use crate::fault::Fault;
use crate::json::Json;
use crate::time;

/// What the bytes were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Capture,
    Query,
    /// One event that stands alone.
    Event,
}

/// An event where it stands in what was sent, ready for [`crate::seal()`].
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Pointer into the document, e.g. `/epcisBody/eventList/3`; empty for a bare event and for events made of scans.
    pub path: String,
    /// The event as sent, its own `@context` included.
    pub json: Json,
    /// The context in force for it.
    pub context: Context,
}

/// A document, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub kind: DocumentKind,
    /// Everything but the events: header, master data, ids, dates, context. `null` for a bare event.
    pub header: Json,
    /// `schemaVersion`, e.g. `2.0`.
    pub schema_version: Option<String>,
    /// `creationDate`, µs UTC.
    pub created: Option<i64>,
    /// `epcisHeader.epcisMasterData`.
    pub master_data: Option<Json>,
    /// The document's own context.
    pub context: Context,
    pub events: Vec<Entry>,
}

impl Document {
    /// Takes a document apart.
    ///
    /// # Errors
    /// The one fault of its JSON, or all faults of its envelope; events are not looked into.
    pub fn parse(bytes: &[u8]) -> Result<Document, Vec<Fault>> {
        let json = Json::parse(bytes).map_err(|fault| vec![fault.into()])?;
        let kind = match json.get_str("type") {
            Some("EPCISDocument") => DocumentKind::Capture,
            Some("EPCISQueryDocument") => DocumentKind::Query,
            Some(name) if Kind::of(name).is_some() => return bare(json),
            _ => {
                let detail = "type should be EPCISDocument, EPCISQueryDocument or one of the five event types";
                return Err(vec![Fault::new("/type", "document-type", detail)]);
            }
        };
        let context = Context::of_event(&json).and_then(Context::limited).map_err(|fault| vec![fault])?;
        let mut faults = Vec::new();
        let schema_version = version(&json, &mut faults);
        let created = creation(&json, &mut faults);
        let (header, events) = split(json, kind, &context, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let master_data = header.get("epcisHeader").and_then(|header| header.get("epcisMasterData")).cloned();
        Ok(Document { kind, header, schema_version, created, master_data, context, events })
    }
}

fn bare(json: Json) -> Result<Document, Vec<Fault>> {
    let context = Context::of_event(&json).and_then(Context::limited).map_err(|fault| vec![fault])?;
    let entry = Entry { path: String::new(), json, context: context.clone() };
    Ok(Document {
        kind: DocumentKind::Event,
        header: Json::Null,
        schema_version: None,
        created: None,
        master_data: None,
        context,
        events: vec![entry],
    })
}

pub(crate) fn version(json: &Json, faults: &mut Vec<Fault>) -> Option<String> {
    match json.get("schemaVersion") {
        Some(Json::String(text)) if text == "2" || text.starts_with("2.") => {
            return Some(text.clone());
        }
        Some(other) => {
            let detail = format!("{other} should be \"2.0\"");
            faults.push(Fault::new("/schemaVersion", "schema-version", detail));
        }
        None => faults.push(Fault::new("/schemaVersion", "missing", "schemaVersion is missing")),
    }
    None
}

pub(crate) fn creation(json: &Json, faults: &mut Vec<Fault>) -> Option<i64> {
    let date = json.get("creationDate");
    let created = date.and_then(Json::as_str).and_then(time::instant);
    match (date, created) {
        (None, _) => faults.push(Fault::new("/creationDate", "missing", "creationDate is missing")),
        (Some(date), None) => {
            let detail = format!("{date} should be a time with its zone");
            faults.push(Fault::new("/creationDate", "time", detail));
        }
        _ => {}
    }
    created
}

/// Takes the event list out of the document; what is left is its header.
fn split(mut json: Json, kind: DocumentKind, context: &Context, faults: &mut Vec<Fault>) -> (Json, Vec<Entry>) {
    let (names, list): (&[&str], _) = match kind {
        DocumentKind::Query => {
            (&["epcisBody", "queryResults", "resultsBody"], "/epcisBody/queryResults/resultsBody/eventList")
        }
        _ => (&["epcisBody"], "/epcisBody/eventList"),
    };
    let mut body = Some(&mut json);
    for name in names {
        body = body.and_then(|body| body.as_object_mut()?.get_mut(name));
    }
    let events = match body.and_then(|body| body.as_object_mut()?.remove("eventList")) {
        Some(Json::Array(events)) => events,
        Some(other) => {
            faults.push(Fault::new(list, "type", format!("{} should be an array of events", other.what())));
            Vec::new()
        }
        None => {
            faults.push(Fault::new(list, "missing", "the list of events is missing"));
            Vec::new()
        }
    };
    if events.is_empty() && kind == DocumentKind::Capture && faults.is_empty() {
        faults.push(Fault::new(list, "empty", "there should be at least one event"));
    }
    let mut entries = Vec::with_capacity(events.len());
    for (index, event) in events.into_iter().enumerate() {
        let path = format!("{list}/{index}");
        match Context::of_event(&event).and_then(|own| own.within(context).limited()) {
            Ok(context) => entries.push(Entry { path, context, json: event }),
            Err(fault) => faults.push(fault.under(&path)),
        }
    }
    (json, entries)
}
