//! Webhooks of those who may not be told any more: stopped with a reason, and gone on with by who may.

use medtrace_query::subscribe::record::Subscription;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::story::HOSPITAL_GLN;
use crate::subscriber::{named, stream};
use crate::support::chain::admission;
use crate::support::service::{Service, answered};

/// The subscription at this path once it is dead, whoever may see it.
async fn dead(service: &Service, path: &str) -> Subscription {
    let [_, _, query, _, id] = path.split('/').collect::<Vec<_>>()[..] else { panic!("{path}") };
    let entry = service.app.book.subscription(query, id, "hospital").unwrap();
    let mut changes = entry.changes();
    loop {
        let now = entry.now().unwrap();
        if now.is_dead() {
            return now;
        }
        let changed = tokio::time::timeout(std::time::Duration::from_secs(30), changes.changed()).await;
        changed.expect("it goes on").unwrap();
    }
}

async fn resume(service: &Service, path: &str) -> Value {
    let resumed = service.ask(Method::POST, &format!("{path}/resume"), "hospital").send().await.unwrap();
    answered(200, resumed).await
}

/// The hospital as the authority says it is from now on.
async fn becomes(service: &mut Service, revision: u32, roles: Value) {
    let mut notice = admission("hospital", roles, json!([HOSPITAL_GLN]), json!([]));
    notice["revision"] = json!(revision);
    let pending = service.chain.notices("authority", &[notice]);
    let height = service.chain.seal(vec![pending]).await;
    service.reflects(height).await;
}

#[tokio::test]
async fn without_its_token_a_webhook_is_told_nothing() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&receiver)).await;
    service.happens("storing").await;
    assert_eq!(receiver.acknowledges().await.steps(), ["storing"]);
    service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
    service.revoke_tokens();
    // Another token of the same party is no leave for what was made by the one that may have been stolen.
    service.token("hospital");
    service.happens("loading").await;
    dead(&service, &path).await;
    assert!(receiver.is_quiet());
    let shown = service.shown(&path, "hospital").await;
    assert_eq!((&shown["state"], &shown["failures"]), (&json!("dead"), &json!(0)));
    assert_eq!(shown["lastError"], "the token by which it was made or resumed is not valid any more");
    // Also after a restart.
    let service = service.restart(|_| ()).await;
    assert_eq!(service.shown(&path, "hospital").await["state"], "dead");
    assert_eq!(resume(&service, &path).await["state"], "active");
    assert_eq!(receiver.acknowledges().await.steps(), ["loading"]);
    service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
}

#[tokio::test]
async fn a_suspended_party_is_told_nothing() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&receiver)).await;
    becomes(&mut service, 2, json!([])).await;
    service.happens("storing").await;
    let reason = dead(&service, &path).await.trouble.unwrap().error;
    assert_eq!(reason, "hospital is suspended: the authority has taken all its roles away");
    assert!(receiver.is_quiet());
    // It cannot go on by itself, nor begin anew.
    let again = service.ask(Method::POST, &format!("{path}/resume"), "hospital").send().await.unwrap();
    assert_eq!(answered(403, again).await["errors"][0]["code"], "suspended");
    assert_eq!(service.subscribe("hospital", stream(&receiver)).await.status(), StatusCode::FORBIDDEN);
    becomes(&mut service, 3, json!(["hospital"])).await;
    assert_eq!(service.shown(&path, "hospital").await["lastError"], reason);
    resume(&service, &path).await;
    assert_eq!(receiver.acknowledges().await.steps(), ["storing"]);
}
