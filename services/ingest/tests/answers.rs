//! What clients get for what is right: every answer as a snapshot, and what the log then holds.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use medtrace_ingest::{HOSPITAL as HOSPITAL_SERVICE, MANUFACTURER};
use medtrace_ledger::{
    Hash, ItemKind, Note, Receipt, VerifierKey,
    submission::{Expected, SubmissionKind, verify_submission},
};
use serde_json::{Value, json};

#[tokio::test]
async fn scans_become_events_of_one_submission_with_a_receipt_for_it() {
    let running = start(MANUFACTURER, &folder("scans"), world(), FakeLog::new()).await;
    let mut two_lots = commission(2);
    two_lots["items"] = json!([
        { "code": "(01)09506000134352(21)A(10)LOT1(17)271231" },
        { "code": "(01)09506000134352(21)B(10)LOT2(17)271231", "also": ["(8004)9506000777"] },
    ]);
    let answer = running.send(running.post(FACTORY, "/v1/scans").json(&json!([commission(1), two_lots]))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    insta::assert_json_snapshot!("scans", steady(answer.body.clone()));

    let taken = running.log.taken();
    assert_eq!(taken.len(), 1, "one request is one submission");
    insta::assert_json_snapshot!("scans_events", taken[0].items().into_iter().map(|item| item.1).collect::<Vec<_>>());

    // The note verifies as the chainer will check it, and the receipt is the service's for exactly this submission.
    let (unpacked, genesis) = (taken[0].unpacked(), genesis());
    let expected = Expected { kind: SubmissionKind::Events, origin: &genesis.origin, genesis: genesis.hash() };
    let valid = |name: &medtrace_ledger::PartyId, public: &medtrace_ledger::PublicKey| {
        name.as_str() == "factory-01" && *public == key(10).public()
    };
    let submission = verify_submission(&unpacked.record.note, &unpacked.leaves(), &expected, NOW_MS, valid).unwrap();
    let service = VerifierKey::new("manufacturer".parse::<medtrace_ledger::KeyName>().unwrap(), key(20).public());
    let result = &answer.body["results"][1];
    let receipt = Receipt::open(result["receipt"].as_str().unwrap(), &service).unwrap();
    assert_eq!(receipt.submission, submission.id());
    assert_eq!(receipt.leaf, leaf(&unpacked.record.note));
    assert_eq!(result["submission"], submission.id().to_string());
    assert_eq!((receipt.partition, receipt.offset, receipt.uuid), (2, 0, uuid()));
}

/// What the cut must hold: H(0x00 ‖ 'S' ‖ note).
fn leaf(note: &str) -> Hash {
    Hash::of(format!("\0S{note}"))
}

#[tokio::test]
async fn the_same_request_again_has_the_same_events_and_keys() {
    let running = start(MANUFACTURER, &folder("again"), world(), FakeLog::new()).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(steady(running.send(running.post(FACTORY, "/v1/scans").json(&commission(7))).await.body));
    }
    assert_eq!(answers[0], answers[1]);
    let taken = running.log.taken();
    assert_eq!(taken[0].items(), taken[1].items());
    assert_ne!(taken[0].value, taken[1].value, "salts are fresh");
}

