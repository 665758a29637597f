//! Every parameter of an EPCIS query changes what is found.
//!
//! ```text
//! 2-1   commissioning at a dock of the factory, with everything that an ObjectEvent may carry
//! 2-2   the same an hour later, with other values
//! 2-3   a transformation
//! 2-4   an error declaration on 2-2 that names its correction
//! ```

use serde_json::{Value, json};

use crate::goods::{OTHER_GLN, World, at, gln, lot, made};
use crate::story::{FACTORY_GLN, HOSPITAL_GLN, item};

const NAMES: [&str; 4] = ["2-1", "2-2", "2-3", "2-4"];
const NS: &str = "https://ns.example/epcis/";

/// A device of somebody's own, and one with a GS1 key.
fn device(n: u32) -> &'static str {
    if n == 1 { "urn:example:device:1" } else { "urn:epc:id:giai:9521321.device2" }
}

/// An ObjectEvent with values that are told apart by `n`.
fn rich(n: u32) -> Value {
    let dock = format!("{}/254/dock-{n}", gln(FACTORY_GLN));
    let mut event = at(
        "ObjectEvent",
        n * 10,
        FACTORY_GLN,
        json!({
            "eventID": format!("urn:uuid:00000000-0000-4000-8000-00000000000{n}"),
            "action": "ADD", "bizStep": "commissioning", "disposition": "active",
            "epcList": [item(&format!("P{n}"))],
            "quantityList": [{"epcClass": lot(&format!("Q{n}")), "quantity": n * 100, "uom": "KGM"}],
            "persistentDisposition": {"set": [if n == 1 { "completeness_verified" } else { "completeness_inferred" }],
                                      "unset": [if n == 1 { "expired" } else { "damaged" }]},
            "bizTransactionList": [{"type": "po", "bizTransaction": format!("urn:example:po:{n}")},
                                   {"type": "desadv", "bizTransaction": "urn:example:advice"}],
            "sourceList": [{"type": "location", "source": gln(if n == 1 { FACTORY_GLN } else { OTHER_GLN })}],
            "destinationList": [{"type": "owning_party", "destination": format!("https://id.gs1.org/417/{}",
                                  if n == 1 { HOSPITAL_GLN } else { OTHER_GLN })}],
            "ilmd": {"cbvmda:lotNumber": format!("L{n}"), "cbvmda:itemExpirationDate": "2030-12-31",
                     "x:batch": {"x:oven": format!("oven-{n}"), "x:grade": n}},
            "sensorElementList": [{
                "sensorMetadata": {"time": format!("2026-01-01T0{n}:00:00Z"), "startTime": format!("2026-01-01T0{n}:00:00Z"),
                                   "endTime": format!("2026-01-01T0{n}:30:00Z"), "deviceID": device(n),
                                   "dataProcessingMethod": format!("urn:example:method:{n}"),
                                   "bizRules": format!("urn:example:rules:{n}"), "x:lab": format!("lab-{n}")},
                "sensorReport": [
                    {"type": "gs1:Temperature", "value": n * 10, "minValue": n, "maxValue": n * 20, "meanValue": n * 11,
                     "sDev": 0.5 * f64::from(n), "percRank": n * 25, "percValue": n * 7, "uom": "CEL",
                     "x:probe": format!("p-{n}")},
                    {"type": if n == 1 { "gs1:Molar_concentration" } else { "gs1:Relative_humidity" }, "value": n, "uom": "A93",
                     "microorganism": format!("https://example.org/microbe/{n}"),
                     "chemicalSubstance": format!("https://example.org/substance/{n}"),
                     "stringValue": format!("s-{n}"), "booleanValue": n == 1, "hexBinaryValue": format!("{n}F"),
                     "uriValue": format!("urn:example:value:{n}")}],
            }],
            "x:colour": format!("colour-{n}"), "x:weight": 1.5 * f64::from(n), "x:checked": format!("2026-01-0{n}T00:00:00Z"),
        }),
    );
    event["@context"] = json!(["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"x": NS}]);
    event["readPoint"] = json!({"id": dock, "x:gate": format!("gate-{n}")});
    event
}

pub async fn world() -> World {
    let mut world = World::new().await;
    let transformation = at(
        "TransformationEvent",
        30,
        FACTORY_GLN,
        json!({
            "transformationID": "urn:example:transformation:1", "inputEPCList": [item("I1")],
            "inputQuantityList": [{"epcClass": lot("IN"), "quantity": 3}], "outputEPCList": [item("O1")],
            "outputQuantityList": [{"epcClass": lot("OUT"), "quantity": 4}],
        }),
    );
    let mut declaration = rich(2);
    declaration["errorDeclaration"] = json!({
        "declarationTime": "2026-01-02T00:00:00Z", "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:00000000-0000-4000-8000-000000000077"], "x:by": "auditor",
    });
    world.says("factory", &[rich(1), rich(2), transformation, declaration]).await;
    world
}

/// The names of the events that a query finds, in the order of the chain.
async fn found(world: &World, query: &str) -> Vec<&'static str> {
    let all = world.0.json(200, "/events?perPage=500").await;
    let list = |document: &Value| -> Vec<Value> {
        document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone()
    };
    let all = list(&all);
    assert_eq!(all.len(), NAMES.len());
    let answer = world.0.json(200, &format!("/events?{query}")).await;
    list(&answer).iter().map(|event| NAMES[all.iter().position(|other| other == event).unwrap()]).collect()
}

