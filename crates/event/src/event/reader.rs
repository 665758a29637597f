//! Reading members of a JSON object with all faults kept and each with its path.

use super::Word;
use crate::context::Context;
use crate::fault::Fault;
use crate::json::{Json, Object, pointer};
use crate::time;
use crate::vocab::Vocabulary;
use medtrace_gs1::Thing;
use std::fmt;

/// Most faults, and most warnings, that are told of one event.
const FAULTS_MAX: usize = 100;

/// A place in the value being read; written out as a pointer only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Root,
    Name(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => Ok(()),
            At::Name(up, name) => write!(f, "{up}{}", pointer(name)),
            At::Index(up, index) => write!(f, "{up}/{index}"),
        }
    }
}

/// What is known while an event is read.
pub(super) struct Reader {
    pub context: Context,
    pub faults: Vec<Fault>,
    pub warnings: Vec<Fault>,
}

impl Reader {
    pub fn fault(&mut self, at: At<'_>, code: &'static str, detail: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault::new(at.to_string(), code, detail));
        }
    }

    pub fn warn(&mut self, at: At<'_>, code: &'static str, detail: impl Into<String>) {
        if self.warnings.len() < FAULTS_MAX {
            self.warnings.push(Fault::new(at.to_string(), code, detail));
        }
    }

    /// A value of another JSON type than the standard's.
    pub fn wrong(&mut self, at: At<'_>, value: &Json, wanted: &str) {
        self.fault(at, "type", format!("{} should be {wanted}", value.what()));
    }

    pub fn missing(&mut self, at: At<'_>, what: &str) {
        self.fault(at, "missing", format!("{what} is missing"));
    }

    /// Text that is not empty.
    pub fn text<'j>(&mut self, object: &'j Object, up: At<'_>, name: &str) -> Option<&'j str> {
        let value = object.get(name)?;
        let at = At::Name(&up, name);
        match value.as_str() {
            Some("") => self.fault(at, "empty", format!("{name} should not be empty")),
            Some(text) => return Some(text),
            None => self.wrong(at, value, "a string"),
        }
        None
    }

    /// Text that is an absolute URI.
    pub fn uri<'j>(&mut self, object: &'j Object, up: At<'_>, name: &str) -> Option<&'j str> {
        let text = self.text(object, up, name)?;
        self.is_uri(At::Name(&up, name), text).then_some(text)
    }

    pub fn is_uri(&mut self, at: At<'_>, text: &str) -> bool {
        let fine = is_uri(text);
        if !fine {
            self.fault(at, "uri", format!("{text:?} should be an absolute URI"));
        }
        fine
    }

    /// An instant in µs UTC.
    pub fn instant(&mut self, object: &Object, up: At<'_>, name: &str) -> Option<i64> {
        let text = self.text(object, up, name)?;
        let instant = time::instant(text);
        if instant.is_none() {
            let detail = format!("{text:?} should be a time with its zone, like 2026-03-01T08:15:00+08:00");
            self.fault(At::Name(&up, name), "time", detail);
        }
        instant
    }

    pub fn number(&mut self, object: &Object, up: At<'_>, name: &str) -> Option<f64> {
        let value = object.get(name)?;
        let number = value.as_f64();
        if number.is_none() {
            self.wrong(At::Name(&up, name), value, "a number");
        }
        number
    }

    pub fn array<'j>(&mut self, object: &'j Object, up: At<'_>, name: &str) -> &'j [Json] {
        match object.get(name) {
            None => &[],
            Some(Json::Array(items)) => items,
            Some(other) => {
                self.wrong(At::Name(&up, name), other, "an array");
                &[]
            }
        }
    }

    pub fn object<'j>(&mut self, value: &'j Json, at: At<'_>) -> Option<&'j Object> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong(at, value, "an object");
        }
        object
    }

    /// A vocabulary value as canonical word.
    pub fn word(&mut self, object: &Object, up: At<'_>, name: &str, vocabulary: Vocabulary) -> Option<Word> {
        let text = self.text(object, up, name)?;
        self.canonical(At::Name(&up, name), text, vocabulary)
    }

    pub fn canonical(&mut self, at: At<'_>, text: &str, vocabulary: Vocabulary) -> Option<Word> {
        let word = vocabulary.canonical(text, &self.context);
        if word.is_none() {
            self.fault(at, "vocabulary", format!("{text:?} is no word of the CBV; own values should be URIs"));
        }
        word
    }

    /// An identifier in any spelling.
    pub fn thing(&mut self, at: At<'_>, text: &str) -> Option<Thing> {
        let full = self.context.expand_inline(text);
        match Thing::from_uri(full.as_deref().unwrap_or(text)) {
            Ok(thing) => Some(thing),
            Err(error) => {
                self.fault(at, error.code, error.detail);
                None
            }
        }
    }

    /// Refuses members other than `known`, unless they have a namespace.
    pub fn only(&mut self, object: &Object, at: At<'_>, known: &[&str]) {
        for (name, _) in object.iter() {
            if !known.contains(&name) && !self.context.allows(name) {
                self.unknown(At::Name(&at, name), name);
            }
        }
    }

    pub fn unknown(&mut self, at: At<'_>, name: &str) {
        self.fault(at, "unknown-member", format!("{name:?} is no member of EPCIS; extensions need a prefix"));
    }
}

/// `scheme:rest` without characters that RFC 3986 forbids; RFC 3987 letters are let through.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && !rest.contains(forbidden)
}
