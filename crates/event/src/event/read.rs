//! From JSON to the typed view: one pass that finds all faults.

use super::reader::{At, Reader};
use super::{Action, ErrorDeclaration, Event, Kind, Location, Persistent, Word, lists, members, own, rules, sensor};
use crate::EVENT_ID_BYTES_MAX;
use crate::context::Context;
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::time;
use crate::vocab::Vocabulary;
use jiff::civil::Date;
use medtrace_gs1::Thing;

const ROOT: At<'static> = At::Root;

pub(super) fn event(json: Json) -> Result<Event, Vec<Fault>> {
    let one = |path: &str, code, detail: String| vec![Fault::new(path, code, detail)];
    let Some(object) = json.as_object() else {
        return Err(one("", "type", format!("{} should be an event object", json.what())));
    };
    let context = Context::of_event(&json).map_err(|fault| vec![fault])?;
    let Some(kind) = object.get("type") else {
        return Err(one("/type", "missing", "type is missing; it names one of the five event types".into()));
    };
    let Some(kind) = kind.as_str().and_then(Kind::of) else {
        return Err(one("/type", "event-type", format!("{kind} is none of the five EPCIS 2.0 event types")));
    };
    let mut reader = Reader { context, faults: Vec::new(), warnings: Vec::new() };
    let mut event = read(&mut reader, object, kind);
    rules::check(&mut reader, &event, object);
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    event.warnings = reader.warnings;
    event.json = json;
    Ok(event)
}

fn read(reader: &mut Reader, object: &Object, kind: Kind) -> Event {
    let mine = members::check(reader, object, kind);
    let (lot, expiry) = ilmd(reader, object);
    reader.instant(object, ROOT, "recordTime");
    Event {
        kind,
        time: event_time(reader, object),
        offset: offset(reader, object),
        action: action(reader, object, kind),
        biz_step: reader.word(object, ROOT, "bizStep", Vocabulary::BizStep),
        disposition: reader.word(object, ROOT, "disposition", Vocabulary::Disposition),
        persistent: persistent(reader, object, kind),
        read_point: location(reader, object, "readPoint"),
        biz_location: location(reader, object, "bizLocation"),
        epcs: lists::things(reader, object, "epcList"),
        quantities: lists::quantities(reader, object, "quantityList"),
        parent: parent(reader, object),
        children: lists::things(reader, object, "childEPCs"),
        child_quantities: lists::quantities(reader, object, "childQuantityList"),
        inputs: lists::things(reader, object, "inputEPCList"),
        input_quantities: lists::quantities(reader, object, "inputQuantityList"),
        outputs: lists::things(reader, object, "outputEPCList"),
        output_quantities: lists::quantities(reader, object, "outputQuantityList"),
        transformation_id: reader.uri(object, ROOT, "transformationID").map(str::to_owned),
        transactions: lists::transactions(reader, object),
        sources: lists::endpoints(reader, object, "sourceList", "source"),
        destinations: lists::endpoints(reader, object, "destinationList", "destination"),
        sensors: sensor::read(reader, object),
        lot,
        expiry,
        event_id: event_id(reader, object),
        error: error_declaration(reader, object),
        certification: certification(reader, object),
        same_as: own::same_as(reader, &mine),
        labels: own::labels(reader, &mine),
        operator: own::text(reader, &mine, "operator"),
        device: own::text(reader, &mine, "device"),
        request_id: own::text(reader, &mine, "requestID"),
        warnings: Vec::new(),
        json: Json::Null,
    }
}

fn event_time(reader: &mut Reader, object: &Object) -> i64 {
    if object.get("eventTime").is_none() {
        reader.missing(At::Name(&ROOT, "eventTime"), "eventTime");
    }
    reader.instant(object, ROOT, "eventTime").unwrap_or_default()
}

fn offset(reader: &mut Reader, object: &Object) -> String {
    let at = At::Name(&ROOT, "eventTimeZoneOffset");
    if object.get("eventTimeZoneOffset").is_none() {
        reader.missing(at, "eventTimeZoneOffset");
    }
    let text = reader.text(object, ROOT, "eventTimeZoneOffset").unwrap_or_default();
    if !text.is_empty() && !time::is_offset(text) {
        reader.fault(at, "offset", format!("{text:?} should be +hh:mm or -hh:mm, up to 14:00"));
    }
    text.to_owned()
}

fn action(reader: &mut Reader, object: &Object, kind: Kind) -> Option<Action> {
    if kind == Kind::Transformation {
        return None;
    }
    let at = At::Name(&ROOT, "action");
    if object.get("action").is_none() {
        reader.missing(at, "action");
    }
    let text = reader.text(object, ROOT, "action")?;
    let action = Action::of(text);
    if action.is_none() {
        reader.fault(at, "action", format!("{text:?} should be ADD, OBSERVE or DELETE"));
    }
    action
}

