//! Scan requests: what a scanner, an ERP or a hospital system posts, and the EPCIS events it becomes.
//!
//! ```text
//! eventID of the first event    urn:uuid:<request id>
//! eventID of event n = 1, 2 …   urn:uuid:<version 8 of SHA-256( "medtrace/scan-event/v1\n" ‖ id ‖ "\n" ‖ n )>
//!                               id = the UUID in lower case with hyphens, n = decimal
//! undo                          the eventID of the event that it withdraws; the request's id is medtrace:requestID
//! ```
//!
//! One request is taken whole or not at all, because its id is the eventID: the same id must always mean the same.

mod build;
mod codes;
mod shell;

use crate::document::Entry;
use crate::fault::Fault;
use crate::json::{Json, pointer};
use crate::seal::uuid_urn;
use medtrace_gs1::Thing;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Body of `POST /v1/scans`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanBody {
    pub requests: Vec<ScanRequest>,
    /// Whether it was a list; a single request gets a single answer.
    pub list: bool,
}

/// One scan request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanRequest {
    /// Made by the client; sent again with the request, it gives the same events.
    pub id: Uuid,
    /// A name of [`crate::steps::STEPS`].
    pub step: String,
    /// When it was scanned: `2026-03-01T08:15:00+08:00`.
    pub time: String,
    /// Where: 13 digits of a GLN, or a URI.
    pub place: String,
    #[serde(default)]
    pub items: Vec<ScanItem>,
    /// The container, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Where the items come from: a GLN (a place), or the URI of a place or party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where the items go, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<ScanDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Temperature>,
    /// For items whose code carries no lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// For items whose code carries no expiry: `2027-12-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<String>,
    /// `inspect`: how it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// `undo`: `did_not_occur` (default) or `incorrect_data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `undo`: the eventID of the event to withdraw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// `undo` with `incorrect_data`: eventIDs of the events that say it right, if there are any yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrective: Vec<String>,
}

/// One code of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanItem {
    /// As the scanner sends it, or as typed, or a URI.
    pub code: String,
    /// For lots: how many, or how much of `uom`. A number or, to be safe with decimals, its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Amount>,
    /// UN/CEFACT Rec 20; none: a count of trade items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uom: Option<String>,
    /// Other codes on the same pack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

/// A decimal, as a JSON number or as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a quantity should be a number, or its text")]
pub enum Amount {
    Number(f64),
    Text(String),
}

/// A business document: `{"type": "desadv", "id": "DN-4711"}`. An id that is no URI is taken as the scanning place's own
/// number and becomes `urn:epcglobal:cbv:bt:<GLN>:<number>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanDocument {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

/// A temperature in degrees Celsius, alone or as a report over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a temperature should be degrees Celsius, or an object with value, min, max or mean")]
pub enum Temperature {
    Celsius(f64),
    Report(TemperatureReport),
}

/// A temperature report. At least one of the values; `start` and `end` as instants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemperatureReport {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// UN/CEFACT Rec 20: `CEL` (default), `FAH` or `KEL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uom: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// URI of the sensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Result of an inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Pass,
    Fail,
}

/// Who scanned, as pseudonyms made by the service from the bearer token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    pub operator: Option<String>,
    pub device: Option<String>,
}

/// The answer to one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `/items/3/code`, `/items/3/also/0`, `/parent`.
    pub path: String,
    /// The code as sent.
    pub code: String,
    /// What it names, or why it was refused; a refusal's path is the answer's or beside it (`/items/3/quantity`).
    pub result: Result<Thing, Fault>,
    /// A doubt that does not stop it, such as a likely lost FNC1.
    pub doubt: Option<String>,
}

/// What a scan request becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scanned {
    /// One answer per code, in the order of the request.
    pub answers: Vec<Answer>,
    /// Faults of the request itself; those of codes are in `answers`.
    pub faults: Vec<Fault>,
    /// The events, ready for [`crate::seal()`]; none if anything was refused.
    pub events: Vec<Entry>,
}

impl Scanned {
    /// Every fault, of codes and of the request, in the request's order.
    pub fn all_faults(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().chain(self.answers.iter().filter_map(|answer| answer.result.as_ref().err()))
    }
}

/// The eventID of the event number `n` of a request; see the top of this file.
pub fn event_id(id: &Uuid, n: usize) -> String {
    if n == 0 {
        return id.urn().to_string();
    }
    uuid_urn(&Sha256::digest(format!("medtrace/scan-event/v1\n{}\n{n}", id.hyphenated())).into())
}

impl ScanBody {
    /// Reads one request or a list of them.
    ///
    /// # Errors
    /// The fault of the JSON, or one fault for each request that cannot be read (`scan`), with paths from the body,
    /// e.g. `/0/items/3/code`.
    pub fn parse(bytes: &[u8]) -> Result<ScanBody, Vec<Fault>> {
        let json = Json::parse(bytes).map_err(|fault| vec![fault.into()])?;
        let Some(list) = json.as_array() else {
            let request = ScanRequest::from_json(&json).map_err(|fault| vec![fault])?;
            return Ok(ScanBody { requests: vec![request], list: false });
        };
        let mut requests = Vec::with_capacity(list.len());
        let mut faults = Vec::new();
        for (index, json) in list.iter().enumerate() {
            match ScanRequest::from_json(json) {
                Ok(request) => requests.push(request),
                Err(fault) => faults.push(fault.under(&format!("/{index}"))),
            }
        }
        if list.is_empty() {
            faults.push(Fault::new("", "empty", "there should be at least one scan request"));
        }
        if faults.is_empty() { Ok(ScanBody { requests, list: true }) } else { Err(faults) }
    }
}

impl ScanRequest {
    fn from_json(json: &Json) -> Result<ScanRequest, Fault> {
        serde_path_to_error::deserialize(serde_json::Value::from(json)).map_err(|error| {
            let path: String = error.path().iter().map(path_step).collect();
            Fault::new(path, "scan", error.into_inner().to_string())
        })
    }

    /// Turns the request into events. Deterministic: the same request and `who` give the same events.
    pub fn events(&self, who: &Who) -> Scanned {
        build::events(self, who)
    }
}

fn path_step(segment: &serde_path_to_error::Segment) -> String {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => pointer(key),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}
