//! Scan requests: each code gets its own answer, each refusal its place in what was sent.

use medtrace_event::{
    Fault, Json, SealedEvent,
    scan::{Answer, ScanBody, ScanRequest, Who},
};
use medtrace_gs1::Thing;
use medtrace_ledger::hash::base64;
use medtrace_service::Problem;
use serde_json::{Value, json};

use super::{Speaker, item};
use crate::{
    refused::Refused,
    seal::{Body, Size},
};

/// One admitted request.
#[derive(Debug, Clone)]
pub struct AdmittedScan {
    /// The request's id.
    pub id: String,
    pub events: Vec<SealedEvent>,
    answers: Vec<Answer>,
}

/// A whole body of `POST /v1/scans`.
#[derive(Debug, Clone)]
pub struct AdmittedScans(pub Vec<AdmittedScan>);

/// Admits one scan request or a list of them, whole or not at all.
pub fn scans(body: &[u8], who: &Who, speaker: Speaker<'_>) -> Result<AdmittedScans, Problem> {
    let mut refused = Refused::default();
    let body = ScanBody::parse(body).map_err(|faults| {
        refused.faults("", &faults);
        std::mem::take(&mut refused).into_problem()
    })?;
    let mut admitted = Vec::with_capacity(body.requests.len());
    for (index, request) in body.requests.iter().enumerate() {
        let prefix = if body.list { format!("/{index}") } else { String::new() };
        admitted.push(one(request, &prefix, who, speaker, &mut refused));
    }
    let admitted = AdmittedScans(admitted);
    let size = admitted.items().iter().map(Body::size).fold(Size::default(), Size::plus);
    if !size.fits() {
        refused.fault("", &too_large(size));
    }
    refused.check()?;
    Ok(admitted)
}

fn one(request: &ScanRequest, prefix: &str, who: &Who, speaker: Speaker<'_>, refused: &mut Refused) -> AdmittedScan {
    let scanned = request.events(who);
    refused.faults(prefix, scanned.all_faults());
    let mut events = Vec::with_capacity(scanned.events.len());
    for entry in &scanned.events {
        match medtrace_event::seal(entry.json.clone(), &entry.context, speaker.party.as_str()) {
            Ok(sealed) => {
                let event = sealed.event.json.clone();
                let mut against = Refused::default();
                events.extend(speaker.may(sealed, "", &mut against));
                refused.take(against, |path| format!("{prefix}{}", place(path, &event, &scanned.answers)));
            }
            Err(faults) => refused.faults(prefix, &faults),
        }
    }
    AdmittedScan { id: request.id.hyphenated().to_string(), events, answers: scanned.answers }
}

/// Where in the scan request stands what its event says at `path`: the code, if it is one, else the member it came from.
fn place(path: &str, event: &Json, answers: &[Answer]) -> String {
    let thing = text_at(event, path).and_then(|text| Thing::from_uri(text).ok());
    let asked = answers.iter().find(|answer| thing.is_some() && answer.result.as_ref().ok() == thing.as_ref());
    if let Some(answer) = asked {
        return answer.path.clone();
    }
    let member = match path.split('/').nth(1).unwrap_or_default() {
        "readPoint" | "bizLocation" => "/place",
        "bizStep" | "disposition" | "action" | "type" => "/step",
        "eventTime" | "eventTimeZoneOffset" => "/time",
        "parentID" => "/parent",
        "sourceList" => "/from",
        "destinationList" => "/to",
        "errorDeclaration" => "/event",
        "epcList" | "childEPCs" | "quantityList" | "childQuantityList" => "/items",
        _ => "",
    };
    member.to_owned()
}

/// The text at a JSON pointer without escapes; of a quantity its class.
fn text_at<'a>(json: &'a Json, path: &str) -> Option<&'a str> {
    let found = path.split('/').skip(1).try_fold(json, |json, step| match json {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => json.get(step),
    })?;
    found.as_str().or_else(|| found.get_str("epcClass"))
}

fn too_large(size: Size) -> Fault {
    let Size { items, bytes, identifiers } = Size::MAX;
    let detail = format!(
        "{} events of {} bytes with {} identifiers; one request takes {items}, {bytes} and {identifiers}: send less at \
         once, or an EPCIS document to /capture",
        size.items, size.bytes, size.identifiers
    );
    Fault::limit("", "too-large", detail)
}

impl AdmittedScans {
    /// The items, in order.
    pub fn items(&self) -> Vec<Body> {
        self.0.iter().flat_map(|scan| &scan.events).map(item).collect()
    }
}

impl AdmittedScan {
    /// What stands for this request in the answer, without the evidence.
    pub fn answer(&self) -> Value {
        let code = |answer: &Answer| {
            let key = answer.result.as_ref().ok().map(|thing| thing.uri());
            let mut line = json!({ "path": answer.path, "code": answer.code, "key": key, "status": "accepted" });
            if let Some(doubt) = &answer.doubt {
                line["doubt"] = doubt.as_str().into();
            }
            line
        };
        json!({
            "id": self.id,
            "events": self.events.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(),
            "keys": self.events.iter().map(|event| base64(&event.key)).collect::<Vec<_>>(),
            "codes": self.answers.iter().map(code).collect::<Vec<_>>(),
        })
    }
}
