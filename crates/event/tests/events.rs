//! Reading one event: what the view holds, and one row for every rule that an event can break.

use medtrace_event::{Action, Context, Event, Json, Kind, seal, semantics};
use medtrace_gs1::Thing;
use proptest::prelude::*;

const OBJECT: &str = r#"{"type":"ObjectEvent","action":"OBSERVE","eventTime":"2026-03-01T08:15:00.123+08:00",
    "eventTimeZoneOffset":"+08:00","epcList":["urn:epc:id:sgtin:0614141.107346.2017"],"bizStep":"shipping",
    "disposition":"in_transit","readPoint":{"id":"urn:epc:id:sgln:0614141.07346.1234"}}"#;
const AGGREGATION: &str = r#"{"type":"AggregationEvent","action":"ADD","eventTime":"2026-03-01T00:15:00Z",
    "eventTimeZoneOffset":"+08:00","parentID":"urn:epc:id:sscc:0614141.1234567890",
    "childEPCs":["urn:epc:id:sgtin:0614141.107346.2017"],"bizStep":"packing"}"#;
const TRANSFORMATION: &str = r#"{"type":"TransformationEvent","eventTime":"2026-03-01T00:15:00Z",
    "eventTimeZoneOffset":"+08:00","inputQuantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4444","quantity":10}],
    "outputEPCList":["urn:epc:id:sgtin:4012345.077889.25"]}"#;
const TRANSACTION: &str = r#"{"type":"TransactionEvent","action":"ADD","eventTime":"2026-03-01T00:15:00Z",
    "eventTimeZoneOffset":"+08:00","bizTransactionList":[{"type":"po","bizTransaction":"urn:epcglobal:cbv:bt:0614141073467:A"}],
    "epcList":["urn:epc:id:sgtin:0614141.107346.2017"]}"#;

/// The event with members set (`null`: removed).
fn patched(event: &str, patch: &str) -> Json {
    let mut json = Json::parse(event.as_bytes()).expect(event);
    let object = json.as_object_mut().expect("an object");
    let patch = Json::parse(patch.as_bytes()).expect(patch);
    for (name, value) in patch.as_object().expect("an object").iter() {
        match value {
            Json::Null => object.remove(name),
            value => object.insert(name, value.clone()),
        };
    }
    json
}

fn read(event: &str, patch: &str) -> Event {
    Event::from_json(patched(event, patch)).unwrap_or_else(|faults| panic!("{patch}: {faults:?}"))
}

fn thing(uri: &str) -> Thing {
    Thing::from_uri(uri).expect(uri)
}

