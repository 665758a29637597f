//! A document as a stream of events.

use super::event::{Maker, is_wrapper};
use super::names::Prefixes;
use super::tree::{Element, Parser, Token};
use super::{EVENT_XML_BYTES_MAX, HEADER_XML_BYTES_MAX, header, locate};
use crate::context::{Context, STANDARD};
use crate::document::{DocumentKind, Entry};
use crate::event::Kind;
use crate::fault::Fault;
use crate::json::{Json, Object};
use std::collections::HashMap;
use std::io::BufRead;

/// EPCIS 1.1 took its place away (§ 7.4.4 there) and says of no action that it would have had.
const QUANTITY_EVENT: &str = "a QuantityEvent has no action, which every event with quantities has since EPCIS 1.1; it should be an \
                              ObjectEvent with a quantityList";

/// One event of an XML document.
#[derive(Clone, Debug)]
pub struct XmlEvent {
    /// The event as JSON; its path is an XPath.
    pub entry: Entry,
    element: Element,
    names: Prefixes,
}

impl XmlEvent {
    /// The fault of the JSON event with the XPath of what it speaks of in place of a pointer.
    pub fn located(&self, fault: Fault) -> Fault {
        Fault { path: locate::path(&self.element, &self.names, &self.entry.path, &fault.path), ..fault }
    }
}

/// The events of a document, read one at a time.
pub struct Events<R> {
    parser: Parser<R>,
    kind: DocumentKind,
    version: Option<String>,
    header: Json,
    context: Context,
    names: Prefixes,
    /// A document that is one event.
    bare: Option<Element>,
    /// Open wrappers of 1.x around an event.
    wrappers: usize,
    /// How many of each name the event list has had.
    counts: HashMap<String, usize>,
    done: bool,
}

impl<R: BufRead> Events<R> {
    /// Reads up to the first event.
    ///
    /// # Errors
    /// The first fault of the envelope.
    pub fn open(input: R) -> Result<Self, Fault> {
        Events::open_within(input, HEADER_XML_BYTES_MAX)
    }

    /// The same with a header of at most so many bytes of XML.
    ///
    /// # Errors
    /// The first fault of the envelope.
    pub fn open_within(input: R, header_bytes_max: u64) -> Result<Self, Fault> {
        let mut parser = Parser::new(input);
        let root = loop {
            match parser.next()? {
                Token::Start(root) => break root,
                Token::Text(text) if text.trim_start_matches('\u{feff}').trim().is_empty() => {}
                _ => return Err(Fault::new("", "syntax", "an XML document should begin with an element")),
            }
        };
        let mut names = Prefixes::default();
        names.declare(&root);
        let kind = match root.name.own() {
            Some("EPCISDocument") => DocumentKind::Capture,
            Some("EPCISQueryDocument") => DocumentKind::Query,
            Some(name) if Kind::of(name).is_some() => DocumentKind::Event,
            _ => {
                let detail = "the element should be EPCISDocument, EPCISQueryDocument or one of the five event types";
                return Err(Fault::new(parser.path(), "document-type", detail));
            }
        };
        let mut events = Events {
            kind,
            version: None,
            header: Json::Null,
            context: Context::standard(),
            bare: None,
            wrappers: 0,
            counts: HashMap::new(),
            done: false,
            names,
            parser,
        };
        if kind == DocumentKind::Event {
            events.names = Prefixes::default();
            events.bare = Some(events.parser.element(root, EVENT_XML_BYTES_MAX)?);
        } else {
            events.envelope(&root, header_bytes_max)?;
        }
        Ok(events)
    }

