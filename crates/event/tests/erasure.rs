//! What may be taken out of an event, and what not.

use medtrace_event::erasure::replaces;
use medtrace_event::{Context, Json, seal};
use serde_json::{Value, json};

/// An event with everything that may go and much that may not.
fn event() -> Value {
    json!({
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
                     {"medtrace": "urn:medtrace:ns:", "x": "https://x.example/"}],
        "type": "ObjectEvent", "action": "OBSERVE", "eventID": "urn:uuid:6f2b8b3c-3c1b-4f6e-9f1a-0c8d3b1f2a4e",
        "eventTime": "2026-03-01T08:15:00Z", "eventTimeZoneOffset": "+08:00",
        "epcList": ["https://id.gs1.org/01/09521321000117/21/S1", "https://id.gs1.org/01/09521321000117/21/S2"],
        "quantityList": [{"epcClass": "https://id.gs1.org/01/09521321000117/10/L1", "quantity": 3}],
        "bizStep": "shipping", "disposition": "in_transit",
        "persistentDisposition": {"set": ["completeness_verified"]},
        "readPoint": {"id": "https://id.gs1.org/414/9521321000018"},
        "bizLocation": {"id": "https://id.gs1.org/414/9521321000018"},
        "bizTransactionList": [{"type": "desadv", "bizTransaction": "urn:x:desadv:1"}],
        "sourceList": [{"type": "owning_party", "source": "https://id.gs1.org/417/9521321000018"}],
        "destinationList": [{"type": "owning_party", "destination": "https://id.gs1.org/417/9521555000013"}],
        "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 4, "uom": "CEL"}]}],
        "certificationInfo": ["https://c.example/1"],
        "medtrace:operator": "op-1", "medtrace:device": "dev-1", "medtrace:requestID": "r-1",
        "x:note": {"patient": "Zhang San", "ward": "3"}, "x:tags": ["a", "b", "c"]
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    let json = Json::try_from(value).expect("I-JSON");
    let context = Context::of_event(&json).expect("a context");
    seal(json, &context, "acme").expect("a valid event").bytes
}

fn judged(replacement: &Value) -> Result<(), (String, &'static str)> {
    replaces(&bytes(&event()), &bytes(replacement), "acme").map_err(|faults| (faults[0].path.clone(), faults[0].code))
}

fn without(path: &[&str]) -> Value {
    let mut value = event();
    let (last, above) = path.split_last().expect("a path");
    let inner = above.iter().fold(&mut value, |value, name| &mut value[*name]);
    inner.as_object_mut().expect("an object").remove(*last).expect("a member");
    value
}

#[test]
fn what_nothing_is_derived_from_may_go() {
    for path in [
        &["x:note"][..],
        &["x:note", "patient"],
        &["x:tags"],
        &["medtrace:operator"],
        &["medtrace:device"],
        &["medtrace:requestID"],
        &["sensorElementList"],
        &["certificationInfo"],
    ] {
        assert_eq!(judged(&without(path)), Ok(()), "{path:?}");
    }
    let mut fewer = event();
    fewer["x:tags"] = json!(["a", "c"]);
    assert_eq!(judged(&fewer), Ok(()));
}

#[test]
fn what_facts_come_from_stays() {
    for path in [
        "epcList",
        "quantityList",
        "bizStep",
        "disposition",
        "persistentDisposition",
        "readPoint",
        "bizLocation",
        "bizTransactionList",
        "sourceList",
        "destinationList",
    ] {
        assert_eq!(judged(&without(&[path])), Err((String::new(), "other-facts")), "{path}");
    }
    let mut fewer = event();
    fewer["epcList"] = json!(["https://id.gs1.org/01/09521321000117/21/S2"]);
    assert_eq!(judged(&fewer), Err((String::new(), "other-facts")));
    // Of what is bound nowhere the documents may go.
    let (mut before, mut after) = (without(&["destinationList"]), without(&["destinationList"]));
    before["bizStep"] = json!("inspecting");
    after["bizStep"] = json!("inspecting");
    after.as_object_mut().expect("an object").remove("bizTransactionList");
    assert_eq!(replaces(&bytes(&before), &bytes(&after), "acme"), Ok(()));
}

#[test]
fn a_replacement_takes_away_and_says_nothing_new() {
    assert_eq!(judged(&event()), Err((String::new(), "same-bytes")));
    let changed = |path: &[&str], to: Value| {
        let mut value = event();
        *path.iter().fold(&mut value, |value, name| &mut value[*name]) = to;
        judged(&value)
    };
    assert_eq!(changed(&["x:note", "patient"], json!("N. N.")), Err(("/x:note/patient".into(), "adds")));
    assert_eq!(changed(&["x:more"], json!(1)), Err(("/x:more".into(), "adds")));
    assert_eq!(changed(&["x:tags"], json!(["b", "a"])), Err(("/x:tags/1".into(), "adds")));
    assert_eq!(changed(&["eventTime"], json!("2026-03-01T08:15:01Z")), Err(("/eventTime".into(), "adds")));
    assert_eq!(
        changed(&["eventID"], json!("urn:uuid:6f2b8b3c-3c1b-4f6e-9f1a-0c8d3b1f2a4f")),
        Err(("/eventID".into(), "adds"))
    );
    // Not in the form in which events are sealed.
    let loose = serde_json::to_vec_pretty(&without(&["x:note"])).expect("JSON");
    assert_eq!(replaces(&bytes(&event()), &loose, "acme").map_err(|faults| faults[0].code), Err("not-canonical"));
}
