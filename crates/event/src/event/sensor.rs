//! Sensor reports, flattened: metadata of the element repeated in each of its reports.

use super::Word;

/// One sensor report (EPCIS 2.0 §7.3.7). Times are µs UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    /// GS1 Web vocabulary measurement type as bare word (`Temperature`) or a URI.
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
