//! What all events of one request share: time, place, step, documents, temperature, who.

use super::{Outcome, ScanDocument, ScanRequest, Temperature, TemperatureReport, Who};
use crate::context::Context;
use crate::event::is_uri;
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::steps::{self, Need, Step, Where};
use crate::time;
use crate::units::is_unit;
use crate::vocab::Vocabulary;
use medtrace_gs1::{Gln, Scheme, Thing};

/// Most business documents of one request.
const DOCUMENTS_MAX: usize = 100;

/// Members that every event of the request has.
pub(super) fn object(request: &ScanRequest, step: &Step, who: &Who, faults: &mut Vec<Fault>) -> Object {
    allowed(request, step, faults);
    let mut event = Object::new();
    event.insert("type", step.kind.name());
    event.insert("action", step.action.name());
    event.insert("eventTime", request.time.as_str());
    let offset = time::instant(&request.time).and_then(|_| time::offset_of(&request.time));
    match offset {
        Some(offset) => drop(event.insert("eventTimeZoneOffset", offset)),
        None => {
            let detail = format!("{:?} should be a time with its zone, like 2026-03-01T08:15:00+08:00", request.time);
            faults.push(Fault::new("/time", "time", detail));
        }
    }
    if !step.biz_step.is_empty() {
        event.insert("bizStep", step.biz_step);
    }
    let disposition = if request.result == Some(Outcome::Fail) { step.failed } else { step.disposition };
    if let Some(disposition) = disposition {
        event.insert("disposition", disposition);
    }
    let place = place(&request.place, "/place", faults);
    let to = request.to.as_deref().and_then(|text| endpoint(text, "/to", faults));
    let from = request.from.as_deref().and_then(|text| endpoint(text, "/from", faults));
    locations(&mut event, step, place.as_ref(), to.as_ref(), faults);
    if let Some(from) = &from {
        event.insert("sourceList", endpoints("source", from));
    }
    if let (Some(to), true) = (&to, step.location != Where::To) {
        event.insert("destinationList", endpoints("destination", to));
    }
    if !request.documents.is_empty() {
        event.insert("bizTransactionList", documents(&request.documents, place.as_ref(), faults));
    }
    if let Some(temperature) = &request.temperature {
        event.insert("sensorElementList", sensors(temperature, &request.time, faults));
    }
    if request.expiry.as_deref().is_some_and(|text| time::day(text).is_none()) {
        faults.push(Fault::new("/expiry", "date", "the expiry should be a date like 2027-12-31"));
    }
    for (name, text) in [("medtrace:operator", &who.operator), ("medtrace:device", &who.device)] {
        if let Some(text) = text {
            event.insert(name, text.as_str());
        }
    }
    event
}

/// Whether the request has what its step needs, and nothing that the step would lose.
fn allowed(request: &ScanRequest, step: &Step, faults: &mut Vec<Fault>) {
    let undo = if step.name == steps::UNDO { Need::Required } else { Need::No };
    let optional = if step.name == steps::UNDO { Need::Optional } else { Need::No };
    let result = if step.failed.is_some() { Need::Required } else { Need::No };
    let items = if step.empty { Need::Optional } else { Need::Required };
    for (name, given, need) in [
        ("items", !request.items.is_empty(), items),
        ("parent", request.parent.is_some(), step.parent),
        ("from", request.from.is_some(), step.from),
        ("to", request.to.is_some(), step.to),
        ("temperature", request.temperature.is_some(), step.temperature),
        ("result", request.result.is_some(), result),
        ("event", request.event.is_some(), undo),
        ("reason", request.reason.is_some(), optional),
        ("corrective", !request.corrective.is_empty(), optional),
    ] {
        match (need, given) {
            (Need::Required, false) => {
                faults.push(Fault::new(format!("/{name}"), "missing", format!("the step {} needs {name}", step.name)));
            }
            (Need::No, true) => {
                let detail = format!("the step {} takes no {name}", step.name);
                faults.push(Fault::new(format!("/{name}"), "not-allowed", detail));
            }
            _ => {}
        }
    }
}

fn locations(event: &mut Object, step: &Step, place: Option<&Thing>, to: Option<&Thing>, faults: &mut Vec<Fault>) {
    let id = |thing: &Thing| [("id", thing.uri())].into_iter().collect::<Object>();
    if let Some(place) = place {
        event.insert("readPoint", id(place));
    }
    let location = match step.location {
        Where::Here => place,
        Where::Leaves => None,
        Where::To => to,
    };
    if let Some(location) = location {
        if location.scheme() == Scheme::Party {
            faults.push(Fault::new("/to", "place", "a place (414) is needed here, not a party (417)"));
        }
        event.insert("bizLocation", id(location));
    }
}