    fn envelope(&mut self, root: &Element, header_bytes_max: u64) -> Result<(), Fault> {
        self.version = Some(header::version(root).map_err(|fault| fault.under(&self.parser.path()))?);
        let mut head = header::document(root, self.kind).map_err(|fault| fault.under(&self.parser.path()))?;
        let mut results = Object::new();
        loop {
            match self.parser.next()? {
                Token::Start(element) => match element.name.own() {
                    Some("EventList") => {
                        self.names.declare(&element);
                        break;
                    }
                    Some("EPCISBody" | "QueryResults" | "resultsBody") => self.names.declare(&element),
                    Some("EPCISHeader") => {
                        let element = self.parser.element(element, header_bytes_max)?;
                        let mut names = self.names.clone();
                        names.gather(&element);
                        self.names = names;
                        header::read(&element, &self.names, &mut head);
                    }
                    Some(name @ ("queryName" | "subscriptionID")) if self.kind == DocumentKind::Query => {
                        let name = name.to_owned();
                        let text = self.parser.element(element, EVENT_XML_BYTES_MAX)?;
                        results.insert(name, text.text());
                    }
                    _ => _ = self.parser.element(element, EVENT_XML_BYTES_MAX)?,
                },
                Token::Text(_) => {}
                Token::End | Token::Eof => {
                    return Err(Fault::new(self.parser.path(), "missing", "the list of events is missing"));
                }
            }
        }
        let context = self.names.context(&Prefixes::default()).within(&Context::standard());
        self.context = context.limited().map_err(|fault| Fault { path: self.parser.path(), ..fault })?;
        head.insert("@context", self.context.to_json().unwrap_or_else(|| Json::from(STANDARD)));
        if !results.is_empty() {
            let body: Object = [("queryResults", results)].into_iter().collect();
            head.insert("epcisBody", body);
        }
        self.header = Json::Object(head);
        Ok(())
    }

    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// `schemaVersion` as sent, e.g. `1.2`.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Everything but the events as the JSON document would have it, version 2.0; `null` for a bare event.
    pub fn header(&self) -> &Json {
        &self.header
    }

    /// Whether nothing follows.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The document's context.
    pub fn context(&self) -> &Context {
        &self.context
    }

    fn read(&mut self) -> Result<Option<Result<XmlEvent, Vec<Fault>>>, Fault> {
        if self.kind == DocumentKind::Event {
            let path = self.bare.as_ref().map(|element| format!("/{}", element.name.written));
            let event = self.bare.take().zip(path).map(|(element, path)| self.event(element, path));
            if event.is_none() {
                self.rest()?;
            }
            return Ok(event);
        }
        loop {
            match self.parser.next()? {
                Token::Start(element) => {
                    if self.wrappers == 0 {
                        let count = self.counts.entry(element.name.written.clone()).or_default();
                        *count += 1;
                        self.parser.number(*count);
                    }
                    if is_wrapper(&element) {
                        self.wrappers += 1;
                        continue;
                    }
                    let path = self.parser.path();
                    let element = self.parser.element(element, EVENT_XML_BYTES_MAX)?;
                    if element.name.own().and_then(Kind::of).is_none() {
                        let detail = match element.name.own() {
                            Some("QuantityEvent") => QUANTITY_EVENT.to_owned(),
                            _ => format!("{} is none of the five EPCIS event types", element.name.written),
                        };
                        return Ok(Some(Err(vec![Fault::new(path, "event-type", detail)])));
                    }
                    return Ok(Some(self.event(element, path)));
                }
                Token::Text(_) => {}
                Token::End if self.wrappers > 0 => self.wrappers -= 1,
                Token::End | Token::Eof => break,
            }
        }
        let path = self.parser.path() + "/EventList";
        self.rest()?;
        if self.counts.is_empty() && self.kind == DocumentKind::Capture {
            return Ok(Some(Err(vec![Fault::new(path, "empty", "there should be at least one event")])));
        }
        Ok(None)
    }

    /// Reads to the end: what follows must be well-formed as well.
    fn rest(&mut self) -> Result<(), Fault> {
        self.done = true;
        while !matches!(self.parser.next()?, Token::Eof) {}
        Ok(())
    }

    fn event(&self, element: Element, path: String) -> Result<XmlEvent, Vec<Fault>> {
        let mut names = self.names.clone();
        names.gather(&element);
        let context = names.context(&self.names).within(&self.context).limited();
        let context = context.map_err(|fault| vec![Fault { path: path.clone(), ..fault }])?;
        let mut maker = Maker { names: &names, context: &context, faults: Vec::new() };
        let json = maker.event(&element);
        let faults = maker.faults;
        let event = XmlEvent { entry: Entry { path, json, context }, element, names };
        if faults.is_empty() { Ok(event) } else { Err(faults.into_iter().map(|fault| event.located(fault)).collect()) }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    /// An event, or all that keeps it from being JSON. After a fault of XML itself nothing follows.
    type Item = Result<XmlEvent, Vec<Fault>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        self.read().unwrap_or_else(|fault| {
            self.done = true;
            Some(Err(vec![fault]))
        })
    }
}
