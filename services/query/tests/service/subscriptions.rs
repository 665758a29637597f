//! Webhooks: told in order, nothing missed, whatever happens to the receiver or to the service.

use medtrace_event::Document;
use medtrace_query::config::Private;
use medtrace_query::subscribe::feed::DELIVERY_EVENTS_MAX;
use medtrace_query::subscribe::send::EXCHANGE_MS_MAX;
use medtrace_query::subscribe::worker::DEAD_AFTER_MS;
use reqwest::Method;
use serde_json::{Value, json};

use crate::receiver::{Answer, Receiver};
use crate::story::using_in;
use crate::subscriber::{named, stream};
use crate::support::chain::START_MS;
use crate::support::service::answered;

const SECRET: &str = "13df38d8275b13f05704629e5f1cf3d45d6132d5";
/// Longer than any wait between two attempts, milliseconds.
const LONG_MS: u64 = 20 * 60 * 1_000;

// epcis: POST /queries/{}/subscriptions
// epcis: GET /queries/{}/subscriptions/{}
#[tokio::test]
async fn deliveries_are_signed_and_in_order() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let controls = json!({"dest": receiver.url, "stream": true, "signatureToken": SECRET,
                          "initialRecordTime": "2026-01-01T00:00:00.400Z"});
    let path = service.subscribed("hospital", controls).await;
    let first = receiver.acknowledges().await;
    // From block 2 on, as the query gives them.
    let said = first.json();
    let results = &said["epcisBody"]["queryResults"];
    let expected = service.json(200, "/events?GE_recordTime=2026-01-01T00:00:00.400Z").await;
    assert_eq!(results["resultsBody"], expected["epcisBody"]["queryResults"]["resultsBody"]);
    assert_eq!(
        (&results["queryName"], path.ends_with(results["subscriptionID"].as_str().unwrap())),
        (&json!("all"), true)
    );
    assert_eq!(Document::parse(&first.bytes).unwrap().events.len(), 7);
    assert_eq!((first.header("content-type"), first.header("gs1-epcis-version")), ("application/json", "2.0.0"));
    let (t, v1) = first.header("gs1-signature").split_once(",v1=").unwrap();
    assert_eq!(t, format!("t={}", START_MS / 1000));
    assert_eq!(v1, python(&[format!("{}.", START_MS / 1000).as_bytes(), &first.bytes].concat()));
    // What comes later is told later.
    for step in ["storing", "loading"] {
        service.happens(step).await;
        let next = receiver.acknowledges().await;
        assert_eq!(next.steps(), [step]);
        assert_ne!(next.id(), first.id());
    }
    let shown = service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
    assert_eq!((&shown["state"], &shown["signed"], &shown["stream"]), (&json!("active"), &json!(true), &json!(true)));
    assert_eq!(shown["lastNotifiedAt"], "2026-01-01T00:00:00.000Z");
    assert!(!shown.to_string().contains(SECRET), "{shown}");
}

/// HMAC-SHA-256 as a receiver in another language computes it.
fn python(bytes: &[u8]) -> String {
    use std::io::Write;
    let program =
        format!("import hmac, sys; print(hmac.new(b'{SECRET}', sys.stdin.buffer.read(), 'sha256').hexdigest())");
    let mut process = std::process::Command::new("python3")
        .args(["-c", &program])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("Python 3 is installed");
    process.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = process.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_the_same() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&receiver)).await;
    service.happens("storing").await;
    let first = receiver.answers(Answer::With(500)).await;
    let failing = service.until(&path, "hospital", |shown| shown["state"] == "retrying").await;
    assert_eq!(
        (&failing["lastError"], &failing["failures"]),
        (&json!("answered 500 Internal Server Error"), &json!(1))
    );
    assert_eq!(failing["failingSince"], "2026-01-01T00:00:00.000Z");
    // Nothing is sent before its time. Meanwhile something else happens: it belongs to the next delivery.
    service.happens("loading").await;
    assert!(receiver.is_quiet());
    // Done but reported failed: the receiver has it, its answer is lost.
    for (answer, failures) in [(Answer::Nothing, 2), (Answer::Redirect, 3), (Answer::Never, 4), (Answer::With(404), 5)]
    {
        service.passes(LONG_MS);
        let again = receiver.answers(answer).await;
        assert_eq!((again.id(), &again.bytes), (first.id(), &first.bytes), "{answer:?}");
        service.until(&path, "hospital", |shown| shown["failures"] == failures).await;
    }
    service.passes(LONG_MS);
    let last = receiver.acknowledges().await;
    assert_eq!((last.id(), last.steps()), (first.id(), vec!["storing".to_owned()]));
    let next = receiver.acknowledges().await;
    assert_eq!(next.steps(), ["loading"]);
    assert_ne!(next.id(), first.id());
    let shown = service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
    assert_eq!((&shown["state"], &shown["lastError"]), (&json!("active"), &Value::Null));
    const { assert!(EXCHANGE_MS_MAX <= 10_000, "a receiver that never answers holds up the test for as long") };
}