fn encoded(query: &str) -> String {
    query.replace('#', "%23").replace('|', "%7C").replace('+', "%2B")
}

// epcis: GET /events EQ_persistentDisposition_set EQ_persistentDisposition_unset WD_readPoint WD_bizLocation EQ_transformationID
// epcis: GET /events MATCH_inputEPC MATCH_outputEPC MATCH_inputEPCClass MATCH_outputEPCClass MATCH_anyEPCClass MATCH_epcClass
// epcis: GET /events EQ_quantity GT_quantity GE_quantity LT_quantity LE_quantity EQ_bizTransaction_* EQ_source_* EQ_destination_*
// epcis: GET /events GE_errorDeclarationTime LT_errorDeclarationTime EQ_errorReason EQ_correctiveEventID EQ_ERROR_DECLARATION_*
// epcis: GET /events EXISTS_ERROR_DECLARATION_* GE_startTime LT_startTime GE_endTime LT_endTime EQ_type EQ_deviceID
// epcis: GET /events EQ_dataProcessingMethod EQ_microorganism EQ_chemicalSubstance EQ_bizRules EQ_stringValue EQ_hexBinaryValue
// epcis: GET /events EQ_uriValue EQ_booleanValue GE_percRank LT_percRank EQ_value_* GT_value_* LE_value_* GE_minValue_* LT_maxValue_*
// epcis: GET /events EQ_meanValue_* EQ_sDev_* GE_percValue_* EQ_ILMD_* EXISTS_ILMD_* EQ_INNER_ILMD_* GT_INNER_ILMD_* EXISTS_INNER_ILMD_*
// epcis: GET /events EQ_readPoint_* EXISTS_bizLocation_* EQ_SENSORMETADATA_* EQ_SENSORREPORT_* EXISTS_INNER_SENSORELEMENT_*
// epcis: GET /events EQ_INNER_* EXISTS_INNER_* EQ_http* GE_http* LT_http* EXISTS_http* eventCountLimit maxEventCount GS1-Extensions
#[tokio::test]
async fn every_condition_changes_what_is_found() {
    let world = world().await;
    let (first, second, third, none): (&[&str], &[&str], &[&str], &[&str]) = (&["2-1"], &["2-2", "2-4"], &["2-3"], &[]);
    let (rich, last) = (&["2-1", "2-2", "2-4"][..], &["2-4"][..]);
    let factory = gln(FACTORY_GLN);
    let product = lot("Q1");
    let made = lot("OUT");
    for (query, expected) in [
        ("EQ_persistentDisposition_set=completeness_verified", first),
        ("EQ_persistentDisposition_set=cbv:Disp-completeness_inferred|stolen", second),
        ("EQ_persistentDisposition_unset=urn:epcglobal:cbv:disp:damaged", second),
        (&format!("WD_readPoint={factory}"), &NAMES),
        (&format!("WD_readPoint={factory}/254/dock-1"), first),
        (&format!("WD_bizLocation={factory}"), &NAMES),
        (&format!("WD_bizLocation={}", gln(OTHER_GLN)), none),
        ("EQ_transformationID=urn:example:transformation:1", third),
        ("EQ_transformationID=urn:example:transformation:2", none),
        ("EQ_bizTransaction_po=urn:example:po:1|urn:example:po:9", first),
        ("EQ_bizTransaction_urn:epcglobal:cbv:btt:desadv=urn:example:advice", rich),
        ("EQ_bizTransaction_inv=urn:example:po:1", none),
        (&format!("EQ_source_location={factory}"), first),
        (&format!("EQ_source_owning_party={factory}"), none),
        ("EQ_destination_owning_party=urn:epc:id:pgln:9521987.00001", first),
        (&format!("MATCH_inputEPC={}", item("I1")), third),
        (&format!("MATCH_inputEPC={}", item("O1")), none),
        (&format!("MATCH_outputEPC={}", item("O1")), third),
        (&format!("MATCH_inputEPCClass={}", lot("IN")), third),
        (&format!("MATCH_inputEPCClass={made}"), none),
        (&format!("MATCH_outputEPCClass={made}"), third),
        (&format!("MATCH_anyEPCClass={made}|{product}"), &["2-1", "2-3"]),
        (&format!("MATCH_epcClass={made}|{product}"), first),
        ("EQ_quantity=100", first),
        ("EQ_quantity=100.0|4", &["2-1", "2-3"]),
        ("GT_quantity=100", second),
        ("GE_quantity=100", rich),
        ("LT_quantity=4", third),
        ("LE_quantity=2.9", none),
        ("GE_errorDeclarationTime=2026-01-02T08:00:00+08:00", last),
        ("GE_errorDeclarationTime=2026-01-02T00:00:01Z", none),
        ("LT_errorDeclarationTime=2026-01-02T00:00:01Z", last),
        ("EQ_errorReason=incorrect_data", last),
        ("EQ_errorReason=did_not_occur", none),
        ("EQ_correctiveEventID=urn:uuid:00000000-0000-4000-8000-000000000077", last),
        ("EXISTS_ERROR_DECLARATION_https://ns.example/epcis#by", last),
        ("EQ_ERROR_DECLARATION_https://ns.example/epcis#by=auditor", last),
        ("GE_startTime=2026-01-01T02:00:00Z", second),
        ("LT_startTime=2026-01-01T02:00:00Z", first),
        ("GE_endTime=2026-01-01T01:30:00Z", rich),
        ("LT_endTime=2026-01-01T01:30:00.001Z", first),
        ("EQ_type=gs1:Molar_concentration", first),
        ("EQ_type=Temperature", rich),
        ("EQ_deviceID=https://id.gs1.org/8004/9521321device2", second),
        ("EQ_deviceID=urn:epc:id:giai:9521321.device2", second),
        ("EQ_dataProcessingMethod=urn:example:method:1", first),
        ("EQ_bizRules=urn:example:rules:1", first),
        ("EQ_microorganism=https://example.org/microbe/2", second),
        ("EQ_chemicalSubstance=https://example.org/substance/1", first),
        ("EQ_stringValue=s-1", first),
        ("EQ_booleanValue=true", first),
        ("EQ_booleanValue=false", second),
        ("EQ_hexBinaryValue=2F", second),
        ("EQ_uriValue=urn:example:value:1", first),
        ("GE_percRank=50", second),
        ("LT_percRank=50", first),
        ("EQ_value_CEL=10", first),
        ("EQ_value_A93=10", none),
        ("GT_value_CEL=10", second),
        ("LE_value_CEL=10", first),
        ("GE_minValue_CEL=2", second),
        ("LT_maxValue_CEL=40", first),
        ("EQ_meanValue_CEL=22", second),
        ("EQ_sDev_CEL=0.5", first),
        ("GE_percValue_CEL=14", second),
        ("EQ_ILMD_urn:epcglobal:cbv:mda#lotNumber=L1", first),
        ("EQ_ILMD_cbvmda:lotNumber=L1|L2", rich),
        ("EXISTS_ILMD_cbvmda:lotNumber", rich),
        ("EXISTS_ILMD_cbvmda:bestBeforeDate", none),
        ("EXISTS_ILMD_https://ns.example/epcis#oven", none),
        ("EQ_INNER_ILMD_https://ns.example/epcis#oven=oven-1", first),
        ("GT_INNER_ILMD_https://ns.example/epcis#grade=1", second),
        ("EXISTS_INNER_ILMD_https://ns.example/epcis#oven", rich),
        ("EQ_https://ns.example/epcis#colour=colour-1", first),
        ("EQ_INNER_https://ns.example/epcis#colour=colour-1", none),
        ("EXISTS_INNER_https://ns.example/epcis#probe", rich),
        ("GE_https://ns.example/epcis#weight=3", second),
        ("LT_https://ns.example/epcis#weight=1.6", first),
        ("LT_https://ns.example/epcis#checked=2026-01-02T00:00:00Z", first),
        ("EXISTS_https://ns.example/epcis#colour", rich),
        ("EQ_readPoint_https://ns.example/epcis#gate=gate-2", second),
        ("EXISTS_bizLocation_https://ns.example/epcis#gate", none),
        ("EQ_SENSORMETADATA_https://ns.example/epcis#lab=lab-1", first),
        ("EQ_SENSORREPORT_https://ns.example/epcis#probe=p-2", second),
        ("EXISTS_INNER_SENSORELEMENT_https://ns.example/epcis#lab", rich),
        ("EQ_stringValue=s-1&EQ_deviceID=https://id.gs1.org/8004/9521321device2", none),
        ("EQ_deviceID=urn:example:device:1", first),
        ("eventCountLimit=2&orderBy=recordTime&orderDirection=ASC", &["2-1", "2-2"]),
        ("eventCountLimit=1&orderBy=recordTime", last),
        ("maxEventCount=4", &NAMES),
        ("maxEventCount=1&EQ_stringValue=s-1", first),
    ] {
        assert_eq!(found(&world, &encoded(query)).await, expected, "{query}");
    }
    // A prefix of the caller's own.
    let answer = world.0.get("/events?EQ_ext:colour=colour-2").header("gs1-extensions", format!("ext={NS}"));
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().len(), 2);
}

