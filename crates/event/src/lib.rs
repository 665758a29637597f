//! EPCIS 2.0 events: from bytes that anybody sent to bytes that mean one thing, and a typed view of them.
//!
//! In scope: I-JSON and RFC 8785 ([`json`]), the typed and validated view of one event ([`Event`]), its sealed bytes
//! and key ([`mod@seal`]), what may stand in an erased one's place ([`erasure`]), what the standard asks beyond shape
//! ([`semantics`], with Rec 20 [`units`]), EPCIS documents at once ([`document`]) or event by event ([`source`]: JSON in
//! [`stream`], XML in [`xml`]), master data in a document's header ([`master`]), JSON-LD contexts without a network
//! ([`context`]), the Core Business Vocabulary ([`vocab`]) and its event hash ([`hash`]), and the one table by which scan
//! steps become events ([`steps`], [`scan`]).
//!
//! Out of scope: identifiers (`medtrace-gs1`), who may say what (`medtrace-registry`), what follows from an event
//! (`medtrace-timeline`). Pure: no clock, no randomness, no files, no network.

pub mod context;
pub mod document;
pub mod erasure;
pub mod event;
pub mod fault;
pub mod hash;
pub mod json;
pub mod master;
pub mod scan;
pub mod seal;
pub mod semantics;
pub mod source;
pub mod spelling;
pub mod steps;
pub mod stream;
pub mod time;
pub mod units;
pub mod vocab;
pub mod xml;

pub use context::Context;
pub use document::Document;
pub use event::{Action, Event, Kind};
pub use fault::Fault;
pub use hash::{CbvVersion, EventHash, event_hash};
pub use json::Json;
pub use seal::{SealedEvent, event_key, open, seal};
pub use source::{Source, SourceEvent};

/// Largest event, in bytes of its sealed (JCS) form.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Most identifiers (EPCs, classes, parents) in one event, and in one scan request.
pub const IDENTIFIERS_MAX: usize = 20_000;
/// Most events of one request or submission.
pub const EVENTS_MAX: usize = 500;
/// Longest eventID, in bytes.
pub const EVENT_ID_BYTES_MAX: usize = 512;
