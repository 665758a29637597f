//! The chainer's process on a real Kafka node: started, killed, started again; after every step the whole chain is
//! verified anew.

#![allow(clippy::unwrap_used)]

mod world;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use medtrace_chainer::verify_chain;
use medtrace_ledger::block::{Cut, Header};
use medtrace_ledger::{Hash, SubmissionKind, merkle};
use medtrace_log::Cluster;
use medtrace_log::consumer::{Follower, Isolation};
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::topics::{self, BLOCKS, SCAN_EVENTS};
use medtrace_log::transactions::{Transactions, Write};
use world::process::{Site, all_sealed};
use world::*;

#[tokio::test]
async fn submissions_become_a_chain_and_a_restart_continues_it() {
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    let mut running = site.start();
    let ready = running.ready().await;
    assert_eq!((&ready["leader"], &ready["size"]), (&true.into(), &0.into()));
    assert_eq!(verify_chain(&cluster, &genesis(), |_| {}).await.unwrap().end, None, "no empty blocks");

    // The notice and the events it makes good, one right after the other, in two topics.
    send(&producer, &admission("acme")).await;
    send(&producer, &Draft::events("acme", (0..500).map(event))).await;
    let report = all_sealed(&cluster).await;
    assert_eq!((report.records, report.items, report.bad), (2, 501, 0));

    // Bad ones are sealed and named.
    send(&producer, &Draft::events("mallory", [event(1)])).await;
    producer.send(SubmissionKind::Events.topic(), Some(3), b"", b"no record").await.unwrap();
    let report = all_sealed(&cluster).await;
    assert_eq!((report.records, report.items, report.bad), (4, 501, 2));
    let metrics = running.metrics().await;
    for line in ["chainer_bad_total 2", "chainer_records_total 4", "chainer_events_total 503"] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert_eq!(running.stop().await.code, Some(0));

    // What arrives meanwhile is sealed by the next start; keys are known from the log alone.
    send(&producer, &Draft::events("acme", [event(900)])).await;
    let mut running = site.start();
    running.ready().await;
    let more = all_sealed(&cluster).await;
    assert_eq!((more.records, more.items, more.bad), (5, 502, 2));
    assert!(more.end > report.end);
    running.kill().await;
}

#[tokio::test]
async fn a_backlog_of_events_waits_for_the_notices_before_it() {
    // More notices than are held at once, the one that counts last; then more events than a block takes.
    const OTHERS: usize = 6_500;
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    let others = (0..OTHERS).map(|number| long_admission(&format!("party-{number}")));
    let drafts: Vec<_> = others.chain([admission("acme")]).collect();
    for some in drafts.chunks(500) {
        futures::future::join_all(some.iter().map(|draft| send(&producer, draft))).await;
    }
    assert!(drafts[0].value().len() > 1024, "{} bytes", drafts[0].value().len());
    let events = Draft::events("acme", (0..500).map(event));
    futures::future::join_all((0..140).map(|_| send(&producer, &events))).await;

    let mut running = site.start();
    running.ready().await;
    let report = all_sealed(&cluster).await;
    assert_eq!(
        (report.records, report.bad),
        (OTHERS as u64 + 1 + 140, 0),
        "no event was judged before its key's notice"
    );
    running.kill().await;
}

