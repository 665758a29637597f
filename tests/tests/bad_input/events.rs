//! EPCIS events that break the standard or the party's rights. All by the factory, to `POST /events`.

use medtrace_tests::{
    codes::uri,
    county::{AGENT, FACTORY, STENT},
};
use serde_json::{Value, json};

use crate::row::Row;

/// An event that would be taken.
pub fn observed() -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"example": "https://example.org/"}],
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "inspecting", "disposition": "conformant",
        "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": [uri::item(STENT, "X1")], "readPoint": {"id": uri::place(FACTORY)},
    })
}

fn with(changes: Value) -> Value {
    let mut event = observed();
    for (name, change) in changes.as_object().into_iter().flatten() {
        match change {
            Value::Null => drop(event.as_object_mut().map(|members| members.remove(name))),
            change => event[name] = change.clone(),
        }
    }
    event
}

/// An aggregation that would be taken, with these changes.
fn packed(changes: Value) -> Value {
    let mut event = with(json!({
        "type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "disposition": "in_progress", "epcList": null,
        "parentID": uri::unit("095060001000000012"), "childEPCs": [uri::item(STENT, "X1")],
    }));
    for (name, change) in changes.as_object().into_iter().flatten() {
        match change {
            Value::Null => drop(event.as_object_mut().map(|members| members.remove(name))),
            change => event[name] = change.clone(),
        }
    }
    event
}

