//! EPCIS queries: every parameter narrows down, pages are stable, answers are as sealed.

use medtrace_event::document::Entry;
use medtrace_event::hash::event_hash_in;
use medtrace_event::{CbvVersion, Document, xml};
use medtrace_query::requests::URI_BYTES_MAX;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::story::{CASE, FACTORY_GLN, GTIN, HOSPITAL_GLN, NAMES, OBSERVED, item, service, using};
use crate::support::service::Service;

/// The events of an answer.
fn events(document: &Value) -> Vec<Value> {
    document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone()
}

/// The names of the events that a query gives, page by page, and how many pages there were.
async fn names(service: &Service, query: &str) -> (Vec<String>, usize) {
    let (mut names, mut pages, mut path) = (Vec::new(), 0, format!("/events?{query}"));
    loop {
        let answer = service.get(&path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let next = next(answer.headers());
        for event in events(&answer.json().await.unwrap()) {
            names.push(name_of(service, &event).await);
        }
        pages += 1;
        match next {
            Some(next) => path = next,
            None => return (names, pages),
        }
    }
}

/// Where an event is sealed, by what it says.
async fn name_of(service: &Service, event: &Value) -> String {
    let id = event["eventID"].as_str().unwrap();
    let found = service.json(200, &format!("/v1/events?eventID={id}")).await;
    let same = |row: &&Value| row["recordTime"] == event["recordTime"];
    found["events"].as_array().unwrap().iter().find(same).unwrap()["event"].as_str().unwrap().to_owned()
}

fn next(headers: &HeaderMap) -> Option<String> {
    let link = headers.get("link")?.to_str().unwrap();
    assert!(headers.contains_key("gs1-next-page-token-expires"), "{link}");
    Some(link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned())
}

// epcis: GET /events eventType EQ_action EQ_bizStep EQ_disposition EQ_readPoint EQ_bizLocation GE_eventTime LT_eventTime
// epcis: GET /events GE_recordTime LT_recordTime MATCH_epc MATCH_parentID MATCH_anyEPC MATCH_epcClass EQ_eventID
// epcis: GET /events EXISTS_errorDeclaration
#[tokio::test]
async fn every_parameter_narrows_down() {
    let service = service().await;
    let (s1, s3) = (item("S1"), item("S3"));
    let urn = "urn:epc:id:sgtin:9521321.000011.S1";
    let at = |gln: &str| format!("https://id.gs1.org/414/{gln}");
    for (query, expected) in [
        (String::new(), &NAMES[..]),
        ("eventType=AggregationEvent|AssociationEvent".into(), &["1-2", "4-514"]),
        ("EQ_action=ADD".into(), &["1-1", "1-2", "4-513", "4-514"]),
        ("EQ_bizStep=packing|urn:epcglobal:cbv:bizstep:shipping".into(), &["1-2", "2-1"]),
        ("EQ_disposition=https://ref.gs1.org/cbv/Disp-active".into(), &["1-1"]),
        (format!("EQ_readPoint={}", at(HOSPITAL_GLN)), &["2-513", "3-1", "3-2"]),
        ("EQ_bizLocation=urn:epc:id:sgln:9521321.00001.0".into(), &["1-1", "1-3"]),
        (format!("EQ_readPoint={}&EQ_action=ADD", at(FACTORY_GLN)), &["1-1", "1-2", "4-514"]),
        ("GE_eventTime=2026-01-01T07:50:00%2B08:00".into(), &["3-2", "4-513", "4-514"]),
        ("LT_eventTime=2026-01-01T07:00:00.001+08:00".into(), &["1-1", "4-515"]),
        ("GE_recordTime=2026-01-01T00:00:00.600Z&LT_recordTime=2026-01-01T00:00:00.800Z".into(), &["3-1", "3-2"]),
        ("LT_recordTime=2026-01-01T00:00:00.200001Z".into(), &["1-1", "1-2", "1-3"]),
        (format!("MATCH_epc={s1}"), &["1-1", "1-2", "3-2"]),
        (format!("MATCH_epc={urn}|{s3}"), &["1-1", "1-2", "3-2", "4-513"]),
        (
            "MATCH_epc=urn:epc:idpat:sgtin:9521321.000011.*".into(),
            &["1-1", "1-2", "2-513", "3-1", "3-2", "4-513", "4-515"],
        ),
        (format!("MATCH_parentID={CASE}"), &["1-2", "4-513"]),
        (format!("MATCH_parentID={s3}"), &["4-514"]),
        (format!("MATCH_anyEPC={CASE}"), &["1-2", "2-1", "4-513"]),
        (format!("MATCH_anyEPC={s3}"), &["1-1", "4-513", "4-514"]),
        (format!("MATCH_epcClass=https://id.gs1.org/01/{GTIN}/10/L2"), &["1-3"]),
        ("MATCH_epcClass=urn:epc:idpat:lgtin:9521321.000011.*".into(), &["1-3"]),
        (format!("MATCH_epc={s1}&MATCH_parentID={CASE}"), &["1-2"]),
        (format!("EQ_eventID={OBSERVED}|urn:uuid:nobody"), &["2-513", "3-1"]),
        ("EXISTS_errorDeclaration".into(), &["3-1"]),
        (format!("MATCH_epc={}", item("S2%2527%2529%253BDROP--")), &[]),
        ("EQ_eventID=urn:a')%20OR%20('1'='1".into(), &[]),
    ] {
        let (mut found, _) = names(&service, &query.replace('|', "%7C")).await;
        found.sort();
        assert_eq!(found, expected, "{query}");
    }
}

// epcis: GET /events orderBy orderDirection perPage
#[tokio::test]
async fn pages_are_the_same_whatever_is_sealed_meanwhile() {
    let mut service = service().await;
    let by_record_time = NAMES.map(str::to_owned).to_vec();
    let mut by_event_time = by_record_time.clone();
    by_event_time.rotate_right(1);
    let turned = |names: &[String]| names.iter().rev().cloned().collect::<Vec<_>>();
    for (order, expected) in [
        ("", by_record_time.clone()),
        ("orderBy=recordTime&", turned(&by_record_time)),
        // The observation and its declaration are of the same instant: then the chain decides.
        ("orderBy=eventTime&orderDirection=ASC&", by_event_time.clone()),
        ("orderBy=eventTime&", turned(&by_event_time)),
    ] {
        let query = format!("{order}perPage=3");
        assert_eq!(names(&service, &query).await, (expected.clone(), 4), "{query}");
        // The first page now, the others after a block with an event before, one within, one after all others.
        let answer = service.get(&format!("/events?{query}")).send().await.unwrap();
        let (first, rest) = (next(answer.headers()), events(&answer.json().await.unwrap()));
        let mut found = Vec::new();
        for event in rest {
            found.push(name_of(&service, &event).await);
        }
        let height = seal_more(&mut service).await;
        service.reflects(height).await;
        let (later, _) = names(&service, first.unwrap().strip_prefix("/events?").unwrap()).await;
        found.extend(later);
        assert_eq!(found, expected, "{query}");
        // Who asks anew sees the new ones too.
        let (all, _) = names(&service, &format!("{order}perPage=500")).await;
        assert!(all.len() > expected.len());
        service = crate::story::service().await;
    }
}

async fn seal_more(service: &mut Service) -> u64 {
    let at = |time: &str| {
        let mut event = using();
        event["eventTime"] = json!(time);
        event
    };
    let times = ["2020-01-01T00:00:00Z", "2025-12-31T23:35:00Z", "2026-02-01T00:00:00Z"];
    let events: Vec<Value> = times.into_iter().map(at).collect();
    let pending = service.chain.events("hospital", 1, &events);
    service.chain.seal(vec![pending]).await
}

#[tokio::test]
async fn a_page_that_is_full_by_chance_is_the_last() {
    let service = service().await;
    assert_eq!(names(&service, "EQ_action=ADD&perPage=4").await.1, 1);
    assert_eq!(names(&service, "EQ_action=ADD&perPage=3").await.1, 2);
}

// epcis: GET /events nextPageToken perPage
// epcis: exception QueryParameterException
#[tokio::test]
async fn a_token_is_of_its_query() {
    let service = service().await;
    let answer = service.get("/events?EQ_action=ADD&perPage=2").send().await.unwrap();
    let link = next(answer.headers()).unwrap();
    let token = link.split_once("nextPageToken=").unwrap().1;
    service.json(200, &format!("/events?perPage=7&nextPageToken={token}&EQ_action=ADD")).await;
    for query in [
        format!("EQ_action=OBSERVE&nextPageToken={token}"),
        format!("nextPageToken={token}"),
        format!("EQ_action=ADD&nextPageToken={}", token.chars().rev().collect::<String>()),
        "EQ_action=ADD&nextPageToken=1".to_owned(),
    ] {
        let problem = service.json(400, &format!("/events?{query}")).await;
        assert_eq!(problem["type"], "epcisException:QueryParameterException");
        assert_eq!(problem["errors"][0]["path"], "/nextPageToken");
    }
}

// epcis: GET /events GS1-EPCIS-Version GS1-CBV-Version GS1-Vendor-Version
#[tokio::test]
async fn events_come_back_as_they_were_sealed() {
    let service = service().await;
    let answer = service.get("/events").send().await.unwrap();
    for (name, value) in [("gs1-epcis-version", "2.0.0"), ("gs1-cbv-version", "2.0.0")] {
        assert_eq!(answer.headers()[name], value);
    }
    assert!(answer.headers().contains_key("gs1-vendor-version"));
    assert!(!answer.headers().contains_key("link"));
    let document: Value = answer.json().await.unwrap();
    // What reads captured documents reads this one, and each event is what was signed, with its own context.
    let parsed = Document::parse(document.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.events.len(), NAMES.len());
    for (entry, name) in parsed.events.into_iter().zip(NAMES) {
        let mut event = entry.json;
        let members = event.as_object_mut().unwrap();
        members.remove("recordTime");
        // The one that was withdrawn is marked, in a namespace that its own context does not have.
        let withdrawn = members.remove("medtrace:voidedBy").is_some();
        assert_eq!((withdrawn, withdrawn && members.remove("@context").is_some()), (name == "2-513", name == "2-513"));
        let proof = service.text(200, &format!("/v1/events/{name}/proof")).await;
        assert_eq!(event.to_string(), medtrace_ledger::Proof::parse(&proof).unwrap().bytes, "{name}");
    }
    let found = events(&document);
    assert_eq!(found[0]["recordTime"], "2026-01-01T00:00:00.200Z");
    assert_eq!(found[2]["quantityList"][0]["quantity"], 5.25);
    assert_eq!(found[6]["example:room"], "心内科 2");
}

/// What reads captured XML reads the answer as the same events.
// epcis: GET /events Accept
#[tokio::test]
async fn answers_in_xml_say_the_same() {
    let service = service().await;
    let json = service.text(200, "/events").await;
    let json = Document::parse(json.as_bytes()).unwrap();
    let answer = service.get("/events").header("accept", "application/xml").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/xml");
    let text = answer.text().await.unwrap();
    let of_xml: Vec<_> = xml::Events::open(text.as_bytes()).unwrap().map(|event| event.unwrap().entry).collect();
    let said = |entry: &Entry| {
        let id = entry.json.get_str("eventID").unwrap().to_owned();
        (id, event_hash_in(&entry.json, &entry.context, CbvVersion::V2_0))
    };
    assert_eq!(of_xml.iter().map(said).collect::<Vec<_>>(), json.events.iter().map(said).collect::<Vec<_>>());
    assert_eq!(of_xml.len(), NAMES.len());
}

// epcis: GET /events GS1-EPC-Format
#[tokio::test]
async fn identifiers_are_spelled_as_asked() {
    let service = service().await;
    let given = async |format: &str| {
        let answer = service.get("/events").header("gs1-epc-format", format).send().await.unwrap();
        assert_eq!(answer.headers()["gs1-epc-format"], format);
        events(&answer.json().await.unwrap())
    };
    let urns = given("Always_EPC_URN").await;
    assert_eq!(urns[0]["epcList"][0], "urn:epc:id:sgtin:9521321.000011.S1");
    assert_eq!(urns[0]["readPoint"]["id"], "urn:epc:id:sgln:9521321.00001.0");
    assert_eq!(urns[1]["parentID"], "urn:epc:id:sscc:9521321.0000000001");
    assert_eq!(urns[2]["quantityList"][0]["epcClass"], "urn:epc:class:lgtin:9521321.000011.L2");
    // What was written by others stays, and so does everything in the form that it was sealed in.
    assert_eq!(urns[0]["ilmd"], json!({"cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2028-12-31"}));
    let links = given("Always_GS1_Digital_Link").await;
    assert_eq!(links, given("Never_Translates").await);
    assert_eq!(links[0]["epcList"][0], item("S1"));
}

// epcis: GET /events/{eventID} Accept
// epcis: exception NoSuchResourceException
#[tokio::test]
async fn one_event_is_found_by_its_id_and_by_its_name() {
    let service = service().await;
    let both = service.json(200, &format!("/events/{OBSERVED}")).await;
    assert_eq!(events(&both).len(), 2);
    let one = events(&service.json(200, "/events/2-513").await);
    assert_eq!((one.len(), &one[0]["eventID"]), (1, &json!(OBSERVED)));
    let problem = service.json(404, "/events/urn:uuid:nobody").await;
    assert_eq!(problem["type"], "epcisException:NoSuchResourceException");
    // A replay has no effect of its own.
    service.json(404, "/events/2-2").await;
    let answer = service.get("/events/2-513").header("accept", "application/xml").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/xml".parse().unwrap())
    );
    assert!(answer.text().await.unwrap().contains(OBSERVED));
    let refused = service.get("/events/2-513").header("accept", "text/csv").send().await.unwrap();
    assert_eq!(refused.status(), 406);
}

