//! Sensor reports, flattened: metadata of the element repeated in each of its reports.

use super::Word;
use super::reader::{At, Reader};
use crate::json::{Json, Object};
use std::borrow::Cow;

/// One sensor report (EPCIS 2.0 §7.3.7). Times are µs UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    /// GS1 Web vocabulary measurement type as bare word (`Temperature`), or a URI; `None` in a mere exception.
    pub kind: Option<Word>,
    /// The report's own time, else the metadata's.
    pub time: Option<i64>,
    pub start: Option<i64>,
    pub end: Option<i64>,
    /// `deviceID` of the report, else of the metadata, as sent.
    pub device: Option<String>,
    pub value: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    /// UN/CEFACT Rec 20 code, e.g. `CEL`.
    pub uom: Option<String>,
    /// `ALARM_CONDITION`, `ERROR_CONDITION` or a URI.
    pub exception: Option<Word>,
}

const METADATA: [&str; 8] =
    ["time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"];
const TEXTS: [&str; 10] = [
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "microorganism",
    "chemicalSubstance",
    "component",
    "coordinateReferenceSystem",
    "stringValue",
    "hexBinaryValue",
    "uriValue",
];
const NUMBERS: [&str; 7] = ["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];
const OTHERS: [&str; 8] = ["type", "exception", "deviceID", "time", "uom", "booleanValue", "bizRules", "valueType"];

/// Whether a member of `sensorMetadata` or of a report is the standard's own, which XML has as a bare attribute.
pub(crate) fn is_member(part: &str, name: &str) -> bool {
    match part {
        "sensorMetadata" => METADATA.contains(&name),
        _ => OTHERS.contains(&name) || NUMBERS.contains(&name) || TEXTS.contains(&name),
    }
}

pub(super) fn read(reader: &mut Reader, object: &Object) -> Vec<Sensor> {
    let list = At::Name(&At::Root, "sensorElementList");
    let mut sensors = Vec::new();
    for (index, element) in reader.array(object, At::Root, "sensorElementList").iter().enumerate() {
        let at = At::Index(&list, index);
        let Some(element) = reader.object(element, at) else {
            continue;
        };
        reader.only(element, at, &["sensorMetadata", "sensorReport"]);
        let about = metadata(reader, at, element);
        let reports = reader.array(element, at, "sensorReport");
        if reports.is_empty() {
            reader.missing(At::Name(&at, "sensorReport"), "a sensorReport");
        }
        let reports_at = At::Name(&at, "sensorReport");
        for (index, item) in reports.iter().enumerate() {
            sensors.extend(report(reader, At::Index(&reports_at, index), item, about.as_ref()));
        }
    }
    sensors
}

/// What the metadata says for every report of its element.
struct Metadata {
    time: Option<i64>,
    start: Option<i64>,
    end: Option<i64>,
    device: Option<String>,
}

fn metadata(reader: &mut Reader, element_at: At<'_>, element: &Object) -> Option<Metadata> {
    let at = At::Name(&element_at, "sensorMetadata");
    let metadata = reader.object(element.get("sensorMetadata")?, at)?;
    reader.only(metadata, at, &METADATA);
    for name in ["deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"] {
        reader.text(metadata, at, name);
    }
    Some(Metadata {
        time: reader.instant(metadata, at, "time"),
        start: reader.instant(metadata, at, "startTime"),
        end: reader.instant(metadata, at, "endTime"),
        device: reader.text(metadata, at, "deviceID").map(str::to_owned),
    })
}

fn report(reader: &mut Reader, at: At<'_>, item: &Json, about: Option<&Metadata>) -> Option<Sensor> {
    let report = reader.object(item, at)?;
    for (name, _) in report.iter() {
        if !is_member("sensorReport", name) && !reader.context.allows(name) {
            reader.unknown(At::Name(&at, name), name);
        }
    }
    for name in TEXTS {
        reader.text(report, at, name);
    }
    if let Some(value) = report.get("booleanValue").filter(|value| !matches!(value, Json::Bool(_))) {
        reader.wrong(At::Name(&at, "booleanValue"), value, "a boolean");
    }
    let [value, min, max, mean, ..] = NUMBERS.map(|name| reader.number(report, at, name));
    if report.get("type").is_none() && report.get("exception").is_none() {
        reader.missing(At::Name(&at, "type"), "the type of measurement");
    }
    let time = reader.instant(report, at, "time");
    let device = reader.text(report, at, "deviceID").map(str::to_owned);
    Some(Sensor {
        kind: voc(reader, report, at, "type"),
        time: time.or(about.and_then(|about| about.time)),
        start: about.and_then(|about| about.start),
        end: about.and_then(|about| about.end),
        device: device.or_else(|| about.and_then(|about| about.device.clone())),
        value,
        min,
        max,
        mean,
        uom: reader.text(report, at, "uom").map(str::to_owned),
        exception: voc(reader, report, at, "exception"),
    })
}

/// A word of the GS1 Web vocabulary, bare; other URIs in full.
fn voc(reader: &mut Reader, report: &Object, at: At<'_>, name: &str) -> Option<Word> {
    let text = reader.text(report, at, name)?;
    if text == "Temperature" {
        return Some(Cow::Borrowed("Temperature"));
    }
    let full = reader.context.expand(text);
    let uri = full.as_deref().unwrap_or(text);
    let bare = ["https://gs1.org/voc/", "https://www.gs1.org/voc/", "https://ref.gs1.org/voc/"]
        .iter()
        .find_map(|base| uri.strip_prefix(base));
    Some(match bare.unwrap_or(uri) {
        "Temperature" => Cow::Borrowed("Temperature"),
        other => Cow::Owned(other.to_owned()),
    })
}