#[tokio::test]
async fn none_is_missed_over_a_restart() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&receiver)).await;
    service.happens("storing").await;
    receiver.acknowledges().await;
    service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
    // The receiver has it, but the service ends before it learns that.
    service.happens("loading").await;
    let lost = receiver.answers(Answer::Never).await;
    let mut service = service.restart(|_| ()).await;
    service.happens("unloading").await;
    let again = receiver.acknowledges().await;
    assert_eq!((again.id(), &again.bytes), (lost.id(), &lost.bytes));
    assert_eq!(receiver.acknowledges().await.steps(), ["unloading"]);
    service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
    // What was told before is not told again.
    let mut service = service.restart(|_| ()).await;
    service.happens("stocking").await;
    assert_eq!(receiver.acknowledges().await.steps(), ["stocking"]);
}

#[tokio::test]
async fn identifiers_are_spelled_as_the_subscriber_asked() {
    let (service, mut receiver) = (named().await, Receiver::start().await);
    let controls = json!({"dest": receiver.url, "stream": true, "initialRecordTime": "2026-01-01T00:00:00Z"});
    let asked = service.ask(Method::POST, "/queries/all/subscriptions", "hospital").json(&controls);
    let made = asked.header("gs1-epc-format", "Always_EPC_URN").send().await.unwrap();
    answered(201, made).await;
    let events = receiver.acknowledges().await.json();
    let first = &events["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0];
    assert_eq!(first["epcList"][0], "urn:epc:id:sgtin:9521321.000011.S1");
}

#[tokio::test]
async fn what_is_much_comes_in_pieces() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&receiver)).await;
    let steps: Vec<String> = (0..2 * DELIVERY_EVENTS_MAX + 50).map(|at| format!("https://example.org/{at}")).collect();
    let pending = service.chain.events("hospital", 1, &steps.iter().map(|step| using_in(step)).collect::<Vec<_>>());
    service.chain.seal(vec![pending]).await;
    let first = receiver.acknowledges().await;
    let second = receiver.answers(Answer::With(500)).await;
    service.until(&path, "hospital", |shown| shown["state"] == "retrying").await;
    // Where the first piece ended is kept.
    let service = service.restart(|_| ()).await;
    service.passes(LONG_MS);
    let again = receiver.acknowledges().await;
    assert_eq!((again.id(), &again.bytes), (second.id(), &second.bytes));
    let third = receiver.acknowledges().await;
    assert_eq!([first.steps(), second.steps(), third.steps()].concat(), steps);
    assert_eq!(first.steps().len(), DELIVERY_EVENTS_MAX);
    service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
}

/// While everything is derived again, the store holds less than was known.
#[tokio::test]
async fn nothing_is_passed_while_the_store_is_derived_again() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&receiver)).await;
    service.happens("storing").await;
    let first = receiver.answers(Answer::With(500)).await;
    service.until(&path, "hospital", |shown| shown["state"] == "retrying").await;
    let run = async |sql: String| service.app.client.query(&sql).execute().await.unwrap();
    for table in ["block", "event"] {
        run(format!("CREATE TABLE {table}_saved AS {table}")).await;
        run(format!("INSERT INTO {table}_saved SELECT * FROM {table}")).await;
        run(format!("TRUNCATE TABLE {table}")).await;
    }
    let mut view = service.app.view.changes();
    view.wait_for(|now| !now.caught_up).await.unwrap();
    service.passes(LONG_MS);
    for table in ["event", "block"] {
        assert!(receiver.is_quiet());
        run(format!("INSERT INTO {table} SELECT * FROM {table}_saved")).await;
    }
    let again = receiver.acknowledges().await;
    assert_eq!((again.id(), &again.bytes), (first.id(), &first.bytes));
    service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
}

// epcis: POST /queries/{}/subscriptions/{}/resume
#[tokio::test]
async fn a_day_of_failures_ends_it_until_it_is_resumed() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&receiver)).await;
    service.happens("storing").await;
    let first = receiver.answers(Answer::With(503)).await;
    service.until(&path, "hospital", |shown| shown["failures"] == 1).await;
    service.passes(DEAD_AFTER_MS);
    receiver.answers(Answer::With(503)).await;
    let dead = service.until(&path, "hospital", |shown| shown["state"] == "dead").await;
    assert_eq!((&dead["nextAttemptAt"], &dead["behind"]), (&Value::Null, &json!(1)));
    // Also after a restart, however long it takes.
    let service = service.restart(|_| ()).await;
    service.passes(DEAD_AFTER_MS);
    assert_eq!(service.shown(&path, "hospital").await["state"], "dead");
    assert!(receiver.is_quiet());
    let resume = format!("{path}/resume");
    answered(404, service.ask(Method::POST, &resume, "factory").send().await.unwrap()).await;
    let resumed = answered(200, service.ask(Method::POST, &resume, "hospital").send().await.unwrap()).await;
    assert_eq!(resumed["state"], "active");
    let last = receiver.acknowledges().await;
    assert_eq!((last.id(), &last.bytes), (first.id(), &first.bytes));
}

