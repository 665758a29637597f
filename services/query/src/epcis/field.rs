//! Where a parameter looks in an event: `EQ_ILMD_urn:epcglobal:cbv:mda#lotNumber`, `EXISTS_INNER_https://ns.example/#a`.
//!
//! ```text
//! field     = [ "INNER_" ] [ area "_" ] name       INNER: beneath the members of the area, at any depth
//! area      = "ILMD" | "ERROR_DECLARATION" | "readPoint" | "bizLocation"
//!           | "SENSORELEMENT" | "SENSORMETADATA" | "SENSORREPORT"          none: the event itself
//! name      = namespace "#" local | prefix ":" local | IRI
//! ```
//!
//! A prefix is one of the standard context's or of the request's `GS1-Extensions`. JSON-LD glues namespace and local name
//! together and XML parts them: a name is compared as namespace without a closing `/`, `#` or `:`, and local name.

use medtrace_event::json::Object;
use medtrace_event::{Context, Json};

/// A name with its namespace, in the one spelling that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    Event,
    Ilmd,
    ErrorDeclaration,
    ReadPoint,
    BizLocation,
    SensorElement,
    SensorMetadata,
    SensorReport,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub area: Area,
    /// Beneath the members of the area, at any depth, instead of its own members.
    pub inner: bool,
    pub name: Name,
}

const AREAS: [(&str, Area); 7] = [
    ("ILMD_", Area::Ilmd),
    ("ERROR_DECLARATION_", Area::ErrorDeclaration),
    ("readPoint_", Area::ReadPoint),
    ("bizLocation_", Area::BizLocation),
    ("SENSORELEMENT_", Area::SensorElement),
    ("SENSORMETADATA_", Area::SensorMetadata),
    ("SENSORREPORT_", Area::SensorReport),
];

impl Name {
    /// `None` for a name without a namespace.
    fn read(text: &str, prefixes: &Context) -> Option<Name> {
        if let Some(expanded) = prefixes.expand(text) {
            return Name::of_iri(&expanded);
        }
        Name::of_iri(text)
    }

    fn of_iri(iri: &str) -> Option<Name> {
        let at = iri.rfind('#').or_else(|| iri.rfind('/')).or_else(|| iri.rfind(':'))?;
        let (namespace, local) = (&iri[..at], &iri[at + 1..]);
        let namespace = namespace.trim_end_matches(['/', '#', ':']);
        (!local.is_empty() && namespace.contains(':')).then(|| Name(format!("{namespace}#{local}")))
    }

    fn is(&self, member: &str, context: &Context) -> bool {
        Name::read(member, context).is_some_and(|name| name == *self)
    }
}

impl Field {
    /// What follows `EQ_`, `EXISTS_` and the like; `None` if it names no field.
    pub fn read(text: &str, prefixes: &Context) -> Option<Field> {
        let (inner, text) = text.strip_prefix("INNER_").map_or((false, text), |rest| (true, rest));
        let area = AREAS.iter().find_map(|(word, area)| Some((*area, text.strip_prefix(word)?)));
        let (area, name) = area.unwrap_or((Area::Event, text));
        Some(Field { area, inner, name: Name::read(name, prefixes)? })
    }

    /// Every value that stands there.
    pub fn values<'a>(&self, event: &'a Json, context: &Context) -> Vec<&'a Json> {
        let mut found = Vec::new();
        for object in objects(event, self.area) {
            for (member, value) in object.iter() {
                match self.inner {
                    true => self.beneath(value, context, &mut found),
                    false if self.name.is(member, context) => found.push(value),
                    false => {}
                }
            }
        }
        found
    }

    fn beneath<'a>(&self, value: &'a Json, context: &Context, found: &mut Vec<&'a Json>) {
        match value {
            Json::Array(items) => items.iter().for_each(|item| self.beneath(item, context, found)),
            Json::Object(object) => {
                for (member, value) in object.iter() {
                    if self.name.is(member, context) {
                        found.push(value);
                    }
                    self.beneath(value, context, found);
                }
            }
            _ => {}
        }
    }
}

