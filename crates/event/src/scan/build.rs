//! From checked codes to events.

use super::codes::{self, Item};
use super::{ScanRequest, Scanned, Who, event_id, shell};
use crate::context::Context;
use crate::document::Entry;
use crate::event::{Kind, is_uri};
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::steps::{self, Step};
use crate::{EVENT_BYTES_MAX, EVENTS_MAX, IDENTIFIERS_MAX};
use medtrace_gs1::Thing;
use std::collections::HashMap;
use std::hash::Hash;

/// Room left in an event for ILMD and for what the estimate of an item's bytes misses.
const SPARE_BYTES: usize = 4 * 1024;

pub(super) fn events(request: &ScanRequest, who: &Who) -> Scanned {
    let mut scanned = Scanned::default();
    let undo = request.step == steps::UNDO;
    let step = if undo { Some(&steps::UNDO_STEP) } else { steps::step(&request.step) };
    let Some(step) = step else {
        let names: Vec<&str> = steps::STEPS.iter().map(|step| step.name).chain([steps::UNDO]).collect();
        let detail = format!("{:?} should be one of {}", request.step, names.join(", "));
        scanned.faults.push(Fault::new("/step", "step", detail));
        return scanned;
    };
    if request.id.is_nil() {
        scanned.faults.push(Fault::new("/id", "id", "the id should be a UUID made for this request"));
    }
    let identifiers: usize = request.items.iter().map(|item| 1 + item.also.len()).sum();
    if identifiers > IDENTIFIERS_MAX {
        let detail = format!("{identifiers} codes; at most {IDENTIFIERS_MAX} are taken in one request");
        scanned.faults.push(Fault::limit("/items", "too-many-identifiers", detail));
        return scanned;
    }
    let mut shell = shell::object(request, step, who, &mut scanned.faults);
    let codes = codes::read(request, step);
    scanned.answers = codes.answers;
    if undo {
        withdrawal(request, &mut shell, &mut scanned.faults);
    }
    if scanned.all_faults().next().is_some() {
        return scanned;
    }
    if let Some(parent) = &codes.parent {
        shell.insert("parentID", parent.uri());
    }
    let groups = if step.ilmd { by_lot(codes.items) } else { vec![codes.items] };
    let room = EVENT_BYTES_MAX.saturating_sub(Json::from(shell.clone()).to_jcs().len() + SPARE_BYTES);
    let chunks = groups.into_iter().flat_map(|items| split(items, room));
    let events: Vec<Object> = chunks.map(|items| fill(shell.clone(), step, &items)).collect();
    if events.len() > EVENTS_MAX {
        let detail = format!("{} events; at most {EVENTS_MAX} are made of one request", events.len());
        scanned.faults.push(Fault::limit("/items", "too-many-events", detail));
        return scanned;
    }
    scanned.events = events.into_iter().enumerate().map(|(n, event)| entry(request, undo, n, event)).collect();
    scanned
}

/// An `errorDeclaration` under the eventID of what it withdraws.
fn withdrawal(request: &ScanRequest, shell: &mut Object, faults: &mut Vec<Fault>) {
    let mut declaration: Object = [("declarationTime", request.time.as_str())].into_iter().collect();
    let reason = request.reason.as_deref().unwrap_or("did_not_occur");
    if !["did_not_occur", "incorrect_data"].contains(&reason) {
        faults.push(Fault::new("/reason", "vocabulary", "the reason should be did_not_occur or incorrect_data"));
    }
    declaration.insert("reason", reason);
    for (index, id) in request.corrective.iter().enumerate().filter(|(_, id)| !is_uri(id)) {
        let detail = format!("{id:?} should be an eventID, a URI");
        faults.push(Fault::new(format!("/corrective/{index}"), "uri", detail));
    }
    if !request.corrective.is_empty() {
        let ids = request.corrective.iter().map(|id| Json::from(id.as_str())).collect::<Vec<_>>();
        declaration.insert("correctiveEventIDs", ids);
    }
    let target = request.event.as_deref().unwrap_or_default();
    if request.event.is_some() && !is_uri(target) {
        faults.push(Fault::new("/event", "uri", format!("{target:?} should be an eventID, a URI")));
    }
    shell.insert("errorDeclaration", declaration);
    shell.insert("eventID", target);
    shell.insert("medtrace:requestID", request.id.hyphenated().to_string());
}

/// One group per (product, lot).
fn by_lot(items: Vec<Item>) -> Vec<Vec<Item>> {
    group(items, |item| item.thing.product().map(|product| (product, item.lot.clone())))
}

