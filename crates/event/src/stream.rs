//! JSON documents as a stream of events, in constant memory.
//!
//! The document is cut into its pieces (members of the envelope, events), and each piece is read by [`Json::parse`]. What
//! is true of [`crate::Document::parse`] is true here, but for one thing: where `type` or `@context` come after
//! `epcisBody`, the body is held until they are known, up to [`HELD_BYTES_MAX`].

mod lexer;

use crate::context::Context;
use crate::document::{self, DocumentKind, Entry};
use crate::event::Kind;
use crate::fault::Fault;
use crate::json::{Json, Object, pointer};
use lexer::Lexer;
use std::io::BufRead;

/// Largest event, in bytes of JSON as sent.
pub const EVENT_JSON_BYTES_MAX: usize = 1024 * 1024;
/// Largest member of the envelope (master data), in bytes of JSON as sent.
pub const HEADER_JSON_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest `epcisBody` that comes before the document's `type` or `@context`, in bytes.
pub const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What to do about a body that is too large to be held.
const LATE: &str = "in a document of this size, @context and type should come before epcisBody";

/// The way to the list in each kind of document.
const CAPTURE: [&str; 2] = ["epcisBody", "eventList"];
const QUERY: [&str; 4] = ["epcisBody", "queryResults", "resultsBody", "eventList"];

/// The events of a document, read one at a time.
pub struct Events<R> {
    lexer: Lexer<R>,
    kind: DocumentKind,
    head: Object,
    context: Context,
    /// Pointer to the list.
    list: String,
    state: State,
}

enum State {
    Bare(Json),
    /// Before the event of this index; so many objects are open around the list.
    List {
        index: usize,
        open: usize,
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
        lexer.expect(b'{').map_err(|fault| fault.under(""))?;
        let mut head = Object::new();
        let mut held = false;
        while let Some(name) = lexer.member()? {
            if name == CAPTURE[0] && head.get("type").is_some() && head.get("@context").is_some() {
                let mut events = Events::of(lexer, head)?;
                events.find(1)?;
                return Ok(events);
            }
            let max = if name == CAPTURE[0] { HELD_BYTES_MAX } else { HEADER_JSON_BYTES_MAX };
            let piece = lexer.value(max).map_err(|fault| match fault.code {
                "too-large" if name == CAPTURE[0] => Fault { detail: LATE.to_owned(), ..fault.under(&pointer(&name)) },
                _ => fault.under(&pointer(&name)),
            })?;
            if name == CAPTURE[0] && !held {
                lexer.hold(piece);
                held = true;
            } else {
                add(&mut head, &name, &piece)?;
            }
        }
        lexer.end()?;
        if held {
            lexer.replay();
            let mut events = Events::of(lexer, head)?;
            events.find(0)?;
            return Ok(events);
        }
        let kind = head.get("type").and_then(Json::as_str).and_then(Kind::of);
        let mut events = Events::of(lexer, head)?;
        if kind.is_some() {
            events.state = State::Bare(Json::Object(std::mem::take(&mut events.head)));
        }
        Ok(events)
    }

    fn of(lexer: Lexer<R>, head: Object) -> Result<Self, Fault> {
        let kind = match head.get("type").and_then(Json::as_str) {
            Some("EPCISDocument") => DocumentKind::Capture,
            Some("EPCISQueryDocument") => DocumentKind::Query,
            Some(name) if Kind::of(name).is_some() => DocumentKind::Event,
            _ => {
                let detail = "type should be EPCISDocument, EPCISQueryDocument or one of the five event types";
                return Err(Fault::new("/type", "document-type", detail));
            }
        };
        let way = if kind == DocumentKind::Query { QUERY.as_slice() } else { CAPTURE.as_slice() };
        let list = way.iter().map(|name| pointer(name)).collect();
        let json = head.get("@context").map(Context::read).transpose();
        let context = json.map_err(|fault| fault.under("/@context"))?.unwrap_or_default();
        Ok(Events { lexer, kind, head, context, list, state: State::Missing })
    }

    /// Goes down to the list; `outside` objects are open already.
    fn find(&mut self, outside: usize) -> Result<(), Fault> {
        let way = if self.kind == DocumentKind::Query { QUERY.as_slice() } else { CAPTURE.as_slice() };
        let mut path = pointer(way[0]);
        for (depth, step) in way.iter().enumerate().skip(1) {
            self.lexer.expect(b'{').map_err(|fault| fault.under(&path))?;
            loop {
                match self.lexer.member().map_err(|fault| fault.under(&path))? {
                    Some(name) if name == *step => break,
                    Some(_) => _ = self.lexer.value(HEADER_JSON_BYTES_MAX).map_err(|fault| fault.under(&path))?,
                    None => return self.close(outside + depth - 1),
                }
            }
            path.push_str(&pointer(step));
        }
        self.lexer.expect(b'[').map_err(|fault| fault.under(&path))?;
        self.state = State::List { index: 0, open: outside + way.len() - 1 };
        Ok(())
    }

    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The members of the envelope that were read so far; `null` for a bare event.
    pub fn header(&self) -> Json {
        if self.kind == DocumentKind::Event { Json::Null } else { Json::Object(self.head.clone()) }
    }

    /// The document's context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Reads to the end of so many open objects, the document's being the last, and of the input.
    fn close(&mut self, open: usize) -> Result<(), Fault> {
        for depth in (0..open).rev() {
            while let Some(name) = self.lexer.member()? {
                let piece = self.lexer.value(HEADER_JSON_BYTES_MAX).map_err(|fault| fault.under(&pointer(&name)))?;
                if depth == 0 && !self.lexer.is_replayed() {
                    add(&mut self.head, &name, &piece)?;
                }
            }
        }
        self.lexer.end()
    }

    /// What must be true of the whole envelope.
    fn envelope(&self, mut faults: Vec<Fault>) -> Option<Result<Entry, Vec<Fault>>> {
        let json = Json::Object(self.head.clone());
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
            State::List { index, open } => {
                let path = format!("{}/{index}", self.list);
                if !self.lexer.item().map_err(|fault| fault.under(&self.list))? {
                    self.close(open)?;
                    let empty = index == 0 && self.kind == DocumentKind::Capture;
                    let fault = empty.then(|| Fault::new(&self.list, "empty", "there should be at least one event"));
                    return Ok(self.envelope(fault.into_iter().collect()));
                }
                let piece = self.lexer.value(EVENT_JSON_BYTES_MAX).map_err(|fault| fault.under(&path))?;
                self.state = State::List { index: index + 1, open };
                let read = || {
                    let json = Json::parse(&piece).map_err(Fault::from)?;
                    let context = Context::of_event(&json)?.within(&self.context);
                    Ok(Entry { path: path.clone(), json, context })
                };
                Ok(Some(read().map_err(|fault: Fault| vec![fault.under(&path)])))
            }
        }
    }
}

fn add(head: &mut Object, name: &str, piece: &[u8]) -> Result<(), Fault> {
    let path = pointer(name);
    let value = Json::parse(piece).map_err(|fault| Fault::from(fault).under(&path))?;
    match head.insert(name, value) {
        None => Ok(()),
        Some(_) => Err(Fault::new(path, "duplicate-member", format!("{name:?} stands more than once"))),
    }
}

impl<R: BufRead> Iterator for Events<R> {
    /// An event, or what is wrong with it; last of all, what is wrong with the envelope. After a fault of the JSON
    /// around the events nothing follows.
    type Item = Result<Entry, Vec<Fault>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().unwrap_or_else(|fault| {
            self.state = State::Done;
            Some(Err(vec![fault]))
        })
    }
}