/// A place: the digits of its GLN or a URI.
fn place(text: &str, at: &str, faults: &mut Vec<Fault>) -> Option<Thing> {
    let thing = endpoint(text, at, faults)?;
    if thing.scheme() == Scheme::Party {
        faults.push(Fault::new(at, "place", "a place (414) is needed here, not a party (417)"));
        return None;
    }
    Some(thing)
}

/// A place, or a party.
fn endpoint(text: &str, at: &str, faults: &mut Vec<Fault>) -> Option<Thing> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let thing = if digits { Gln::parse(text).map(Gln::place) } else { Thing::from_uri(text) };
    match thing {
        Ok(thing) if matches!(thing.scheme(), Scheme::Place | Scheme::Party | Scheme::Uri) => Some(thing),
        Ok(thing) => {
            faults.push(Fault::new(at, "place", format!("{thing} should be a place or party: a GLN or a URI")));
            None
        }
        Err(error) => {
            faults.push(Fault::new(at, error.code, error.detail));
            None
        }
    }
}

/// `[{"type": …, "source" | "destination": …}]`: possession moves, ownership is not said.
fn endpoints(name: &str, thing: &Thing) -> Json {
    let kind = if thing.scheme() == Scheme::Party { "possessing_party" } else { "location" };
    let entry: Object = [("type", kind.to_owned()), (name, thing.uri())].into_iter().collect();
    Json::Array(vec![entry.into()])
}

fn documents(documents: &[ScanDocument], place: Option<&Thing>, faults: &mut Vec<Fault>) -> Json {
    if documents.len() > DOCUMENTS_MAX {
        let detail = format!("{} documents; at most {DOCUMENTS_MAX} are taken", documents.len());
        faults.push(Fault::limit("/documents", "too-many-documents", detail));
    }
    let mut list = Vec::new();
    for (index, document) in documents.iter().enumerate().take(DOCUMENTS_MAX) {
        let kind = Vocabulary::TransactionType.canonical(&document.kind, &Context::standard());
        if kind.is_none() {
            let detail = format!("{:?} should be a type of the CBV ({}) or a URI", document.kind, words());
            faults.push(Fault::new(format!("/documents/{index}/type"), "vocabulary", detail));
        }
        let id = match place.and_then(Thing::gln) {
            _ if is_uri(&document.id) => document.id.clone(),
            Some(gln) if !document.id.is_empty() => {
                format!("urn:epcglobal:cbv:bt:{gln}:{}", encoded(&document.id))
            }
            _ => {
                let detail = "the id should be a URI, or a number of the place if that has a GLN";
                faults.push(Fault::new(format!("/documents/{index}/id"), "uri", detail));
                continue;
            }
        };
        let kind = kind.unwrap_or_default().into_owned();
        list.push(Json::from([("type", kind), ("bizTransaction", id)].into_iter().collect::<Object>()));
    }
    Json::Array(list)
}

fn words() -> String {
    Vocabulary::TransactionType.words().join(", ")
}

/// RFC 3986 percent-encoding of all but unreserved characters.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn sensors(temperature: &Temperature, scanned: &str, faults: &mut Vec<Fault>) -> Json {
    let report = match temperature {
        Temperature::Celsius(value) => TemperatureReport { value: Some(*value), ..TemperatureReport::default() },
        Temperature::Report(report) => report.clone(),
    };
    let mut metadata = Object::new();
    for (name, member, text) in [("start", "startTime", &report.start), ("end", "endTime", &report.end)] {
        let Some(text) = text else { continue };
        if time::instant(text).is_none() {
            let detail = format!("{text:?} should be a time with its zone");
            faults.push(Fault::new(format!("/temperature/{name}"), "time", detail));
        }
        metadata.insert(member, text.as_str());
    }
    if metadata.is_empty() {
        metadata.insert("time", scanned);
    }
    if let Some(device) = &report.device {
        if !is_uri(device) {
            let detail = format!("{device:?} should be an absolute URI");
            faults.push(Fault::new("/temperature/device", "uri", detail));
        }
        metadata.insert("deviceID", device.as_str());
    }
    let uom = report.uom.as_deref().unwrap_or("CEL");
    if !is_unit(uom) {
        faults.push(Fault::new("/temperature/uom", "uom", format!("{uom:?} should be CEL, FAH or KEL")));
    }
    let mut said: Object = [("type", "Temperature"), ("uom", uom)].into_iter().collect();
    let values =
        [("value", report.value), ("minValue", report.min), ("maxValue", report.max), ("meanValue", report.mean)];
    for (name, value) in values {
        if let Some(value) = value {
            said.insert(name, Json::Number(value));
        }
    }
    if said.len() == 2 {
        faults.push(Fault::new("/temperature", "missing", "a value, min, max or mean is missing"));
    }
    let mut element: Object = [("sensorMetadata", metadata)].into_iter().collect();
    element.insert("sensorReport", vec![Json::from(said)]);
    Json::Array(vec![element.into()])
}
