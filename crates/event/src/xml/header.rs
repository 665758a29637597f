//! The document but for its events: version, dates, parties, master data.
//!
//! ```text
//! <Vocabulary type="t"><VocabularyElementList>     "vocabularyList": [{"type": "t", "vocabularyElementList": [
//!   <VocabularyElement id="i">                       {"id": "i", "attributes": [{"id": "a", "attribute": "v"}],
//!     <attribute id="a">v</attribute>                 "children": ["c"]}]}]
//!     <children><id>c</id></children>
//! ```

use super::event::{Maker, add, is_wrapper};
use super::names::Prefixes;
use super::tree::Element;
use crate::context::Context;
use crate::document::DocumentKind;
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::time;

/// `schemaVersion`: 1.x or 2.x. Faults have the path under the document's element.
pub(super) fn version(root: &Element) -> Result<String, Fault> {
    let Some(version) = root.attribute("schemaVersion") else {
        return Err(Fault::new("/@schemaVersion", "missing", "schemaVersion is missing"));
    };
    match version.split('.').next() {
        Some("1" | "2") => Ok(version.to_owned()),
        _ => Err(Fault::new("/@schemaVersion", "schema-version", format!("{version:?} should be \"2.0\" or \"1.2\""))),
    }
}

/// The document as JSON, without its header and body.
pub(super) fn document(root: &Element, kind: DocumentKind) -> Result<Object, Fault> {
    let Some(created) = root.attribute("creationDate") else {
        return Err(Fault::new("/@creationDate", "missing", "creationDate is missing"));
    };
    if time::instant(created).is_none() {
        let detail = format!("{created:?} should be a time with its zone");
        return Err(Fault::new("/@creationDate", "time", detail));
    }
    let mut head = Object::new();
    let name = if kind == DocumentKind::Query { "EPCISQueryDocument" } else { "EPCISDocument" };
    for (name, value) in [("type", name), ("schemaVersion", "2.0"), ("creationDate", created)] {
        head.insert(name, value);
    }
    Ok(head)
}

/// Adds what an `EPCISHeader` says.
pub(super) fn read(element: &Element, names: &Prefixes, head: &mut Object) {
    let mut header = Object::new();
    members(element, names, head, &mut header);
    if !header.is_empty() {
        head.insert("epcisHeader", header);
    }
}

fn members(element: &Element, names: &Prefixes, head: &mut Object, header: &mut Object) {
    let maker = Maker { names, context: &Context::standard(), faults: Vec::new() };
    for child in &element.children {
        match child.name.local() {
            _ if is_wrapper(child) => members(child, names, head, header),
            "StandardBusinessDocumentHeader" => business(child, head),
            "EPCISMasterData" => {
                if let Some(list) = child.child("VocabularyList") {
                    let list: Vec<Json> = list.children.iter().map(|each| vocabulary(each, &maker)).collect();
                    let data: Object = [("vocabularyList", list)].into_iter().collect();
                    header.insert("epcisMasterData", data);
                }
            }
            _ => add(header, &names.member(&child.name), maker.extension(child)),
        }
    }
}

/// Sender, receiver and number of a Standard Business Document Header, as a JSON document carries them.
fn business(element: &Element, head: &mut Object) {
    for (way, name) in [
        (["Sender", "Identifier"], "sender"),
        (["Receiver", "Identifier"], "receiver"),
        (["DocumentIdentification", "InstanceIdentifier"], "instanceIdentifier"),
    ] {
        let mut at = Some(element);
        for step in way {
            at = at.and_then(|at| at.children.iter().find(|child| child.name.local() == step));
        }
        if let Some(text) = at.map(Element::text).filter(|text| !text.is_empty()) {
            head.insert(name, text);
        }
    }
}

fn vocabulary(element: &Element, maker: &Maker<'_>) -> Json {
    let mut json = Object::new();
    if let Some(kind) = element.attribute("type") {
        json.insert("type", kind);
    }
    let list = element.child("VocabularyElementList").map(|list| list.children.as_slice()).unwrap_or_default();
    let list: Vec<Json> = list.iter().map(|each| entry(each, maker)).collect();
    json.insert("vocabularyElementList", list);
    json.into()
}

fn entry(element: &Element, maker: &Maker<'_>) -> Json {
    let mut json = Object::new();
    if let Some(id) = element.attribute("id") {
        json.insert("id", id);
    }
    let mut attributes: Vec<Json> = Vec::new();
    for child in &element.children {
        match child.name.own() {
            Some("attribute") => {
                let value = if child.children.is_empty() {
                    Json::from(child.text())
                } else {
                    let mut object = Object::new();
                    for part in &child.children {
                        add(&mut object, &maker.names.member(&part.name), maker.extension(part));
                    }
                    object.into()
                };
                let id = child.attribute("id").map(|id| ("id", Json::from(id)));
                attributes.push(Json::Object(id.into_iter().chain([("attribute", value)]).collect()));
            }
            Some("children") => {
                let ids: Vec<Json> = child.children.iter().map(|id| Json::from(id.text())).collect();
                json.insert("children", ids);
            }
            _ => add(&mut json, &maker.names.member(&child.name), maker.extension(child)),
        }
    }
    if !attributes.is_empty() {
        json.insert("attributes", attributes);
    }
    json.into()
}