// epcis: POST /events Location
#[tokio::test]
async fn one_event_is_stored_as_it_was_sent_with_its_document_item_before_it() {
    let running = start(MANUFACTURER, &folder("event"), world(), FakeLog::new()).await;
    let sent = seen("S1");
    let answer = running.send(running.post(FACTORY, "/events").json(&sent)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let id = answer.body["eventID"].as_str().unwrap();
    assert_eq!(answer.headers["location"].to_str().unwrap(), format!("/events/{id}"));
    insta::assert_json_snapshot!("event", steady(answer.body.clone()));
    let items = running.log.taken()[0].items();
    assert_eq!(items.iter().map(|item| item.0).collect::<Vec<_>>(), [ItemKind::Document, ItemKind::Event]);
    let mut stored = items[1].1.clone();
    assert_eq!(stored["eventID"], id);
    stored.as_object_mut().unwrap().remove("eventID");
    assert_eq!(stored, sent, "nothing but the eventID is added");
    insta::assert_json_snapshot!("event_document", items[0].1);
}

#[tokio::test]
async fn notices_are_signed_here_by_the_hosted_key_or_come_signed() {
    let running = start(MANUFACTURER, &folder("notices"), world(), FakeLog::new()).await;
    let place = json!({ "type": "place", "place": "https://id.gs1.org/414/9506000134352", "revision": 1,
                        "party": "factory-01", "name": { "en": "Works 1" }, "region": "CN" });
    let answer = running.send(running.post(FACTORY, "/v1/notices").json(&json!([place]))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    insta::assert_json_snapshot!("notices", steady(answer.body));

    let party = party_notice("hospital-02", 13, &["hospital"], "9506000117843", &[]);
    let signed = home_signed("moh", 1, SubmissionKind::Notices, &[("N", party)]);
    let answer = running.send(running.post(AUTHORITY, "/v1/notices").json(&signed)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    insta::assert_json_snapshot!("notices_signed", steady(answer.body));
    let taken = running.log.taken();
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|taken| taken.kind == SubmissionKind::Notices));
    assert_eq!(taken[1].unpacked().record.note, signed["note"].as_str().unwrap());
}

#[tokio::test]
async fn a_submission_signed_at_home_is_passed_on_byte_for_byte() {
    let running = start(HOSPITAL_SERVICE, &folder("home"), world(), FakeLog::new()).await;
    let event = receiving("urn:uuid:0190e0a0-0000-4000-8000-000000000001");
    let signed = home_signed("hospital-01", 11, SubmissionKind::Events, &[("E", event.clone())]);
    let answer = running.send(running.post(HOSPITAL, "/v1/submissions").json(&signed)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    insta::assert_json_snapshot!("submissions", steady(answer.body.clone()));
    let taken = running.log.taken();
    let note = signed["note"].as_str().unwrap();
    assert_eq!(taken[0].unpacked().record.note, note);
    let receipt = Note::parse(answer.body["results"][0]["receipt"].as_str().unwrap()).unwrap();
    assert_eq!(Receipt::parse(receipt.text()).unwrap().leaf, leaf(note));
    assert_eq!(taken[0].items(), [(ItemKind::Event, event)]);
}

// epcis: OPTIONS /capture GS1-EPCIS-Version GS1-EPCIS-Capture-Limit GS1-EPCIS-Capture-File-Size-Limit
#[tokio::test]
async fn epcis_resources_say_their_limits() {
    let running = start(MANUFACTURER, &folder("options"), world(), FakeLog::new()).await;
    let options = running.http.request(reqwest::Method::OPTIONS, format!("{}/capture", running.base));
    let answer = running.send(options).await;
    assert_eq!(answer.status, 204);
    let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let named: Vec<Value> =
        ["allow", "gs1-epcis-version", "gs1-epcis-capture-limit", "gs1-epcis-capture-file-size-limit"]
            .into_iter()
            .map(|name| json!([name, header(name)]))
            .collect();
    insta::assert_json_snapshot!("options", named);
}

#[tokio::test]
async fn nobody_is_judged_before_the_chain_is_read_to_its_end() {
    let view = std::sync::Arc::new(medtrace_ingest::view::View::new(&genesis()));
    let running = start(MANUFACTURER, &folder("early"), view.clone(), FakeLog::new()).await;
    let early = running.send(running.post(FACTORY, "/v1/scans").json(&commission(1))).await;
    insta::assert_json_snapshot!("early", early.body);
    assert_eq!(early.headers["retry-after"], "1");
    assert!(!running.app.readiness().ready);
    view.set_head(Some(0));
    assert_eq!(running.send(running.post(FACTORY, "/v1/scans").json(&commission(1))).await.status, 503);
    let party = party_notice("factory-01", 10, &["manufacturer"], "9506000134352", &["9506000"]);
    view.apply(&block(0, &[sealed_notices("moh", &[key(1)], &[party])])).unwrap();
    assert_eq!(running.send(running.post(FACTORY, "/v1/scans").json(&commission(1))).await.status, 200);
    // A short lag afterwards refuses nobody.
    view.set_head(Some(5));
    assert_eq!(running.send(running.post(FACTORY, "/v1/scans").json(&commission(1))).await.status, 200);
}

#[tokio::test]
async fn ready_only_when_the_chain_is_caught_up() {
    let running = start(MANUFACTURER, &folder("ready"), world(), FakeLog::new()).await;
    assert!(running.app.readiness().ready);
    running.app.view.set_head(Some(3));
    let behind = running.app.readiness();
    assert!(!behind.ready);
    assert_eq!((&behind.details["height"], &behind.details["lag_blocks"]), (&json!(0), &json!(3)));
    for height in 1..=3 {
        running.app.view.apply(&block(height, &[])).unwrap();
    }
    assert!(running.app.readiness().ready);
}

#[tokio::test]
async fn a_revoked_hosted_key_signs_nothing_more() {
    let running = start(MANUFACTURER, &folder("revoked"), world(), FakeLog::new()).await;
    let change = json!({ "type": "party", "party": "factory-01", "revision": 2, "name": { "en": "factory-01" },
                         "rootKey": key(40).public(), "roles": ["manufacturer"], "glns": ["9506000134352"],
                         "prefixes": ["9506000"] });
    running.app.view.apply(&block(1, &[sealed_notices("moh", &[key(1)], &[change])])).unwrap();
    let answer = running.send(running.post(FACTORY, "/v1/scans").json(&commission(1))).await;
    assert_eq!(answer.status, 403, "{}", answer.body);
    insta::assert_json_snapshot!("no_key", answer.body);
    assert!(running.log.taken().is_empty());
}
