//! One event element as JSON.

use super::names::Prefixes;
use super::tree::{Element, Scalar};
use crate::context::Context;
use crate::fault::Fault;
use crate::json::{self, Json, Object};
use crate::vocab::Vocabulary;

/// Attributes of sensor reports that are numbers, and the one that is a boolean.
const NUMBERS: [&str; 7] = ["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];
const BOOLEAN: &str = "booleanValue";

/// Elements that 1.x put around what was added later.
pub(super) fn is_wrapper(element: &Element) -> bool {
    matches!(element.name.own(), Some("extension" | "baseExtension"))
}

/// What an event is made with.
pub(super) struct Maker<'a> {
    pub names: &'a Prefixes,
    pub context: &'a Context,
    /// Paths are pointers into the JSON event.
    pub faults: Vec<Fault>,
}

impl Maker<'_> {
    pub fn event(&mut self, element: &Element) -> Json {
        let mut event = Object::new();
        event.insert("type", element.name.local());
        self.members(element, &mut event);
        Json::Object(event)
    }

    fn members(&mut self, element: &Element, event: &mut Object) {
        for child in &element.children {
            if is_wrapper(child) {
                self.members(child, event);
                continue;
            }
            let name = self.names.member(&child.name);
            match child.name.own() {
                Some("certificationInfo") => certificates(child).into_iter().for_each(|uri| add(event, &name, uri)),
                Some(own) => {
                    let value = self.member(own, child);
                    if event.insert(name.clone(), value).is_some() {
                        let detail = format!("{name} stands more than once");
                        self.faults.push(Fault::new(json::pointer(&name), "duplicate-member", detail));
                    }
                }
                None => add(event, &name, self.extension(child)),
            }
        }
    }

    fn member(&mut self, name: &str, element: &Element) -> Json {
        match name {
            "bizStep" => self.word(element.text(), Vocabulary::BizStep),
            "disposition" => self.word(element.text(), Vocabulary::Disposition),
            "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" | "correctiveEventIDs" => {
                element.children.iter().map(|item| Json::from(item.text())).collect::<Vec<_>>().into()
            }
            "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
                let mut quantity = |(index, item): (usize, &Element)| self.quantity(item, &format!("/{name}/{index}"));
                element.children.iter().enumerate().map(&mut quantity).collect::<Vec<_>>().into()
            }
            "bizTransactionList" => self.typed(element, "bizTransaction", Vocabulary::TransactionType),
            "sourceList" => self.typed(element, "source", Vocabulary::EndpointType),
            "destinationList" => self.typed(element, "destination", Vocabulary::EndpointType),
            "persistentDisposition" => self.persistent(element),
            "readPoint" | "bizLocation" | "ilmd" | "errorDeclaration" => self.group(element).into(),
            "sensorElementList" => {
                let mut sensor = |(index, item): (usize, &Element)| self.sensor(item, &format!("/{name}/{index}"));
                element.children.iter().enumerate().map(&mut sensor).collect::<Vec<_>>().into()
            }
            // Scalars, and what EPCIS does not know: reading the event says so.
            _ => self.extension(element),
        }
    }

    /// `readPoint`, `bizLocation`, `ilmd` and `errorDeclaration`: a few members of EPCIS and any extensions.
    fn group(&mut self, element: &Element) -> Object {
        let mut object = Object::new();
        for child in &element.children {
            if is_wrapper(child) {
                for (name, value) in self.group(child).iter() {
                    add(&mut object, name, value.clone());
                }
                continue;
            }
            let value = match child.name.own() {
                Some("reason") => self.word(child.text(), Vocabulary::ErrorReason),
                Some("correctiveEventIDs") => self.member("correctiveEventIDs", child),
                _ => self.extension(child),
            };
            add(&mut object, &self.names.member(&child.name), value);
        }
        object
    }

    /// A word of the CBV bare, other URIs in full.
    fn word(&self, text: &str, vocabulary: Vocabulary) -> Json {
        match vocabulary.canonical(text, self.context) {
            Some(word) => Json::from(word.as_ref()),
            None => Json::from(text),
        }
    }

    fn typed(&mut self, list: &Element, name: &str, vocabulary: Vocabulary) -> Json {
        let item = |item: &Element| {
            let kind = item.attribute("type").map(|kind| ("type", self.word(kind, vocabulary)));
            Json::Object(kind.into_iter().chain([(name, Json::from(item.text()))]).collect())
        };
        list.children.iter().map(item).collect::<Vec<_>>().into()
    }

    fn persistent(&self, element: &Element) -> Json {
        let mut object = Object::new();
        for child in &element.children {
            let name = self.names.member(&child.name);
            let word = self.word(child.text(), Vocabulary::Disposition);
            match object.get_mut(&name) {
                Some(Json::Array(words)) => words.push(word),
                _ => _ = object.insert(name, vec![word]),
            }
        }
        object.into()
    }

    fn quantity(&mut self, item: &Element, at: &str) -> Json {
        let mut object = Object::new();
        for child in &item.children {
            let name = self.names.member(&child.name);
            let value = match child.name.own() {
                Some("quantity") => self.number(child.text(), &format!("{at}/quantity")),
                _ => self.extension(child),
            };
            add(&mut object, &name, value);
        }
        object.into()
    }

    fn sensor(&mut self, element: &Element, at: &str) -> Json {
        let mut object = Object::new();
        let mut reports = Vec::new();
        for child in &element.children {
            match child.name.own() {
                Some("sensorMetadata") => {
                    let metadata = self.attributes(child, &format!("{at}/sensorMetadata"));
                    object.insert("sensorMetadata", metadata);
                }
                Some("sensorReport") => {
                    let report = self.attributes(child, &format!("{at}/sensorReport/{}", reports.len()));
                    reports.push(Json::Object(report));
                }
                _ if is_wrapper(child) => {
                    for (name, value) in self.group(child).iter() {
                        add(&mut object, name, value.clone());
                    }
                }
                _ => add(&mut object, &self.names.member(&child.name), self.extension(child)),
            }
        }
        if !reports.is_empty() {
            object.insert("sensorReport", reports);
        }
        object.into()
    }

    /// Sensor metadata or a report: attributes as members, and extensions as elements.
    fn attributes(&mut self, element: &Element, at: &str) -> Object {
        let mut object = Object::new();
        for (name, value) in &element.attributes {
            let value = value.trim();
            let json = match name.own() {
                Some("type" | "exception") => Json::from(self.bare(value, super::VOC, "https://ref.gs1.org/voc/")),
                Some("component") => Json::from(self.bare(value, super::COMPONENT, super::COMPONENT)),
                Some(own) if NUMBERS.contains(&own) => self.number(value, &format!("{at}/{own}")),
                Some(BOOLEAN) if matches!(value, "true" | "1") => Json::Bool(true),
                Some(BOOLEAN) if matches!(value, "false" | "0") => Json::Bool(false),
                _ => Json::from(value),
            };
            object.insert(self.names.member(name), json);
        }
        for child in &element.children {
            add(&mut object, &self.names.member(&child.name), self.extension(child));
        }
        object
    }

    /// A word without the address of its vocabulary; other values as they are.
    fn bare(&self, text: &str, base: &str, other: &str) -> String {
        let full = self.names.expand(text).unwrap_or_else(|| text.to_owned());
        let bare = full.strip_prefix(base).or_else(|| full.strip_prefix(other));
        bare.filter(|bare| !bare.is_empty()).unwrap_or(text).to_owned()
    }

    fn number(&mut self, text: &str, at: &str) -> Json {
        match json::read_decimal(text) {
            Some(number) => Json::Number(number),
            None => {
                let detail = format!("{text:?} should be a decimal of at most 15 digits");
                self.faults.push(Fault::new(at, "inexact-number", detail));
                Json::Null
            }
        }
    }

    /// Any element: text, or an object of its attributes, its elements and its text.
    pub fn extension(&self, element: &Element) -> Json {
        if element.children.is_empty() && element.attributes.is_empty() {
            return scalar(element);
        }
        let mut object = Object::new();
        for (name, value) in &element.attributes {
            object.insert(format!("@{}", self.names.member(name)), value.as_str());
        }
        for child in &element.children {
            add(&mut object, &self.names.member(&child.name), self.extension(child));
        }
        if !element.text().is_empty() {
            object.insert("#text", scalar(element));
        }
        object.into()
    }
}

/// The text of an extension, as what its type says it is.
fn scalar(element: &Element) -> Json {
    let text = element.text();
    let typed = match (element.scalar.filter(|_| !element.name.is_own()), text) {
        (Some(Scalar::Boolean), "true") => Some(Json::Bool(true)),
        (Some(Scalar::Boolean), "false") => Some(Json::Bool(false)),
        (Some(Scalar::Number), text) if !text.contains(['e', 'E']) => json::read_decimal(text).map(Json::Number),
        _ => None,
    };
    typed.unwrap_or_else(|| Json::from(text))
}

/// Adds a member; a repeated one becomes a list.
pub(super) fn add(object: &mut Object, name: &str, value: impl Into<Json>) {
    let value = value.into();
    match object.get_mut(name) {
        None => _ = object.insert(name, value),
        Some(Json::Array(items)) => items.push(value),
        Some(first) => {
            let both = vec![std::mem::replace(first, Json::Null), value];
            *first = Json::Array(both);
        }
    }
}

/// The URIs of a certification, which may stand inside of elements of the GS1 Web vocabulary.
fn certificates(element: &Element) -> Vec<String> {
    if element.children.is_empty() {
        return vec![element.text().to_owned()];
    }
    element.children.iter().flat_map(certificates).collect()
}
