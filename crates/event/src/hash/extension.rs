//! Members of other namespaces: `{namespace}local=value`, nested members behind their parent, all sorted.

use super::{CbvVersion, Rules};
use crate::context::Context;
use crate::json::{Json, Object};

/// Remarks for people; two events that differ only in them are the same.
const COMMENT: &str = "{http://www.w3.org/2000/01/rdf-schema#}comment";
/// The default namespace of instance/lot master data: in contexts it ends with a colon, in XML it does not.
const MASTER_DATA: &str = "urn:epcglobal:cbv:mda";

impl Rules<'_> {
    /// The members that `wanted` names, as text, sorted.
    pub(super) fn extensions(self, object: &Object, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        if let Some(own) = object.get("@context").and_then(|json| Context::read(json).ok()) {
            let context = own.within(self.context);
            return Rules { context: &context, ..self }.members(object, wanted);
        }
        self.members(object, wanted)
    }

    /// As [`Rules::extensions`], of an event, whose own context is in force already.
    pub(super) fn members(self, object: &Object, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut texts = Vec::new();
        for (name, value) in object.iter().filter(|(name, _)| *name != "@context" && wanted(name)) {
            let name = self.qualified(name);
            if name != COMMENT {
                self.extension(&name, value, &mut texts);
            }
        }
        texts.sort_unstable();
        texts
    }

    fn extension(self, name: &str, value: &Json, texts: &mut Vec<String>) {
        match value {
            Json::Null => {}
            Json::Array(items) => items.iter().for_each(|item| self.extension(name, item, texts)),
            // Text of an element that has attributes as well.
            Json::Object(object) => {
                let text = object.get("#text").and_then(|text| self.text(text)).filter(|text| !text.is_empty());
                let text = text.map(|text| format!("={text}")).unwrap_or_default();
                texts.push(format!("{name}{text}{}", self.extensions(object, |name| name != "#text").concat()));
            }
            scalar => match self.text(scalar).filter(|text| !text.is_empty()) {
                Some(text) => texts.push(format!("{name}={text}")),
                None => texts.push(name.to_owned()),
            },
        }
    }

    /// `{namespace}local` of a member's name; the name itself where no namespace is known.
    fn qualified(self, name: &str) -> String {
        let full;
        let (namespace, local) = match name.split_once(':').map(|(prefix, local)| (self.context.lookup(prefix), local))
        {
            Some((Some(namespace), local)) => (namespace, local),
            _ => {
                full = self.context.expand(name).unwrap_or_else(|| name.to_owned());
                full.rfind(['#', '/', ':']).map_or(("", full.as_str()), |at| full.split_at(at + 1))
            }
        };
        match namespace.trim_end_matches([':', '#', '/']) {
            "" => local.to_owned(),
            MASTER_DATA => format!("{{{MASTER_DATA}}}{local}"),
            _ => format!("{{{namespace}}}{local}"),
        }
    }

    /// Extensions inside of places and sensors, which CBV 2.0 puts at the end, behind the names of what they stand in.
    pub(super) fn displaced(self, event: &Object) -> Vec<String> {
        debug_assert_eq!(self.version, CbvVersion::V2_0);
        let mut texts = Vec::new();
        for name in ["readPoint", "bizLocation"] {
            let place = event.get(name).and_then(Json::as_object);
            texts.extend(place.and_then(|place| under(name, self.extensions(place, |name| name != "id"))));
        }
        for element in event.get("sensorElementList").and_then(Json::as_array).unwrap_or_default() {
            texts.extend(element.as_object().and_then(|element| self.displaced_sensor(element)));
        }
        texts
    }
}

/// A name before what it holds; nothing if it holds nothing.
pub(super) fn under(name: &str, texts: Vec<String>) -> Option<String> {
    (!texts.is_empty()).then(|| format!("{name}{}", texts.concat()))
}
