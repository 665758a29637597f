//! Tags, escaped text, and the namespaces that are used.

use super::scalar::{items, text};
use crate::context::Context;
use crate::fault::Fault;
use crate::json::{self, Json};
use crate::xml::tree::XML;
use crate::xml::{INSTANCE, SCHEMA};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What `xmlns:` stands for.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Growing XML, and the prefixes it needs.
pub(in crate::xml) struct Tags<'a> {
    context: &'a Context,
    out: String,
    /// Prefix and namespace.
    spaces: BTreeMap<String, String>,
}

impl<'a> Tags<'a> {
    pub fn new(context: &'a Context) -> Self {
        Tags { context, out: String::new(), spaces: BTreeMap::new() }
    }

    pub fn context(&self) -> &'a Context {
        self.context
    }

    pub fn text(&self) -> &str {
        &self.out
    }

    /// ` xmlns:…="…"` of every prefix that was used.
    pub fn declarations(&self) -> Result<String, Fault> {
        let one = |(prefix, space): (&String, &String)| Ok(format!(" xmlns:{prefix}=\"{}\"", escaped(space)?));
        self.spaces.iter().map(one).collect()
    }

    pub fn start(&mut self, name: &str, attributes: &[(String, String)]) -> Result<(), Fault> {
        self.out.push('<');
        self.out.push_str(name);
        for (at, (name, value)) in attributes.iter().enumerate() {
            if attributes[..at].iter().any(|(before, _)| before == name) {
                return Err(Fault::new("", "duplicate-member", format!("{name} would stand more than once")));
            }
            self.out.push_str(&format!(" {name}=\"{}\"", escaped(value)?));
        }
        self.out.push('>');
        Ok(())
    }

    pub fn open(&mut self, name: &str) -> Result<(), Fault> {
        self.start(name, &[])
    }

    pub fn close(&mut self, name: &str) -> Result<(), Fault> {
        self.out.extend(["</", name, ">"]);
        Ok(())
    }

    pub fn characters(&mut self, text: &str) -> Result<(), Fault> {
        self.out.push_str(&escaped(text)?);
        Ok(())
    }

    pub fn leaf(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        self.open(name)?;
        self.characters(text)?;
        self.close(name)
    }

    /// An element with one inside for each item.
    pub fn list(
        &mut self,
        name: &str,
        value: &Json,
        mut item: impl FnMut(&mut Self, &Json) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.open(name)?;
        for (index, each) in items(value).iter().enumerate() {
            item(self, each).map_err(|fault| fault.under(&format!("/{index}")))?;
        }
        self.close(name)
    }

    /// A member of another namespace: one element, or as many as a list has items.
    pub fn extension(&mut self, name: &str, value: &Json) -> Result<(), Fault> {
        let tag = self.name(name)?;
        for item in items(value) {
            let Some(object) = item.as_object() else {
                if *item != Json::Null {
                    let kind = self.kind(item);
                    self.start(&tag, kind.as_slice())?;
                    self.characters(&text(item))?;
                    self.close(&tag)?;
                }
                continue;
            };
            let mut attributes = Vec::new();
            for (name, value) in object.iter() {
                if let Some(attribute) = name.strip_prefix('@').filter(|name| *name != "context") {
                    let written = if attribute.contains(':') { self.name(attribute)? } else { xml_name(attribute)? };
                    attributes.push((written, text(value)));
                }
            }
            attributes.extend(object.get("#text").and_then(|text| self.kind(text)));
            self.start(&tag, &attributes)?;
            for (name, value) in object.iter() {
                match name {
                    "#text" => self.characters(&text(value))?,
                    _ if name.starts_with('@') => {}
                    _ => self.extension(name, value).map_err(|fault| fault.under(&json::pointer(name)))?,
                }
            }
            self.close(&tag)?;
        }
        Ok(())
    }

    /// The attribute that says what a scalar is, unless it is text.
    fn kind(&mut self, value: &Json) -> Option<(String, String)> {
        let kind = match value {
            Json::Bool(_) => "boolean",
            Json::Number(number) if number.fract() == 0.0 => "integer",
            Json::Number(_) => "decimal",
            _ => return None,
        };
        let (instance, schema) = (self.declare("xsi", INSTANCE), self.declare("xsd", SCHEMA));
        Some((format!("{instance}:type"), format!("{schema}:{kind}")))
    }

    /// The name of an element or attribute for a JSON member; its prefix is declared.
    pub fn name(&mut self, member: &str) -> Result<String, Fault> {
        let full;
        let (prefix, space, local) = match member.split_once(':') {
            Some((prefix, local)) if self.context.lookup(prefix).is_some() => {
                (prefix, self.context.lookup(prefix).unwrap_or_default(), local)
            }
            _ => {
                let expanded = self.context.expand(member);
                let is_bare = expanded.is_none();
                full = expanded.unwrap_or_else(|| member.to_owned());
                match full.rfind(['#', '/', ':']) {
                    Some(at) => ("", &full[..=at], &full[at + 1..]),
                    None if is_bare => return xml_name(member),
                    None => return Err(Fault::new("", "xml-name", format!("{member:?} has no namespace in {full:?}"))),
                }
            }
        };
        // The namespace of the CBV's master data ends with a colon in JSON-LD only.
        let space = if space == "urn:epcglobal:cbv:mda:" { space.trim_end_matches(':') } else { space };
        let local = xml_name(local)?;
        // Namespaces in XML 1.0 § 2.2 and § 3: a prefix stands for something, and not for what XML itself is made of.
        if space.is_empty() || [XML, XMLNS].contains(&space) {
            return Err(Fault::new("", "xml-name", format!("{member:?} has no namespace that XML can name")));
        }
        let prefix = self.declare(prefix, space);
        Ok(format!("{prefix}:{local}"))
    }

    /// Declares a namespace, unless it is, under that prefix if it can be, else under another. One namespace has one
    /// prefix, so that names are the same exactly if they are written the same.
    pub fn declare(&mut self, prefix: &str, space: &str) -> String {
        if let Some((known, _)) = self.spaces.iter().find(|(_, known)| *known == space) {
            return known.clone();
        }
        let taken = |prefix: &str| self.spaces.contains_key(prefix);
        let reserved = |prefix: &str| prefix.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"));
        let usable = !prefix.is_empty() && xml_name(prefix).is_ok() && !reserved(prefix) && !taken(prefix);
        let prefix = if usable {
            prefix.to_owned()
        } else {
            (1..).map(|number| format!("ns{number}")).find(|prefix| !taken(prefix)).unwrap_or_default()
        };
        self.spaces.insert(prefix.clone(), space.to_owned());
        prefix
    }

    /// A word of a GS1 vocabulary with its usual prefix; other values as they are.
    pub fn curie(&mut self, value: &str, prefix: &str, base: &str, head: &str) -> String {
        if value.contains(':') || value.is_empty() {
            return value.to_owned();
        }
        let space = base.strip_suffix(head).unwrap_or(base);
        if self.declare(prefix, space) == prefix { format!("{prefix}:{head}{value}") } else { format!("{base}{value}") }
    }
}

