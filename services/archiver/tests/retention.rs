//! What is archived leaves Kafka, if the archiver is told so; whoever starts anew then needs the archive, and nothing else.
//!
//! ```text
//! 1  not told: nothing is removed            4  rows, audit: the same from archive and Kafka, and from the archive alone
//! 2  told: all events go, the rest stays     5  a chainer on a new machine starts, and seals more
//! 3  from Kafka alone: says what it needs    6  an archiver that starts again goes on, and removes that too
//! ```
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use medtrace_archive::{Archive, Source};
use medtrace_chainer::{verify_chain, verify_chain_from};
use medtrace_indexer::derive::{Deriver, Rows};
use medtrace_indexer::keyed::Memory;
use medtrace_log::consumer::{Bounds, Isolation, bounds};
use medtrace_log::sealed::SealedLog;
use medtrace_log::topics::{BLOCKS, CHECKPOINTS, NOTICES, SCAN_EVENTS};
use medtrace_log::{Cluster, LogError, trim};
use world::{World, genesis};

/// Every row that these blocks give.
async fn rows(archive: Option<&Archive>, cluster: Option<&Cluster>, size: u64) -> Vec<Rows> {
    let mut source = Source::open(archive, cluster, 0).await.unwrap();
    let mut deriver = Deriver::open(Memory::default(), &genesis()).unwrap();
    let mut rows = Vec::new();
    for _ in 0..size {
        rows.push(deriver.derive(&source.next().await.unwrap().unwrap()).unwrap());
    }
    rows
}

async fn events(world: &World) -> Vec<Bounds> {
    bounds(&world.cluster, SCAN_EVENTS, 4, Isolation::Everything).await.unwrap()
}

async fn all_removed(world: &World) {
    let gone = |all: &[Bounds]| all.iter().all(|all| all.low == all.high).then_some(());
    world.until(async || gone(&events(world).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_archived_may_leave_kafka() {
    let mut world = World::start().await;
    let archive = world.archive();
    world.admit("acme").await;
    let mut size = 0;
    for round in 0..3 {
        size = world.post("acme", 20, round).await;
    }
    let expected = rows(None, Some(&world.cluster), size).await;
    assert!(expected.iter().map(|rows| rows.facts.len()).sum::<usize>() > 0, "there is something to compare");
    let whole = verify_chain(&world.cluster, &genesis(), |_| {}).await.unwrap();
    assert_eq!((whole.findings.as_slice(), whole.items), (&[][..], 1 + 3 * 20));

    // 1
    let archiver = world.archiver();
    world.until(async || (world.audit().await.published >= size).then_some(())).await;
    archiver.stop().await.unwrap();
    assert!(events(&world).await.iter().all(|all| all.low == 0), "nobody asked for it");

    // 2
    let archiver = world.archiver_keeping(Some(Duration::ZERO));
    all_removed(&world).await;
    archiver.stop().await.unwrap();
    for topic in [NOTICES, BLOCKS, CHECKPOINTS] {
        assert_eq!(bounds(&world.cluster, topic, 1, Isolation::Everything).await.unwrap()[0].low, 0, "{topic}");
    }

    // 3
    let error = verify_chain(&world.cluster, &genesis(), |_| {}).await.unwrap_err();
    assert!(matches!(&error, LogError::Archived { topic, offset: 0, .. } if topic == SCAN_EVENTS), "{error}");
    assert!(error.to_string().contains("MEDTRACE_ARCHIVE"), "{error}");
    let mut log = SealedLog::open(&world.cluster, 1, None).await.unwrap();
    assert!(matches!(log.next().await, Err(LogError::Archived { .. })));

    // 4
    assert!(rows(Some(&archive), Some(&world.cluster), size).await == expected);
    assert!(rows(Some(&archive), None, size).await == expected);
    let mut visited = 0;
    let both = verify_chain_from(Some(&archive), &world.cluster, &genesis(), |_| visited += 1).await.unwrap();
    assert_eq!((both.findings.as_slice(), both.items, both.end, visited), (&[][..], whole.items, whole.end, size));

    // 5
    world.stop_chainer().await;
    world.forget_chainer();
    world.start_chainer();
    let later = world.post("acme", 20, 3).await;
    assert!(later > size);
    let both = verify_chain_from(Some(&archive), &world.cluster, &genesis(), |_| {}).await.unwrap();
    assert_eq!((both.findings.as_slice(), both.items), (&[][..], 1 + 4 * 20));
    assert_eq!(rows(Some(&archive), Some(&world.cluster), later).await[..expected.len()], expected);

    // 6
    let archiver = world.archiver_keeping(Some(Duration::ZERO));
    all_removed(&world).await;
    archiver.stop().await.unwrap();
    let alone = world.audit().await;
    assert_eq!((alone.findings.as_slice(), alone.items), (&[][..], 1 + 4 * 20));
    world.stop_chainer().await;
}

#[tokio::test]
async fn removing_fails_visibly_and_may_be_repeated() {
    let mut world = World::start().await;
    world.admit("acme").await;
    world.post("acme", 5, 0).await;
    world.stop_chainer().await;
    let (partition, high) =
        (0..).zip(events(&world).await).find_map(|(n, all)| (all.high > 0).then_some((n, all.high))).unwrap();
    // Beyond the end nothing can be removed, and nothing is.
    let beyond = [(partition, high + 1)].into();
    assert!(trim::remove_before(&world.cluster, SCAN_EVENTS, &beyond).await.is_err());
    assert_eq!(events(&world).await[partition as usize].low, 0);
    // The same twice, and less than before.
    for before in [high, high, 0] {
        trim::remove_before(&world.cluster, SCAN_EVENTS, &[(partition, before)].into()).await.unwrap();
        assert_eq!(events(&world).await[partition as usize].low, high);
    }
    let nobody = Cluster::new("127.0.0.1:1");
    let error = trim::remove_before(&nobody, SCAN_EVENTS, &[(partition, high)].into()).await.unwrap_err();
    assert!(error.passes() && error.to_string().contains("remove the oldest records of scan-events"), "{error}");
}
