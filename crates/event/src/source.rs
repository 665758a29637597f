//! Events of a document of either syntax: XML if its first character is `<`, else JSON.

use crate::context::Context;
use crate::document::{DocumentKind, Entry};
use crate::fault::Fault;
use crate::json::Json;
use crate::{stream, xml};
use std::io::BufRead;

/// The events of a document, read one at a time in constant memory.
pub enum Source<R> {
    Json(Box<stream::Events<R>>),
    Xml(Box<xml::Events<R>>),
}

/// One event of a [`Source`].
#[derive(Clone, Debug)]
pub enum SourceEvent {
    Json(Entry),
    Xml(Box<xml::XmlEvent>),
}

impl<R: BufRead> Source<R> {
    /// Reads up to the first event. A byte order mark and white space before XML are passed over.
    ///
    /// # Errors
    /// The first fault of the envelope.
    pub fn open(mut input: R) -> Result<Self, Fault> {
        const SKIPPED: &[u8] = b"\xef\xbb\xbf \t\r\n";
        loop {
            let bytes = input.fill_buf().map_err(|error| Fault::new("", "io", error.to_string()))?;
            let skipped = bytes.iter().take_while(|byte| SKIPPED.contains(byte)).count();
            let next = bytes.get(skipped).copied();
            let end = bytes.is_empty();
            input.consume(skipped);
            match next {
                Some(b'<') => return xml::Events::open(input).map(|events| Source::Xml(Box::new(events))),
                None if !end => {}
                _ => return stream::Events::open(input).map(|events| Source::Json(Box::new(events))),
            }
        }
    }

    pub fn kind(&self) -> DocumentKind {
        match self {
            Source::Json(events) => events.kind(),
            Source::Xml(events) => events.kind(),
        }
    }

    /// The envelope as JSON, as far as it was read; `null` for a bare event.
    pub fn header(&self) -> Json {
        match self {
            Source::Json(events) => events.header(),
            Source::Xml(events) => events.header().clone(),
        }
    }

    /// Whether nothing follows: a fault that came last is then one of the document, else one of that event alone.
    pub fn is_done(&self) -> bool {
        match self {
            Source::Json(events) => events.is_done(),
            Source::Xml(events) => events.is_done(),
        }
    }

    /// The document's context.
    pub fn context(&self) -> &Context {
        match self {
            Source::Json(events) => events.context(),
            Source::Xml(events) => events.context(),
        }
    }
}

impl<R: BufRead> Iterator for Source<R> {
    /// An event, or what is wrong with it or with the document around it.
    type Item = Result<SourceEvent, Vec<Fault>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Source::Json(events) => events.next().map(|event| event.map(SourceEvent::Json)),
            Source::Xml(events) => events.next().map(|event| event.map(|event| SourceEvent::Xml(Box::new(event)))),
        }
    }
}

impl SourceEvent {
    /// The event and the context in force for it.
    pub fn entry(&self) -> &Entry {
        match self {
            SourceEvent::Json(entry) => entry,
            SourceEvent::Xml(event) => &event.entry,
        }
    }

    /// A fault of the event, with its place in the document: a pointer in JSON, an XPath in XML.
    pub fn located(&self, fault: Fault) -> Fault {
        match self {
            SourceEvent::Json(entry) => fault.under(&entry.path),
            SourceEvent::Xml(event) => event.located(fault),
        }
    }
}
