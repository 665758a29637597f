//! Master data in the header of a document (EPCIS 2.0 § 9.3, CBV 2.0 § 10): what places, products and parties are
//! called, and what else is said of them.
//!
//! ```text
//! {"epcisHeader": {"epcisMasterData": {"vocabularyList": [
//!     {"type": "urn:epcglobal:epcis:vtype:BusinessLocation", "vocabularyElementList": [
//!         {"id": "urn:epc:id:sgln:9521321.00001.0", "attributes": [{"id": "cbvmda:name", "attribute": "South plant"}],
//!          "children": ["urn:epc:id:sgln:9521321.00001.1"]}]}]}}}
//! ```

use crate::context::Context;
use crate::json::Json;
use medtrace_gs1::Thing;

/// What a standard vocabulary's name begins with.
const VOCABULARY: &str = "urn:epcglobal:epcis:vtype:";

/// What a document says of one thing, place or party.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Name of the vocabulary: `BusinessLocation`, `ReadPoint`, `EPCClass`…, or the URI of another one.
    pub kind: String,
    /// Canonical URI where it is an identifier; else as it was sent.
    pub id: String,
    pub thing: Option<Thing>,
    /// Names and values in the order sent; names of the CBV without their namespace.
    pub attributes: Vec<(String, String)>,
    /// Ids of what is part of it.
    pub children: Vec<String>,
}

/// The elements of a document's header; what does not have their form is left out.
pub fn elements(header: &Json) -> Vec<Element> {
    let context = header.get("@context").and_then(|context| Context::read(context).ok()).unwrap_or_default();
    let data = header.get("epcisHeader").and_then(|header| header.get("epcisMasterData"));
    let mut elements = Vec::new();
    for vocabulary in data.map(|data| list(data, "vocabularyList")).unwrap_or_default() {
        let Some(kind) = vocabulary.get_str("type") else { continue };
        let kind = kind.strip_prefix(VOCABULARY).unwrap_or(kind);
        elements
            .extend(list(vocabulary, "vocabularyElementList").iter().filter_map(|json| element(kind, json, &context)));
    }
    elements
}

fn element(kind: &str, json: &Json, context: &Context) -> Option<Element> {
    let (id, thing) = canonical(json.get_str("id")?);
    let attributes = list(json, "attributes").iter().filter_map(|attribute| {
        let value = attribute.get("attribute")?;
        let value = value.as_str().map_or_else(|| String::from_utf8_lossy(&value.to_jcs()).into_owned(), str::to_owned);
        Some((attribute_name(attribute.get_str("id")?, context), value))
    });
    let children = list(json, "children").iter().filter_map(Json::as_str).map(|id| canonical(id).0);
    Some(Element { kind: kind.to_owned(), id, thing, attributes: attributes.collect(), children: children.collect() })
}

/// The name of an attribute as it is compared: `name` for `cbvmda:name` and `urn:epcglobal:cbv:mda#name`, a full URI
/// for one of another namespace.
pub fn attribute_name(name: &str, context: &Context) -> String {
    let local = context.master_data_name(name).map(str::to_owned);
    local.or_else(|| context.expand(name)).unwrap_or_else(|| name.to_owned())
}

fn canonical(id: &str) -> (String, Option<Thing>) {
    let thing = Thing::from_uri(id).ok();
    (thing.as_ref().map_or_else(|| id.to_owned(), Thing::uri), thing)
}

fn list<'a>(json: &'a Json, name: &str) -> &'a [Json] {
    json.get(name).and_then(Json::as_array).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_in_any_spelling_and_the_rest_left_out() {
        let header = br#"{"@context": [{"ex": "https://ns.example/"}], "epcisHeader": {"epcisMasterData": {"vocabularyList": [
            {"type": "urn:epcglobal:epcis:vtype:BusinessLocation", "vocabularyElementList": [
                {"id": "urn:epc:id:sgln:9521321.00001.0", "children": ["urn:epc:id:sgln:9521321.00002.0", 5], "attributes": [
                    {"id": "cbvmda:name", "attribute": "South plant"}, {"id": "urn:epcglobal:cbv:mda#city", "attribute": "Wuhan"},
                    {"id": "ex:floors", "attribute": 3}, {"attribute": "nameless"}]},
                {"attributes": []}]},
            {"vocabularyElementList": [{"id": "x"}]},
            {"type": "https://ns.example/Kind", "vocabularyElementList": [{"id": "x"}]}]}}}"#;
        let elements = elements(&Json::parse(header).unwrap());
        let said: Vec<_> = elements.iter().map(|e| (e.kind.as_str(), e.id.as_str(), e.thing.is_some())).collect();
        let place = "https://id.gs1.org/414/9521321000018";
        assert_eq!(said, [("BusinessLocation", place, true), ("https://ns.example/Kind", "x", false)]);
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [named("name", "South plant"), named("city", "Wuhan"), named("https://ns.example/floors", "3")];
        assert_eq!(elements[0].attributes, expected);
        assert_eq!(elements[0].children, ["https://id.gs1.org/414/9521321000025"]);
        assert_eq!(super::elements(&Json::parse(br#"{"epcisHeader": 5}"#).unwrap()), []);
    }
}