// epcis: GET /events eventCountLimit maxEventCount perPage Link
// epcis: exception QueryTooLargeException QueryTooComplexException
#[tokio::test]
async fn a_limit_holds_over_all_pages_and_too_much_is_refused() {
    let world = world().await;
    let first = world.0.get("/events?eventCountLimit=3&orderBy=eventTime&perPage=2").send().await.unwrap();
    let link = first.headers()["link"].to_str().unwrap().to_owned();
    let next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let second = world.0.get(next).send().await.unwrap();
    assert!(!second.headers().contains_key("link"));
    let document: Value = second.json().await.unwrap();
    assert_eq!(document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().len(), 1);
    let unordered = world.0.json(400, "/events?eventCountLimit=3").await;
    assert_eq!(unordered["type"], "epcisException:QueryParameterException");
    assert_eq!(unordered["errors"][0]["path"], "/eventCountLimit");
    for query in ["maxEventCount=3", "maxEventCount=2&EXISTS_ILMD_cbvmda:lotNumber"] {
        let problem = world.0.json(413, &format!("/events?{query}")).await;
        assert_eq!(problem["type"], "epcisException:QueryTooLargeException", "{query}");
    }
    let many: Vec<String> = (0..33).map(|n| format!("EXISTS_https://ns.example/epcis%23a{n}")).collect();
    let problem = world.0.json(413, &format!("/events?{}", many.join("&"))).await;
    assert_eq!(problem["type"], "epcisException:QueryTooComplexException");
}

