//! JSON events as an EPCIS 2.0 XML document, elements in the order of its schema.

mod scalar;
mod tag;

use super::{COMPONENT, VOC};
use crate::context::Context;
use crate::document::DocumentKind;
use crate::event::Kind;
use crate::fault::Fault;
use crate::json::{self, Json, Object};
use crate::vocab::Vocabulary;
pub(super) use scalar::text;
use scalar::{full, items, word};
use std::io;
pub(super) use tag::Tags;

/// The members of events that are elements, in the order of the schema of 2.0; see [`order`].
const ORDER: [&str; 27] = [
    "eventTime",
    "recordTime",
    "eventTimeZoneOffset",
    "eventID",
    "errorDeclaration",
    "certificationInfo",
    "parentID",
    "epcList",
    "childEPCs",
    "inputEPCList",
    "inputQuantityList",
    "outputEPCList",
    "outputQuantityList",
    "transformationID",
    "action",
    "bizStep",
    "disposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "quantityList",
    "childQuantityList",
    "sourceList",
    "destinationList",
    "sensorElementList",
    "persistentDisposition",
    "ilmd",
];

/// Why a document cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("failed to write the document")]
    Io(#[from] io::Error),
    /// XML has no way to say it, e.g. a member name that is no XML name.
    #[error("{0}")]
    Fault(Fault),
}

/// Writes one document, event by event.
pub struct Writer<W> {
    out: W,
    kind: DocumentKind,
}

impl<W: io::Write> Writer<W> {
    /// Writes the beginning: the document's element and its header. `header` is as in [`crate::Document::header`]; what
    /// XML has no place for is left out. Where it names no `creationDate` (a bare event's is `null`), `created` is.
    ///
    /// # Errors
    /// As [`WriteError`].
    pub fn start(mut out: W, kind: DocumentKind, header: &Json, created: &str) -> Result<Self, WriteError> {
        let context = Context::of_event(header).map_err(WriteError::Fault)?;
        let mut body = Tags::new(&context);
        let created = header.get_str("creationDate").unwrap_or(created);
        let (name, prefix, space) = match kind {
            DocumentKind::Query => ("EPCISQueryDocument", "epcisq", "urn:epcglobal:epcis-query:xsd:2"),
            _ => ("EPCISDocument", "epcis", "urn:epcglobal:epcis:xsd:2"),
        };
        let prefix = body.declare(prefix, space);
        super::header::write(header, created, &mut body).map_err(WriteError::Fault)?;
        let spaces = body.declarations().map_err(WriteError::Fault)?;
        let created = tag::escaped(created).map_err(WriteError::Fault)?;
        write!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{prefix}:{name}{spaces}")?;
        write!(out, " schemaVersion=\"2.0\" creationDate=\"{created}\">{}<EPCISBody>", body.text())?;
        if kind == DocumentKind::Query {
            let results = header.get("epcisBody").and_then(|body| body.get("queryResults"));
            let said = |name: &str| results.and_then(|results| results.get_str(name));
            let mut of = Tags::new(&context);
            of.leaf("queryName", said("queryName").unwrap_or("SimpleEventQuery")).map_err(WriteError::Fault)?;
            if let Some(id) = said("subscriptionID") {
                of.leaf("subscriptionID", id).map_err(WriteError::Fault)?;
            }
            write!(out, "<QueryResults>{}<resultsBody>", of.text())?;
        }
        out.write_all(b"<EventList>")?;
        Ok(Writer { out, kind })
    }

