//! Sensor elements: `sensorElement`, `sensorMetadata` and what it holds, and each `sensorReport`, sorted.

use super::extension::under;
use super::{CbvVersion, Rules, sorted, value};
use crate::json::{Json, Object};
use std::fmt::Write;

const METADATA: [&str; 8] =
    ["time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"];

const REPORT: [&str; 23] = [
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
];

impl Rules<'_> {
    pub(super) fn sensors(self, event: &Object, sink: super::Sink<'_>) {
        let Some(list) = event.get("sensorElementList") else {
            return;
        };
        let elements = sorted(list, |element| self.sensor_element(element.as_object()?));
        if self.version == CbvVersion::V2_1 && !elements.is_empty() {
            sink("sensorElementList");
        }
        elements.iter().for_each(|text| sink(text));
    }

    fn sensor_element(self, element: &Object) -> Option<String> {
        let metadata = element.get("sensorMetadata").and_then(Json::as_object);
        let metadata = metadata.and_then(|metadata| self.part("sensorMetadata", metadata, &METADATA));
        let reports = element
            .get("sensorReport")
            .map(|list| sorted(list, |report| self.part("sensorReport", report.as_object()?, &REPORT)));
        let mut texts: Vec<String> = metadata.into_iter().chain(reports.unwrap_or_default()).collect();
        if self.version == CbvVersion::V2_1 {
            texts.extend(self.extensions(element, is_foreign));
        }
        under("sensorElement", texts)
    }

    fn part(self, name: &str, object: &Object, fields: &[&str]) -> Option<String> {
        let mut out = name.to_owned();
        for field in fields {
            let Some(value) = object.get(field) else {
                continue;
            };
            let text = match *field {
                "time" | "startTime" | "endTime" => value::time(value),
                "type" | "exception" => self.measurement(value),
                "component" => self.component(value),
                _ => self.identifier(value),
            };
            if let Some(text) = text {
                _ = write!(out, "{field}={text}");
            }
        }
        if self.version == CbvVersion::V2_1 {
            out.push_str(&self.extensions(object, |name| is_extension(name, fields)).concat());
        }
        (out.len() > name.len()).then_some(out)
    }

    /// The extensions of one element, for the end of a CBV 2.0 text.
    pub(super) fn displaced_sensor(self, element: &Object) -> Option<String> {
        let part = |name: &str, object: &Json, fields: &[&str]| {
            under(name, self.extensions(object.as_object()?, |name| is_extension(name, fields)))
        };
        let metadata = element.get("sensorMetadata").and_then(|metadata| part("sensorMetadata", metadata, &METADATA));
        let reports = element.get("sensorReport").and_then(Json::as_array).unwrap_or_default();
        let reports = reports.iter().filter_map(|report| part("sensorReport", report, &REPORT));
        let mut texts: Vec<String> = metadata.into_iter().chain(reports).collect();
        texts.extend(self.extensions(element, is_foreign));
        texts.sort_unstable();
        under("sensorElement", texts)
    }
}

fn is_foreign(name: &str) -> bool {
    !["sensorMetadata", "sensorReport"].contains(&name)
}

fn is_extension(name: &str, fields: &[&str]) -> bool {
    // Members that the JSON schema allows but the hash does not speak of.
    !fields.contains(&name) && !["bizRules", "valueType"].contains(&name)
}