#[test]
fn every_rule_has_its_path_and_code() {
    let long_id = format!(r#"{{"eventID":"urn:x:{}"}}"#, "a".repeat(600));
    let rows: &[(&str, &str, &str, &str)] = &[
        (OBJECT, r#"{"type":null}"#, "/type", "missing"),
        (OBJECT, r#"{"type":"QuantityEvent"}"#, "/type", "event-type"),
        (OBJECT, r#"{"type":["ObjectEvent"]}"#, "/type", "event-type"),
        (OBJECT, r#"{"eventTime":null}"#, "/eventTime", "missing"),
        (OBJECT, r#"{"eventTime":"2026-03-01T08:15:00"}"#, "/eventTime", "time"),
        (OBJECT, r#"{"eventTime":"2026-02-30T08:15:00Z"}"#, "/eventTime", "time"),
        (OBJECT, r#"{"eventTime":1772324100}"#, "/eventTime", "type"),
        (OBJECT, r#"{"recordTime":"yesterday"}"#, "/recordTime", "time"),
        (OBJECT, r#"{"eventTimeZoneOffset":null}"#, "/eventTimeZoneOffset", "missing"),
        (OBJECT, r#"{"eventTimeZoneOffset":"Z"}"#, "/eventTimeZoneOffset", "offset"),
        (OBJECT, r#"{"eventTimeZoneOffset":"+15:00"}"#, "/eventTimeZoneOffset", "offset"),
        (OBJECT, r#"{"eventTimeZoneOffset":""}"#, "/eventTimeZoneOffset", "empty"),
        (OBJECT, r#"{"action":null}"#, "/action", "missing"),
        (OBJECT, r#"{"action":"observe"}"#, "/action", "action"),
        (OBJECT, r#"{"bizStep":"teleporting"}"#, "/bizStep", "vocabulary"),
        (OBJECT, r#"{"disposition":"lost"}"#, "/disposition", "vocabulary"),
        (OBJECT, r#"{"disposition":7}"#, "/disposition", "type"),
        (OBJECT, r#"{"epcList":null}"#, "/epcList", "missing"),
        (OBJECT, r#"{"epcList":[]}"#, "/epcList", "missing"),
        (OBJECT, r#"{"epcList":"urn:epc:id:sgtin:0614141.107346.2017"}"#, "/epcList", "type"),
        (OBJECT, r#"{"epcList":[7]}"#, "/epcList/0", "type"),
        (OBJECT, r#"{"epcList":["0614141"]}"#, "/epcList/0", "uri"),
        (OBJECT, r#"{"epcList":["https://id.gs1.org/01/09521141012346/21/1"]}"#, "/epcList/0", "check-digit"),
        (OBJECT, r#"{"epcList":["https://id.gs1.org/01/09521141012345"]}"#, "/epcList/0", "level"),
        (OBJECT, r#"{"epcList":["https://id.gs1.org/01/09521141012345/10/A"]}"#, "/epcList/0", "level"),
        (OBJECT, r#"{"quantityList":[{"quantity":1}]}"#, "/quantityList/0/epcClass", "missing"),
        (OBJECT, r#"{"quantityList":[7]}"#, "/quantityList/0", "type"),
        (
            OBJECT,
            r#"{"quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4","quantity":-1}]}"#,
            "/quantityList/0/quantity",
            "quantity",
        ),
        (
            OBJECT,
            r#"{"quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4","quantity":1e300}]}"#,
            "/quantityList/0/quantity",
            "quantity",
        ),
        (
            OBJECT,
            r#"{"quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4","quantity":"1"}]}"#,
            "/quantityList/0/quantity",
            "type",
        ),
        (
            OBJECT,
            r#"{"quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4","quantity":1,"uom":"kg"}]}"#,
            "/quantityList/0/uom",
            "uom",
        ),
        (
            OBJECT,
            r#"{"quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4","amount":1}]}"#,
            "/quantityList/0/amount",
            "unknown-member",
        ),
        (
            OBJECT,
            r#"{"quantityList":[{"epcClass":"urn:epc:id:sgtin:0614141.107346.2017"}]}"#,
            "/quantityList/0/epcClass",
            "level",
        ),
        (OBJECT, r#"{"parentID":"urn:epc:id:sscc:0614141.1234567890"}"#, "/parentID", "not-allowed"),
        (OBJECT, r#"{"childEPCs":["urn:epc:id:sgtin:0614141.107346.2018"]}"#, "/childEPCs", "not-allowed"),
        (OBJECT, r#"{"ilmd":{"cbvmda:lotNumber":"A"}}"#, "/ilmd", "not-allowed"),
        (OBJECT, r#"{"action":"ADD","ilmd":{"cbvmda:lotNumber":7}}"#, "/ilmd/cbvmda:lotNumber", "type"),
        (
            OBJECT,
            r#"{"action":"ADD","ilmd":{"cbvmda:itemExpirationDate":"261231"}}"#,
            "/ilmd/cbvmda:itemExpirationDate",
            "date",
        ),
        (OBJECT, r#"{"action":"ADD","ilmd":{"lotNumber":"A"}}"#, "/ilmd/lotNumber", "unknown-member"),
        (OBJECT, r#"{"myField":1}"#, "/myField", "unknown-member"),
        (OBJECT, r#"{"id":"urn:x:1"}"#, "/id", "not-allowed"),
        (OBJECT, r#"{"@id":"urn:x:1"}"#, "/@id", "unknown-member"),
        (OBJECT, r#"{"epcis:action":"ADD"}"#, "/epcis:action", "unknown-member"),
        (
            OBJECT,
            r#"{"https://ref.gs1.org/epcis/action":"ADD"}"#,
            "/https:~1~1ref.gs1.org~1epcis~1action",
            "unknown-member",
        ),
        (OBJECT, r#"{"eventID":"7"}"#, "/eventID", "uri"),
        (OBJECT, r#"{"eventID":"urn:uuid:a b"}"#, "/eventID", "uri"),
        (OBJECT, &long_id, "/eventID", "too-long"),
        (OBJECT, r#"{"readPoint":"urn:epc:id:sgln:0614141.07346.1234"}"#, "/readPoint", "type"),
        (OBJECT, r#"{"readPoint":{}}"#, "/readPoint/id", "missing"),
        (
            OBJECT,
            r#"{"bizLocation":{"id":"urn:epc:id:sgln:0614141.07346.0","name":"x"}}"#,
            "/bizLocation/name",
            "unknown-member",
        ),
        (OBJECT, r#"{"bizTransactionList":[{"type":"po"}]}"#, "/bizTransactionList/0/bizTransaction", "missing"),
        (
            OBJECT,
            r#"{"bizTransactionList":[{"type":"bill","bizTransaction":"urn:x:1"}]}"#,
            "/bizTransactionList/0/type",
            "vocabulary",
        ),
        (OBJECT, r#"{"sourceList":[{"type":"location"}]}"#, "/sourceList/0/source", "missing"),
        (
            OBJECT,
            r#"{"destinationList":[{"destination":"urn:epc:id:pgln:0614141.00777"}]}"#,
            "/destinationList/0/type",
            "missing",
        ),
        (OBJECT, r#"{"persistentDisposition":["recalled"]}"#, "/persistentDisposition", "type"),
        (OBJECT, r#"{"persistentDisposition":{"set":["gone"]}}"#, "/persistentDisposition/set/0", "vocabulary"),
        (
            OBJECT,
            r#"{"errorDeclaration":{"reason":"did_not_occur"},"eventID":"urn:x:1"}"#,
            "/errorDeclaration/declarationTime",
            "missing",
        ),
        (OBJECT, r#"{"errorDeclaration":{"declarationTime":"2026-03-01T00:00:00Z"}}"#, "/eventID", "missing"),
        (
            OBJECT,
            r#"{"errorDeclaration":{"declarationTime":"2026-03-01T00:00:00Z","correctiveEventIDs":["x"]},"eventID":"urn:x:1"}"#,
            "/errorDeclaration/correctiveEventIDs/0",
            "uri",
        ),
        (OBJECT, r#"{"certificationInfo":"none"}"#, "/certificationInfo", "uri"),
        (OBJECT, r#"{"sensorElementList":[{"sensorReport":[]}]}"#, "/sensorElementList/0/sensorReport", "missing"),
        (
            OBJECT,
            r#"{"sensorElementList":[{"sensorReport":[{"value":1}]}]}"#,
            "/sensorElementList/0/sensorReport/0/type",
            "missing",
        ),
        (
            OBJECT,
            r#"{"sensorElementList":[{"sensorReport":[{"type":"Temperature","value":"1"}]}]}"#,
            "/sensorElementList/0/sensorReport/0/value",
            "type",
        ),
        (
            OBJECT,
            r#"{"sensorElementList":[{"sensorReport":[{"type":"Temperature","degrees":1}]}]}"#,
            "/sensorElementList/0/sensorReport/0/degrees",
            "unknown-member",
        ),
        (
            OBJECT,
            r#"{"sensorElementList":[{"sensorMetadata":{"time":"noon"},"sensorReport":[{"type":"Temperature"}]}]}"#,
            "/sensorElementList/0/sensorMetadata/time",
            "time",
        ),
        (OBJECT, r#"{"@context":7}"#, "/@context", "context"),
        (OBJECT, r#"{"@context":[{"eventTime":"urn:x:t"}]}"#, "/@context/0/eventTime", "context"),
        (OBJECT, r#"{"@context":[{"urn":"https://example.com/"}]}"#, "/@context/0/urn", "context"),
        (OBJECT, r#"{"@context":[{"step":"epcis:bizStep"}]}"#, "/@context/0/step", "context"),
        (OBJECT, r#"{"@context":{"step":{"@id":"https://ref.gs1.org/epcis/bizStep"}}}"#, "/@context/step", "context"),
        (OBJECT, r#"{"@context":{"medtrace":"urn:medtrace:ns:"},"medtrace:operator":7}"#, "/medtrace:operator", "type"),
        (OBJECT, r#"{"@context":{"m":"urn:medtrace:ns:"},"m:sameas":[]}"#, "/m:sameas", "unknown-member"),
        (
            OBJECT,
            r#"{"@context":{"m":"urn:medtrace:ns:"},"m:sameAs":[{"epc":"urn:x:1"}]}"#,
            "/m:sameAs/0/also",
            "missing",
        ),
        (AGGREGATION, r#"{"parentID":null}"#, "/parentID", "missing"),
        (AGGREGATION, r#"{"parentID":null,"action":"DELETE"}"#, "/parentID", "missing"),
        (AGGREGATION, r#"{"childEPCs":null}"#, "/childEPCs", "missing"),
        (AGGREGATION, r#"{"childEPCs":[],"action":"OBSERVE"}"#, "/childEPCs", "missing"),
        (AGGREGATION, r#"{"childEPCs":["https://id.gs1.org/00/106141412345678908"]}"#, "/childEPCs/0", "self-parent"),
        (AGGREGATION, r#"{"parentID":"urn:epc:class:lgtin:4012345.011111.4"}"#, "/parentID", "level"),
        (AGGREGATION, r#"{"epcList":[]}"#, "/epcList", "not-allowed"),
        (AGGREGATION, r#"{"ilmd":{}}"#, "/ilmd", "not-allowed"),
        (AGGREGATION, r#"{"type":"AssociationEvent","action":"OBSERVE","parentID":null}"#, "/parentID", "missing"),
        (TRANSACTION, r#"{"bizTransactionList":[]}"#, "/bizTransactionList", "missing"),
        (TRANSACTION, r#"{"epcList":null}"#, "/epcList", "missing"),
        (TRANSFORMATION, r#"{"action":"ADD"}"#, "/action", "not-allowed"),
        (TRANSFORMATION, r#"{"outputEPCList":[]}"#, "/outputEPCList", "missing"),
        (TRANSFORMATION, r#"{"inputQuantityList":null}"#, "/inputEPCList", "missing"),
        (TRANSFORMATION, r#"{"transformationID":"7"}"#, "/transformationID", "uri"),
    ];
    for (event, patch, path, code) in rows {
        let faults = Event::from_json(patched(event, patch)).expect_err(patch);
        let found: Vec<_> = faults.iter().map(|fault| (fault.path.as_str(), fault.code)).collect();
        assert_eq!(found, [(*path, *code)], "{patch}: {faults:?}");
        assert_eq!(faults[0].exception, "epcisException:ValidationException");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let faults = Event::from_bytes(br#"{"type":"ObjectEvent","epcList":["x","y"],"foo":1}"#).expect_err("faulty");
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["/foo", "/eventTime", "/eventTimeZoneOffset", "/action", "/epcList/0", "/epcList/1"]);
    assert_eq!(Event::from_bytes(b"[]").expect_err("no object")[0].code, "type");
    assert_eq!(Event::from_bytes(b"{").expect_err("no JSON")[0].code, "syntax");
}

#[test]
fn the_view_is_canonical_whatever_the_spelling() {
    let event = read(
        OBJECT,
        r#"{"bizStep":"cbv:BizStep-receiving","disposition":"urn:epcglobal:cbv:disp:in_progress","action":"ADD",
            "epcList":["urn:epc:id:sgtin:0614141.107346.2017","https://example.com/01/10614141073464/21/2017","urn:x:1"],
            "quantityList":[{"epcClass":"urn:epc:class:lgtin:4012345.011111.4444","quantity":200.50,"uom":"KGM"},
                            {"epcClass":"urn:epc:idpat:sgtin:4012345.066666.*"}],
            "bizLocation":{"id":"urn:epc:id:sgln:0614141.07346.0"},
            "bizTransactionList":[{"type":"https://ref.gs1.org/cbv/BTT-desadv","bizTransaction":"urn:x:d"},{"bizTransaction":"urn:x:e"}],
            "sourceList":[{"type":"cbv:SDT-owning_party","source":"urn:epc:id:pgln:4012345.00225"}],
            "destinationList":[{"type":"location","destination":"urn:epc:id:sgln:0614141.00777.0"}],
            "persistentDisposition":{"set":["recalled"],"unset":["cbv:Disp-stolen"]},
            "ilmd":{"urn:epcglobal:cbv:mda:lotNumber":"0010","cbvmda:itemExpirationDate":"2027-12-31"},
            "certificationInfo":["urn:x:c"],"eventID":"urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
            "errorDeclaration":{"declarationTime":"1970-01-01T00:00:01Z","reason":"cbv:ER-did_not_occur","correctiveEventIDs":["urn:x:f"]},
            "sensorElementList":[{"sensorMetadata":{"time":"1970-01-01T00:00:01Z","deviceID":"urn:x:s"},
                "sensorReport":[{"type":"gs1:Temperature","value":26.0,"uom":"CEL"},{"type":"Speed","minValue":1,"time":"1970-01-01T00:00:02Z"}]}]}"#,
    );
    assert_eq!((event.kind, event.action), (Kind::Object, Some(Action::Add)));
    assert_eq!(event.time, 1_772_324_100_123_000);
    assert_eq!(event.offset, "+08:00");
    assert_eq!(event.biz_step.as_deref(), Some("receiving"));
    assert_eq!(event.disposition.as_deref(), Some("in_progress"));
    assert_eq!(event.epcs, [thing("https://id.gs1.org/01/10614141073464/21/2017"), thing("urn:x:1")]);
    assert_eq!((event.warnings[0].path.as_str(), event.warnings[0].code), ("/epcList/1", "duplicate"));
    assert_eq!(event.quantities[0].amount.map(|amount| amount.to_string()).as_deref(), Some("200.5"));
    assert_eq!(event.quantities[0].uom.as_deref(), Some("KGM"));
    assert_eq!((event.quantities[1].amount, event.quantities[1].uom.as_deref()), (None, None));
    let place = event.biz_location.as_ref().expect("a place");
    assert_eq!(place.thing, thing("https://id.gs1.org/414/0614141073467"));
    assert_eq!(place.text, "urn:epc:id:sgln:0614141.07346.0");
    assert_eq!(event.transactions[0].kind.as_deref(), Some("desadv"));
    assert_eq!(event.transactions[1].kind, None);
    assert_eq!(event.sources[0].kind, "owning_party");
    assert_eq!(event.sources[0].thing, thing("https://id.gs1.org/417/4012345002256"));
    assert_eq!(event.destinations[0].kind, "location");
    assert_eq!((event.persistent.set[0].as_ref(), event.persistent.unset[0].as_ref()), ("recalled", "stolen"));
    assert_eq!(event.lot.as_deref(), Some("0010"));
    assert_eq!(event.expiry.map(|day| day.to_string()).as_deref(), Some("2027-12-31"));
    assert_eq!(event.certification, ["urn:x:c"]);
    let error = event.error.as_ref().expect("a declaration");
    assert_eq!((error.time, error.reason.as_deref()), (1_000_000, Some("did_not_occur")));
    assert_eq!(error.corrective, ["urn:x:f"]);
    let sensors: Vec<_> =
        event.sensors.iter().map(|sensor| (sensor.kind.as_deref(), sensor.time, sensor.value)).collect();
    assert_eq!(sensors, [(Some("Temperature"), Some(1_000_000), Some(26.0)), (Some("Speed"), Some(2_000_000), None)]);
    assert_eq!(event.sensors[1].device.as_deref(), Some("urn:x:s"));
}

#[test]
fn own_vocabularies_become_full_uris() {
    let context = r#"[{"ext1":"https://ns.example.com/"}]"#;
    let event = read(
        OBJECT,
        &format!(r#"{{"@context":{context},"bizStep":"ext1:summarising","disposition":"https://x.example/d"}}"#),
    );
    assert_eq!(event.biz_step.as_deref(), Some("https://ns.example.com/summarising"));
    assert_eq!(event.disposition.as_deref(), Some("https://x.example/d"));
}

/// Another vocabulary under the same prefix is not the CBV's lot.
#[test]
fn a_redefined_prefix_means_something_else() {
    let ilmd = r#""action":"ADD","ilmd":{"cbvmda:lotNumber":"A"}"#;
    assert_eq!(read(OBJECT, &format!("{{{ilmd}}}")).lot.as_deref(), Some("A"));
    let other = format!(r#"{{"@context":{{"cbvmda":"http://example.com/cbvmda/"}},{ilmd}}}"#);
    assert_eq!(read(OBJECT, &other).lot, None);
}

#[test]
fn our_own_members() {
    let event = read(
        OBJECT,
        r#"{"@context":["https://ref.gs1.org/standards/epcis/epcis-context.jsonld",{"m":"urn:medtrace:ns:"}],
            "m:sameAs":[{"epc":"urn:epc:id:sgtin:0614141.107346.2017","also":["urn:medtrace:cn-drug:81234567890123456789"]}],
            "m:labels":[{"lot":"A","expiry":"2027-01-31","epcs":["urn:epc:id:sgtin:0614141.107346.2017"]}],
            "urn:medtrace:ns:operator":"op","m:device":"dev","m:requestID":"r"}"#,
    );
    assert_eq!(event.same_as[0].thing, thing("urn:epc:id:sgtin:0614141.107346.2017"));
    assert_eq!(event.same_as[0].also, [thing("urn:medtrace:cn-drug:81234567890123456789")]);
    assert_eq!((event.labels[0].lot.as_deref(), event.labels[0].things.len()), (Some("A"), 1));
    let own = [event.operator, event.device, event.request_id].map(|text| text.expect("text"));
    assert_eq!(own, ["op", "dev", "r"]);
    // The prefix alone, without the context, is somebody else's.
    assert_eq!(read(OBJECT, r#"{"medtrace:operator":"op"}"#).operator, None);
}

#[test]
fn a_persistent_disposition_elsewhere_is_stored_without_effect() {
    let event = read(AGGREGATION, r#"{"persistentDisposition":{"set":["recalled"]}}"#);
    assert!(event.persistent.set.is_empty());
    assert_eq!((event.warnings[0].path.as_str(), event.warnings[0].code), ("/persistentDisposition", "no-effect"));
    assert!(event.json.get("persistentDisposition").is_some());
}

#[test]
fn what_the_rules_let_through() {
    for (event, patch) in [
        (OBJECT, r#"{"epcList":[],"sensorElementList":[{"sensorReport":[{"type":"Temperature"}]}]}"#),
        (OBJECT, r#"{"epcList":[],"eventID":"urn:x:1","errorDeclaration":{"declarationTime":"2026-03-01T00:00:00Z"}}"#),
        (OBJECT, r#"{"action":"DELETE","epcList":[],"quantityList":[{"epcClass":"urn:x:1"}]}"#),
        (OBJECT, r#"{"@context":"https://example.com/context.jsonld","myField":1}"#),
        (OBJECT, r#"{"@context":{"myField":"urn:x:f"},"myField":1}"#),
        (AGGREGATION, r#"{"action":"DELETE","childEPCs":null}"#),
        (AGGREGATION, r#"{"action":"OBSERVE","parentID":null}"#),
        (TRANSACTION, r#"{"action":"DELETE","epcList":null}"#),
        (TRANSFORMATION, r#"{"outputEPCList":null,"transformationID":"urn:x:1"}"#),
    ] {
        read(event, patch);
    }
}

#[test]
fn ranks_follow_the_journey() {
    let rank = |event: &str, patch: &str| read(event, patch).rank();
    let order = [
        rank(OBJECT, r#"{"action":"ADD","bizStep":"commissioning"}"#),
        rank(TRANSFORMATION, r#"{"bizStep":"commissioning"}"#),
        rank(AGGREGATION, r#"{"bizStep":"packing"}"#),
        rank(AGGREGATION, r#"{"bizStep":"loading"}"#),
        rank(OBJECT, r#"{"bizStep":"shipping"}"#),
        rank(OBJECT, r#"{"bizStep":"receiving"}"#),
        rank(AGGREGATION, r#"{"action":"DELETE","bizStep":"unpacking"}"#),
        rank(OBJECT, r#"{"bizStep":"inspecting"}"#),
        rank(OBJECT, r#"{"bizStep":"dispensing"}"#),
        rank(OBJECT, r#"{"action":"DELETE","bizStep":"destroying"}"#),
    ];
    assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
    assert_eq!(rank(AGGREGATION, r#"{"bizStep":null}"#), rank(AGGREGATION, "{}"));
    assert_eq!(rank(OBJECT, r#"{"bizStep":"storing"}"#), rank(OBJECT, r#"{"bizStep":"urn:x:1"}"#));
}

proptest! {
    /// Any value in any member is read or refused, never a panic; what is read is sealed and read again.
    #[test]
    fn no_member_makes_it_panic(
        event in prop::sample::select(vec![OBJECT, AGGREGATION, TRANSACTION, TRANSFORMATION]),
        name in prop::sample::select(vec!["type", "eventTime", "eventTimeZoneOffset", "action", "bizStep", "epcList",
            "quantityList", "readPoint", "ilmd", "errorDeclaration", "sensorElementList", "@context", "eventID",
            "persistentDisposition", "sourceList", "bizTransactionList", "certificationInfo", "x:y"]),
        value in r#"(null|7|"[ -~]{0,12}"|\[("[ -~&&[^"\\]]{0,8}"|\{\})?\]|\{("(id|set|type|a:b|declarationTime)":("[a-z:]{0,6}"|\[\]))?\})"#,
    ) {
        if let Ok(Json::Object(patch)) = Json::parse(format!(r#"{{"{name}":{value}}}"#).as_bytes()) {
            let mut json = Json::parse(event.as_bytes()).expect("an event");
            for (name, value) in patch.iter() {
                json.as_object_mut().expect("an object").insert(name, value.clone());
            }
            let context = Context::of_event(&json);
            let fine = Event::from_json(json.clone()).is_ok_and(|event| semantics::check(&event).faults.is_empty());
            if let (true, Ok(context)) = (fine, context) {
                let sealed = seal(json, &context, "acme").map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?;
                prop_assert_eq!(Event::from_bytes(&sealed.bytes), Ok(sealed.event));
            }
        }
    }
}
