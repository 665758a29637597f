//! An event is erased: what is shown of it, and that nothing else is told otherwise.

use medtrace_ledger::{Evidence, Proof, Shown};
use serde_json::{Value, json};

use crate::story::{GTIN, NAMES, service, using};
use crate::support::service::Service;

/// The use of S1, with a room in it.
const EVENT: &str = "3-2";
const ROOM: &str = "心内科 2";

async fn erased() -> (Service, Vec<String>, Value) {
    let mut service = service().await;
    let mut proofs = Vec::new();
    for name in NAMES {
        proofs.push(service.text(200, &format!("/v1/events/{name}/proof")).await);
    }
    let before = answers(&service).await;
    let mut replacement = service.json(200, &format!("/v1/events/{EVENT}")).await["json"].clone();
    assert!(replacement.to_string().contains(ROOM));
    for member in ["example:room", "recordTime"] {
        replacement.as_object_mut().unwrap().remove(member).unwrap();
    }
    let notice = json!({"type": "erasure", "event": EVENT, "revision": 1, "reason": {"en": "a room"},
        "replacement": replacement});
    let chain = &mut service.chain;
    let notice = chain.notices("authority", &[notice]);
    let height = chain.seal(vec![notice]).await;
    assert_eq!(height, 5);
    service.reflects(height).await;
    (service, proofs, before)
}

/// What is answered of the pack.
async fn answers(service: &Service) -> Value {
    let code = format!("(01){GTIN}(21)S1");
    let mut answers = Vec::new();
    for path in ["/v1/verify", "/v1/provenance"] {
        let answer = service.get(path).query(&[("code", &code)]).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answers.push(timeless(answer));
    }
    answers.push(timeless(service.json(200, "/v1/recalls/r-1/reach").await));
    Value::Array(answers)
}

/// Without how far the chain was known.
fn timeless(mut answer: Value) -> Value {
    let members = answer.as_object_mut().unwrap();
    assert!(members.remove("height").is_some(), "{members:?}");
    members.remove("known");
    answer
}

#[tokio::test]
async fn an_erased_event_is_shown_by_its_replacement_and_its_notice() {
    let (service, ..) = erased().await;
    let shown = service.json(200, &format!("/v1/events/{EVENT}")).await;
    assert_eq!((&shown["erased"]["by"], &shown["kind"]), (&json!("5-0"), &json!("event")));
    assert!(shown["erased"]["leaf"].is_string() && shown["key"].is_null() && shown["hashes"].is_null());
    assert_eq!(shown["json"]["bizStep"], "dispensing");
    assert!(!shown.to_string().contains(ROOM), "{shown}");
    // By its eventID, and as EPCIS.
    let id = shown["eventID"].as_str().unwrap();
    let found = service.json(200, &format!("/v1/events?eventID={id}")).await;
    assert_eq!(found["events"][0]["erasedBy"], "5-0");
    let page = service.json(200, "/events?EQ_bizStep=dispensing").await;
    let event = &page["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0];
    assert_eq!((&event["eventID"], &event["medtrace:erased"]), (&shown["eventID"], &json!("5-0")));
    assert!(event["@context"].to_string().contains("urn:medtrace:ns:"), "{event}");
    assert!(!page.to_string().contains(ROOM));
    // That it stood here and was erased is proven; what it was, nobody proves any more.
    let text = service.text(200, &format!("/v1/events/{EVENT}/proof")).await;
    let left = Evidence::from_bytes(text.as_bytes()).unwrap().check(&service.chain.genesis).unwrap();
    let Shown::Erased(gone) = left else { panic!("{text}") };
    assert_eq!((gone.event.to_string().as_str(), gone.party.as_str()), (EVENT, "hospital"));
    assert_eq!((&json!(gone.leaf), gone.notice.event.to_string()), (&shown["erased"]["leaf"], "5-0".to_owned()));
    assert_eq!(gone.replacement["eventID"], shown["eventID"]);
    assert!(!text.contains(ROOM));
    // A file of several proofs holds whole items only.
    let several = service.http.post(format!("{}/v1/proofs", service.url)).json(&json!({"events": ["1-1", EVENT]}));
    let several = several.send().await.unwrap();
    assert_eq!(several.status(), 410);
    let several: Value = several.json().await.unwrap();
    assert!(several["detail"].as_str().unwrap().contains("the notice 5-0"), "{several}");
    // The notice says it, with its own proof.
    let proof = Proof::parse(&service.text(200, "/v1/events/5-0/proof").await).unwrap();
    proof.check(&service.chain.genesis).unwrap();
    let said: Value = serde_json::from_str(&proof.bytes).unwrap();
    assert_eq!((&said["event"], &said["replacement"]["eventID"]), (&json!(EVENT), &shown["eventID"]));
    assert_eq!(said["replacement"]["example:room"], Value::Null);
    assert!(using().to_string().contains(ROOM));
}

#[tokio::test]
async fn no_answer_and_no_other_proof_changes() {
    let (service, proofs, before) = erased().await;
    let mut after = answers(&service).await;
    // But for the mark: whatever names the event says which notice erased it.
    let mark = json!([{"event": EVENT, "by": "5-0"}]);
    assert_eq!(std::mem::replace(&mut after[0]["erased"], json!([])), mark);
    let history = after[1]["history"].as_array_mut().unwrap();
    let marked: Vec<String> = history
        .iter_mut()
        .filter(|line| !line["erasedBy"].is_null())
        .map(|line| {
            assert_eq!(line["erasedBy"].take(), "5-0");
            line["event"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(marked, [EVENT]);
    assert_eq!(after, before);
    for (name, before) in NAMES.into_iter().zip(proofs).filter(|(name, _)| *name != EVENT) {
        let after = service.text(200, &format!("/v1/events/{name}/proof")).await;
        Proof::parse(&after).unwrap().check(&service.chain.genesis).unwrap();
        // The path to a newer checkpoint is another; the rest is the same, byte for byte.
        let fixed = |proof: &str| proof.split_once("\nheader\n").unwrap().0.to_owned();
        assert_eq!(fixed(&after), fixed(&before), "{name}");
        // And what was proven before stays proven.
        Proof::parse(&before).unwrap().check(&service.chain.genesis).unwrap();
    }
}