/// One of 25 events is of the lot: it is found behind those that the store's columns cannot tell from it, once.
#[tokio::test]
async fn what_columns_do_not_tell_is_found_among_many() {
    let mut world = World::new().await;
    let lot = |n: u32| if n % 25 == 7 { "RARE".to_owned() } else { format!("L{n}") };
    let all: Vec<Value> = (0..60).map(|n| made(n, &lot(n), &[item(&format!("S{n}"))])).collect();
    world.says("factory", &all).await;
    for per_page in [1, 2, 30] {
        let (mut path, mut minutes) = (format!("/events?EQ_ILMD_cbvmda:lotNumber=RARE&perPage={per_page}"), Vec::new());
        loop {
            let answer = world.0.get(&path).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let document: Value = answer.json().await.unwrap();
            let list = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone();
            minutes.extend(list.iter().map(|event| event["eventTime"].as_str().unwrap()[14..16].to_owned()));
            let Some(link) = link else { break };
            path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
        }
        assert_eq!(minutes, ["07", "32", "57"], "{per_page} a page");
    }
    // Nor is one missed where they are counted.
    for (most, status) in [(1, 413), (2, 413), (3, 200)] {
        world.0.json(status, &format!("/events?EQ_ILMD_cbvmda:lotNumber=RARE&maxEventCount={most}")).await;
    }
}
