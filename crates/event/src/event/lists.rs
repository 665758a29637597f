//! The lists of an event: identifiers, quantities, transactions, sources and destinations.

use super::reader::{At, Reader};
use super::{Endpoint, Quantity, Transaction, Word};
use crate::json::{Json, Object, decimal};
use crate::vocab::Vocabulary;
use medtrace_gs1::{Level, Scheme, Thing};
use std::collections::HashSet;

const ROOT: At<'static> = At::Root;

/// A list of instance-level identifiers. One that stands twice is kept once, with a warning.
pub(super) fn things(reader: &mut Reader, object: &Object, name: &str) -> Vec<Thing> {
    let list = At::Name(&ROOT, name);
    let items = reader.array(object, ROOT, name);
    let mut things = Vec::with_capacity(items.len());
    let mut seen = HashSet::with_capacity(if items.len() > 1 { items.len() } else { 0 });
    for (index, item) in items.iter().enumerate() {
        let at = At::Index(&list, index);
        let Some(text) = item.as_str() else {
            reader.wrong(at, item, "an identifier");
            continue;
        };
        let Some(thing) = instance(reader, at, text) else {
            continue;
        };
        if items.len() > 1 && !seen.insert(thing.clone()) {
            reader.warn(at, "duplicate", format!("{thing} stands more than once and counts once"));
        } else {
            things.push(thing);
        }
    }
    things
}

/// An identifier of one object, not of a lot or class.
pub(super) fn instance(reader: &mut Reader, at: At<'_>, text: &str) -> Option<Thing> {
    let thing = reader.thing(at, text)?;
    if thing.level() == Level::Instance {
        return Some(thing);
    }
    let detail = format!("{thing} names no single object; a lot or class belongs in a quantity list");
    reader.fault(at, "level", detail);
    None
}

/// A list of `{epcClass, quantity?, uom?}`.
pub(super) fn quantities(reader: &mut Reader, object: &Object, name: &str) -> Vec<Quantity> {
    let list = At::Name(&ROOT, name);
    let items = reader.array(object, ROOT, name).iter().enumerate();
    items.filter_map(|(index, item)| quantity(reader, At::Index(&list, index), item)).collect()
}

fn quantity(reader: &mut Reader, at: At<'_>, item: &Json) -> Option<Quantity> {
    let item = reader.object(item, at)?;
    reader.only(item, at, &["epcClass", "quantity", "uom"]);
    if item.get("epcClass").is_none() {
        reader.missing(At::Name(&at, "epcClass"), "epcClass");
    }
    let number = reader.number(item, at, "quantity");
    let amount = number.and_then(decimal).filter(|amount| !amount.is_sign_negative());
    if amount.is_none() && number.is_some() {
        let detail = "the quantity should be a decimal of at most 28 digits, not below zero";
        reader.fault(At::Name(&at, "quantity"), "quantity", detail);
    }
    let uom = reader.text(item, at, "uom");
    if uom.is_some_and(|uom| !is_uom(uom)) {
        let detail = "the unit should be a UN/CEFACT Rec 20 code: 2 or 3 capitals or digits";
        reader.fault(At::Name(&at, "uom"), "uom", detail);
    }
    let class = At::Name(&at, "epcClass");
    let text = reader.text(item, at, "epcClass")?;
    let thing = reader.thing(class, text)?;
    if thing.level() == Level::Instance && thing.scheme() != Scheme::Uri {
        reader.fault(class, "level", format!("{thing} names one object; it belongs in a list of EPCs"));
    }
    Some(Quantity { thing, amount, uom: uom.map(str::to_owned) })
}

/// UN/CEFACT Rec 20, by its form; at capture [`crate::semantics`] asks for a code of the list.
fn is_uom(text: &str) -> bool {
    matches!(text.len(), 2 | 3) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

pub(super) fn transactions(reader: &mut Reader, object: &Object) -> Vec<Transaction> {
    let list = At::Name(&ROOT, "bizTransactionList");
    let items = reader.array(object, ROOT, "bizTransactionList").iter().enumerate();
    let mut read = |(index, item)| {
        let at = At::Index(&list, index);
        let item = reader.object(item, at)?;
        reader.only(item, at, &["type", "bizTransaction"]);
        if item.get("bizTransaction").is_none() {
            reader.missing(At::Name(&at, "bizTransaction"), "bizTransaction");
        }
        let kind = reader.word(item, at, "type", Vocabulary::TransactionType);
        let id = reader.uri(item, at, "bizTransaction")?.to_owned();
        Some(Transaction { kind, id })
    };
    items.filter_map(&mut read).collect()
}

/// `sourceList` with `source`, or `destinationList` with `destination`.
pub(super) fn endpoints(reader: &mut Reader, object: &Object, list: &str, name: &str) -> Vec<Endpoint> {
    let list_at = At::Name(&ROOT, list);
    let items = reader.array(object, ROOT, list).iter().enumerate();
    let mut read = |(index, item)| {
        let at = At::Index(&list_at, index);
        let item = reader.object(item, at)?;
        reader.only(item, at, &["type", name]);
        for member in ["type", name] {
            if item.get(member).is_none() {
                reader.missing(At::Name(&at, member), member);
            }
        }
        let kind = reader.word(item, at, "type", Vocabulary::EndpointType);
        let text = reader.text(item, at, name)?;
        let thing = reader.thing(At::Name(&at, name), text)?;
        Some(Endpoint { kind: kind?, thing })
    };
    items.filter_map(&mut read).collect()
}

/// A disposition in a list.
pub(super) fn word(reader: &mut Reader, at: At<'_>, item: &Json) -> Option<Word> {
    let Some(text) = item.as_str() else {
        reader.wrong(at, item, "a disposition");
        return None;
    };
    reader.canonical(at, text, Vocabulary::Disposition)
}

/// A list of URIs, or nothing.
pub(super) fn uris(reader: &mut Reader, list: At<'_>, value: Option<&Json>) -> Vec<String> {
    let Some(value) = value else {
        return Vec::new();
    };
    let Some(items) = value.as_array() else {
        reader.wrong(list, value, "a list of URIs");
        return Vec::new();
    };
    let mut read = |(index, item): (usize, &Json)| {
        let at = At::Index(&list, index);
        match item.as_str() {
            Some(text) => reader.is_uri(at, text).then(|| text.to_owned()),
            None => {
                reader.wrong(at, item, "a URI");
                None
            }
        }
    };
    items.iter().enumerate().filter_map(&mut read).collect()
}