/// Groups of equal keys, in the order of their first members.
fn group<T, K: Hash + Eq>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut places = HashMap::new();
    for item in items {
        let place = *places.entry(key(&item)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// Parts that fit into one event each; one empty part for no items.
fn split(items: Vec<Item>, room: usize) -> Vec<Vec<Item>> {
    let mut parts = vec![Vec::new()];
    let mut used = 0;
    for item in items {
        let bytes = estimate(&item);
        if used + bytes > room && used > 0 {
            parts.push(Vec::new());
            used = 0;
        }
        used += bytes;
        if let Some(part) = parts.last_mut() {
            part.push(item);
        }
    }
    parts
}

/// At most this many bytes of JSON: the identifier in its list, among the labels, among the pairs.
fn estimate(item: &Item) -> usize {
    const SYNTAX_BYTES: usize = 80;
    let bytes = |thing: &Thing| thing.uri().len() + SYNTAX_BYTES;
    3 * bytes(&item.thing)
        + item.also.iter().map(bytes).sum::<usize>()
        + item.lot.as_ref().map_or(0, |lot| 6 * lot.len())
}

fn fill(mut event: Object, step: &Step, items: &[Item]) -> Object {
    let (ones, amounts) = match step.kind {
        Kind::Aggregation => ("childEPCs", "childQuantityList"),
        _ => ("epcList", "quantityList"),
    };
    let uris = |item: &Item| Json::from(item.thing.uri());
    let epcs: Vec<Json> = items.iter().filter(|item| item.amount.is_none()).map(uris).collect();
    let quantities: Vec<Json> = items.iter().filter_map(quantity).collect();
    // EPCIS wants an epcList in an ObjectEvent, be it empty (sensor data, a withdrawal).
    if !epcs.is_empty() || (step.kind == Kind::Object && quantities.is_empty()) {
        event.insert(ones, epcs);
    }
    if !quantities.is_empty() {
        event.insert(amounts, quantities);
    }
    let same_as: Vec<Json> = items.iter().filter_map(pair).collect();
    if !same_as.is_empty() {
        event.insert("medtrace:sameAs", same_as);
    }
    if step.ilmd {
        if let Some(ilmd) = items.first().and_then(ilmd) {
            event.insert("ilmd", ilmd);
        }
    } else {
        let labels = labels(items);
        if !labels.is_empty() {
            event.insert("medtrace:labels", labels);
        }
    }
    event
}

fn quantity(item: &Item) -> Option<Json> {
    let mut entry: Object = [("epcClass", item.thing.uri())].into_iter().collect();
    entry.insert("quantity", Json::Number(item.amount?));
    if let Some(uom) = &item.uom {
        entry.insert("uom", uom.as_str());
    }
    Some(entry.into())
}

fn pair(item: &Item) -> Option<Json> {
    let also: Vec<Json> = item.also.iter().map(|thing| Json::from(thing.uri())).collect();
    let mut entry: Object = [("epc", item.thing.uri())].into_iter().collect();
    (!also.is_empty()).then(|| {
        entry.insert("also", also);
        entry.into()
    })
}

fn ilmd(item: &Item) -> Option<Object> {
    item.thing.product()?;
    let expiry = item.expiry.map(|day| day.to_string());
    let members = [("cbvmda:lotNumber", item.lot.clone()), ("cbvmda:itemExpirationDate", expiry)];
    let ilmd: Object = members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    (!ilmd.is_empty()).then_some(ilmd)
}

/// What codes said of lot and expiry beyond the identifier itself, grouped.
fn labels(items: &[Item]) -> Vec<Json> {
    let label = |item: &Item| (item.lot.clone().filter(|_| item.thing.lot().is_none()), item.expiry);
    let said = items.iter().filter(|item| item.thing.product().is_some() && label(item) != (None, None));
    let entry = |items: Vec<&Item>| {
        let (lot, expiry) = items.first().map(|item| label(item)).unwrap_or_default();
        let epcs: Vec<Json> = items.iter().map(|item| Json::from(item.thing.uri())).collect();
        let mut entry: Object = [("epcs", epcs)].into_iter().collect();
        if let Some(lot) = lot {
            entry.insert("lot", lot);
        }
        if let Some(expiry) = expiry {
            entry.insert("expiry", expiry.to_string());
        }
        Json::from(entry)
    };
    group(said, |item| label(item)).into_iter().map(entry).collect()
}

fn entry(request: &ScanRequest, undo: bool, n: usize, mut event: Object) -> Entry {
    if !undo {
        event.insert("eventID", event_id(&request.id, n));
    }
    let ours = event.iter().any(|(name, _)| name.starts_with("medtrace:"));
    let context = if ours { Context::medtrace() } else { Context::standard() };
    if let Some(json) = context.to_json() {
        event.insert("@context", json);
    }
    Entry { path: String::new(), json: event.into(), context }
}
