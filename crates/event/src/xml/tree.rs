//! Small trees of elements out of a stream, with every limit checked before memory is taken.

use super::limit::Limited;
use super::{DEPTH_MAX, INSTANCE, SCHEMA, TOKEN_BYTES_MAX};
use crate::fault::Fault;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use std::io::BufRead;
use std::sync::Arc;

/// What `xml:` stands for.
pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Most declarations of namespaces in force; each name is looked up among them.
const SPACES_MAX: usize = 1_000;

/// The name of an element or attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The namespace; empty for none.
    pub space: Arc<str>,
    /// As written, with its prefix.
    pub written: String,
}

impl Name {
    pub fn local(&self) -> &str {
        self.written.split_once(':').map_or(&self.written, |(_, local)| local)
    }

    /// Whether the name is EPCIS's own: in no namespace, or in one of EPCIS.
    pub fn is_own(&self) -> bool {
        self.space.is_empty() || self.space.starts_with(super::EPCIS)
    }

    /// The local name if it is EPCIS's own.
    pub fn own(&self) -> Option<&str> {
        self.is_own().then(|| self.local())
    }
}

/// What an `xsi:type` says that a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Boolean,
    Number,
}

#[derive(Clone, Debug)]
pub(super) struct Element {
    pub name: Name,
    /// Its `xsi:type`, where that is one of XML Schema's own that JSON has, too.
    pub scalar: Option<Scalar>,
    /// Without `xmlns`, `xsi:…` and `xml:…`.
    pub attributes: Vec<(Name, String)>,
    /// Prefixes declared here.
    pub declared: Vec<(String, Arc<str>)>,
    pub children: Vec<Element>,
    /// All its text, joined.
    pub text: String,
}

impl Element {
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name.own() == Some(local)).map(|(_, value)| value.trim())
    }

    /// The first child of EPCIS's own with that name.
    pub fn child(&self, local: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name.own() == Some(local))
    }

    pub fn text(&self) -> &str {
        self.text.trim()
    }
}

pub(super) enum Token {
    Start(Element),
    End,
    Text(String),
    Eof,
}

/// The tokens of a document. Its faults have the path of the elements that are open.
pub(super) struct Parser<R> {
    reader: Reader<Limited<R>>,
    buffer: Vec<u8>,
    /// Prefixes in force, and the depth at which each was declared.
    spaces: Vec<(usize, String, Arc<str>)>,
    open: Vec<String>,
    none: Arc<str>,
}

impl<R: BufRead> Parser<R> {
    pub fn new(input: R) -> Self {
        let mut reader = Reader::from_reader(Limited { input, left: 0 });
        reader.config_mut().expand_empty_elements = true;
        Parser {
            reader,
            buffer: Vec::new(),
            spaces: vec![(0, "xml".to_owned(), XML.into())],
            open: Vec::new(),
            none: "".into(),
        }
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.reader.buffer_position()
    }

    /// The path of the elements that are open.
    pub fn path(&self) -> String {
        self.open.iter().fold(String::new(), |path, name| path + "/" + name)
    }

    /// Gives the innermost open element a number among its siblings, for paths.
    pub fn number(&mut self, number: usize) {
        if let Some(name) = self.open.last_mut() {
            *name = format!("{name}[{number}]");
        }
    }

    fn fault(&self, code: &'static str, detail: impl Into<String>) -> Fault {
        Fault::new(self.path(), code, detail)
    }

    pub fn next(&mut self) -> Result<Token, Fault> {
        loop {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            self.reader.get_mut().left = TOKEN_BYTES_MAX;
            let event = self.reader.read_event_into(&mut buffer).map(Event::into_owned);
            self.buffer = buffer;
            let event = event.map_err(|error| self.explain(&error))?;
            match event {
                Event::Start(start) | Event::Empty(start) => return self.start(&start).map(Token::Start),
                Event::End(_) => {
                    let depth = self.open.len();
                    self.spaces.retain(|(declared, ..)| *declared < depth);
                    self.open.pop();
                    return Ok(Token::End);
                }
                Event::Text(text) => return Ok(Token::Text(unix_lines(&text))),
                Event::CData(text) => return Ok(Token::Text(unix_lines(&text))),
                Event::GeneralRef(name) => {
                    let reference = format!("&{};", &*name);
                    let text = unescape(&reference);
                    let text =
                        text.map_err(|_| self.fault("entity", format!("{reference} is no entity of XML itself")))?;
                    return Ok(Token::Text(text.into_owned()));
                }
                Event::DocType(_) => return Err(self.fault("dtd", "a document type declaration is not taken")),
                Event::Decl(declaration) => {
                    let encoding = declaration.encoding().and_then(Result::ok);
                    if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                        return Err(self.fault("encoding", "the encoding should be UTF-8"));
                    }
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if self.open.is_empty() => return Ok(Token::Eof),
                Event::Eof => return Err(self.fault("syntax", "the document ends within an element")),
            }
        }
    }

