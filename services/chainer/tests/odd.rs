//! Logs as they are not meant to be, on a real Kafka node: gaps, empty and foreign records, partitions that are added
//! under a running chainer, and a log that was put back from an older copy.

#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use medtrace_chainer::{Report, verify_chain};
use medtrace_ledger::SubmissionKind;
use medtrace_ledger::submission::AGE_MS_MAX;
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::topics::SCAN_EVENTS;
use medtrace_log::{Cluster, cluster::TRANSACTION_MS};
use nix::sys::signal::Signal;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use world::process::{Site, all_sealed};
use world::*;

/// Longest wait for a chain to have so many records.
const WAIT: Duration = Duration::from_secs(90);

/// Re-verifies the chain until it has so many records; every block's numbers of offsets and of records, summed.
async fn sealed(cluster: &Cluster, records: u64) -> (Report, u64) {
    let deadline = Instant::now() + WAIT;
    loop {
        let mut offsets = 0;
        let count = |block: &medtrace_log::sealed::SealedBlock| {
            offsets += block.header.cuts.iter().map(|cut| cut.to - cut.from).sum::<u64>();
        };
        let report = verify_chain(cluster, &genesis(), count).await.unwrap();
        assert_eq!(report.findings, []);
        if report.records >= records && report.published == report.blocks {
            assert_eq!(report.records, records, "nothing is sealed twice");
            return (report, offsets);
        }
        assert!(Instant::now() < deadline, "{} of {records} records are sealed", report.records);
    }
}

