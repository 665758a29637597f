//! Event hashes in the real engine.
//!
//! ```text
//! 1  block by block: every event that counts has its hash, one with readings one of each edition
//! 2  what was said before under another eventID is named with the first that said it; a replay and a declaration are not
//! 3  the process dies before `hashed` is written: the same rows again
//! 4  a table cannot be written: an error, after which the same step does it all
//! ```
#![allow(clippy::unwrap_used)]

mod world;

use clickhouse::Client;
use medtrace_event::{CbvVersion, Json, event_hash};
use medtrace_indexer::derive::Deriver;
use medtrace_indexer::hashes::{Hashed, step};
use medtrace_indexer::keyed::Memory;
use medtrace_indexer::write::write;
use medtrace_store::migrate::migrate;
use medtrace_store::read::hashed_to;
use medtrace_store::rows::{DuplicateRow, EventHashRow};
use serde_json::{Value, json};
use world::engine::{Engine, Scratch};
use world::{Said, genesis, parties};

fn event(number: u32, item: &str) -> Value {
    world::event(number, 0, json!({"epcList": [format!("https://id.gs1.org/01/09521321000018/21/{item}")]}))
}

fn with(mut event: Value, name: &str, value: Value) -> Value {
    event[name] = value;
    event
}

fn digest(event: &Value, version: CbvVersion) -> [u8; 32] {
    event_hash(&Json::parse(event.to_string().as_bytes()).unwrap(), version).digest
}

async fn hashes(client: &Client) -> Vec<EventHashRow> {
    let rows = "SELECT ?fields FROM event_hash FINAL ORDER BY block, idx, edition";
    client.query(rows).fetch_all().await.unwrap()
}

async fn duplicates(client: &Client) -> Vec<DuplicateRow> {
    client.query("SELECT ?fields FROM duplicate FINAL ORDER BY block, idx").fetch_all().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_its_hash() {
    let scratch = Scratch::new("hashes");
    let engine = Engine::start(scratch.folder("clickhouse")).await;
    let client = engine.client("hashed");
    migrate(&client).await.unwrap();

    let readings = json!([{"sensorReport": [{"type": "Temperature", "value": 4, "uom": "CEL"}]}]);
    let (first, other) = (event(1, "1"), event(2, "2"));
    let warm = with(event(3, "3"), "sensorElementList", readings);
    let said = |event: &Value| Said::events("maker", world::NOW_MS, std::slice::from_ref(event));
    let mut chain = world::Chain::default();
    let mut deriver = Deriver::open(Memory::default(), &genesis()).unwrap();
    let mut seal = |said: &[Said]| deriver.derive(&chain.block(said)).unwrap();
    let notices = parties().len();
    for said in parties() {
        write(&client, &seal(&said)).await.unwrap();
    }
    assert_eq!(step(&client).await.unwrap(), Hashed { next: notices as u64, ..Hashed::default() });

    // 1
    write(&client, &seal(&[Said::events("maker", world::NOW_MS, &[first.clone(), other.clone()])])).await.unwrap();
    write(&client, &seal(&[said(&first), said(&warm)])).await.unwrap();
    let hashed = step(&client).await.unwrap();
    assert_eq!(hashed, Hashed { next: notices as u64 + 2, events: 3, duplicates: 0 });
    let rows = hashes(&client).await;
    let found: Vec<_> = rows.iter().map(|row| (row.digest, row.edition)).collect();
    let (v2_0, v2_1) = (CbvVersion::V2_0, CbvVersion::V2_1);
    let expected =
        [(digest(&first, v2_0), 20), (digest(&other, v2_0), 20), (digest(&warm, v2_0), 20), (digest(&warm, v2_1), 21)];
    assert_eq!(found, expected);
    assert_ne!(digest(&warm, v2_0), digest(&warm, v2_1));

    // 2
    let again = with(first.clone(), "eventID", json!(world::event_id(4)));
    let withdrawn = world::declaration(&other, "did_not_occur", &[]);
    write(&client, &seal(&[said(&again), said(&withdrawn), said(&other)])).await.unwrap();
    let hashed = step(&client).await.unwrap();
    assert_eq!((hashed.events, hashed.duplicates), (2, 1));
    let (at, of) = (notices as u64 + 2, notices as u64);
    let expected = [DuplicateRow { block: at, idx: 0, of_block: of, of_idx: 0 }];
    assert_eq!(duplicates(&client).await, expected);
    assert_eq!(hashes(&client).await.iter().map(|row| row.declaration).filter(|is| *is).count(), 1);

    // 3
    let before = hashes(&client).await;
    client.query("TRUNCATE TABLE hashed").execute().await.unwrap();
    assert_eq!(step(&client).await.unwrap().next, at + 1);
    assert_eq!((hashes(&client).await, duplicates(&client).await), (before.clone(), expected.to_vec()));

    // 4
    write(&client, &seal(&[said(&event(5, "4")), said(&with(other, "eventID", json!(world::event_id(6))))]))
        .await
        .unwrap();
    client.query("RENAME TABLE duplicate TO away").execute().await.unwrap();
    assert!(step(&client).await.is_err());
    client.query("RENAME TABLE away TO duplicate").execute().await.unwrap();
    assert_eq!(hashed_to(&client).await.unwrap(), at + 1);
    assert_eq!(step(&client).await.unwrap(), Hashed { next: at + 2, events: 2, duplicates: 1 });
    assert_eq!(step(&client).await.unwrap(), Hashed { next: at + 2, ..Hashed::default() });
    assert_eq!(hashes(&client).await.len(), before.len() + 2);

    engine.stop().await;
    std::fs::remove_dir_all(&scratch.0).unwrap();
}
