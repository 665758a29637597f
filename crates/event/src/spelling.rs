//! The identifiers of an event in another spelling.

use crate::json::Json;
use medtrace_gs1::{Scheme, Thing};

/// Members of an event whose text, or whose list of texts, names things.
const IDENTIFIERS: [&str; 12] = [
    "epcList",
    "childEPCs",
    "inputEPCList",
    "outputEPCList",
    "parentID",
    "epcClass",
    "id",
    "source",
    "destination",
    "bizTransaction",
    "transformationID",
    "deviceID",
];

/// Spells every identifier anew where `spell` has one for it. Extensions and master data belong to whoever wrote them and
/// stay, as do URIs that are no GS1 keys.
pub fn respell(json: &mut Json, spell: &dyn Fn(&Thing) -> Option<String>) {
    let Json::Object(object) = json else {
        return;
    };
    let names: Vec<String> = object.iter().map(|(name, _)| name.to_owned()).filter(|name| is_epcis(name)).collect();
    for name in names {
        let Some(value) = object.get_mut(&name) else {
            continue;
        };
        let named = IDENTIFIERS.contains(&name.as_str());
        match value {
            Json::Array(items) => items.iter_mut().for_each(|item| identifier(item, named, spell)),
            one => identifier(one, named, spell),
        }
    }
}

fn identifier(value: &mut Json, named: bool, spell: &dyn Fn(&Thing) -> Option<String>) {
    match value {
        Json::String(text) if named => {
            let thing = Thing::from_uri(text).ok().filter(|thing| thing.scheme() != Scheme::Uri);
            if let Some(other) = thing.and_then(|thing| spell(&thing)) {
                *text = other;
            }
        }
        nested => respell(nested, spell),
    }
}

fn is_epcis(name: &str) -> bool {
    !name.contains(':') && !["@context", "ilmd"].contains(&name)
}
