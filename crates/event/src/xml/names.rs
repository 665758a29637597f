//! Namespaces of XML as prefixes of a JSON-LD context.

use super::tree::{Element, Name};
use crate::context::{self, Context};
use crate::json::{Json, Object};
use std::sync::Arc;

/// Prefixes of XML itself and of envelopes, which mean nothing in an event.
const TECHNICAL: [&str; 3] = [super::EPCIS, "http://www.w3.org/", "http://www.unece.org/cefact/namespaces/"];

/// Its content is read name by name, so it needs no prefixes.
const ENVELOPE: &str = "StandardBusinessDocumentHeader";

/// The prefixes that a JSON event uses for the namespaces of its XML.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes {
    inline: Vec<(String, Arc<str>)>,
}

impl Prefixes {
    /// Takes up what an element and all inside it declare and use; no more than that the context shows to be too large.
    pub fn gather(&mut self, element: &Element) {
        if element.name.local() == ENVELOPE || self.inline.len() > context::CONTEXT_TERMS_MAX {
            return;
        }
        self.declare(element);
        for (name, _) in &element.attributes {
            self.need(name);
        }
        self.need(&element.name);
        element.children.iter().for_each(|child| self.gather(child));
    }

    /// Takes up what one start tag declares.
    pub fn declare(&mut self, element: &Element) {
        for (prefix, space) in &element.declared {
            let technical = space.is_empty() || TECHNICAL.iter().any(|base| space.starts_with(base));
            if !technical && self.of_space(space).is_none() && self.is_free(prefix) {
                self.inline.push((prefix.clone(), space.clone()));
            }
        }
    }

    /// Makes sure that a name can be written.
    fn need(&mut self, name: &Name) {
        if name.is_own() || self.of_space(&name.space).is_some() {
            return;
        }
        let prefix = (1..).map(|number| format!("ns{number}")).find(|prefix| self.is_free(prefix));
        self.inline.extend(prefix.map(|prefix| (prefix, name.space.clone())));
    }

    fn is_free(&self, prefix: &str) -> bool {
        !prefix.is_empty()
            && context::may_define(prefix)
            && context::standard_prefix(prefix).is_none()
            && !self.inline.iter().any(|(known, _)| known == prefix)
    }

    fn of_space(&self, space: &str) -> Option<&str> {
        let inline = self.inline.iter().find(|(_, known)| **known == *space).map(|(prefix, _)| prefix.as_str());
        inline.or_else(|| context::prefix_of_standard(space))
    }

    /// The name of a JSON member: bare for EPCIS's own, else with a prefix.
    pub fn member(&self, name: &Name) -> String {
        if name.is_own() {
            return name.local().to_owned();
        }
        let prefix = self.of_space(&name.space).unwrap_or("");
        format!("{prefix}:{}", name.local())
    }

    /// The context that says what these prefixes stand for, but for those of `outer`; to be put within another.
    pub fn context(&self, outer: &Prefixes) -> Context {
        let new = &self.inline[outer.inline.len().min(self.inline.len())..];
        if new.is_empty() {
            return Context::standard();
        }
        let terms: Object = new.iter().map(|(prefix, space)| (prefix.clone(), space.to_string())).collect();
        // Every prefix was checked before it was taken.
        Context::read(&Json::Object(terms)).unwrap_or_default()
    }

    /// The full address of `prefix:local` where the prefix is one of these or of the standard.
    pub fn expand(&self, text: &str) -> Option<String> {
        let (prefix, local) = text.split_once(':')?;
        let inline = self.inline.iter().find(|(known, _)| known == prefix).map(|(_, space)| space.as_ref());
        let space = inline.or_else(|| context::standard_prefix(prefix))?;
        Some(format!("{space}{local}"))
    }
}