/// The objects of an area.
pub fn objects(event: &Json, area: Area) -> Vec<&Object> {
    let member = |name| event.get(name).and_then(Json::as_object).into_iter().collect();
    match area {
        Area::Event => event.as_object().into_iter().collect(),
        Area::Ilmd => member("ilmd"),
        Area::ErrorDeclaration => member("errorDeclaration"),
        Area::ReadPoint => member("readPoint"),
        Area::BizLocation => member("bizLocation"),
        Area::SensorElement => list(event.get("sensorElementList")).collect(),
        Area::SensorMetadata => {
            let elements = list(event.get("sensorElementList"));
            elements.filter_map(|element| element.get("sensorMetadata")?.as_object()).collect()
        }
        Area::SensorReport => {
            list(event.get("sensorElementList")).flat_map(|element| list(element.get("sensorReport"))).collect()
        }
    }
}

fn list(value: Option<&Json>) -> impl Iterator<Item = &Object> {
    value.and_then(Json::as_array).unwrap_or_default().iter().filter_map(Json::as_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(event: &str, field: &str) -> Vec<String> {
        let event = Json::parse(event.as_bytes()).unwrap();
        let context = Context::of_event(&event).unwrap();
        let field = Field::read(field, &Context::standard()).unwrap();
        field.values(&event, &context).iter().map(|value| value.to_string()).collect()
    }

    const EVENT: &str = r#"{
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"x": "https://ns.example/a/"}],
        "type": "ObjectEvent", "x:top": 1, "https://ns.example/a/full": true,
        "x:deep": {"x:list": [{"x:leaf": "l"}], "x:top": 2},
        "ilmd": {"cbvmda:lotNumber": "L1"},
        "readPoint": {"id": "https://id.gs1.org/414/9521321000018", "x:dock": "3"},
        "sensorElementList": [{"sensorMetadata": {"x:by": "m"}, "sensorReport": [{"x:r": 1}, {"x:r": 2}]}]
    }"#;

    #[test]
    fn a_name_is_the_same_in_every_spelling() {
        for name in ["https://ns.example/a#top", "https://ns.example/a/#top", "https://ns.example/a/top"] {
            assert_eq!(found(EVENT, name), ["1"], "{name}");
        }
        assert_eq!(found(EVENT, "https://ns.example/a#full"), ["true"]);
        for name in ["ILMD_urn:epcglobal:cbv:mda#lotNumber", "ILMD_cbvmda:lotNumber"] {
            assert_eq!(found(EVENT, name), ["\"L1\""], "{name}");
        }
    }

    #[test]
    fn each_area_is_its_own() {
        assert_eq!(found(EVENT, "INNER_https://ns.example/a#leaf"), ["\"l\""]);
        assert_eq!(found(EVENT, "INNER_https://ns.example/a#top"), ["2"]);
        assert_eq!(found(EVENT, "https://ns.example/a#leaf"), [""; 0]);
        assert_eq!(found(EVENT, "readPoint_https://ns.example/a#dock"), ["\"3\""]);
        assert_eq!(found(EVENT, "bizLocation_https://ns.example/a#dock"), [""; 0]);
        assert_eq!(found(EVENT, "SENSORMETADATA_https://ns.example/a#by"), ["\"m\""]);
        assert_eq!(found(EVENT, "SENSORREPORT_https://ns.example/a#r"), ["1", "2"]);
    }

    #[test]
    fn a_name_without_a_namespace_is_none() {
        for name in ["", "lotNumber", "ILMD_lotNumber", "INNER_a", "ILMD_", "x:top", "#a"] {
            assert_eq!(Field::read(name, &Context::standard()), None, "{name}");
        }
    }
}
