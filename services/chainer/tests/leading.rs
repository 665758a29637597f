//! Who leads, by which clock, and that an idle chain is seen to live: on a real Kafka node.

#![allow(clippy::unwrap_used)]

mod world;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use medtrace_chainer::{Clock, Config, Metrics, Status, run, verify_chain};
use medtrace_log::consumer::{Follower, Isolation};
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::topics::CHECKPOINTS;
use medtrace_service::Shutdown;
use nix::sys::signal::Signal;
use world::process::{Running, Site, all_sealed};
use world::*;

/// A standby leads that long after the leader's death at the latest; the session is 2 s.
const TAKEOVER: Duration = Duration::from_secs(10);

/// The first, which leads and has sealed one notice; and a second that stands by.
async fn two(kafka: &Scratch, producer: &Producer) -> (Site, Running, Running) {
    let (first, second) = (Site::new(kafka, "first"), Site::new(kafka, "second"));
    let mut leader = first.start();
    leader.ready().await;
    let standby = second.start();
    send(producer, &admission("acme")).await;
    all_sealed(&kafka.cluster()).await;
    (first, leader, standby)
}

#[tokio::test]
async fn one_leads_and_the_other_takes_over() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let producer = Producer::open(&cluster).unwrap();
    let (first, leader, mut standby) = two(&kafka, &producer).await;

    // A second process in the same folder does not even start.
    let mut same_folder = first.start();
    assert_eq!(same_folder.ended().await.code, Some(1));
    assert!(same_folder.log().contains("failed to lock"), "{}", same_folder.log());

    leader.kill().await;
    let killed = Instant::now();
    send(&producer, &Draft::events("acme", [event(1)])).await;
    standby.ready().await;
    assert!(killed.elapsed() < TAKEOVER, "{:?}", killed.elapsed());
    let report = all_sealed(&cluster).await;
    assert_eq!((report.records, report.bad), (2, 0));

    // Started again, the first waits its turn, and is ready to take over.
    let mut first = first.start();
    assert_eq!(first.following(2).await["leader"], false);
    assert_eq!(standby.stop().await.code, Some(0));
    first.ready().await;
}

#[tokio::test]
async fn a_leader_that_was_paused_finds_another_in_its_place_and_ends() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let producer = Producer::open(&cluster).unwrap();
    let (_, mut leader, mut standby) = two(&kafka, &producer).await;
    standby.following(1).await;

    leader.signal(Signal::SIGSTOP);
    // What it may have read before it was stopped, and has not sealed.
    send(&producer, &Draft::events("acme", [event(1)])).await;
    standby.ready().await;
    let report = all_sealed(&cluster).await;
    leader.signal(Signal::SIGCONT);
    assert_eq!(leader.ended().await.code, Some(1));
    let log = leader.log();
    assert!(log.contains("the lease was lost") || log.contains("another writer has taken over"), "{log}");
    let after = all_sealed(&cluster).await;
    assert_eq!((after.records, after.bad, after.end), (2, 0, report.end), "it has sealed nothing");
}

/// This test's clock is so far ahead of the true one, milliseconds.
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);

#[tokio::test]
async fn a_clock_that_is_not_the_brokers_seals_nothing() {
    let kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let site = Site::new(&kafka, "chainer");
    let config = Config {
        admin: ([127, 0, 0, 1], 0).into(),
        kafka: cluster.clone(),
        genesis: genesis(),
        data: site.folder.join("data"),
        signer: chainer(),
        witnesses: Vec::new(),
        archive: None,
        heartbeat: Duration::from_secs(60),
        clock: Clock(|| now_ms().saturating_add_signed(AHEAD_MS.load(Ordering::Relaxed))),
    };
    let (metrics, status, shutdown) = (Metrics::register(&mut Default::default()), Status::default(), Shutdown::new());
    let told = async {
        let producer = Producer::open(&cluster).unwrap();
        send(&producer, &admission("acme")).await;
        all_sealed(&cluster).await;
        for (round, ahead_ms) in (1..).zip([120_000, -120_000]) {
            AHEAD_MS.store(ahead_ms, Ordering::Relaxed);
            let before = verify_chain(&cluster, &genesis(), |_| {}).await.unwrap();
            send(&producer, &Draft::events("acme", [event(round)])).await;
            let deadline = Instant::now() + Duration::from_secs(60);
            while status.readiness().details["clock_ahead_ms"].as_i64().is_none_or(|ms| (ms - ahead_ms).abs() >= 60_000)
            {
                assert!(Instant::now() < deadline, "{:?}", status.readiness());
                tokio::task::yield_now().await;
            }
            assert!(!status.readiness().ready);
            assert_eq!(verify_chain(&cluster, &genesis(), |_| {}).await.unwrap().end, before.end, "nothing is sealed");
            // Right again, it goes on, and no bad time has stuck.
            AHEAD_MS.store(0, Ordering::Relaxed);
            let report = all_sealed(&cluster).await;
            assert_eq!(report.bad, 0);
        }
        let mut times = Vec::new();
        verify_chain(&cluster, &genesis(), |block| times.push(block.header.time_ms)).await.unwrap();
        assert!(times.iter().all(|time_ms| *time_ms <= now_ms()), "{times:?}");
        shutdown.cancel();
    };
    tokio::join!(run(&config, &metrics, &status, shutdown.clone()), told).0.unwrap();
}

#[tokio::test]
async fn an_idle_chain_makes_no_blocks_but_shows_that_it_lives() {
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer").with("MEDTRACE_HEARTBEAT_S", "1"));
    let producer = Producer::open(&cluster).unwrap();
    let running = site.begin(&producer).await;
    let report = all_sealed(&cluster).await;
    // The same checkpoint, again and again.
    let checkpoints = Follower::open(&cluster, CHECKPOINTS, Isolation::Committed, &[(0, 0)]).await.unwrap();
    let first = checkpoints.next().await.unwrap();
    for _ in 0..3 {
        let next = tokio::time::timeout(Duration::from_secs(60), checkpoints.next()).await.unwrap().unwrap();
        assert_eq!(next.value, first.value);
    }
    assert_eq!(all_sealed(&cluster).await.blocks, report.blocks);
    running.kill().await;
}
