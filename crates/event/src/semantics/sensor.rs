//! Sensor elements (EPCIS 2.0 §7.3.7, JSON schema, CBV 2.0 §7.8 and §7.9).

use super::{Findings, measure, objects};
use crate::event::is_uri;
use crate::json::{Json, Object};
use crate::time;

/// Members of metadata and reports whose values are URIs.
const URIS: [&str; 8] = [
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
];
/// Components by their bare words (CBV 2.0 §7.9).
const COMPONENTS: [&str; 15] = [
    "x",
    "y",
    "z",
    "axial_distance",
    "azimuth",
    "height",
    "spherical_radius",
    "polar_angle",
    "elevation_angle",
    "easting",
    "northing",
    "latitude",
    "longitude",
    "altitude",
    "geocoordinate",
];
/// Exceptions by their bare words (CBV 2.0 §7.8).
const EXCEPTIONS: [&str; 2] = ["ALARM_CONDITION", "ERROR_CONDITION"];
/// Values that are in the unit of the report.
const MEASURES: [&str; 5] = ["value", "minValue", "maxValue", "meanValue", "percValue"];
const DIMENSIONLESS: &str = "Dimensionless";

pub(super) fn element(found: &mut Findings, path: &str, element: &Object) {
    let empty = Object::new();
    let metadata = element.get("sensorMetadata").and_then(Json::as_object).unwrap_or(&empty);
    let at = format!("{path}/sensorMetadata");
    uris(found, &at, metadata);
    let (start, end) = (instant(metadata, "startTime"), instant(metadata, "endTime"));
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        found.fault(|| format!("{at}/endTime"), "range", "endTime should not lie before startTime");
    }
    for (index, item) in objects(element, "sensorReport") {
        let path = format!("{path}/sensorReport/{index}");
        report(found, &path, item);
        let time = instant(item, "time");
        let outside = |time: i64| start.is_some_and(|start| time < start) || end.is_some_and(|end| end < time);
        if time.is_some_and(outside) {
            let detail = "the time of the report lies outside startTime and endTime of its metadata";
            found.advise(|| format!("{path}/time"), "range", detail);
        }
    }
}

fn report(found: &mut Findings, path: &str, report: &Object) {
    let at = |name: &str| format!("{path}/{name}");
    uris(found, path, report);
    uri(found, path, report, "uriValue", &[]);
    uri(found, path, report, "component", &COMPONENTS);
    uri(found, path, report, "exception", &EXCEPTIONS);
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text(report, "hexBinaryValue").is_some_and(|text| !hex(text)) {
        found.fault(|| at("hexBinaryValue"), "value", "the value should be hexadecimal digits");
    }
    measure::unit(found, || at("uom"), text(report, "uom"));
    numbers(found, path, report);
    let measured = MEASURES.into_iter().find(|name| report.get(name).is_some());
    let dimensionless = text(report, "type").is_none_or(|kind| kind.ends_with(DIMENSIONLESS));
    if let Some(name) = measured.filter(|_| report.get("uom").is_none() && !dimensionless) {
        found.advise(|| at(name), "uom", "a measured value should have its unit beside it");
    }
}

fn numbers(found: &mut Findings, path: &str, report: &Object) {
    let at = |name: &str| format!("{path}/{name}");
    let number = |name: &str| report.get(name).and_then(Json::as_f64);
    let (min, max) = (number("minValue"), number("maxValue"));
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        found.fault(|| at("minValue"), "range", "minValue should not be above maxValue");
    }
    let outside = |mean: f64| min.is_some_and(|min| mean < min) || max.is_some_and(|max| max < mean);
    if number("meanValue").is_some_and(outside) {
        found.advise(|| at("meanValue"), "range", "meanValue lies outside minValue and maxValue");
    }
    if number("sDev").is_some_and(|deviation| deviation < 0.0) {
        found.fault(|| at("sDev"), "range", "a standard deviation should not be below zero");
    }
    if number("percRank").is_some_and(|rank| !(0.0..=100.0).contains(&rank)) {
        found.fault(|| at("percRank"), "range", "a percentile rank should be from 0 to 100");
    }
    for (name, other) in [("percRank", "percValue"), ("percValue", "percRank")] {
        if number(name).is_some() && report.get(other).is_none() {
            found.advise(|| at(name), "missing", format!("{name} says nothing without {other}"));
        }
    }
}

fn uris(found: &mut Findings, path: &str, object: &Object) {
    URIS.iter().for_each(|name| uri(found, path, object, name, &[]));
}

/// A URI, a prefixed name, or one of the bare words.
fn uri(found: &mut Findings, path: &str, object: &Object, name: &str, words: &[&str]) {
    let Some(text) = text(object, name).filter(|text| !is_uri(text) && !words.contains(text)) else {
        return;
    };
    let or_word = if words.is_empty() { "" } else { " or a word of the CBV" };
    found.fault(|| format!("{path}/{name}"), "uri", format!("{text:?} should be an absolute URI{or_word}"));
}

fn text<'j>(object: &'j Object, name: &str) -> Option<&'j str> {
    object.get(name).and_then(Json::as_str)
}

fn instant(object: &Object, name: &str) -> Option<i64> {
    text(object, name).and_then(time::instant)
}
