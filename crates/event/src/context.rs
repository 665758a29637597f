//! JSON-LD contexts without a network: what a prefix stands for, and the context an event's bytes must carry.
//!
//! Known are the GS1 context ([`STANDARD`]) and inline objects. Another URL is carried as it is; what it defines is
//! not known here, so bare member names are let through where one is in force.

use crate::fault::Fault;
use crate::json::{Json, Object, pointer};
use std::sync::Arc;

/// The standard context. An event in exactly this one carries no `@context` in its sealed bytes.
pub const STANDARD: &str = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld";
/// Where the versions of the standard context live, e.g. `…/epcis/2.0.0/epcis-context.jsonld`.
const STANDARD_FOLDER: &str = "https://ref.gs1.org/standards/epcis/";
/// What `medtrace:` stands for in events: `sameAs`, `labels`, `operator`, `device`, `requestID`.
pub const NAMESPACE: &str = "urn:medtrace:ns:";
/// The prefix under which this project writes [`NAMESPACE`].
pub const PREFIX: &str = "medtrace";

/// Prefixes of the standard context (and `cbvmda`, which EPCIS documents use without defining it).
const STANDARD_PREFIXES: [(&str, &str); 8] = [
    ("epcis", "https://ref.gs1.org/epcis/"),
    ("cbv", "https://ref.gs1.org/cbv/"),
    ("cbvmda", "urn:epcglobal:cbv:mda:"),
    ("gs1", "https://gs1.org/voc/"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ("dcterms", "http://purl.org/dc/terms/"),
];

/// Largest context that events are taken in, in bytes of its JSON: each event is sealed with all of it.
pub const CONTEXT_BYTES_MAX: usize = 16 * 1024;
/// Most terms and prefixes of such a context: each name of each event is looked up among them.
pub const CONTEXT_TERMS_MAX: usize = 500;

/// The context in force for an event. Events of a document share it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// The entries in order; empty for exactly the standard one.
    entries: Arc<Vec<Json>>,
    /// Their bytes as JSON.
    bytes: usize,
    /// Inline terms and prefixes in order; the last of a name counts.
    terms: Arc<Vec<(String, String)>>,
    /// Whether bare names may be defined where we do not look: another URL, or `@vocab`.
    open: bool,
}

impl Context {
    /// Exactly the standard context.
    pub fn standard() -> Context {
        Context::default()
    }

    /// The standard context and `medtrace:`.
    pub fn medtrace() -> Context {
        let entry: Object = [(PREFIX, NAMESPACE)].into_iter().collect();
        let entries = vec![STANDARD.into(), entry.into()];
        Context {
            bytes: entries.iter().map(bytes_of).sum(),
            entries: entries.into(),
            terms: vec![(PREFIX.into(), NAMESPACE.into())].into(),
            open: false,
        }
    }

    /// The effective context of an event that stands alone: its `@context`, or the standard one.
    ///
    /// # Errors
    /// As [`Context::read`].
    pub fn of_event(event: &Json) -> Result<Context, Fault> {
        let context = event.get("@context").map(Context::read).transpose().map_err(|fault| fault.under("/@context"))?;
        Ok(context.unwrap_or_default())
    }