    fn explain(&mut self, error: &quick_xml::Error) -> Fault {
        let detail = format!("{error} near byte {}", self.position());
        match error {
            quick_xml::Error::Io(_) if self.reader.get_mut().left == 0 => {
                Fault::limit(self.path(), "too-large", detail)
            }
            quick_xml::Error::Io(_) => self.fault("io", detail),
            _ => self.fault("syntax", detail),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Element, Fault> {
        let written = start.name().as_ref().to_owned();
        self.open.push(written.clone());
        let depth = self.open.len();
        if depth > DEPTH_MAX {
            return Err(self.fault("depth", format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let mut declared: Vec<(String, Arc<str>)> = Vec::new();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| self.fault("syntax", error.to_string()))?;
            let name = attribute.key.as_ref().to_owned();
            let value = unescape(&attribute.value).map_err(|error| self.fault("entity", error.to_string()))?;
            match name.strip_prefix("xmlns") {
                Some("") => declared.push((String::new(), value.as_ref().into())),
                Some(prefix) if prefix.starts_with(':') => {
                    declared.push((prefix[1..].to_owned(), value.as_ref().into()))
                }
                _ => attributes.push((name, value.into_owned())),
            }
        }
        let here = declared.iter().map(|(prefix, space)| (depth, prefix.clone(), space.clone()));
        self.spaces.extend(here);
        if self.spaces.len() > SPACES_MAX {
            return Err(Fault::limit(
                self.path(),
                "context-too-large",
                format!("more than {SPACES_MAX} namespaces in force"),
            ));
        }
        let name = self.name(written, true)?;
        let mut named = Vec::with_capacity(attributes.len());
        let mut scalar = None;
        for (written, value) in attributes {
            let name = self.name(written, false)?;
            if *name.space == *INSTANCE && name.local() == "type" {
                scalar = self.scalar(value.trim());
            }
            if *name.space != *XML && !name.space.starts_with(SCHEMA) {
                named.push((name, value));
            }
        }
        Ok(Element { name, scalar, attributes: named, declared, children: Vec::new(), text: String::new() })
    }

    /// The scalar that a type's name in the value of an `xsi:type` stands for.
    fn scalar(&self, written: &str) -> Option<Scalar> {
        let name = self.name(written.to_owned(), true).ok().filter(|name| *name.space == *SCHEMA)?;
        match name.local() {
            "boolean" => Some(Scalar::Boolean),
            "decimal" | "double" | "float" | "int" | "integer" | "long" => Some(Scalar::Number),
            _ => None,
        }
    }

    /// Finds the namespace of a name; an attribute without a prefix has none.
    fn name(&self, written: String, element: bool) -> Result<Name, Fault> {
        let prefix = written.split_once(':').map_or("", |(prefix, _)| prefix);
        if prefix.is_empty() && !element {
            return Ok(Name { space: self.none.clone(), written });
        }
        let space = self.spaces.iter().rev().find(|(_, known, _)| known == prefix).map(|(.., space)| space);
        match space {
            Some(space) => Ok(Name { space: space.clone(), written }),
            None if prefix.is_empty() => Ok(Name { space: self.none.clone(), written }),
            None => Err(self.fault("namespace", format!("the prefix {prefix:?} is not declared"))),
        }
    }

    /// Reads an element to its end; `bytes_max` of XML from where it began are taken.
    pub fn element(&mut self, mut element: Element, bytes_max: u64) -> Result<Element, Fault> {
        let end = self.position().saturating_add(bytes_max);
        let depth = self.open.len();
        self.fill(&mut element, end, depth)?;
        Ok(element)
    }

    fn fill(&mut self, element: &mut Element, end: u64, depth: usize) -> Result<(), Fault> {
        loop {
            if self.position() > end {
                self.open.truncate(depth);
                return Err(Fault::limit(self.path(), "too-large", "the element is larger than is taken; split it"));
            }
            match self.next()? {
                Token::Start(mut child) => {
                    self.fill(&mut child, end, depth)?;
                    element.children.push(child);
                }
                Token::Text(text) => element.text.push_str(&text),
                Token::End | Token::Eof => return Ok(()),
            }
        }
    }
}

/// XML has one line end.
fn unix_lines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}