#[tokio::test]
async fn a_withdrawn_event_names_its_declaration_once_that_is_known() {
    let mut service = service().await;
    // One that was withdrawn before, and its declaration, which nothing withdraws.
    let both = events(&service.json(200, &format!("/events/{OBSERVED}")).await);
    assert_eq!((&both[0]["medtrace:voidedBy"], &both[1]["medtrace:voidedBy"]), (&json!("3-1"), &Value::Null));
    assert!(both[0]["@context"].to_string().contains("urn:medtrace:ns:"), "{}", both[0]);
    let xml = service.get("/events/2-513").header("accept", "application/xml").send().await.unwrap();
    let xml = xml.text().await.unwrap();
    assert!(xml.contains(":voidedBy>3-1<") && xml.contains("urn:medtrace:ns:"), "{xml}");
    // One that is withdrawn while it is paged through.
    let used = |document: &Value| events(document).into_iter().find(|event| event["bizStep"] == "dispensing").unwrap();
    let first = service.get("/events?perPage=5").send().await.unwrap();
    let rest = next(first.headers()).unwrap();
    let before = service.json(200, &rest).await;
    let mut declaration = used(&before);
    declaration.as_object_mut().unwrap().remove("recordTime");
    declaration["errorDeclaration"] =
        json!({"declarationTime": "2026-01-01T08:00:00+08:00", "reason": "did_not_occur"});
    let pending = service.chain.events("hospital", 1, &[declaration]);
    let height = service.chain.seal(vec![pending]).await;
    service.reflects(height).await;
    assert_eq!(used(&service.json(200, &rest).await), used(&before));
    assert_eq!(used(&before)["medtrace:voidedBy"], Value::Null);
    let anew = used(&service.json(200, "/events?EQ_bizStep=dispensing").await);
    assert_eq!(anew["medtrace:voidedBy"], format!("{height}-1"));
    assert_eq!(anew["example:room"], used(&before)["example:room"]);
}

