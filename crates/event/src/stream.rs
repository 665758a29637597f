//! JSON documents as a stream of events, in constant memory.
//!
//! The document is cut into its pieces (members of the envelope, events), and each piece is read by [`Json::parse`]. What
//! is true of [`crate::Document::parse`] is true here, but for one thing: where `type` or `@context` come after
//! `epcisBody`, [`Events::open`] holds the body until they are known, up to [`HELD_BYTES_MAX`]. Who can read the input
//! twice reads its [`Head`] first.

mod head;
mod lexer;

use crate::context::Context;
use crate::document::{self, DocumentKind, Entry};
use crate::event::Kind;
use crate::fault::Fault;
use crate::json::{Json, Object, pointer};
pub use head::Head;
use head::{add, twice, way};
use lexer::Lexer;
use std::io::BufRead;

/// Largest event, in bytes of JSON as sent.
pub const EVENT_JSON_BYTES_MAX: usize = 1024 * 1024;
/// Most that surrounds the events (master data), in bytes of JSON as sent.
pub const HEADER_JSON_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most members of each object around the events.
pub const HEADER_MEMBERS_MAX: usize = 1_000;
/// Largest `epcisBody` that comes before the document's `type` or `@context`, in bytes.
pub const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The member that holds the events.
const BODY: &str = "epcisBody";
/// What to do about a body that is too large to be held.
const LATE: &str = "in a document of this size, @context and type should come before epcisBody";

/// The events of a document, read one at a time.
pub struct Events<R> {
    lexer: Lexer<R>,
    kind: DocumentKind,
    head: Head,
    /// All of the document but its body was read before.
    is_known: bool,
    /// What stands beside the way to the list, in each object on it.
    beside: Vec<Object>,
    context: Context,
    /// Pointer to the list.
    list: String,
    state: State,
}

enum State {
    Bare(Json),
    /// Before the event of this index.
    List {
        index: usize,
    },
    /// No list was found.
    Missing,
    Done,
}

impl<R: BufRead> Events<R> {
    /// Reads up to the first event.
    ///
    /// # Errors
    /// The first fault of the envelope so far.
    pub fn open(input: R) -> Result<Self, Fault> {
        let mut lexer = Lexer::new(input);
        lexer.expect(b'{')?;
        let (mut head, mut held) = (Head::new(HEADER_JSON_BYTES_MAX), false);
        while let Some(name) = lexer.member()? {
            let is_body = name == BODY && !held;
            if is_body && head.members.get("type").is_some() && head.members.get("@context").is_some() {
                return Events::of(lexer, head, false)?.found();
            }
            if is_body {
                let held_body = lexer.value(HELD_BYTES_MAX).map_err(|fault| match fault.code {
                    "too-large" => Fault { detail: LATE.to_owned(), ..fault.under(&pointer(BODY)) },
                    _ => fault.under(&pointer(BODY)),
                })?;
                lexer.hold(held_body);
                held = true;
            } else if name == BODY {
                return Err(twice(&pointer(BODY), BODY));
            } else {
                let piece = head.piece(&mut lexer, "", &name)?;
                add(&mut head.members, "", &name, &piece)?;
            }
        }
        lexer.end()?;
        if held {
            lexer.replay();
            return Events::of(lexer, head, true)?.found();
        }
        Events::of(lexer, head, true).map(Events::without_body)
    }

    /// Reads up to the first event of a document whose head was read before from the same bytes.
    ///
    /// # Errors
    /// The first fault of the envelope so far.
    pub fn open_after(head: Head, input: R) -> Result<Self, Fault> {
        let mut lexer = Lexer::new(input);
        lexer.expect(b'{')?;
        while let Some(name) = lexer.member()? {
            if name == BODY {
                return Events::of(lexer, head, true)?.found();
            }
            lexer.skip().map_err(|fault| fault.under(&pointer(&name)))?;
        }
        lexer.end()?;
        Events::of(lexer, head, true).map(Events::without_body)
    }

    fn of(lexer: Lexer<R>, head: Head, is_known: bool) -> Result<Self, Fault> {
        let kind = match head.members.get("type").and_then(Json::as_str) {
            Some("EPCISDocument") => DocumentKind::Capture,
            Some("EPCISQueryDocument") => DocumentKind::Query,
            Some(name) if Kind::of(name).is_some() => DocumentKind::Event,
            _ => {
                let detail = "type should be EPCISDocument, EPCISQueryDocument or one of the five event types";
                return Err(Fault::new("/type", "document-type", detail));
            }
        };
        let list = way(kind).iter().map(|name| pointer(name)).collect();
        let json = head.members.get("@context").map(Context::read).transpose();
        let context = json.map_err(|fault| fault.under("/@context"))?.unwrap_or_default().limited()?;
        Ok(Events { lexer, kind, head, is_known, beside: Vec::new(), context, list, state: State::Missing })
    }

    fn without_body(mut self) -> Self {
        if self.kind == DocumentKind::Event {
            self.state = State::Bare(Json::Object(std::mem::take(&mut self.head.members)));
        }
        self
    }

