//! What may be subscribed to, where to, and how often.

use medtrace_query::config::Private;
use medtrace_query::subscribe::book::{SUBSCRIPTIONS_PER_PARTY_MAX, SUBSCRIPTIONS_PER_QUERY_MAX};
use reqwest::Method;
use serde_json::json;

use crate::receiver::Receiver;
use crate::subscriber::{named, stream};
use crate::support::service::answered;

#[tokio::test]
async fn private_addresses_are_refused() {
    let (service, mut receiver) = (named().await, Receiver::start().await);
    let port = receiver.url.rsplit_once(':').unwrap().1.to_owned();
    // A name that stands for this machine, of a time when it was allowed.
    let path =
        service.subscribed("hospital", json!({"dest": format!("https://localhost:{port}"), "stream": true})).await;
    let mut service = service.restart(|config| config.webhook_private = Private::Refuse).await;
    for dest in
        [receiver.url.as_str(), "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/", "http://a.example/"]
    {
        let refused = answered(400, service.subscribe("hospital", json!({"dest": dest, "stream": true})).await).await;
        assert_eq!(refused["errors"][0]["path"], "/dest", "{dest}");
    }
    service.happens("storing").await;
    let failing = service.until(&path, "hospital", |shown| shown["state"] == "retrying").await;
    let error = failing["lastError"].as_str().unwrap();
    assert!(error.contains("is no public address") && !error.contains("localhost"), "{error}");
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let (service, receiver) = (named().await, Receiver::start().await);
    let dest = &receiver.url;
    for (controls, name, path) in [
        (json!({"dest": dest}), "SubscriptionControls", "/stream"),
        (json!({"dest": dest, "stream": false}), "SubscriptionControls", "/stream"),
        (json!({"dest": dest, "stream": true, "schedule": {"hour": "1"}}), "SubscriptionControls", "/schedule"),
        (json!({"dest": dest, "stream": true, "reportIfEmpty": true}), "SubscriptionControls", "/reportIfEmpty"),
        (json!({"dest": dest, "schedule": {}}), "SubscriptionControls", "/schedule"),
        (json!({"dest": dest, "schedule": {"hour": "24"}}), "SubscriptionControls", "/schedule/hour"),
        (json!({"dest": dest, "schedule": {"hours": "1"}}), "Validation", "/schedule/hours"),
        (json!({"stream": true}), "Validation", ""),
        (json!({"dest": "receiver", "stream": true}), "Validation", "/dest"),
        (json!({"dest": dest, "stream": true, "signatureToken": "short"}), "Validation", "/signatureToken"),
        (json!({"dest": dest, "stream": true, "initialRecordTime": "today"}), "Validation", "/initialRecordTime"),
    ] {
        let problem = answered(400, service.subscribe("hospital", controls.clone()).await).await;
        assert_eq!(problem["type"], format!("epcisException:{name}Exception"), "{controls}");
        assert_eq!(problem["errors"][0]["path"], path, "{controls}");
    }
    for (name, query) in [
        ("ordered", json!({"orderBy": "eventTime"})),
        ("some", json!({"eventCountLimit": 5, "orderBy": "recordTime", "orderDirection": "ASC"})),
        ("few", json!({"maxEventCount": 5})),
    ] {
        answered(201, service.name("factory", name, query).await).await;
        let path = format!("/queries/{name}/subscriptions");
        let asked = service.ask(Method::POST, &path, "factory").json(&stream(&receiver)).send().await.unwrap();
        let problem = answered(400, asked).await;
        assert_eq!(problem["type"], "epcisException:SubscriptionControlsException");
    }
    answered(403, service.subscribe("nobody", stream(&receiver)).await).await;
    service.json(401, "/queries/all/subscriptions").await;
    let none = service.ask(Method::POST, "/queries/none/subscriptions", "factory").json(&stream(&receiver));
    answered(404, none.send().await.unwrap()).await;
}

#[tokio::test]
async fn there_are_so_many_and_they_end_with_their_query() {
    let (service, receiver) = (named().await, Receiver::start().await);
    const { assert!(SUBSCRIPTIONS_PER_PARTY_MAX == SUBSCRIPTIONS_PER_QUERY_MAX) };
    for _ in 0..SUBSCRIPTIONS_PER_PARTY_MAX {
        answered(201, service.subscribe("hospital", stream(&receiver)).await).await;
    }
    let full = answered(429, service.subscribe("hospital", stream(&receiver)).await).await;
    assert_eq!(full["detail"], "there are 50 subscriptions of your party already; delete one first");
    let full = answered(429, service.subscribe("factory", stream(&receiver)).await).await;
    assert_eq!(full["detail"], "there are 50 subscriptions to this query already; delete one first");
    let path = "/queries/all/subscriptions";
    assert_eq!(service.shown(&format!("{path}?perPage=100"), "hospital").await.as_array().unwrap().len(), 50);
    assert_eq!(service.shown(path, "factory").await, json!([]));
    assert_eq!(service.delete("/queries/all", "factory").await.status(), 204);
    answered(404, service.ask(Method::GET, path, "hospital").send().await.unwrap()).await;
    answered(201, service.name("factory", "all", json!({})).await).await;
    assert_eq!(service.shown(path, "hospital").await, json!([]));
    // Nor after a restart.
    let service = service.restart(|_| ()).await;
    assert_eq!(service.shown(path, "hospital").await, json!([]));
}