// epcis: DELETE /queries/{}/subscriptions/{}
#[tokio::test]
async fn a_slow_receiver_does_not_hold_up_another() {
    let mut service = named().await;
    let (mut slow, mut quick) = (Receiver::start().await, Receiver::start().await);
    let path = service.subscribed("hospital", stream(&slow)).await;
    service.subscribed("factory", stream(&quick)).await;
    service.happens("storing").await;
    let held = slow.answers(Answer::Never).await;
    let told = quick.acknowledges().await;
    assert_eq!((held.steps(), told.steps()), (vec!["storing".to_owned()], vec!["storing".to_owned()]));
    assert_ne!(held.id(), told.id());
    service.happens("loading").await;
    assert_eq!(quick.acknowledges().await.steps(), ["loading"]);
    // Deleted in the middle of a delivery: it ends.
    assert_eq!(service.delete(&path, "hospital").await.status(), 204);
    answered(404, service.ask(Method::GET, &path, "hospital").send().await.unwrap()).await;
    service.happens("unloading").await;
    assert_eq!(quick.acknowledges().await.steps(), ["unloading"]);
    assert!(slow.is_quiet());
}

#[tokio::test]
async fn a_scheduled_query_runs_at_its_time() {
    let (mut service, mut receiver) = (named().await, Receiver::start().await);
    // 01:05 in the service's +08:00 is 17:05 in UTC. It is midnight UTC.
    let schedule = json!({"hour": "1", "minute": "5"});
    let controls = json!({"dest": receiver.url, "schedule": schedule, "reportIfEmpty": true});
    let path = service.subscribed("hospital", controls).await;
    let mut silent = Receiver::start().await;
    service.subscribed("hospital", json!({"dest": silent.url, "schedule": schedule})).await;
    service.happens("storing").await;
    const HOUR_MS: u64 = 60 * 60 * 1_000;
    service.passes(17 * HOUR_MS);
    assert!(receiver.is_quiet());
    service.passes(5 * 60 * 1_000);
    let first = receiver.acknowledges().await;
    assert_eq!(
        (first.steps(), &first.json()["creationDate"]),
        (vec!["storing".to_owned()], &json!("2026-01-01T17:05:00Z"))
    );
    assert_eq!(silent.acknowledges().await.steps(), ["storing"]);
    let shown = service.until(&path, "hospital", |shown| shown["behind"] == 0).await;
    assert_eq!((&shown["schedule"], &shown["reportIfEmpty"]), (&schedule, &json!(true)));
    // The next day nothing has happened: said to who asked for it.
    service.passes(24 * HOUR_MS);
    let empty = receiver.acknowledges().await;
    assert!(empty.steps().is_empty());
    assert_ne!(empty.id(), first.id());
    assert!(silent.is_quiet());
    service.until(&path, "hospital", |shown| shown["lastNotifiedAt"] == "2026-01-02T17:05:00.000Z").await;
    // Three days away: one run makes up for them.
    let mut service = service.restart(|config| assert_eq!(config.webhook_private, Private::Allow)).await;
    service.happens("loading").await;
    service.passes(3 * 24 * HOUR_MS);
    assert_eq!(receiver.acknowledges().await.steps(), ["loading"]);
    assert_eq!(silent.acknowledges().await.steps(), ["loading"]);
    service.until(&path, "hospital", |shown| shown["lastNotifiedAt"] == "2026-01-05T17:05:00.000Z").await;
    service.happens("unloading").await;
    assert!(receiver.is_quiet());
    service.passes(24 * HOUR_MS);
    let last = receiver.acknowledges().await;
    assert_eq!(
        (last.steps(), &last.json()["creationDate"]),
        (vec!["unloading".to_owned()], &json!("2026-01-06T17:05:00Z"))
    );
}

// epcis: GET /queries/{}/subscriptions perPage nextPageToken
#[tokio::test]
async fn a_party_sees_its_own_in_pages() {
    let (service, receiver) = (named().await, Receiver::start().await);
    let mut own = vec![];
    for party in ["hospital", "factory", "hospital"] {
        let path = service.subscribed(party, stream(&receiver)).await;
        own.extend((party == "hospital").then(|| path.rsplit('/').next().unwrap().to_owned()));
    }
    let (mut path, mut seen) = ("/queries/all/subscriptions?perPage=1".to_owned(), vec![]);
    for last in [false, true] {
        let answer = service.ask(Method::GET, &path, "hospital").send().await.unwrap();
        let next = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        assert_eq!(next.is_none(), last);
        seen.push(answer.json::<Value>().await.unwrap()[0]["subscriptionID"].as_str().unwrap().to_owned());
        if let Some(next) = next {
            assert!(next.contains("nextPageToken="));
            path = next.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
        }
    }
    own.sort();
    seen.sort();
    assert_eq!(seen, own);
}
