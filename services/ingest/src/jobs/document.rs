//! A spooled document, whatever its syntax, as a stream of events in constant memory.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use medtrace_event::source::SourceEvent;
use medtrace_event::{Fault, Json, Source, stream, xml};
use medtrace_service::{Kind, Problem};

use super::{Behaviour, CAPTURE_EVENTS_MAX};
use crate::refused::Refused;

/// Media types of XML documents.
pub const XML_TYPES: [&str; 2] = ["application/xml", "text/xml"];
/// Most that surrounds the events, in bytes as sent: the log's item of it holds 256 KiB without white space.
const HEADER_BYTES_MAX: usize = 1 << 20;
/// Bytes of a document that are read at once.
const READ_BYTES: usize = 64 << 10;
/// The code of faults of the file itself.
const IO: &str = "io";
const LIST: &str = "/epcisBody/eventList";

/// The events of a document, one after the other.
pub struct Captured(Source<BufReader<File>>);

/// Why a document is not read on.
#[derive(Debug)]
pub enum Unreadable {
    /// It is wrong.
    Faults(Vec<Fault>),
    /// Its file is.
    Disk(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Unreadable::Disk(error)
    }
}

impl From<Vec<Fault>> for Unreadable {
    fn from(faults: Vec<Fault>) -> Self {
        match faults.iter().find(|fault| fault.code == IO) {
            Some(fault) => Unreadable::Disk(io::Error::other(fault.detail.clone())),
            None => Unreadable::Faults(faults),
        }
    }
}

impl From<Fault> for Unreadable {
    fn from(fault: Fault) -> Self {
        vec![fault].into()
    }
}

impl Captured {
    /// Reads the envelope up to the first event.
    pub fn open(path: &Path, media_type: &str) -> Result<Captured, Unreadable> {
        let input = || File::open(path).map(|file| BufReader::with_capacity(READ_BYTES, file));
        if XML_TYPES.contains(&media_type) {
            let events = xml::Events::open_within(input()?, HEADER_BYTES_MAX as u64)?;
            return Ok(Captured(Source::Xml(Box::new(events))));
        }
        // Read twice, so that the context may stand behind the events.
        let head = stream::Head::read(input()?, HEADER_BYTES_MAX)?;
        Ok(Captured(Source::Json(Box::new(stream::Events::open_after(head, input()?)?))))
    }

    /// The next event, or what is wrong with it alone. An error is one of the whole document.
    pub fn next(&mut self) -> Result<Option<Result<SourceEvent, Vec<Fault>>>, Unreadable> {
        match self.0.next() {
            Some(Err(faults)) if self.0.is_done() => Err(faults.into()),
            next => Ok(next),
        }
    }

    /// What surrounds the events, as the JSON document has it; whole once there is no next event.
    pub fn header(&self) -> Json {
        self.0.header()
    }
}

/// Reads a document to its end: what can be said of it before any event is judged. Where one bad event rolls all back,
/// one that cannot be read is such.
pub fn check(path: &Path, media_type: &str, behaviour: Behaviour) -> Result<(), Unreadable> {
    let mut document = Captured::open(path, media_type)?;
    let mut count = 0;
    while let Some(event) = document.next()? {
        if let (Err(faults), Behaviour::Rollback) = (event, behaviour) {
            return Err(faults.into());
        }
        count += 1;
        if count > CAPTURE_EVENTS_MAX {
            let detail = format!("more than {CAPTURE_EVENTS_MAX} events; one document takes that many, split it");
            return Err(Fault::limit(LIST, "too-many-events", detail).into());
        }
    }
    match count {
        0 => Err(Fault::new(LIST, "empty", "there should be at least one event").into()),
        _ => Ok(()),
    }
}

/// One problem for these faults.
pub fn problem(faults: &[Fault]) -> Problem {
    let mut refused = Refused::default();
    refused.faults("", faults);
    refused.into_problem()
}

impl From<Unreadable> for Problem {
    fn from(unreadable: Unreadable) -> Problem {
        match unreadable {
            Unreadable::Faults(faults) => problem(&faults),
            Unreadable::Disk(error) => {
                tracing::error!(%error, "a spooled document cannot be read");
                Kind::Unavailable.because("the document cannot be read from disk; nothing was stored, send it again")
            }
        }
    }
}
