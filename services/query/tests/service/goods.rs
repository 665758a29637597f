//! Goods on their way, as events, for the tests of verdicts, deliveries, reach and recalls.
//!
//! ```text
//! block 0   the authority admits factory and hospital                                 notices
//! block 1   factory: product, and a recall of lot L1 in two lines that overlap        notices
//! ```
//!
//! Each test then seals what it is about.

use medtrace_gs1::check_digit;
use serde_json::{Value, json};

use crate::story::{FACTORY_GLN, GTIN, HOSPITAL_GLN};
use crate::support::chain::{admission, event};
use crate::support::service::{Service, answered};

pub const DRUG_CODE: &str = "8123456";

/// A GLN of nobody else's.
pub const OTHER_GLN: &str = "9521987000025";

pub fn gln(gln: &str) -> String {
    format!("https://id.gs1.org/414/{gln}")
}

pub fn lot(lot: &str) -> String {
    format!("https://id.gs1.org/01/{GTIN}/10/{lot}")
}

pub fn sscc(number: u32) -> String {
    let digits = format!("09521321{number:09}");
    format!("https://id.gs1.org/00/{digits}{}", check_digit(&digits).unwrap())
}

/// `what` happened at a place at this minute of the first morning.
pub fn at(kind: &str, minute: u32, place: &str, what: Value) -> Value {
    let mut event = event(kind, &format!("2026-01-01T07:{minute:02}:00.000+08:00"), what);
    event["readPoint"] = json!({"id": gln(place)});
    event["bizLocation"] = json!({"id": gln(place)});
    event
}

pub fn made(minute: u32, lot: &str, epcs: &[String]) -> Value {
    let ilmd = json!({"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": "2028-12-31"});
    at(
        "ObjectEvent",
        minute,
        FACTORY_GLN,
        json!({"action": "ADD", "bizStep": "commissioning", "disposition": "active", "epcList": epcs, "ilmd": ilmd}),
    )
}

pub fn lots_made(minute: u32, lots: &[(&str, u32)]) -> Value {
    at(
        "ObjectEvent",
        minute,
        FACTORY_GLN,
        json!({"action": "ADD", "bizStep": "commissioning", "disposition": "active", "quantityList": quantities(lots)}),
    )
}

pub fn quantities(lots: &[(&str, u32)]) -> Value {
    lots.iter().map(|(name, quantity)| json!({"epcClass": lot(name), "quantity": quantity})).collect()
}

pub fn packed(minute: u32, parent: &str, epcs: &[String], lots: &[(&str, u32)]) -> Value {
    let mut event = at(
        "AggregationEvent",
        minute,
        FACTORY_GLN,
        json!({"action": "ADD", "bizStep": "packing", "parentID": parent, "childEPCs": epcs}),
    );
    if !lots.is_empty() {
        event["childQuantityList"] = quantities(lots);
    }
    event
}

pub fn moved(step: &str, minute: u32, place: &str, epcs: &[String], lots: &[(&str, u32)]) -> Value {
    let mut event = at("ObjectEvent", minute, place, json!({"action": "OBSERVE", "bizStep": step}));
    if !epcs.is_empty() {
        event["epcList"] = json!(epcs);
    }
    if !lots.is_empty() {
        event["quantityList"] = quantities(lots);
    }
    if step == "shipping" {
        event["destinationList"] = json!([{"type": "location", "destination": gln(HOSPITAL_GLN)}]);
    }
    event
}

pub fn recall(revision: u32, lines: Value) -> Value {
    json!({"type": "recall", "recall": "r-1", "revision": revision, "action": "issue", "class": 1, "scope": lines,
           "reason": {"en": "coating comes off"}, "instructions": {"en": "set aside"}, "jurisdiction": "CN",
           "effective": "2026-01-01T00:00:00Z"})
}

/// The event says, too, that this pack carries another code.
pub fn joined(mut event: Value, epc: &str, also: &str) -> Value {
    let context = json!(["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"medtrace": "urn:medtrace:ns:"}]);
    event["@context"] = context;
    let also = medtrace_gs1::parse(also).unwrap().thing.uri();
    event["medtrace:sameAs"] = json!([{"epc": epc, "also": [also]}]);
    event
}

/// A service over a chain of its own.
pub struct World(pub Service);

impl World {
    pub async fn new() -> World {
        let mut service = Service::start().await;
        let parties = [
            admission("factory", json!(["manufacturer"]), json!([FACTORY_GLN]), json!(["9521321"])),
            admission("hospital", json!(["hospital"]), json!([HOSPITAL_GLN]), json!([])),
        ];
        let admitted = service.chain.notices("authority", &parties);
        service.chain.seal(vec![admitted]).await;
        let product = json!({"type": "product", "product": "stent", "revision": 1, "owner": "factory", "gtin": GTIN,
                             "codes": [{"scheme": "cn-drug", "code": DRUG_CODE}],
                             "name": {"en": "stent"}, "kind": "device", "serialised": true, "lotRequired": true});
        let overlapping = json!([{"gtin": GTIN, "lots": ["L1"]}, {"product": "stent", "lots": ["L1", "L9"]}]);
        let notices = service.chain.notices("factory", &[product, recall(1, overlapping)]);
        let height = service.chain.seal(vec![notices]).await;
        service.reflects(height).await;
        World(service)
    }

    pub async fn says(&mut self, party: &str, events: &[Value]) -> u64 {
        let pending = self.0.chain.events(party, 0, events);
        let height = self.0.chain.seal(vec![pending]).await;
        self.0.reflects(height).await;
        height
    }

    pub async fn notice(&mut self, party: &str, notice: Value) {
        let pending = self.0.chain.notices(party, &[notice]);
        let height = self.0.chain.seal(vec![pending]).await;
        self.0.reflects(height).await;
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.0.http.post(format!("{}{path}", self.0.url)).json(&body).send().await.unwrap();
        answered(200, answer).await
    }

    /// `reject: recalled 2/3, …`: reasons as they are sorted, with how many things inside they are said of.
    pub async fn verdict(&self, code: &str, place: Option<&str>) -> String {
        let mut ask = json!({"code": code});
        if let Some(place) = place {
            ask["place"] = json!(place);
        }
        let answer = self.post("/v1/verify", ask).await;
        let reason = |reason: &Value| {
            let code = reason["code"].as_str().unwrap().to_owned();
            match reason["inside"].as_object() {
                Some(inside) => format!("{code} {}/{}", inside["count"], inside["of"]),
                None => code,
            }
        };
        let mut reasons: Vec<String> = answer["reasons"].as_array().unwrap().iter().map(reason).collect();
        reasons.sort();
        format!("{}: {}", answer["verdict"].as_str().unwrap(), reasons.join(", "))
    }

    pub async fn check(&self, id: &str, codes: Value) -> (Value, String) {
        let answer = self.post(&format!("/v1/deliveries/{id}/check"), json!({ "codes": codes })).await;
        let counts = answer["counts"].as_object().unwrap().iter();
        let counts: Vec<String> =
            counts.filter(|(_, count)| **count != 0).map(|(name, count)| format!("{name} {count}")).collect();
        (answer["lines"].clone(), counts.join(", "))
    }
}