fn parent(reader: &mut Reader, object: &Object) -> Option<Thing> {
    let text = reader.text(object, ROOT, "parentID")?;
    lists::instance(reader, At::Name(&ROOT, "parentID"), text)
}

fn location(reader: &mut Reader, object: &Object, name: &str) -> Option<Location> {
    let at = At::Name(&ROOT, name);
    let location = reader.object(object.get(name)?, at)?;
    reader.only(location, at, &["id"]);
    if location.get("id").is_none() {
        reader.missing(At::Name(&at, "id"), "the location's id");
    }
    let text = reader.text(location, at, "id")?;
    reader.thing(At::Name(&at, "id"), text).map(|thing| Location { thing, text: text.to_owned() })
}

/// Only ObjectEvent and TransformationEvent carry it; from others it is dropped, with the warning of [`members`].
fn persistent(reader: &mut Reader, object: &Object, kind: Kind) -> Persistent {
    let at = At::Name(&ROOT, "persistentDisposition");
    let Some(value) = object.get("persistentDisposition") else {
        return Persistent::default();
    };
    let Some(sets) = reader.object(value, at) else {
        return Persistent::default();
    };
    reader.only(sets, at, &["set", "unset"]);
    let mut words = |name| -> Vec<Word> {
        let list = At::Name(&at, name);
        let items = reader.array(sets, at, name).iter().enumerate();
        items.filter_map(|(index, item)| lists::word(reader, At::Index(&list, index), item)).collect()
    };
    let read = Persistent { set: words("set"), unset: words("unset") };
    if members::allowed("persistentDisposition", kind) == Some(true) { read } else { Persistent::default() }
}

fn event_id(reader: &mut Reader, object: &Object) -> Option<String> {
    let text = reader.uri(object, ROOT, "eventID")?;
    if text.len() > EVENT_ID_BYTES_MAX {
        let detail = format!("{} bytes; an eventID has at most {EVENT_ID_BYTES_MAX}", text.len());
        reader.fault(At::Name(&ROOT, "eventID"), "too-long", detail);
    }
    Some(text.to_owned())
}

fn error_declaration(reader: &mut Reader, object: &Object) -> Option<ErrorDeclaration> {
    let at = At::Name(&ROOT, "errorDeclaration");
    let declaration = reader.object(object.get("errorDeclaration")?, at)?;
    reader.only(declaration, at, &["declarationTime", "reason", "correctiveEventIDs"]);
    if declaration.get("declarationTime").is_none() {
        reader.missing(At::Name(&at, "declarationTime"), "declarationTime");
    }
    if object.get("eventID").is_none() {
        let detail = "eventID is missing; it names the event that the errorDeclaration withdraws";
        reader.fault(At::Name(&ROOT, "eventID"), "missing", detail);
    }
    let list = At::Name(&at, "correctiveEventIDs");
    Some(ErrorDeclaration {
        time: reader.instant(declaration, at, "declarationTime").unwrap_or_default(),
        reason: reader.word(declaration, at, "reason", Vocabulary::ErrorReason),
        corrective: lists::uris(reader, list, declaration.get("correctiveEventIDs")),
    })
}

/// One URI or a list of them.
fn certification(reader: &mut Reader, object: &Object) -> Vec<String> {
    let at = At::Name(&ROOT, "certificationInfo");
    match object.get("certificationInfo") {
        Some(Json::String(text)) if reader.is_uri(at, text) => vec![text.clone()],
        Some(Json::String(_)) => Vec::new(),
        list => lists::uris(reader, at, list),
    }
}

/// Lot and expiry among instance/lot master data (CBV 2.0 §9.2). Other members are carried, not read.
fn ilmd(reader: &mut Reader, object: &Object) -> (Option<String>, Option<Date>) {
    let at = At::Name(&ROOT, "ilmd");
    let Some(ilmd) = object.get("ilmd").and_then(|ilmd| reader.object(ilmd, at)) else {
        return (None, None);
    };
    reader.only(ilmd, at, &[]);
    let (mut lot, mut expiry) = (None, None);
    for (name, _) in ilmd.iter() {
        let local = reader.context.master_data_name(name).map(str::to_owned);
        match local.as_deref() {
            Some("lotNumber") => lot = reader.text(ilmd, at, name).map(str::to_owned),
            Some("itemExpirationDate") => {
                let text = reader.text(ilmd, at, name).unwrap_or_default();
                expiry = time::day(text);
                if expiry.is_none() && !text.is_empty() {
                    reader.fault(At::Name(&at, name), "date", format!("{text:?} should be a date like 2027-12-31"));
                }
            }
            _ => {}
        }
    }
    (lot, expiry)
}