#[tokio::test]
async fn killed_again_and_again_it_loses_and_doubles_nothing() {
    const KILLS: usize = 8;
    let mut kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    send(&producer, &admission("acme")).await;

    let (end, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let load = tokio::spawn(load(producer.clone(), end.clone(), sent.clone()));
    // Blocks seen from outside are the clock: each process is killed after another number of them.
    let blocks = Follower::open(&cluster, BLOCKS, Isolation::Committed, &[(0, 0)]).await.unwrap();
    for kill in 0..KILLS {
        let mut running = site.start();
        for _ in 0..=kill % 4 {
            blocks.next().await.unwrap();
        }
        if kill == 5 {
            // Kafka dies under it: whatever it does then, the next start finds the truth.
            kafka.kill().await;
            kafka.restart().await.unwrap();
            running = match tokio::time::timeout(Duration::ZERO, running.ended()).await {
                Ok(_) => site.start(),
                Err(_) => running,
            };
        }
        running.kill().await;
        assert_eq!(verify_chain(&cluster, &genesis(), |_| {}).await.unwrap().findings, [], "after kill {kill}");
    }
    end.store(true, Ordering::Relaxed);
    load.await.unwrap();
    let mut running = site.start();
    running.ready().await;
    let report = all_sealed(&cluster).await;
    assert_eq!((report.records, report.bad), (sent.load(Ordering::Relaxed) + 1, 0), "every acknowledged record, once");
    assert!(report.blocks > KILLS as u64);
    running.kill().await;
}

/// Sends submissions of a few events, some at a time, until the end.
async fn load(producer: Producer, end: Arc<AtomicBool>, sent: Arc<AtomicU64>) {
    let mut number = 0;
    while !end.load(Ordering::Relaxed) {
        let batch = (0..20).map(|_| {
            number += 10;
            let draft = Draft::events("acme", (number..number + 3).map(event)).at(now_ms());
            let (producer, key) = (producer.clone(), format!("{number}"));
            async move {
                producer.send(draft.kind.topic(), None, key.as_bytes(), &draft.value()).await.unwrap();
            }
        });
        sent.fetch_add(futures::future::join_all(batch).await.len() as u64, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn another_chain_is_refused() {
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    send(&producer, &admission("acme")).await;
    let mut running = site.start();
    running.ready().await;
    all_sealed(&cluster).await;
    running.kill().await;

    // The same folder on a log that has lost everything.
    let other = Scratch::start().await;
    let moved = Site { cluster: other.cluster(), folder: site.folder.clone(), settings: Vec::new() };
    let mut refused = moved.start();
    assert_eq!(refused.ended().await.code, Some(1));
    assert!(refused.log().contains("the standing file says 1 headers, blocks holds 0"), "{}", refused.log());

    // A block that somebody else wrote does not follow from the chain: named, and nothing is sealed behind it.
    append_block(&cluster, |first, _| Header { height: 1, cuts: vec![], ..first }).await;
    let mut refused = site.start();
    assert_eq!(refused.ended().await.code, Some(1));
    assert!(refused.log().contains("root of the headers before it"), "{}", refused.log());
    let report = verify_chain(&cluster, &genesis(), |_| {}).await.unwrap();
    assert_eq!(report.findings.iter().map(|finding| finding.height).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_is_found_and_named() {
    let mut kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    let mut running = site.start();
    running.ready().await;
    let (notice, events) = (admission("acme").at(now_ms()), Draft::events("acme", [event(1)]).at(now_ms()));
    for draft in [&notice, &events] {
        producer.send(draft.kind.topic(), Some(0), b"", &draft.value()).await.unwrap();
        all_sealed(&cluster).await;
    }
    running.stop().await;

    let partition = |topic: &str| kafka.folder().join(format!("kafka/log/{topic}-0"));
    let [notices, scans, blocks] = ["notices", "scan-events", "blocks"].map(partition);
    let segment = |folder: &Path| folder.join("00000000000000000000.log");
    let salt = |draft: &Draft| draft.record().salts[0].0;
    let signed = |draft: &Draft| draft.note().lines().last().unwrap().as_bytes()[20..60].to_vec();
    // What is flipped, whether the batch's checksum is made right, what an audit says of which block, what a start says.
    type Row<'a> = (&'a Path, Vec<u8>, bool, u64, &'a str, Option<&'a str>);
    let table: [Row<'_>; 6] = [
        (&scans, salt(&events).to_vec(), true, 1, "scan-events 0 0 root", None),
        (&scans, signed(&events), true, 1, "cut scan-events/0 0..1, root", None),
        (&scans, salt(&events).to_vec(), false, 1, "scan-events: the log is damaged there", None),
        (&notices, salt(&notice).to_vec(), true, 0, "notices 0 0 root", Some("record 0 is not named bad")),
        (&blocks, b"\nkeys ".to_vec(), true, 0, "is not a header", Some("is not a header")),
        (&blocks, b"scan-events ".to_vec(), true, 1, "rcan-events", Some("the standing file says")),
    ];
    for (folder, needle, honest, height, says, refuses) in table {
        kafka.stop().await;
        let whole = std::fs::read(segment(folder)).unwrap();
        tamper::flip(&segment(folder), &needle, honest);
        kafka.restart().await.unwrap();
        let report = verify_chain(&cluster, &genesis(), |_| {}).await.unwrap();
        let named = report.findings.iter().any(|finding| finding.height == height && finding.what.contains(says));
        assert!(named, "{says}: {:?}", report.findings);
        if let Some(refuses) = refuses {
            let mut refused = site.start();
            assert_eq!(refused.ended().await.code, Some(1));
            assert!(refused.log().contains(refuses), "{refuses}: {}", refused.log());
        }
        kafka.stop().await;
        std::fs::write(segment(folder), &whole).unwrap();
    }
    kafka.restart().await.unwrap();
    assert_eq!(verify_chain(&cluster, &genesis(), |_| {}).await.unwrap().findings, [], "as it was");
}

/// Writes block 1, made of block 0's header and the root of the log of that one alone.
async fn append_block(cluster: &Cluster, make: impl FnOnce(Header, Hash) -> Header) {
    let blocks = Follower::open(cluster, BLOCKS, Isolation::Committed, &[(0, 0)]).await.unwrap();
    let first = Header::parse(std::str::from_utf8(&blocks.next().await.unwrap().value).unwrap()).unwrap();
    let root = merkle::root([first.leaf()]);
    let text = make(first, root).text();
    let cluster = cluster.clone();
    let written = tokio::task::spawn_blocking(move || {
        let write = Write { topic: BLOCKS, partition: 0, key: b"1", value: text.as_bytes() };
        Transactions::open(&cluster, "somebody").unwrap().commit(&[write])
    });
    written.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_block_that_nobody_signed_is_recomputed_before_it_is_signed() {
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    send(&producer, &admission("acme")).await;
    let mut running = site.start();
    running.ready().await;
    let sealed = all_sealed(&cluster).await;
    running.kill().await;

    // Sound in everything that a header says of the chain before it; its cut is of other records.
    let value = Draft::events("acme", [event(1)]).at(now_ms()).value();
    producer.send(SCAN_EVENTS, Some(0), b"", &value).await.unwrap();
    let uuid = topics::describe(&cluster, &[SCAN_EVENTS]).await.unwrap()[0].uuid;
    let root = Hash::of("another record");
    let cut = Cut { topic: SCAN_EVENTS.parse().unwrap(), uuid, partition: 0, from: 0, to: 1, records: 1, root };
    append_block(&cluster, move |first, log_root| Header { height: 1, log_root, cuts: vec![cut], ..first }).await;

    let mut refused = site.start();
    assert_eq!(refused.ended().await.code, Some(1));
    assert!(refused.log().contains("refused to sign block 1"), "{}", refused.log());
    let report = verify_chain(&cluster, &genesis(), |_| {}).await.unwrap();
    assert_eq!((report.published, report.checkpoints), (sealed.published, sealed.checkpoints), "nothing was signed");
    assert_eq!(report.findings.iter().map(|finding| finding.height).collect::<Vec<_>>(), [1]);
}
