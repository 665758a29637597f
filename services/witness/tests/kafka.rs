//! A full witness of a real chainer's log on a real Kafka: it cosigns what it recomputed itself, and names what it did not.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "../../chainer/tests/world/tamper.rs"]
mod tamper;

use std::path::Path;

use common::chain::*;
use common::*;
use medtrace_ledger::{AddCheckpoint, ForeignCheckpoint, Hash};
use medtrace_log::embedded::Scratch as Kafka;
use medtrace_log::topics::CHECKPOINTS;
use serde_json::Value;

async fn ready(witness: &Served, size: u64) {
    until("the witness", || async {
        let answer = witness.readyz().await;
        let state: Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status == 200 && state["recomputed"] == size).then_some(())
    })
    .await;
}

/// The first alarm of this kind.
async fn alarm(witness: &Served, kind: &str) -> Value {
    until(kind, || async { witness.alarms().await.into_iter().find(|alarm| alarm["kind"] == kind) }).await
}

/// Two notes by the log's key, of one size, with different roots.
fn proves_a_fork(alarm: &Value, size: u64) {
    let keys = [signer(ORIGIN).verifier()];
    let notes = alarm["notes"].as_array().unwrap().iter();
    let notes: Vec<_> = notes.map(|note| ForeignCheckpoint::parse(note.as_str().unwrap()).unwrap()).collect();
    assert!(notes.iter().all(|note| note.size() == size && note.signed_by(&keys).is_some()), "{alarm}");
    assert_ne!(notes[0].root(), notes[1].root());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_cosigns_what_it_recomputed_and_over_kafkas_death_goes_on() {
    let mut kafka = Kafka::start().await;
    let (cluster, scratch) = (kafka.cluster(), Scratch::new());
    // It may be there before the log has its first block.
    let mut witness = Served::start(scratch.path(), Some(cluster.clone())).await;
    let sealing = chainer(&kafka, None);
    let mut old = 0;
    for number in 0..4 {
        let size = grow(&cluster, number).await;
        let (_, root, note) = head(&cluster).await.unwrap();
        let tree = headers(&cluster).await;
        assert_eq!(tree.root_at(size), Some(root));
        let answer = witness.post(AddCheckpoint { note, ..ask(&tree, old, size) }).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        old = size;
        if number == 1 {
            // A start recomputes everything; what was cosigned stays.
            witness.stop().await;
            witness = Served::start(scratch.path(), Some(cluster.clone())).await;
        }
        if number == 2 {
            kafka.kill().await;
            kafka.restart().await.unwrap();
        }
    }
    ready(&witness, old).await;
    assert_eq!(witness.alarms().await, Vec::<Value>::new());
    sealing.stop().await;

    // Signed, and it follows; but the log does not hold it: not now.
    let mut tree = headers(&cluster).await;
    tree.push(Hash::of("a block that nobody has seen"));
    let beyond = ask(&tree, old, old + 1);
    let answer = witness.post(&beyond).await;
    assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("1")), "{answer:?}");
    assert_eq!(witness.post(ask(&tree, old, old)).await.status, 200);

    // When the log gets there it holds another block: the two are named, whoever signs what from now on.
    let sealing = chainer(&kafka, None);
    assert_eq!(grow(&cluster, 9).await, old + 1);
    let found = alarm(&witness, "checkpoint").await;
    assert_eq!((&found["size"], &found["note"]), (&(old + 1).into(), &beyond.note.clone().into()));
    assert_eq!(found["computed"], head(&cluster).await.unwrap().1.to_string());
    proves_a_fork(&alarm(&witness, "fork").await, old + 1);
    sealing.stop().await;
    let tree = headers(&cluster).await;
    for _ in 0..2 {
        assert_eq!(witness.readyz().await.status, 503);
        for asked in [ask(&tree, old, old + 1), ask(&tree, old, old), beyond.clone()] {
            assert_eq!(witness.post(asked).await.status, 403);
        }
        // Other logs are not concerned.
        assert_eq!(witness.post(Log::new(OTHER, 1, 0, "").ask(0, 0)).await.status, 200);
        witness.stop().await;
        witness = Served::start(scratch.path(), Some(cluster.clone())).await;
    }
    witness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_compared() {
    let kafka = Kafka::start().await;
    let cluster = kafka.cluster();
    let sealing = chainer(&kafka, None);
    grow(&cluster, 0).await;
    let size = grow(&cluster, 1).await;
    sealing.stop().await;
    let tree = headers(&cluster).await;

    // What the log did not sign is named, and ends nothing.
    for record in [b"no checkpoint".to_vec(), forged(1, &signer("mallory")).into_bytes()] {
        write(&cluster, CHECKPOINTS, record).await;
    }
    let scratch = Scratch::new();
    let witness = Served::start(scratch.path(), Some(cluster.clone())).await;
    until("both", || async { (witness.alarms().await.len() == 2).then_some(()) }).await;
    assert!(witness.alarms().await.iter().all(|alarm| alarm["kind"] == "unsigned"));
    assert_eq!(witness.post(ask(&tree, 0, size)).await.status, 200);

    // What it did sign, and is another history.
    let forgery = forged(1, &signer(ORIGIN));
    write(&cluster, CHECKPOINTS, forgery.clone().into_bytes()).await;
    let found = alarm(&witness, "checkpoint").await;
    assert_eq!((&found["note"], &found["computed"]), (&forgery.into(), &tree.root_at(1).unwrap().to_string().into()));
    proves_a_fork(&alarm(&witness, "fork").await, 1);
    assert_eq!(witness.post(ask(&tree, size, size)).await.status, 403);
    witness.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_in_the_log_is_named() {
    let mut kafka = Kafka::start().await;
    let cluster = kafka.cluster();
    let sealing = chainer(&kafka, None);
    grow(&cluster, 0).await;
    let size = grow(&cluster, 1).await;
    sealing.stop().await;
    let tree = headers(&cluster).await;

    let segment = |topic: &str| kafka.folder().join(format!("kafka/log/{topic}-0/00000000000000000000.log"));
    let [notices, scans, blocks] = ["notices", "scan-events", "blocks"].map(segment);
    // What is flipped, whether the batch's checksum is made right, which alarm, of which size, with what in it.
    type Row<'a> = (&'a Path, &'a [u8], bool, &'a str, u64, &'a str);
    let table: [Row<'_>; 5] = [
        (
            &scans,
            b"medtrace/events/v1",
            true,
            "block",
            2,
            "bad records: the header says , the log gives scan-events 0 0",
        ),
        (&scans, b"medtrace/events/v1", false, "unreadable", 2, "the log is damaged there"),
        (
            &notices,
            b"medtrace/notices/v1",
            true,
            "block",
            1,
            "bad records: the header says , the log gives notices 0 0",
        ),
        (&blocks, b"\nkeys ", true, "unreadable", 1, "is not a header"),
        (&blocks, b"scan-events ", true, "unreadable", 2, "rcan-events"),
    ];
    for (segment, needle, honest, kind, at, says) in table {
        kafka.stop().await;
        let whole = std::fs::read(segment).unwrap();
        tamper::flip(segment, needle, honest);
        kafka.restart().await.unwrap();
        let scratch = Scratch::new();
        let witness = Served::start(scratch.path(), Some(cluster.clone())).await;
        let found = alarm(&witness, kind).await;
        assert_eq!(found["size"], at, "{found}");
        assert!(found.to_string().contains(says), "{says}: {found}");
        assert_eq!(witness.post(ask(&tree, 0, size)).await.status, 403);
        let (readyz, metrics) = (witness.readyz().await, witness.metrics().await);
        assert_eq!(readyz.status, 503);
        assert!(metrics.contains("witness_cosigned_total 0"), "{metrics}");
        witness.stop().await;
        kafka.stop().await;
        std::fs::write(segment, &whole).unwrap();
        kafka.restart().await.unwrap();
    }
    let scratch = Scratch::new();
    let witness = Served::start(scratch.path(), Some(cluster)).await;
    ready(&witness, size).await;
    assert_eq!(witness.post(ask(&tree, 0, size)).await.status, 200);

    // A forgery need not be one that would be cosigned to be seen.
    let forgery = AddCheckpoint { old_size: 0, proof: vec![], note: forged(1, &signer(ORIGIN)) };
    assert_eq!(witness.post(&forgery).await.status, 409);
    assert_eq!(alarm(&witness, "checkpoint").await["note"], forgery.note);
    proves_a_fork(&alarm(&witness, "fork").await, 1);
    witness.stop().await;
}