    /// Writes one event, whose context in force is `context`. Nothing of it is written if there is a fault.
    ///
    /// # Errors
    /// As [`WriteError`]; paths of faults are pointers into the event.
    pub fn event(&mut self, event: &Json, context: &Context) -> Result<(), WriteError> {
        let text = element(event, context).map_err(WriteError::Fault)?;
        self.out.write_all(b"\n")?;
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Writes the end and gives the output back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> Result<W, WriteError> {
        let (results, name) = match self.kind {
            DocumentKind::Query => ("</resultsBody></QueryResults>", "epcisq:EPCISQueryDocument"),
            _ => ("", "epcis:EPCISDocument"),
        };
        writeln!(self.out, "\n</EventList>{results}</EPCISBody></{name}>")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// One event as an element with all declarations it needs.
fn element(event: &Json, context: &Context) -> Result<String, Fault> {
    let kind = event.get_str("type").and_then(Kind::of);
    let (Some(object), Some(kind)) = (event.as_object(), kind) else {
        return Err(Fault::new("/type", "event-type", "the type should be one of the five event types"));
    };
    let mut tags = Tags::new(context);
    for name in order(kind) {
        if let Some(value) = object.get(name) {
            member(&mut tags, name, value).map_err(|fault| fault.under(&json::pointer(name)))?;
        }
    }
    extensions(&mut tags, object, crate::event::is_member)?;
    Ok(format!("<{0}{1}>{2}</{0}>", kind.name(), tags.declarations()?, tags.text()))
}

/// [`ORDER`] but for what stands elsewhere in some types.
fn order(kind: Kind) -> Vec<&'static str> {
    let mut order: Vec<&str> = ORDER.to_vec();
    let mut move_before = |name: &str, before: &str| {
        let from = order.iter().position(|each| *each == name);
        let name = from.map(|from| order.remove(from));
        let to = order.iter().position(|each| *each == before);
        if let (Some(name), Some(to)) = (name, to) {
            order.insert(to, name);
        }
    };
    match kind {
        Kind::Transaction => move_before("bizTransactionList", "parentID"),
        Kind::Transformation => move_before("ilmd", "sensorElementList"),
        Kind::Association => move_before("childQuantityList", "inputEPCList"),
        Kind::Object | Kind::Aggregation => {}
    }
    order
}

fn member(tags: &mut Tags<'_>, name: &str, value: &Json) -> Result<(), Fault> {
    match name {
        "bizStep" => tags.leaf(name, &word(tags.context(), value, Vocabulary::BizStep)),
        "disposition" => tags.leaf(name, &word(tags.context(), value, Vocabulary::Disposition)),
        "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" => {
            tags.list(name, value, |tags, item| tags.leaf("epc", &full(tags.context(), item)))
        }
        "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
            tags.list(name, value, |tags, item| {
                tags.open("quantityElement")?;
                for part in ["epcClass", "quantity", "uom"] {
                    if let Some(value) = item.get(part) {
                        tags.leaf(part, &full(tags.context(), value))?;
                    }
                }
                extend(tags, item, &["epcClass", "quantity", "uom"])?;
                tags.close("quantityElement")
            })
        }
        "bizTransactionList" => typed(tags, name, value, "bizTransaction", Vocabulary::TransactionType),
        "sourceList" => typed(tags, name, value, "source", Vocabulary::EndpointType),
        "destinationList" => typed(tags, name, value, "destination", Vocabulary::EndpointType),
        "certificationInfo" => items(value).iter().try_for_each(|uri| tags.leaf(name, &text(uri))),
        "persistentDisposition" => {
            tags.open(name)?;
            for part in ["unset", "set"] {
                for item in value.get(part).map(items).unwrap_or_default() {
                    tags.leaf(part, &word(tags.context(), item, Vocabulary::Disposition))?;
                }
            }
            tags.close(name)
        }
        "readPoint" | "bizLocation" | "ilmd" => group(tags, name, value, &["id"]),
        "errorDeclaration" => group(tags, name, value, &["declarationTime", "reason", "correctiveEventIDs"]),
        "sensorElementList" => tags.list(name, value, sensor),
        _ => tags.leaf(name, &full(tags.context(), value)),
    }
}

/// An element with these members first and extensions behind them.
fn group(tags: &mut Tags<'_>, name: &str, value: &Json, first: &[&str]) -> Result<(), Fault> {
    tags.open(name)?;
    for part in first {
        match (*part, value.get(part)) {
            (_, None) => {}
            ("reason", Some(reason)) => tags.leaf(part, &word(tags.context(), reason, Vocabulary::ErrorReason))?,
            ("correctiveEventIDs", Some(list)) => {
                tags.list(part, list, |tags, item| tags.leaf("correctiveEventID", &text(item)))?;
            }
            (_, Some(value)) => tags.leaf(part, &full(tags.context(), value))?,
        }
    }
    extend(tags, value, first)?;
    tags.close(name)
}

fn typed(tags: &mut Tags<'_>, list: &str, value: &Json, name: &str, words: Vocabulary) -> Result<(), Fault> {
    tags.list(list, value, |tags, item| {
        let kind = item.get("type").map(|kind| ("type".to_owned(), word(tags.context(), kind, words)));
        tags.start(name, kind.as_slice())?;
        let id = item.get(name).map(|id| full(tags.context(), id));
        tags.characters(&id.unwrap_or_default())?;
        tags.close(name)
    })
}

fn sensor(tags: &mut Tags<'_>, element: &Json) -> Result<(), Fault> {
    tags.open("sensorElement")?;
    for part in ["sensorMetadata", "sensorReport"] {
        for item in element.get(part).map(items).unwrap_or_default() {
            report(tags, part, item).map_err(|fault| fault.under(&json::pointer(part)))?;
        }
    }
    extend(tags, element, &["sensorMetadata", "sensorReport"])?;
    tags.close("sensorElement")
}

/// Metadata or a report: scalars are attributes, those of others under their namespaces and as they are; the rest is
/// elements.
fn report(tags: &mut Tags<'_>, name: &str, item: &Json) -> Result<(), Fault> {
    let mut attributes = Vec::new();
    let mut elements = Object::new();
    for (member, value) in item.as_object().into_iter().flat_map(Object::iter) {
        let value = match (member, value) {
            (_, Json::Array(_) | Json::Object(_)) => {
                elements.insert(member, value.clone());
                continue;
            }
            (_, Json::Null) => continue,
            (member, value) if !crate::event::is_sensor_member(name, member) => {
                let written = tags.name(member).map_err(|fault| fault.under(&json::pointer(member)))?;
                attributes.push((written, text(value)));
                continue;
            }
            ("type" | "exception", value) => tags.curie(&full(tags.context(), value), "gs1", VOC, ""),
            ("component", value) => tags.curie(&full(tags.context(), value), "cbv", COMPONENT, "Comp-"),
            (_, value) => full(tags.context(), value),
        };
        attributes.push((member.to_owned(), value));
    }
    tags.start(name, &attributes)?;
    extensions(tags, &elements, |_| false)?;
    tags.close(name)
}

fn extend(tags: &mut Tags<'_>, value: &Json, known: &[&str]) -> Result<(), Fault> {
    match value.as_object() {
        Some(object) => extensions(tags, object, |name| known.contains(&name)),
        None => Err(Fault::new("", "type", format!("{} should be an object", value.what()))),
    }
}

fn extensions(tags: &mut Tags<'_>, object: &Object, known: impl Fn(&str) -> bool) -> Result<(), Fault> {
    for (name, value) in object.iter().filter(|(name, _)| !known(name) && *name != "@context") {
        tags.extension(name, value).map_err(|fault| fault.under(&json::pointer(name)))?;
    }
    Ok(())
}
