//! What is acknowledged survives the process; a process ends in order when it is asked to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::support::{Endpoint, Folder};

#[derive(Row, Serialize, Deserialize)]
struct Entry {
    batch: u64,
    n: u32,
}

const BATCH_ROWS: u32 = 500;
const WRITERS: u64 = 4;
const ROUNDS: u64 = 6;
/// Batches acknowledged in a round before the process is killed amid the others.
const ACKNOWLEDGED_MIN: u64 = 40;

/// Writes batches until the endpoint is gone; returns those acknowledged.
async fn write(client: clickhouse::Client, next: Arc<AtomicU64>, done: Arc<AtomicU64>) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    loop {
        let batch = next.fetch_add(1, Ordering::Relaxed);
        let written = async {
            let mut insert = client.insert::<Entry>("entry").await?;
            for n in 0..BATCH_ROWS {
                insert.write(&Entry { batch, n }).await?;
            }
            insert.end().await
        };
        if written.await.is_err() {
            return acknowledged;
        }
        acknowledged.push(batch);
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn kill_loses_nothing_acknowledged() {
    let folder = Folder::new();
    let next = Arc::new(AtomicU64::new(0));
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let endpoint = Endpoint::start(folder.path());
        let table = "CREATE TABLE IF NOT EXISTS entry (batch UInt64, n UInt32) ENGINE = MergeTree ORDER BY (batch, n)";
        endpoint.ask(table).await;
        let client = endpoint.client();
        let done = Arc::new(AtomicU64::new(0));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(write(client.clone(), next.clone(), done.clone()));
        }
        // At a different moment of the writing each time.
        while done.load(Ordering::Relaxed) < ACKNOWLEDGED_MIN + 7 * round {
            tokio::task::yield_now().await;
        }
        endpoint.kill();
        while let Some(batches) = writers.join_next().await {
            acknowledged.extend(batches.unwrap());
        }
    }
    assert!(next.load(Ordering::Relaxed) > acknowledged.len() as u64, "no insert was under way at any kill");
    let endpoint = Endpoint::start(folder.path());
    let kept = endpoint.ask("SELECT batch, count(), uniqExact(n) FROM entry GROUP BY batch ORDER BY batch").await;
    let mut whole = Vec::new();
    for line in kept.lines() {
        let [batch, count, distinct] = line.split('\t').map(|n| n.parse::<u64>().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        assert_eq!((count, distinct), (u64::from(BATCH_ROWS), u64::from(BATCH_ROWS)), "batch {batch} is not whole");
        whole.push(batch);
    }
    let lost: Vec<_> = acknowledged.iter().filter(|batch| whole.binary_search(batch).is_err()).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}

/// Reads, writes and merges under way do not keep the endpoint from an orderly end with exit code 0.
#[tokio::test]
async fn ends_in_order() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    endpoint.ask("CREATE TABLE entry (batch UInt64, n UInt32) ENGINE = MergeTree ORDER BY (batch, n)").await;
    for batch in 0..20 {
        endpoint.ask(&format!("INSERT INTO entry SELECT {batch}, number FROM numbers(10000)")).await;
    }
    // One whose reader sleeps, one that computes and has nothing to send yet, one insert that is open.
    let stalled = endpoint.post(&[]).body("SELECT repeat('x', 1000) FROM numbers(100000000)").send().await.unwrap();
    let computing = endpoint.post(&[]).body("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)").send();
    let computing = tokio::spawn(computing);
    let running = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sip%'";
    while endpoint.ask(running).await != "1\n" {}
    let mut open = endpoint.client().insert::<Entry>("entry").await.unwrap();
    for n in 0..500_000 {
        open.write(&Entry { batch: 99, n }).await.unwrap();
    }
    let status = tokio::task::spawn_blocking(move || endpoint.stop()).await.unwrap();
    assert!(status.success(), "{status}");
    drop((stalled, computing));
    assert!(open.end().await.is_err());
    let endpoint = Endpoint::start(folder.path());
    assert_eq!(endpoint.ask("SELECT count(), countIf(batch = 99) FROM entry").await, "200000\t0\n");
}

#[tokio::test]
async fn a_data_folder_has_one_process() {
    let folder = Folder::new();
    let endpoint = Endpoint::start(folder.path());
    assert_eq!(endpoint.ask("SELECT 1").await, "1\n");
    let Ok(second) = Endpoint::try_start(folder.path()) else { return };
    // It listens before it opens the folder, and then ends.
    assert!(second.ended().code().is_some_and(|code| code != 0));
    assert_eq!(endpoint.ask("SELECT 1").await, "1\n");
}
