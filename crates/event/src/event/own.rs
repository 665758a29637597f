//! Members of our own namespace ([`crate::context::NAMESPACE`]): extensions that any EPCIS system carries along.
//!
//! ```text
//! "medtrace:sameAs":    [{"epc": uri, "also": [uri, …]}, …]              one pack, several codes
//! "medtrace:labels":    [{"lot"?: text, "expiry"?: date, "epcs": [uri, …]}, …]    what codes said of lot and expiry
//! "medtrace:operator":  pseudonym of who scanned       "medtrace:device": of what scanned
//! "medtrace:requestID": UUID of the scan request, where it is not the eventID
//! ```

use super::reader::{At, Reader};
use super::{Label, SameAs};
use crate::json::Json;
use crate::time;
use medtrace_gs1::Thing;

/// A member of ours: its local name, its name as sent, its value.
pub(super) type Own<'a> = (&'a str, &'a str, &'a Json);

/// Their local names.
pub(super) const NAMES: [&str; 5] = ["sameAs", "labels", "operator", "device", "requestID"];

fn find<'a>(mine: &[Own<'a>], local: &str) -> Option<Own<'a>> {
    mine.iter().find(|(name, ..)| *name == local).copied()
}

pub(super) fn text(reader: &mut Reader, mine: &[Own<'_>], local: &str) -> Option<String> {
    let (_, name, value) = find(mine, local)?;
    if value.as_str().is_none_or(str::is_empty) {
        reader.wrong(At::Name(&At::Root, name), value, "text that is not empty");
    }
    value.as_str().map(str::to_owned)
}

pub(super) fn same_as(reader: &mut Reader, mine: &[Own<'_>]) -> Vec<SameAs> {
    each(reader, find(mine, "sameAs"), |reader, at, item| {
        let object = reader.object(item, at)?;
        reader.only(object, at, &["epc", "also"]);
        let also = things(reader, At::Name(&at, "also"), object.get("also"));
        let epc = things(reader, At::Name(&at, "epc"), object.get("epc"));
        epc.into_iter().next().map(|thing| SameAs { thing, also })
    })
}

pub(super) fn labels(reader: &mut Reader, mine: &[Own<'_>]) -> Vec<Label> {
    each(reader, find(mine, "labels"), |reader, at, item| {
        let object = reader.object(item, at)?;
        reader.only(object, at, &["lot", "expiry", "epcs"]);
        let lot = reader.text(object, at, "lot").map(str::to_owned);
        let text = reader.text(object, at, "expiry");
        let expiry = text.and_then(time::day);
        if let (Some(text), None) = (text, expiry) {
            reader.fault(At::Name(&at, "expiry"), "date", format!("{text:?} should be a date like 2027-12-31"));
        }
        Some(Label { lot, expiry, things: things(reader, At::Name(&at, "epcs"), object.get("epcs")) })
    })
}

fn each<T>(
    reader: &mut Reader,
    own: Option<Own<'_>>,
    mut read: impl FnMut(&mut Reader, At<'_>, &Json) -> Option<T>,
) -> Vec<T> {
    let Some((_, name, value)) = own else {
        return Vec::new();
    };
    let list = At::Name(&At::Root, name);
    let Some(items) = value.as_array() else {
        reader.wrong(list, value, "an array");
        return Vec::new();
    };
    items.iter().enumerate().filter_map(|(index, item)| read(reader, At::Index(&list, index), item)).collect()
}

/// One identifier or a list of them; not none.
fn things(reader: &mut Reader, at: At<'_>, value: Option<&Json>) -> Vec<Thing> {
    match value {
        Some(Json::String(text)) => reader.thing(at, text).into_iter().collect(),
        Some(Json::Array(items)) => {
            let mut read = |(index, item): (usize, &Json)| {
                let at = At::Index(&at, index);
                match item.as_str() {
                    Some(text) => reader.thing(at, text),
                    None => {
                        reader.wrong(at, item, "an identifier");
                        None
                    }
                }
            };
            items.iter().enumerate().filter_map(&mut read).collect()
        }
        Some(other) => {
            reader.wrong(at, other, "an identifier");
            Vec::new()
        }
        None => {
            reader.missing(at, "an identifier");
            Vec::new()
        }
    }
}
