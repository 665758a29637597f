//! The story that most tests ask about.
//!
//! ```text
//! block 0   the authority admits factory and hospital                          notices
//! block 1   factory: commissions S1 S2 S3 of lot L1 · packs S1 S2 into a case · 5 of lot L2, in kilograms
//!           what is no record                                                   partition 0
//! block 2   factory: ships the case · the commissioning again (replay)
//!           hospital: an observation of S9, eventID urn:uuid:…9                 partition 1
//! block 3   hospital: that observation did not occur · S1 used, with a name of its own namespace
//! block 4   factory: a transaction and an association that both name S3 · a late event of 2025
//!           factory recalls lot L1                                              notices
//! ```

use serde_json::{Value, json};

use crate::support::chain::{admission, event};
use crate::support::service::Service;

pub const GTIN: &str = "09521321000117";
pub const CASE: &str = "https://id.gs1.org/00/095213210000000018";
pub const FACTORY_GLN: &str = "9521321000018";
pub const HOSPITAL_GLN: &str = "9521987000018";
pub const OBSERVED: &str = "urn:uuid:00000000-0000-4000-8000-000000000009";
/// Events that have an effect of their own, in the order of the chain.
pub const NAMES: [&str; 10] = ["1-1", "1-2", "1-3", "2-1", "2-513", "3-1", "3-2", "4-513", "4-514", "4-515"];

pub fn item(serial: &str) -> String {
    format!("https://id.gs1.org/01/{GTIN}/21/{serial}")
}

fn place(gln: &str) -> Value {
    json!({"id": format!("https://id.gs1.org/414/{gln}")})
}

pub fn commissioning() -> Value {
    event(
        "ObjectEvent",
        "2026-01-01T07:00:00.000+08:00",
        json!({
            "action": "ADD", "bizStep": "commissioning", "disposition": "active",
            "epcList": [item("S1"), item("S2"), item("S3")],
            "readPoint": place(FACTORY_GLN), "bizLocation": place(FACTORY_GLN),
            "ilmd": {"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2028-12-31"},
        }),
    )
}

fn packing() -> Value {
    event(
        "AggregationEvent",
        "2026-01-01T07:10:00.000+08:00",
        json!({
            "action": "ADD", "bizStep": "packing", "disposition": "in_progress",
            "parentID": CASE, "childEPCs": [item("S1"), item("S2")], "readPoint": place(FACTORY_GLN),
        }),
    )
}

fn raw_material() -> Value {
    event(
        "ObjectEvent",
        "2026-01-01T07:20:00.000+08:00",
        json!({
            "action": "OBSERVE", "bizStep": "storing",
            "quantityList": [{"epcClass": format!("https://id.gs1.org/01/{GTIN}/10/L2"), "quantity": 5.25, "uom": "KGM"}],
            "bizLocation": place(FACTORY_GLN),
        }),
    )
}

fn shipping() -> Value {
    event(
        "ObjectEvent",
        "2026-01-01T07:30:00.000+08:00",
        json!({
            "action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit", "epcList": [CASE],
            "readPoint": place(FACTORY_GLN),
            "destinationList": [{"type": "location", "destination": format!("https://id.gs1.org/414/{HOSPITAL_GLN}")}],
        }),
    )
}

fn observation() -> Value {
    event(
        "ObjectEvent",
        "2026-01-01T07:40:00.000+08:00",
        json!({
            "action": "OBSERVE", "bizStep": "inspecting", "epcList": [item("S9")], "eventID": OBSERVED,
            "readPoint": place(HOSPITAL_GLN),
        }),
    )
}

fn declaration() -> Value {
    let mut declaration = observation();
    declaration["errorDeclaration"] =
        json!({"declarationTime": "2026-01-01T07:45:00+08:00", "reason": "did_not_occur"});
    declaration
}

pub fn using() -> Value {
    event(
        "ObjectEvent",
        "2026-01-01T07:50:00.000+08:00",
        json!({
            "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"example": "https://example.org/"}],
            "action": "OBSERVE", "bizStep": "dispensing", "disposition": "dispensed", "epcList": [item("S1")],
            "readPoint": place(HOSPITAL_GLN), "example:room": "心内科 2",
        }),
    )
}

/// The same in another step.
pub fn using_in(step: &str) -> Value {
    let mut event = using();
    event["bizStep"] = json!(step);
    event
}

fn transaction() -> Value {
    event(
        "TransactionEvent",
        "2026-01-01T07:55:00.000+08:00",
        json!({
            "action": "ADD", "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9521321000018:PO1"}],
            "parentID": CASE, "epcList": [item("S3")],
        }),
    )
}

fn association() -> Value {
    event(
        "AssociationEvent",
        "2026-01-01T07:56:00.000+08:00",
        json!({
            "action": "ADD", "bizStep": "assembling", "parentID": item("S3"),
            "childEPCs": ["https://id.gs1.org/8004/95213210001"], "readPoint": place(FACTORY_GLN),
        }),
    )
}

fn late() -> Value {
    event(
        "ObjectEvent",
        "2025-12-31T23:00:00.000+08:00",
        json!({
            "action": "OBSERVE", "bizStep": "inspecting", "epcList": [item("S2")], "readPoint": place(FACTORY_GLN),
        }),
    )
}

fn recall() -> Value {
    json!({"type": "recall", "recall": "r-1", "revision": 1, "action": "issue", "class": 1,
           "scope": [{"gtin": GTIN, "lots": ["L1"]}],
           "reason": {"en": "coating comes off"}, "instructions": {"en": "set aside"}, "jurisdiction": "CN",
           "effective": "2026-01-01T00:00:00Z"})
}

/// Seals the story, block by block, and waits until all of it is reflected.
pub async fn told(service: &mut Service) {
    let chain = &mut service.chain;
    let parties = [
        admission("factory", json!(["manufacturer"]), json!([FACTORY_GLN]), json!(["9521321"])),
        admission("hospital", json!(["hospital"]), json!([HOSPITAL_GLN]), json!([])),
    ];
    chain.seal(vec![chain.notices("authority", &parties)]).await;
    let first = chain.events("factory", 0, &[commissioning(), packing(), raw_material()]);
    chain.seal(vec![first, chain.rubbish(0)]).await;
    let again = chain.events("factory", 0, &[shipping(), commissioning()]);
    chain.seal(vec![again, chain.events("hospital", 1, &[observation()])]).await;
    chain.seal(vec![chain.events("hospital", 1, &[declaration(), using()])]).await;
    let product = json!({"type": "product", "product": "stent", "revision": 1, "owner": "factory", "gtin": GTIN,
                         "name": {"en": "stent"}, "kind": "device", "serialised": true, "lotRequired": true});
    let recalled = chain.notices("factory", &[product, recall()]);
    let height = chain.seal(vec![recalled, chain.events("factory", 0, &[transaction(), association(), late()])]).await;
    service.reflects(height).await;
}

/// A service that has been told the story.
pub async fn service() -> Service {
    let mut service = Service::start().await;
    told(&mut service).await;
    service
}
