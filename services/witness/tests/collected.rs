//! Our chainer asks our witness: its checkpoints are published with a cosignature of what was recomputed, and it does not
//! take up its work beside a witness that has cosigned another history.
#![allow(clippy::unwrap_used)]

mod common;

use common::chain::*;
use common::*;
use medtrace_chainer::{Metrics, Status, Stop, run};
use medtrace_ledger::{AddCheckpoint, Checkpoint};
use medtrace_log::embedded::Scratch as Kafka;
use medtrace_service::Shutdown;
use medtrace_witness::folder::replace;
use prometheus_client::registry::Registry;

/// Resolves when a checkpoint of this size is published with the witness's cosignature.
async fn cosigned(kafka: &Kafka, size: u64) {
    until("a cosigned checkpoint", || async {
        let found = published(&kafka.cluster()).await.into_iter().find(|note| {
            let (checkpoint, cosignatures) = Checkpoint::open(note, &genesis()).unwrap();
            checkpoint.size == size && cosignatures.len() == 1
        });
        found.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chainer_publishes_what_the_witness_cosigns() {
    let (kafka, scratch) = (Kafka::start().await, Scratch::new());
    let (cluster, data) = (kafka.cluster(), scratch.path().join("full"));
    let witness = Served::start(&data, Some(cluster.clone())).await;
    let (url, listen) = (witness.url.clone(), witness.url.replace("http://", ""));
    let sealing = chainer(&kafka, Some(&url));
    for number in 0..3 {
        cosigned(&kafka, grow(&cluster, number).await).await;
    }
    // Without its witness it seals on; when that is back it cosigns what it has missed.
    witness.stop().await;
    grow(&cluster, 3).await;
    let witness = Served::start_on(&listen, &data, Some(cluster.clone()), replace()).await;
    let size = grow(&cluster, 4).await;
    cosigned(&kafka, size).await;
    assert!(witness.alarms().await.is_empty());
    sealing.stop().await;
    witness.stop().await;

    // A witness that has cosigned another history of this key: nothing is signed until somebody has found out why.
    let witness = Served::start_on(&listen, &scratch.path().join("other"), None, replace()).await;
    let other = AddCheckpoint { old_size: 0, proof: vec![], note: forged(size, &signer(ORIGIN)) };
    assert_eq!(witness.post(other).await.status, 200);
    let config = chainer_config(&kafka, &url);
    let (metrics, status) = (Metrics::register(&mut Registry::default()), Status::default());
    let stopped = tokio::time::timeout(WAIT, run(&config, &metrics, &status, Shutdown::new())).await.unwrap();
    assert!(matches!(stopped, Err(Stop::WitnessDiffers { .. })), "{stopped:?}");
    // And the witness has kept what proves it.
    assert_eq!(witness.alarms().await[0]["kind"], "fork");
    witness.stop().await;
}
