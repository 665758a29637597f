//! `scan-events` was made anew: what was indexed stays, and places in it begin anew.

use medtrace_ledger::{Proof, TopicUuid};
use serde_json::json;

use crate::story::{NAMES, service, using};

#[tokio::test]
async fn after_a_gap_places_begin_anew_and_proofs_stay() {
    let mut service = service().await;
    let positions = async |service: &crate::support::service::Service| {
        service.json(200, "/v1/positions").await["positions"]["scan-events"].clone()
    };
    let before = positions(&service).await;
    assert!(before[0].as_u64() > Some(1), "{before}");
    let (lost, new) = (TopicUuid::from_halves(1, 2), TopicUuid::from_halves(3, 4));
    let gap = json!({"type": "gap", "topic": "scan-events", "revision": 1, "lost": lost, "new": new,
        "reason": {"en": "a disk"}});
    let chain = &mut service.chain;
    let notice = chain.notices("authority", &[gap]);
    let told = chain.seal(vec![notice]).await;
    service.reflects(told).await;
    assert_eq!(positions(&service).await, json!(null), "nothing of the new topic is sealed");
    let chain = &mut service.chain;
    let events = chain.events("factory", 0, &[using()]);
    let height = chain.seal(vec![events]).await;
    service.reflects(height).await;
    assert_eq!(positions(&service).await, json!([1]));
    for name in NAMES.iter().copied().chain([&*format!("{told}-0"), &*format!("{height}-0")]) {
        let proof = Proof::parse(&service.text(200, &format!("/v1/events/{name}/proof")).await).unwrap();
        proof.check(&service.chain.genesis).unwrap();
    }
}