    /// Reads the value of an `@context` member: a URL, an object, or a list of these.
    ///
    /// # Errors
    /// `context`: another shape, or a term that would give a member of EPCIS another meaning.
    pub fn read(json: &Json) -> Result<Context, Fault> {
        let mut context = Context::default();
        match json {
            Json::Array(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    context.push(entry).map_err(|fault| fault.under(&format!("/{at}")))?;
                }
            }
            entry => context.push(entry)?,
        }
        if *context.entries == [Json::from(STANDARD)] {
            context = Context::default();
        }
        Ok(context)
    }

    /// This context, for events to be taken in.
    ///
    /// # Errors
    /// `context-too-large`: more than [`CONTEXT_BYTES_MAX`] or [`CONTEXT_TERMS_MAX`].
    pub fn limited(self) -> Result<Context, Fault> {
        if self.bytes <= CONTEXT_BYTES_MAX && self.terms.len() <= CONTEXT_TERMS_MAX {
            return Ok(self);
        }
        let detail = format!(
            "the context has {} bytes and {} terms; an event has at most {CONTEXT_BYTES_MAX} and {CONTEXT_TERMS_MAX} in force",
            self.bytes,
            self.terms.len()
        );
        Err(Fault::limit("/@context", "context-too-large", detail))
    }

    fn push(&mut self, entry: &Json) -> Result<(), Fault> {
        match entry {
            Json::String(url) => self.open |= !(url.starts_with(STANDARD_FOLDER) && url.ends_with("context.jsonld")),
            Json::Object(object) => {
                for (term, value) in object.iter() {
                    self.define(term, value).map_err(|fault| fault.under(&pointer(term)))?;
                }
            }
            other => {
                return Err(Fault::new("", "context", format!("{} should be a URL or an object", other.what())));
            }
        }
        self.bytes += bytes_of(entry);
        Arc::make_mut(&mut self.entries).push(entry.clone());
        Ok(())
    }

    fn define(&mut self, term: &str, value: &Json) -> Result<(), Fault> {
        if !may_define(term) {
            return Err(Fault::new("", "context", format!("{term:?} has a meaning in EPCIS and cannot be redefined")));
        }
        let iri = match value {
            Json::Object(object) => object.get("@id").and_then(Json::as_str),
            value => value.as_str(),
        };
        if iri.is_some_and(|iri| is_epcis(iri) || iri.strip_prefix("epcis:").is_some_and(|local| !local.is_empty())) {
            return Err(Fault::new("", "context", format!("{term:?} would be another name for a member of EPCIS")));
        }
        if term == "@vocab" {
            self.open |= iri.is_some();
        } else if let Some(iri) = iri {
            Arc::make_mut(&mut self.terms).push((term.to_owned(), iri.to_owned()));
        }
        Ok(())
    }

    /// The context of an event with this `@context` of its own inside a document with the context `outer`.
    pub fn within(self, outer: &Context) -> Context {
        if self.entries.is_empty() || self == *outer {
            return outer.clone();
        }
        if outer.entries.is_empty() && self.entries.first() == Some(&Json::from(STANDARD)) {
            return self;
        }
        let standard = [STANDARD.into()];
        let outer_entries = if outer.entries.is_empty() { &standard } else { outer.entries.as_slice() };
        let entries = [outer_entries, &self.entries].concat();
        Context {
            bytes: entries.iter().map(bytes_of).sum(),
            entries: entries.into(),
            terms: [outer.terms.as_slice(), &self.terms].concat().into(),
            open: outer.open || self.open,
        }
    }

    /// This context and `medtrace:`, unless it is in force already.
    pub fn with_medtrace(self) -> Context {
        if self.lookup(PREFIX) == Some(NAMESPACE) { self } else { Context::medtrace().pop_standard().within(&self) }
    }

    fn pop_standard(mut self) -> Context {
        Arc::make_mut(&mut self.entries).retain(|entry| entry.as_str() != Some(STANDARD));
        self
    }

    /// The value of `@context` in an event's bytes; `None` for exactly the standard context.
    pub fn to_json(&self) -> Option<Json> {
        (!self.entries.is_empty()).then(|| Json::Array(self.entries.to_vec()))
    }

    /// What a prefix or term stands for.
    pub fn lookup(&self, prefix: &str) -> Option<&str> {
        let inline = self.terms.iter().rev().find(|(term, _)| term == prefix).map(|(_, iri)| iri.as_str());
        inline.or_else(|| standard_prefix(prefix))
    }

    /// The full IRI of `prefix:local` or of an inline term; `None` where nothing defines it (an absolute URI, a bare word).
    pub fn expand(&self, word: &str) -> Option<String> {
        match word.split_once(':') {
            Some((_, local)) if local.starts_with("//") => None,
            Some((prefix, local)) => self.lookup(prefix).map(|iri| format!("{iri}{local}")),
            None => self.terms.iter().rev().find(|(term, _)| term == word).map(|(_, iri)| iri.clone()),
        }
    }

    /// As [`Context::expand`], by inline terms only: identifiers are full URIs but for the sender's own prefixes.
    pub(crate) fn expand_inline(&self, text: &str) -> Option<String> {
        if self.terms.is_empty() { None } else { self.expand(text) }
    }

    /// The local name of instance/lot master data of the CBV, in whatever spelling (`cbvmda:lotNumber`, full URIs).
    pub(crate) fn master_data_name<'a>(&self, name: &'a str) -> Option<&'a str> {
        // The second is how documents of the fisheries' profile (GDST) spell it.
        const BASES: [&str; 2] = ["urn:epcglobal:cbv:mda", "urn:epcglobal:cbvmda:mda"];
        if let Some((prefix, local)) = name.split_once(':')
            && let Some(iri) = self.lookup(prefix)
        {
            return BASES.iter().any(|base| iri.starts_with(base)).then_some(local);
        }
        let local = BASES.iter().find_map(|base| name.strip_prefix(base))?;
        Some(local.trim_start_matches([':', '#', '/']))
    }

    /// Whether a name is EPCIS's own in a long spelling (`epcis:action`), which would say a second time what the short
    /// one says.
    pub(crate) fn is_epcis(&self, name: &str) -> bool {
        name.starts_with('@') || is_epcis(self.expand(name).as_deref().unwrap_or(name))
    }

    /// Whether a name that EPCIS does not know may stand here: it has a namespace, or the context may define it.
    pub fn allows(&self, name: &str) -> bool {
        self.open || name.contains(':') || self.terms.iter().any(|(term, _)| term == name)
    }

    /// The local name of `name` if it belongs to our own namespace, whatever its prefix.
    pub fn medtrace_name<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (prefix, local) = name.split_once(':')?;
        if self.lookup(prefix) == Some(NAMESPACE) { Some(local) } else { name.strip_prefix(NAMESPACE) }
    }
}

fn bytes_of(entry: &Json) -> usize {
    entry.to_jcs().len()
}

/// Whether a context may give this term a meaning. A prefix `urn` would change what every identifier means.
pub(crate) fn may_define(term: &str) -> bool {
    !crate::event::is_member(term) && !["urn", "http", "https", "ni"].contains(&term)
}

/// What a prefix of the standard context stands for.
pub(crate) fn standard_prefix(prefix: &str) -> Option<&'static str> {
    STANDARD_PREFIXES.iter().find(|(known, _)| *known == prefix).map(|(_, iri)| *iri)
}

/// The prefix that the standard context has for a namespace of XML, which may lack the last colon.
pub(crate) fn prefix_of_standard(space: &str) -> Option<&'static str> {
    let same = |iri: &str| iri == space || iri.strip_suffix(':') == Some(space);
    STANDARD_PREFIXES.iter().find(|(_, iri)| same(iri)).map(|(prefix, _)| *prefix)
}

/// A full IRI of EPCIS's own vocabulary (not the vocabulary's address itself).
fn is_epcis(iri: &str) -> bool {
    ["https://ref.gs1.org/epcis/", "https://ns.gs1.org/epcis/", "urn:epcglobal:epcis:"]
        .iter()
        .any(|base| iri.strip_prefix(base).is_some_and(|local| !local.is_empty()))
}
