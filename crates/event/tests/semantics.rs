//! What is asked of an event at capture beyond its shape: one row for every rule, each with its path; and that an event
//! sealed before a rule was made is still read.

use medtrace_event::seal::admit;
use medtrace_event::{Context, Event, Fault, Json, SealedEvent, event_key, open, seal, semantics};

/// `LOT` stands for a lot, `SENSOR` for a list of one sensor element with one report of temperature.
fn event(members: &str) -> Json {
    let members = members.replace("LOT", r#""epcClass":"urn:epc:class:lgtin:4012345.011111.4""#);
    let text = format!(
        r#"{{"type":"ObjectEvent","action":"OBSERVE","eventTime":"2026-03-01T00:15:00Z","eventTimeZoneOffset":"+08:00",
            "epcList":["urn:epc:id:sgtin:0614141.107346.2017"],{members}}}"#
    );
    Json::parse(text.as_bytes()).expect(&text)
}

fn sensor(metadata: &str, report: &str) -> String {
    format!(r#""sensorElementList":[{{"sensorMetadata":{{{metadata}}},"sensorReport":[{{{report}}}]}}]"#)
}

fn sealed(json: Json) -> Result<SealedEvent, Vec<Fault>> {
    seal(json, &Context::standard(), "acme")
}

fn found(faults: &[Fault]) -> Vec<(&str, &str)> {
    faults.iter().map(|fault| (fault.path.as_str(), fault.code)).collect()
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_path() {
    let temperature = r#""type":"Temperature","uom":"CEL""#;
    let report = |path: &str| format!("/sensorElementList/0/sensorReport/0/{path}");
    let metadata = |path: &str| format!("/sensorElementList/0/sensorMetadata/{path}");
    let quantity = |path: &str| format!("/quantityList/0/{path}");
    let rows: Vec<(String, String, &str)> = vec![
        (r#""quantityList":[{LOT,"quantity":0}]"#.into(), quantity("quantity"), "quantity"),
        (r#""quantityList":[{LOT,"quantity":1.5}]"#.into(), quantity("quantity"), "quantity"),
        (r#""quantityList":[{LOT,"uom":"KGM"}]"#.into(), quantity("uom"), "uom"),
        (r#""quantityList":[{LOT,"quantity":1,"uom":"ZZX"}]"#.into(), quantity("uom"), "uom"),
        (r#""persistentDisposition":{}"#.into(), "/persistentDisposition".into(), "missing"),
        (r#""persistentDisposition":{"set":[]}"#.into(), "/persistentDisposition".into(), "missing"),
        (sensor("", r#""type":"Temperature","value":1,"uom":"°C""#), report("uom"), "uom"),
        (sensor("", r#""type":"Temperature","value":1,"uom":"C""#), report("uom"), "uom"),
        (sensor("", &format!(r#"{temperature},"minValue":8,"maxValue":2"#)), report("minValue"), "range"),
        (sensor("", &format!(r#"{temperature},"value":2,"sDev":-0.1"#)), report("sDev"), "range"),
        (sensor("", &format!(r#"{temperature},"percRank":101,"percValue":2"#)), report("percRank"), "range"),
        (sensor("", r#""type":"Temperature","uriValue":"broken""#), report("uriValue"), "uri"),
        (sensor("", r#""type":"Temperature","hexBinaryValue":"0x1f""#), report("hexBinaryValue"), "value"),
        (sensor("", r#""type":"Speed","component":"sideways""#), report("component"), "uri"),
        (sensor("", r#""exception":"FIRE""#), report("exception"), "uri"),
        (sensor("", r#""type":"Speed","dataProcessingMethod":"none""#), report("dataProcessingMethod"), "uri"),
        (sensor(r#""deviceID":"7""#, temperature), metadata("deviceID"), "uri"),
        (sensor(r#""bizRules":"our own""#, temperature), metadata("bizRules"), "uri"),
        (
            sensor(r#""startTime":"2026-03-01T00:00:02Z","endTime":"2026-03-01T00:00:01Z""#, temperature),
            metadata("endTime"),
            "range",
        ),
    ];
    for (members, path, code) in rows {
        let json = event(&members);
        // The shape is right, so that what is sealed stays readable.
        assert!(Event::from_json(json.clone()).is_ok(), "{members}");
        let faults = sealed(json).expect_err(&members);
        assert_eq!(found(&faults), [(path.as_str(), code)], "{members}: {faults:?}");
        assert_eq!(faults[0].exception, "epcisException:ValidationException");
    }
}

#[test]
fn what_is_odd_is_taken_with_advice() {
    let temperature = r#""type":"gs1:Temperature","uom":"CEL""#;
    let report = |path: &str| format!("/sensorElementList/0/sensorReport/0/{path}");
    for (members, path, code) in [
        (sensor("", r#""type":"Temperature","value":26"#), report("value"), "uom"),
        (
            sensor("", &format!(r#"{temperature},"minValue":2,"meanValue":9,"maxValue":8"#)),
            report("meanValue"),
            "range",
        ),
        (sensor("", &format!(r#"{temperature},"percRank":50"#)), report("percRank"), "missing"),
        (
            sensor(
                r#""startTime":"2026-03-01T00:00:01Z","endTime":"2026-03-01T00:00:02Z""#,
                &format!(r#"{temperature},"value":5,"time":"2026-03-01T00:00:03Z""#),
            ),
            report("time"),
            "range",
        ),
        (
            r#""persistentDisposition":{"set":["recalled"],"unset":["stolen","recalled"]}"#.into(),
            "/persistentDisposition/unset/1".into(),
            "contradiction",
        ),
    ] {
        let sealed = sealed(event(&members)).unwrap_or_else(|faults| panic!("{members}: {faults:?}"));
        assert_eq!(found(&semantics::check(&sealed.event).advice), [(path.as_str(), code)], "{members}");
    }
}

#[test]
fn what_is_right_is_taken_without_a_word() {
    for members in [
        r#""quantityList":[{LOT},{LOT,"quantity":7},{LOT,"quantity":0.25,"uom":"KGM"}]"#.to_owned(),
        r#""quantityList":[{LOT,"quantity":1e3}]"#.to_owned(),
        r#""persistentDisposition":{"unset":["stolen"]}"#.to_owned(),
        sensor("", r#""type":"Dimensionless","value":0.5"#),
        sensor("", r#""exception":"gs1:ERROR_CONDITION","uriValue":"https://example.com/E1""#),
        sensor("", r#""type":"Length","value":3,"uom":"MTR","component":"cbv:Comp-easting""#),
        sensor("", r#""type":"Length","value":3,"uom":"MTR","component":"x""#),
        sensor(
            r#""startTime":"2026-03-01T00:00:01Z","endTime":"2026-03-01T00:00:01Z""#,
            r#""type":"Temperature","uom":"CEL","minValue":2,"meanValue":2,"maxValue":2,"time":"2026-03-01T00:00:01Z""#,
        ),
    ] {
        let sealed = sealed(event(&members)).unwrap_or_else(|faults| panic!("{members}: {faults:?}"));
        assert_eq!(semantics::check(&sealed.event), semantics::Findings::default(), "{members}");
    }
}

/// Whoever withdraws an event repeats it, faults and all.
#[test]
fn a_declaration_may_repeat_what_was_wrong() {
    let members = r#""quantityList":[{LOT,"quantity":0}],"eventID":"urn:x:1",
        "errorDeclaration":{"declarationTime":"2026-03-02T00:00:00Z"}"#;
    let sealed = sealed(event(members)).expect("a declaration");
    assert_eq!(found(&semantics::check(&sealed.event).advice), [("/quantityList/0/quantity", "quantity")]);
}

/// Sealed by a release that did not know the rule, or written to the log by a party itself.
#[test]
fn a_sealed_event_is_read_whatever_the_rules_say_now() {
    let json = event(r#""quantityList":[{LOT,"quantity":0,"uom":"XX"}],"eventID":"urn:x:1""#);
    let bytes = json.to_jcs();
    let read = open(&bytes, "acme").expect("sealed bytes");
    assert_eq!(read.key, event_key("acme", &bytes));
    assert_eq!(Event::from_bytes(&bytes), Ok(read.event));
    let faults = admit(&bytes, "acme").expect_err("at capture");
    assert_eq!(found(&faults), [("/quantityList/0/quantity", "quantity"), ("/quantityList/0/uom", "uom")]);
    let fine = event(r#""quantityList":[{LOT,"quantity":2,"uom":"KGM"}],"eventID":"urn:x:1""#).to_jcs();
    assert_eq!(admit(&fine, "acme"), open(&fine, "acme"));
}

#[test]
fn a_flood_of_faults_is_cut_off() {
    let elements = vec![r#"{LOT,"quantity":0}"#; 1000].join(",");
    assert_eq!(sealed(event(&format!(r#""quantityList":[{elements}]"#))).expect_err("faulty").len(), 100);
}
