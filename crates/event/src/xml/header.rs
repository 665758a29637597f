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
use super::write::Tags;
use crate::context::Context;
use crate::document::DocumentKind;
use crate::fault::Fault;
use crate::json::{self, Json, Object};
use crate::time;

/// The namespace of the Standard Business Document Header.
const SBDH: &str = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader";

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

/// Writes the `EPCISHeader` of a JSON document; nothing if it has none.
pub(super) fn write(document: &Json, created: &str, tags: &mut Tags<'_>) -> Result<(), Fault> {
    let header = document.get("epcisHeader").and_then(Json::as_object);
    let parties = ["sender", "receiver", "instanceIdentifier"].map(|name| document.get_str(name));
    if header.is_none() && parties.iter().all(Option::is_none) {
        return Ok(());
    }
    tags.open("EPCISHeader")?;
    if let [Some(sender), Some(receiver), number] = parties {
        write_business(tags, sender, receiver, number.unwrap_or("1"), created)?;
    }
    for (name, value) in header.into_iter().flat_map(Object::iter) {
        match name {
            "epcisMasterData" => write_master_data(value, tags).map_err(|fault| fault.under("/epcisMasterData")),
            _ => tags.extension(name, value).map_err(|fault| fault.under(&json::pointer(name))),
        }
        .map_err(|fault| fault.under("/epcisHeader"))?;
    }
    tags.close("EPCISHeader")
}

fn write_business(tags: &mut Tags<'_>, from: &str, to: &str, number: &str, created: &str) -> Result<(), Fault> {
    let prefix = tags.declare("sbdh", SBDH);
    let name = |local: &str| format!("{prefix}:{local}");
    tags.open(&name("StandardBusinessDocumentHeader"))?;
    tags.leaf(&name("HeaderVersion"), "1.0")?;
    for (party, id) in [("Sender", from), ("Receiver", to)] {
        tags.open(&name(party))?;
        tags.leaf(&name("Identifier"), id)?;
        tags.close(&name(party))?;
    }
    tags.open(&name("DocumentIdentification"))?;
    for (local, text) in [
        ("Standard", "EPCglobal"),
        ("TypeVersion", "2.0"),
        ("InstanceIdentifier", number),
        ("Type", "Events"),
        ("CreationDateAndTime", created),
    ] {
        tags.leaf(&name(local), text)?;
    }
    tags.close(&name("DocumentIdentification"))?;
    tags.close(&name("StandardBusinessDocumentHeader"))
}

fn write_master_data(data: &Json, tags: &mut Tags<'_>) -> Result<(), Fault> {
    let none = Json::Array(Vec::new());
    tags.open("extension")?;
    tags.open("EPCISMasterData")?;
    tags.list("VocabularyList", data.get("vocabularyList").unwrap_or(&none), |tags, vocabulary| {
        tags.start("Vocabulary", &pair("type", vocabulary))?;
        let list = vocabulary.get("vocabularyElementList").unwrap_or(&none);
        tags.list("VocabularyElementList", list, write_entry)?;
        tags.close("Vocabulary")
    })?;
    tags.close("EPCISMasterData")?;
    tags.close("extension")
}

fn write_entry(tags: &mut Tags<'_>, entry: &Json) -> Result<(), Fault> {
    tags.start("VocabularyElement", &pair("id", entry))?;
    for attribute in entry.get("attributes").and_then(Json::as_array).unwrap_or_default() {
        tags.start("attribute", &pair("id", attribute))?;
        match attribute.get("attribute") {
            Some(Json::Object(parts)) => parts.iter().try_for_each(|(name, value)| tags.extension(name, value))?,
            Some(value) => tags.characters(&super::write::text(value))?,
            None => {}
        }
        tags.close("attribute")?;
    }
    if let Some(children) = entry.get("children") {
        tags.list("children", children, |tags, id| tags.leaf("id", &super::write::text(id)))?;
    }
    for (name, value) in entry.as_object().into_iter().flat_map(Object::iter) {
        if !["id", "attributes", "children"].contains(&name) {
            tags.extension(name, value)?;
        }
    }
    tags.close("VocabularyElement")
}

fn pair(name: &str, object: &Json) -> Vec<(String, String)> {
    object.get_str(name).map(|value| (name.to_owned(), value.to_owned())).into_iter().collect()
}