pub fn rows() -> Vec<Row> {
    let sent = |what, event: Value| Row::post(what, "/events", &event);
    let changed = |what, changes: Value| sent(what, with(changes));
    let document = json!({
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:00:00Z",
        "epcisBody": {"eventList": [observed()]},
    });
    let envelope = |what, changes: Value| {
        let mut sent = document.clone();
        for (name, change) in changes.as_object().into_iter().flatten() {
            sent[name] = change.clone();
        }
        Row::post(what, "/capture", &sent)
    };
    vec![
        changed("no type", json!({"type": null})).invalid(&["document-type /type"]),
        changed("a type of EPCIS 1.0", json!({"type": "QuantityEvent"})).invalid(&["document-type /type"]),
        sent("a document where one event should stand", document.clone()).invalid(&["document-type /type"]),
        changed("no eventTime", json!({"eventTime": null})).invalid(&["missing /eventTime"]),
        changed("an eventTime without a zone", json!({"eventTime": "2026-03-01T08:00:00"}))
            .invalid(&["time /eventTime"]),
        changed("no time zone offset", json!({"eventTimeZoneOffset": null})).invalid(&["missing /eventTimeZoneOffset"]),
        changed("an offset beyond the earth", json!({"eventTimeZoneOffset": "+25:00"}))
            .invalid(&["offset /eventTimeZoneOffset"]),
        changed("a time to come", json!({"eventTime": "2999-01-01T00:00:00Z"})).invalid(&["future /eventTime"]),
        changed("an action that is none", json!({"action": "STEAL"})).invalid(&["action /action"]),
        changed("a list for an action", json!({"action": ["ADD"]})).invalid(&["type /action"]),
        changed("a step of nobody", json!({"bizStep": "teleporting"})).invalid(&["vocabulary /bizStep"]),
        changed("an unknown member", json!({"mood": "good"})).invalid(&["unknown-member /mood"]),
        changed("children of an object", json!({"childEPCs": []})).invalid(&["not-allowed /childEPCs"]),
        changed("nothing observed", json!({"epcList": []})).invalid(&["missing /epcList"]),
        changed("an identifier that is none", json!({"epcList": ["hello"]})).invalid(&["uri /epcList/0"]),
        changed("an identifier with a wrong check digit", json!({"epcList": [uri::item("09506000100013", "1")]}))
            .invalid(&["check-digit /epcList/0"]),
        changed("a lot among objects", json!({"epcList": [uri::lot(STENT, "L")]})).invalid(&["level /epcList/0"]),
        changed("a number among identifiers", json!({"epcList": [7]})).invalid(&["type /epcList/0"]),
        changed("an object among lots", json!({"quantityList": [{"epcClass": uri::item(STENT, "1"), "quantity": 1}]}))
            .invalid(&["level /quantityList/0/epcClass"]),
        changed("less than nothing", json!({"quantityList": [{"epcClass": uri::lot(STENT, "L"), "quantity": -1}]}))
            .invalid(&["quantity /quantityList/0/quantity"]),
        changed("half a pack", json!({"quantityList": [{"epcClass": uri::lot(STENT, "L"), "quantity": 0.5}]}))
            .invalid(&["quantity /quantityList/0/quantity"]),
        changed("a unit of nobody", {
            json!({"quantityList": [{"epcClass": uri::lot(STENT, "L"), "quantity": 1, "uom": "BOX"}]})
        })
        .invalid(&["uom /quantityList/0/uom"]),
        changed("a quantity in words", json!({"quantityList": [{"epcClass": uri::lot(STENT, "L"), "quantity": "1"}]}))
            .invalid(&["type /quantityList/0/quantity"]),
        changed("a place without its id", json!({"readPoint": {}})).invalid(&["missing /readPoint/id"]),
        changed("an eventID that is no URI", json!({"eventID": "17"})).invalid(&["uri /eventID"]),
        changed("an error declared at no time", json!({"eventID": "urn:x:1", "errorDeclaration": {}}))
            .invalid(&["missing /errorDeclaration/declarationTime"]),
        changed("master data of an observation", json!({"ilmd": {"cbvmda:lotNumber": "L"}}))
            .invalid(&["not-allowed /ilmd"]),
        changed("a member of EPCIS redefined", json!({"@context": [{"eventTime": "https://example.org/t"}]}))
            .invalid(&["context /@context/0/eventTime"]),
        changed("a sensor that reports nothing", json!({"sensorElementList": [{"sensorReport": []}]}))
            .invalid(&["missing /sensorElementList/0/sensorReport"]),
        changed("colder than its coldest", {
            let report = json!({"type": "Temperature", "minValue": 8, "maxValue": 2, "uom": "CEL"});
            json!({"sensorElementList": [{"sensorReport": [report]}]})
        })
        .invalid(&["range /sensorElementList/0/sensorReport/0/minValue"]),
        changed("an event of more than 256 KiB", json!({"example:long": "x".repeat(300 << 10)}))
            .too_much(&["too-large "]),
        sent("packed into nothing", packed(json!({"parentID": null}))).invalid(&["missing /parentID"]),
        sent("packed into itself", packed(json!({"parentID": uri::item(STENT, "X1")})))
            .invalid(&["self-parent /childEPCs/0"]),
        sent("packed nothing", packed(json!({"childEPCs": []}))).invalid(&["missing /childEPCs"]),
        // Rights: what it does counts, whatever it calls itself.
        changed("a step of hospitals", json!({"bizStep": "dispensing"})).forbidden(&["not-entitled /bizStep"]),
        changed("used up under another name", json!({"action": "DELETE", "bizStep": "dispensing"}))
            .forbidden(&["not-entitled /bizStep"]),
        changed("born under another name", json!({"action": "ADD", "epcList": [uri::item("09506000700014", "1")]}))
            .forbidden(&["foreign-prefix /epcList/0"]),
        changed("a place of somebody else", json!({"readPoint": {"id": uri::place(AGENT)}}))
            .forbidden(&["foreign-place /readPoint/id"]),
        changed("received nowhere", json!({"bizStep": "receiving", "disposition": null, "readPoint": null}))
            .forbidden(&["place-missing "]),
        // Envelopes of documents.
        envelope("no version", json!({"schemaVersion": null})).invalid(&["schema-version /schemaVersion"]),
        envelope("a version of old", json!({"schemaVersion": "1.2"})).invalid(&["schema-version /schemaVersion"]),
        envelope("no date that is one", json!({"creationDate": "yesterday"})).invalid(&["time /creationDate"]),
        envelope("no list of events", json!({"epcisBody": {}})).invalid(&["missing /epcisBody/eventList"]),
        envelope("an empty list of events", json!({"epcisBody": {"eventList": []}}))
            .invalid(&["empty /epcisBody/eventList"]),
        envelope("an event for a list", json!({"epcisBody": {"eventList": observed()}}))
            .invalid(&["type /epcisBody/eventList"]),
        envelope("500,001 events", json!({"epcisBody": {"eventList": vec![json!({}); 500_001]}}))
            .too_much(&["too-many-events /epcisBody/eventList"]),
    ]
}
