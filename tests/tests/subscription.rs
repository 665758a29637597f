//! A webhook misses nothing and gets nothing twice under two names, whatever dies meanwhile.
//!
//! 1. The hospital subscribes to what it inspects. Its receiver takes everything and keeps it, but the first time and every
//!    FORGETS-th time after it says 500 all the same.
//! 2. It inspects EVENTS packs, one after another. Meanwhile the query service is killed by SIGKILL, again and again.
//! 3. Everything derived is derived again, and it inspects one more.
//! 4. What arrived, less what came again under the same id with the same bytes, is every event once, in the order of the
//!    chain.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use anyhow::{Context, ensure};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use medtrace_tests::{
    Options, Scan, codes,
    county::{County, STENT, STORE},
    tool::medtrace,
    wait::{SOON_MS, until},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const EVENTS: usize = 60;
const KILLS: usize = 3;
const FORGETS: usize = 4;

/// Id and body of every request, in their order.
type Arrived = Arc<Mutex<Vec<(String, Bytes)>>>;

async fn receive(State(arrived): State<Arrived>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers["medtrace-delivery-id"].to_str().unwrap_or_default().to_owned();
    let mut arrived = arrived.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    arrived.push((id, body));
    if arrived.len() % FORGETS == 1 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
}

fn event_ids(document: &Value) -> Vec<String> {
    let events = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array();
    events.into_iter().flatten().filter_map(|event| Some(event["eventID"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_and_nothing_has_two_names() -> anyhow::Result<()> {
    let allow = ("MEDTRACE_WEBHOOK_PRIVATE".to_owned(), "allow".to_owned());
    let county = County::start(Options { environment: vec![allow], ..Options::default() }).await?;
    let (hospital, stack) = (&county.hospital, &county.stack);
    let arrived = Arrived::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let dest = format!("http://{}/", listener.local_addr()?);
    let routes = Router::new().route("/", post(receive)).with_state(Arc::clone(&arrived));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    // 1. Subscribed.
    let query = json!({"name": "inspected", "query": {"EQ_bizStep": ["inspecting"]}});
    hospital.client.post("/queries", &query).await?.good()?;
    let controls = json!({"dest": dest, "stream": true, "signatureToken": "0123456789abcdef0123"});
    let made = hospital.client.post("/queries/inspected/subscriptions", &controls).await?;
    let subscription = made.header("location").context("a subscription has a Location")?.to_owned();
    made.good()?;

    // 2. Inspected.
    let scanner = hospital.at("hospital");
    let inspect = |at: usize| {
        let time = format!("2026-03-01T08:{:02}:{:02}+08:00", at / 60, at % 60);
        Scan::new("inspect", &time, STORE, [codes::serial(STENT, &format!("W{at}"))]).with("result", "pass")
    };
    let mut scans: Vec<Scan> = Vec::new();
    for at in 0..EVENTS {
        scans.push(inspect(at));
        scanner.scan(&scans[at..]).await?;
        if at % (EVENTS / KILLS) == EVENTS / KILLS - 1 {
            stack.kill("query").await?;
        }
    }

    // 3. Derived again.
    let rebuilt = medtrace(Some(stack.data()), &["rebuild"])?;
    ensure!(rebuilt.code == Some(0), "{rebuilt:?}");
    // The index is whole again; the query service may still be taking it up, and says 503 so long.
    let knows = async || Ok(hospital.client.ask("/v1/positions", &[]).await.ok());
    until("the query service to know everything again", SOON_MS, knows).await?;
    scans.push(inspect(EVENTS));
    let last = scanner.scan(&scans[EVENTS..]).await?;
    let height = hospital.client.until_indexed(&last).await?;
    let told = async || {
        let shown = hospital.client.ask(&subscription, &[]).await?;
        let all = shown["cursor"]["block"].as_u64().is_some_and(|block| block >= height);
        Ok((all && shown["state"] == "active" && shown["behind"] == 0).then_some(()))
    };
    until("everything to be told", SOON_MS, told).await?;

    // 4. Every event once.
    let arrived = arrived.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
    let (mut bodies, mut ids) = (BTreeMap::new(), Vec::new());
    for (id, body) in &arrived {
        match bodies.insert(id.clone(), body.clone()) {
            Some(before) => ensure!(before == *body, "delivery {id} came again and was another"),
            None => ids.extend(event_ids(&serde_json::from_slice(body)?)),
        }
    }
    ensure!(bodies.len() < arrived.len(), "nothing came again");
    let said: Vec<String> = scans.iter().map(Scan::event_id).collect();
    assert_eq!(ids, said);
    let sealed = hospital.client.ask("/queries/inspected/events", &[("perPage", "500")]).await?;
    assert_eq!(event_ids(&sealed), said);
    county.finish().await
}