/// A producer that is none of ours: in one transaction each, these values; the last transaction is aborted.
async fn foreign(cluster: &Cluster, partition: i32, values: Vec<Vec<u8>>, aborted: Vec<u8>) {
    let bootstrap = cluster.bootstrap().to_owned();
    let work = move || {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap)
            .set("transactional.id", "somebody")
            .create()
            .unwrap();
        let wait = Duration::from_secs(20);
        producer.init_transactions(wait).unwrap();
        let send = |value: &[u8]| {
            producer.begin_transaction().unwrap();
            let record = BaseRecord::<(), [u8]>::to(SCAN_EVENTS).partition(partition).payload(value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
            producer.flush(wait).unwrap();
        };
        for value in values {
            send(&value);
            producer.commit_transaction(wait).unwrap();
        }
        send(&aborted);
        producer.abort_transaction(wait).unwrap();
        // And one without any value at all, outside of a transaction.
        let plain: BaseProducer = ClientConfig::new().set("bootstrap.servers", &bootstrap).create().unwrap();
        let none = BaseRecord::<[u8], [u8]>::to(SCAN_EVENTS).partition(partition).key(b"deleted");
        plain.send(none).map_err(|(error, _)| error).unwrap();
        plain.flush(wait).unwrap();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[tokio::test]
async fn gaps_and_records_of_every_kind_are_sealed_as_they_stand() {
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    let mut running = site.begin(&producer).await;
    sealed(&cluster, 1).await;

    // A sound submission within somebody's transaction, with the marker behind it; empty; and one that was aborted, which
    // stands in the log like any other: what is in the log is sealed. Then one that has no value.
    let now = |number| Draft::events("acme", [event(number)]).at(now_ms()).value();
    foreign(&cluster, 0, vec![now(1), Vec::new()], now(2)).await;
    // Larger than a submission may be once it is unpacked, though small in the log; and nothing that unpacks.
    let large = Draft::events("acme", [" ".repeat(262_145)]).at(now_ms()).value();
    for value in [&large[..], b"no record", &[0; 900 << 10]] {
        producer.send(SCAN_EVENTS, Some(0), b"", value).await.unwrap();
    }
    // More than a week old: what was acknowledged while no chainer ran for so long.
    let late = Draft::events("acme", [event(3)]).at(now_ms() - AGE_MS_MAX - 60_000).value();
    producer.send(SubmissionKind::Events.topic(), Some(0), b"", &late).await.unwrap();
    producer.send(SCAN_EVENTS, Some(0), b"", &now(4)).await.unwrap();

    let (report, offsets) = sealed(&cluster, 1 + 9).await;
    let bad = ["empty", "no value", "too large", "no record", "zeros", "late"].len() as u64;
    assert_eq!((report.bad, report.items), (bad, 1 + 3), "the notice, the two of the transactions and the last one");
    assert_eq!(offsets, report.records + 3, "a marker behind each transaction is no record");
    for reason in ["undecodable", "too-large", "\"time\""] {
        running.says(reason).await;
    }
    // A restart goes on behind the gaps.
    running.kill().await;
    let mut running = site.start();
    running.ready().await;
    producer.send(SCAN_EVENTS, Some(0), b"", &now(5)).await.unwrap();
    sealed(&cluster, 1 + 10).await;
    assert_eq!(running.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_partition_that_is_added_under_a_running_chainer_is_sealed_too() {
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    let running = site.begin(&producer).await;
    sealed(&cluster, 1).await;

    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", cluster.bootstrap()).create().unwrap();
    let grown = admin.create_partitions([&NewPartitions::new(SCAN_EVENTS, 6)], &AdminOptions::new()).await.unwrap();
    assert_eq!(grown, [Ok(SCAN_EVENTS.to_owned())]);
    // Opened after that, so that it knows of them.
    let producer = Producer::open(&cluster).unwrap();
    for partition in 0..6 {
        let value = Draft::events("acme", [event(partition)]).at(now_ms()).value();
        producer.send(SCAN_EVENTS, Some(i32::try_from(partition).unwrap()), b"", &value).await.unwrap();
    }
    let (report, _) = sealed(&cluster, 7).await;
    assert_eq!(report.bad, 0);
    assert!(running.log().contains("the topics have changed"), "by the same process: {}", running.log());
    running.kill().await;
}

/// The folder of a partition in Kafka's data.
fn partition_of(kafka: &Scratch, name: &str) -> std::path::PathBuf {
    kafka.folder().join(format!("kafka/log/{name}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_ends_below_the_last_cut_is_refused() {
    let mut kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let producer = Producer::open(&cluster).unwrap();
    let running = site.begin(&producer).await;
    let of = |number| Draft::events("acme", [event(number)]).at(now_ms()).value();
    producer.send(SCAN_EVENTS, Some(0), b"", &of(1)).await.unwrap();
    all_sealed(&cluster).await;

    // The broker's disk is copied, the log goes on, and the copy is put back: under a running chainer.
    let (folder, older) = (partition_of(&kafka, "scan-events-0"), kafka.folder().join("older"));
    assert_eq!(running.stop().await.code, Some(0));
    kafka.stop().await;
    copy(&folder, &older);
    kafka.restart().await.unwrap();
    let mut running = site.start();
    running.ready().await;
    producer.send(SCAN_EVENTS, Some(0), b"", &of(2)).await.unwrap();
    let before = all_sealed(&cluster).await;
    kafka.stop().await;
    fs::remove_dir_all(&folder).unwrap();
    copy(&older, &folder);
    kafka.restart().await.unwrap();

    // It finds that, or that it was without a broker for too long; whoever is started again says what is wrong.
    assert_eq!(running.ended().await.code, Some(1), "{}", running.log());
    let says = "read scan-events/0 at 2: the log holds 0..1";
    let mut again = site.start();
    assert_eq!(again.ended().await.code, Some(1));
    assert!(again.log().contains(says), "{}", again.log());
    let report = verify_chain(&cluster, &genesis(), |_| {}).await.unwrap();
    assert!(report.findings.iter().any(|finding| finding.what.contains("scan-events/0")), "{:?}", report.findings);
    assert_eq!(report.published, before.published, "nothing more was signed");
    // Grown to where it was, by another record, it is named as well.
    Producer::open(&cluster).unwrap().send(SCAN_EVENTS, Some(0), b"", &of(3)).await.unwrap();
    let report = verify_chain(&cluster, &genesis(), |_| {}).await.unwrap();
    let named = report.findings.iter().any(|finding| finding.what.contains("cut scan-events/0 1..2, root"));
    assert!(named, "another record in its place: {:?}", report.findings);
}

#[tokio::test]
async fn a_commit_of_which_nobody_knows_ends_the_process_and_the_next_finds_the_truth() {
    let kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer").with("MEDTRACE_HEARTBEAT_S", "1"));
    let producer = Producer::open(&cluster).unwrap();
    let mut running = site.begin(&producer).await;
    let before = all_sealed(&cluster).await;
    // The broker takes what it is sent and answers nothing, longer than a transaction may take.
    kafka.signal(Signal::SIGSTOP);
    let ended = tokio::time::timeout(Duration::from_millis(3 * TRANSACTION_MS), running.ended());
    let ended = ended.await;
    kafka.signal(Signal::SIGCONT);
    assert_eq!(ended.unwrap().code, Some(1), "{}", running.log());
    let log = running.log();
    assert!(log.contains("failed to seal block") || log.contains("the lease was lost"), "{log}");
    let mut running = site.start();
    running.ready().await;
    send(&producer, &Draft::events("acme", [event(1)])).await;
    let report = all_sealed(&cluster).await;
    assert_eq!((report.records, report.bad), (before.records + 1, 0));
    running.kill().await;
}
