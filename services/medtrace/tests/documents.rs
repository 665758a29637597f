//! `medtrace check`, `hash` and `convert` as a user runs them: files and pipes, no stack.

use std::io::Write;
use std::process::{Command, Stdio};

/// Exit code of a finding.
const FINDING: i32 = 3;

const XML: &str = r#"<e:EPCISDocument xmlns:e="urn:epcglobal:epcis:xsd:1" xmlns:ex="http://ex.org/" schemaVersion="1.2"
    creationDate="2026-03-01T08:45:16Z"><EPCISBody><EventList>
    <ObjectEvent><eventTime>2026-03-01T08:00:00Z</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
    <epcList><epc>urn:epc:id:sgtin:9521141.001234.11</epc></epcList><action>OBSERVE</action>
    <bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep><ex:note>a &lt; b</ex:note></ObjectEvent>
    </EventList></EPCISBody></e:EPCISDocument>"#;

/// Exit code, standard output, standard error.
fn medtrace(arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_medtrace"));
    command.args(arguments).env("NO_COLOR", "1").env_remove("MEDTRACE_URL").env_remove("MEDTRACE_TOKEN");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the tool runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("the tool ends");
    writer.join().expect("written");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn hash_names_the_same_event_in_both_syntaxes() {
    let (code, xml, _) = medtrace(&["hash", "-"], XML);
    assert_eq!(code, Some(0));
    assert!(xml.starts_with("ni:///sha-256;") && xml.ends_with("?ver=CBV2.0\n"), "{xml}");
    let (code, json, _) = medtrace(&["convert", "-", "--to", "json"], XML);
    assert_eq!(code, Some(0));
    assert_eq!(medtrace(&["hash", "-"], &json).1, xml);
    let newer = medtrace(&["hash", "-", "--cbv", "2.1"], &json).1;
    assert!(newer.ends_with("?ver=CBV2.1\n") && newer.lines().count() == 1);
    let (_, list, _) = medtrace(&["--json", "hash", "-"], &json);
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list[0]["path"], "/epcisBody/eventList/0");
    assert_eq!(format!("{}\n", list[0]["hash"].as_str().expect("a hash")), xml);
}

#[test]
fn hash_keeps_the_line_of_an_event_that_has_none() {
    let two = XML.replace("</ObjectEvent>", "</ObjectEvent><QuantityEvent/>");
    let (code, out, told) = medtrace(&["hash", "-"], &two);
    assert_eq!((code, out.lines().count(), out.lines().nth(1)), (Some(FINDING), 2, Some("")));
    assert!(told.contains("/e:EPCISDocument/EPCISBody/EventList/QuantityEvent[1]: "), "{told}");
}

#[test]
fn check_says_what_is_wrong_and_where() {
    assert_eq!(medtrace(&["check", "-"], XML).0, Some(0));
    let wrong = XML.replace("OBSERVE", "MOVE").replace("001234.11", "001234");
    let (code, out, _) = medtrace(&["check", "-"], &wrong);
    assert_eq!(code, Some(FINDING));
    let list = "-: /e:EPCISDocument/EPCISBody/EventList/ObjectEvent[1]";
    assert!(out.contains(&format!("{list}/action: ")), "{out}");
    assert!(out.contains(&format!("{list}/epcList/epc[1]: ")), "{out}");
    assert!(out.contains("(action, epcisException:ValidationException)"), "{out}");
    assert!(out.ends_with("-: 1 events, 2 faults, 0 warnings\n"), "{out}");
    let (code, list, _) = medtrace(&["check", "-", "--json"], "{\"type\": \"ObjectEvent\"}");
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(code, Some(FINDING));
    assert_eq!((&list[0]["file"], &list[0]["path"]), (&"-".into(), &"/eventTime".into()));
    assert_eq!(medtrace(&["check", "/nowhere/at-all.json"], "").0, Some(1));
}

#[test]
fn convert_keeps_what_a_query_document_says_of_its_query() {
    let event = r#"{"type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+08:00",
        "epcList": ["urn:epc:id:sgtin:9521141.001234.11"], "action": "OBSERVE"}"#;
    let results = |before: &str, after: &str| {
        format!(
            r#"{{"type": "EPCISQueryDocument", "schemaVersion": "2.0", "creationDate": "2026-03-01T08:45:16Z",
            "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"], "epcisBody": {{"queryResults":
            {{{before}"resultsBody": {{"eventList": [{event}]}}{after}}}}}}}"#
        )
    };
    let said = |json: &str| {
        let json: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
        let results = &json["epcisBody"]["queryResults"];
        assert_eq!(results["resultsBody"]["eventList"].as_array().map(Vec::len), Some(1), "{json}");
        (results["queryName"].clone(), results["subscriptionID"].clone())
    };
    let stock = ("stock & returns".into(), "sub-7".into());
    let names = r#""queryName": "stock & returns", "subscriptionID": "sub-7""#;
    for document in [results(&format!("{names}, "), ""), results("", &format!(", {names}"))] {
        for to in ["json", "urn", "dl"] {
            assert_eq!(said(&medtrace(&["convert", "-", "--to", to], &document).1), stock, "{to}");
        }
    }
    let xml = medtrace(&["convert", "-", "--to", "xml"], &results(&format!("{names}, "), "")).1;
    assert!(xml.contains("<queryName>stock &amp; returns</queryName><subscriptionID>sub-7</subscriptionID>"), "{xml}");
    assert_eq!(said(&medtrace(&["convert", "-", "--to", "json"], &xml).1), stock);
}

#[test]
fn convert_goes_round() {
    let json = medtrace(&["convert", "-", "--to", "json"], XML).1;
    let xml = medtrace(&["convert", "-", "--to", "xml"], &json).1;
    // The events' own namespaces stand in the events now.
    let again = medtrace(&["convert", "-", "--to", "json"], &xml).1;
    assert_eq!(medtrace(&["hash", "-"], &again).1, medtrace(&["hash", "-"], &json).1);
    assert_eq!(medtrace(&["convert", "-", "--to", "xml"], &again).1, xml);
    let links = medtrace(&["convert", "-", "--to", "dl"], &json).1;
    assert!(links.contains("https://id.gs1.org/01/09521141012345/21/11") && !links.contains("urn:epc:"), "{links}");
    let urns = medtrace(&["convert", "-", "--to", "urn", "--prefix-digits", "7"], &links).1;
    assert_eq!(urns, json);
    // Where nobody says how long the prefix is, a link stays a link; XML stays XML.
    assert_eq!(medtrace(&["convert", "-", "--to", "urn"], &links).1, links);
    assert!(medtrace(&["convert", "-", "--to", "dl"], XML).1.starts_with("<?xml"));
    let (code, out, told) = medtrace(&["convert", "-", "--to", "json"], "<html/>");
    assert_eq!((code, out.as_str()), (Some(FINDING), ""));
    assert!(told.starts_with("/html: "), "{told}");
}