/// `NameStartChar` of XML 1.0 § 2.3, fifth edition, but for the colon.
const NAME_START: [RangeInclusive<char>; 15] = [
    'A'..='Z',
    '_'..='_',
    'a'..='z',
    '\u{c0}'..='\u{d6}',
    '\u{d8}'..='\u{f6}',
    '\u{f8}'..='\u{2ff}',
    '\u{370}'..='\u{37d}',
    '\u{37f}'..='\u{1fff}',
    '\u{200c}'..='\u{200d}',
    '\u{2070}'..='\u{218f}',
    '\u{2c00}'..='\u{2fef}',
    '\u{3001}'..='\u{d7ff}',
    '\u{f900}'..='\u{fdcf}',
    '\u{fdf0}'..='\u{fffd}',
    '\u{10000}'..='\u{effff}',
];
/// What `NameChar` adds to it.
const NAME_MORE: [RangeInclusive<char>; 5] =
    ['-'..='.', '0'..='9', '\u{b7}'..='\u{b7}', '\u{300}'..='\u{36f}', '\u{203f}'..='\u{2040}'];

/// A name without a colon that XML 1.0 allows.
fn xml_name(text: &str) -> Result<String, Fault> {
    let start = |c: char| NAME_START.iter().any(|range| range.contains(&c));
    let more = |c: char| NAME_MORE.iter().any(|range| range.contains(&c));
    if text.starts_with(start) && text.chars().all(|c| start(c) || more(c)) {
        return Ok(text.to_owned());
    }
    Err(Fault::new("", "xml-name", format!("{text:?} is no name of an XML element")))
}

/// Text and values of attributes. Line ends and tabs survive; other control characters have no way into XML.
pub(super) fn escaped(text: &str) -> Result<String, Fault> {
    let forbidden = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if let Some(wrong) = text.chars().find(|c| forbidden(*c)) {
        return Err(Fault::new("", "xml-character", format!("{wrong:?} cannot stand in XML")));
    }
    Ok(quick_xml::escape::escape(text).replace('\t', "&#9;").replace('\n', "&#10;").replace('\r', "&#13;"))
}
