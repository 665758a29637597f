//! A party ends its key and says from which block on it may have been in other hands.

use serde_json::{Value, json};

use crate::story::{GTIN, service};
use crate::support::chain::signer;

#[tokio::test]
async fn what_a_key_signed_that_was_in_other_hands_is_suspect() {
    let mut service = service().await;
    let notice = json!({"type": "key", "party": "factory", "revision": 2, "publicKey": signer("factory").key.public(),
        "action": "revoke", "since": 2});
    let notice = service.chain.notices("factory", &[notice]);
    let height = service.chain.seal(vec![notice]).await;
    assert_eq!(height, 5);
    service.reflects(height).await;

    let code = format!("(01){GTIN}(21)S1");
    let ask = async |path: &str, known: &str| {
        let query = [("code", code.as_str()), ("known", known)];
        let query = if known.is_empty() { &query[..1] } else { &query[..] };
        let answer = service.get(path).query(query).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    };
    // The factory shipped the case in block 2; what it said before is not suspect, nor is what the hospital says.
    let suspect = |answer: &Value| {
        let lines = answer["history"].as_array().unwrap().iter().filter(|line| !line["suspectBy"].is_null());
        lines.map(|line| (line["event"].clone(), line["suspectBy"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(suspect(&ask("/v1/provenance", "").await), [(json!("2-1"), json!("5-0"))]);
    assert_eq!(suspect(&ask("/v1/provenance", "4").await), [], "not known yet");
    let shown = async |name: &str| service.json(200, &format!("/v1/events/{name}")).await["suspectBy"].clone();
    assert_eq!([shown("1-1").await, shown("2-1").await, shown("3-2").await], [json!(null), json!("5-0"), json!(null)]);
    let verdict = ask("/v1/verify", "").await;
    let reasons = verdict["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["code"] == "suspect-signature").unwrap();
    assert_eq!((&reason["level"], &reason["events"]), (&json!("check"), &json!(["2-1"])));
    assert!(reason["text"]["en"].as_str().unwrap().contains("notice 5-0"), "{reason}");
}