// epcis: GET /events Accept GS1-EPC-Format GS1-CBV-XML-Format
// epcis: exception QueryParameterException NotAcceptableException
#[tokio::test]
async fn what_cannot_be_answered_says_so() {
    let service = service().await;
    let unknown = service.json(400, "/events?EQ_readpoint=urn:epc:id:sgln:9521321.00001.0").await;
    assert_eq!(unknown["type"], "epcisException:QueryParameterException");
    assert!(unknown["detail"].as_str().unwrap().starts_with("EQ_readpoint is not a parameter here"));
    for (header, value) in
        [("accept", "text/csv"), ("gs1-epc-format", "Sometimes"), ("gs1-cbv-xml-format", "Always_Web_URI")]
    {
        let refused = service.get("/events").header(header, value).send().await.unwrap();
        let problem = crate::support::service::answered(406, refused).await;
        assert_eq!(problem["type"], "epcisException:NotAcceptableException", "{header}");
    }
}

// epcis: exception URITooLongException
#[tokio::test]
async fn an_address_has_an_end() {
    let service = service().await;
    let path = |length: usize| {
        let path = "/events?EQ_eventID=";
        format!("{path}{}", "x".repeat(length - path.len()))
    };
    assert_eq!(events(&service.json(200, &path(URI_BYTES_MAX)).await), [] as [Value; 0]);
    let problem = service.json(414, &path(URI_BYTES_MAX + 1)).await;
    assert_eq!(problem["type"], "epcisException:URITooLongException");
}

// epcis: exception ImplementationException
#[tokio::test]
async fn what_is_damaged_in_the_store_is_not_passed_over() {
    let service = service().await;
    let damage = "ALTER TABLE submission UPDATE frame = '' WHERE block = 1 SETTINGS mutations_sync = 1";
    service.app.client.query(damage).execute().await.unwrap();
    for path in ["/events", "/events/1-1"] {
        let problem = service.json(500, path).await;
        assert_eq!(problem["type"], "epcisException:ImplementationException", "{path}");
        assert_eq!(problem["detail"], "the stored event 1-1 has no body; run an audit", "{path}");
    }
    // What is whole is answered.
    service.json(200, "/events/2-513").await;
}
