//! EPCIS documents: bytes to the events inside, each with its effective context.
//!
//! Taken are `EPCISDocument` (`epcisBody.eventList`), `EPCISQueryDocument`
//! (`epcisBody.queryResults.resultsBody.eventList`) and one bare event. Events are not read yet: see [`crate::seal()`].

use crate::context::Context;
use crate::fault::Fault;
use crate::json::Json;

/// What the bytes were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    Capture,
    Query,
    /// One event that stands alone.
    Event,
}

/// An event where it stands in its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Pointer into the document, e.g. `/epcisBody/eventList/3`; empty for a bare event.
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
        let _ = bytes;
        Err(vec![])
    }
}