    /// Goes down to the list, from before the value of the body.
    fn found(mut self) -> Result<Self, Fault> {
        if self.kind == DocumentKind::Event {
            return Err(Fault::new(pointer(BODY), "unknown-member", "an event has no epcisBody"));
        }
        let way = way(self.kind);
        let mut path = pointer(BODY);
        for step in &way[1..] {
            self.lexer.expect(b'{').map_err(|fault| fault.under(&path))?;
            self.beside.push(Object::new());
            loop {
                match self.lexer.member().map_err(|fault| fault.under(&path))? {
                    Some(name) if name == *step => break,
                    Some(name) => self.keep(&path, &name)?,
                    None => {
                        self.close(self.beside.len() - 1)?;
                        return Ok(self);
                    }
                }
            }
            path.push_str(&pointer(step));
        }
        self.lexer.expect(b'[').map_err(|fault| match fault.code {
            "syntax" => Fault::new(path, "type", "should be an array of events"),
            _ => fault.under(&path),
        })?;
        self.state = State::List { index: 0 };
        Ok(self)
    }

    /// Keeps a member of the innermost object on the way.
    fn keep(&mut self, path: &str, name: &str) -> Result<(), Fault> {
        let piece = self.head.piece(&mut self.lexer, path, name)?;
        self.beside.last_mut().map_or(Ok(()), |object| add(object, path, name, &piece))
    }

    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// Everything but the events, as far as it was read; `null` for a bare event.
    pub fn header(&self) -> Json {
        if self.kind == DocumentKind::Event {
            return Json::Null;
        }
        let mut header = self.head.members.clone();
        let steps = way(self.kind).iter().zip(&self.beside);
        let body = steps.rev().fold(None, |inner: Option<(&str, Object)>, (step, object)| {
            let mut object = object.clone();
            if let Some((step, inner)) = inner {
                object.insert(step, inner);
            }
            Some((step, object))
        });
        if let Some((step, body)) = body {
            header.insert(step, body);
        }
        Json::Object(header)
    }

    /// Whether nothing follows.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The document's context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Reads to the end of so many open objects on the way, of the document and of the input.
    fn close(&mut self, open: usize) -> Result<(), Fault> {
        let way = way(self.kind);
        for depth in (0..open).rev() {
            let path: String = way[..=depth].iter().map(|name| pointer(name)).collect();
            while let Some(name) = self.lexer.member().map_err(|fault| fault.under(&path))? {
                if name == way[depth + 1] {
                    return Err(twice(&(path + &pointer(&name)), &name));
                }
                let piece = self.head.piece(&mut self.lexer, &path, &name)?;
                add(&mut self.beside[depth], &path, &name, &piece)?;
            }
        }
        self.close_document()?;
        self.lexer.end()
    }

    fn close_document(&mut self) -> Result<(), Fault> {
        while let Some(name) = if self.lexer.is_replayed() { None } else { self.lexer.member()? } {
            if self.is_known {
                self.lexer.skip().map_err(|fault| fault.under(&pointer(&name)))?;
            } else if name == BODY {
                return Err(twice(&pointer(BODY), BODY));
            } else {
                let piece = self.head.piece(&mut self.lexer, "", &name)?;
                add(&mut self.head.members, "", &name, &piece)?;
            }
        }
        Ok(())
    }

    /// What must be true of the whole envelope.
    fn envelope(&self, mut faults: Vec<Fault>) -> Option<Result<Entry, Vec<Fault>>> {
        let json = self.header();
        // Its parts are not nested too deeply; nor may the whole be.
        if let Err(fault) = Json::parse(&json.to_jcs()) {
            return Some(Err(vec![fault.into()]));
        }
        document::version(&json, &mut faults);
        document::creation(&json, &mut faults);
        (!faults.is_empty()).then_some(Err(faults))
    }

    fn read(&mut self) -> Result<Option<Result<Entry, Vec<Fault>>>, Fault> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Done => Ok(None),
            State::Bare(json) => {
                Ok(Some(Ok(Entry { path: String::new(), json, context: std::mem::take(&mut self.context) })))
            }
            State::Missing => {
                Ok(self.envelope(vec![Fault::new(&self.list, "missing", "the list of events is missing")]))
            }
            State::List { index } => {
                let path = format!("{}/{index}", self.list);
                if !self.lexer.item().map_err(|fault| fault.under(&self.list))? {
                    self.close(self.beside.len())?;
                    let empty = index == 0 && self.kind == DocumentKind::Capture;
                    let fault = empty.then(|| Fault::new(&self.list, "empty", "there should be at least one event"));
                    return Ok(self.envelope(fault.into_iter().collect()));
                }
                let piece = self.lexer.value(EVENT_JSON_BYTES_MAX).map_err(|fault| fault.under(&path))?;
                self.state = State::List { index: index + 1 };
                let json = match Json::parse(&piece).map_err(Fault::from) {
                    // What is no JSON says nothing of where it ends.
                    Err(fault) if fault.code == "syntax" => return Err(fault.under(&path)),
                    read => read,
                };
                let read = || {
                    let json = json?;
                    let context = Context::of_event(&json)?.within(&self.context).limited()?;
                    Ok(Entry { path: path.clone(), json, context })
                };
                Ok(Some(read().map_err(|fault: Fault| vec![fault.under(&path)])))
            }
        }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    /// An event, or what is wrong with it; last of all, what is wrong with the envelope. After a fault of the JSON
    /// around the events, or of its syntax, nothing follows.
    type Item = Result<Entry, Vec<Fault>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().unwrap_or_else(|fault| {
            self.state = State::Done;
            Some(Err(vec![fault]))
        })
    }
}
