//! A topic that lost what was sealed and was made anew, on a real Kafka node: refused until the authority's gap notice, and then
//! gone on from, with the archive for what was lost.

#![allow(clippy::unwrap_used)]

mod world;

use std::time::{Duration, Instant};

use medtrace_archive::{Archive, Source};
use medtrace_chainer::verify::Verifier;
use medtrace_chainer::{NoGap, Report, find_gap, verify_chain, verify_chain_from};
use medtrace_ledger::merkle::{self, Tree};
use medtrace_ledger::proof::Parts;
use medtrace_ledger::{Checkpoint, EventRef, Hash, KeySet, Note, Proof, TopicName};
use medtrace_log::consumer::{Isolation, last};
use medtrace_log::embedded::Scratch;
use medtrace_log::producer::Producer;
use medtrace_log::record::Record;
use medtrace_log::sealed::SealedLog;
use medtrace_log::topics::{CHECKPOINTS, NOTICES, SCAN_EVENTS};
use medtrace_log::{Cluster, LogError};
use medtrace_registry::Notice;
use medtrace_registry::notice::Texts;
use serde_json::json;
use world::process::{Site, all_sealed};
use world::*;

/// Longest wait for anything.
const WAIT: Duration = Duration::from_secs(60);

fn scan_events() -> TopicName {
    SCAN_EVENTS.parse().unwrap()
}

fn empty_archive(kafka: &Scratch) -> (Archive, String) {
    let folder = kafka.folder().join("archive");
    std::fs::create_dir_all(&folder).unwrap();
    let place = folder.to_str().unwrap().to_owned();
    (Archive::open(&place).unwrap(), place)
}

/// Archives so many blocks.
async fn archive(cluster: &Cluster, archive: &Archive, size: u64) {
    let mut writer = archive.write().await.unwrap();
    while writer.next_written().await.unwrap().is_some() {}
    let mut log = Source::open(None, Some(cluster), writer.height()).await.unwrap();
    while writer.height() < size {
        writer.append(&log.next().await.unwrap().unwrap()).await.unwrap();
    }
    writer.flush().await.unwrap();
}

/// Recomputes the chain until it has so many records, all signed.
async fn sealed(archive: &Archive, cluster: &Cluster, records: u64) -> Report {
    let deadline = Instant::now() + WAIT;
    loop {
        let report = verify_chain_from(Some(archive), cluster, &genesis(), |_| {}).await.unwrap();
        if report.records >= records && report.published == report.blocks {
            assert_eq!((report.records, report.bad), (records, 0), "nothing is sealed twice");
            return report;
        }
        assert!(Instant::now() < deadline, "{} of {records} records are sealed", report.records);
    }
}

/// The proof of the first event of the chain, under the newest checkpoint.
async fn first_proof(archive: &Archive, cluster: &Cluster) -> Proof {
    let end = last(cluster, CHECKPOINTS, 0, Isolation::Committed).await.unwrap().unwrap();
    let note = Note::parse(std::str::from_utf8(&end.value).unwrap()).unwrap();
    let size = Checkpoint::open_note(&note, &genesis()).unwrap().0.size;
    let (mut verifier, mut tree, mut found) = (Verifier::begin(&genesis()), Tree::default(), None);
    let mut blocks = Source::open(Some(archive), Some(cluster), 0).await.unwrap();
    while tree.size() < size {
        let block = blocks.next().await.unwrap().unwrap();
        verifier.next(&block).await.unwrap();
        tree.push(block.header.leaf());
        found = found.or_else(|| {
            let record = block.records.iter().find(|record| record.topic == SCAN_EVENTS)?.clone();
            Some((block, record))
        });
    }
    let (block, record) = found.unwrap();
    let event = EventRef::new(block.header.height, record.ordinal, 0).unwrap();
    let unpacked = Record::decode(&record.value).unwrap();
    let item_leaves: Vec<Hash> = unpacked.leaves().iter().map(|leaf| leaf.hash).collect();
    let (cut, _) = block.header.locate(record.ordinal).unwrap();
    let of_cut = block.records.iter().filter(|other| other.topic == SCAN_EVENTS && other.partition == record.partition);
    let cut_leaves: Vec<Hash> = of_cut.map(|record| medtrace_chainer::inspect::leaf_of(&record.value)).collect();
    assert_eq!(merkle::root(cut_leaves.iter().copied()), cut.root);
    let keys = KeySet::new(verifier.chain().registry().at(event.height).key_entries());
    let parts = Parts {
        event,
        item_leaves: &item_leaves,
        note: &unpacked.record.note,
        cut_leaves: &cut_leaves,
        keys: &keys,
        header: &block.header,
        log_nodes: &mut |level, index| tree.node(level, index),
        checkpoint_size: size,
        checkpoint: &note,
    };
    parts.prove(unpacked.item(0).unwrap()).unwrap()
}

#[tokio::test]
async fn a_topic_made_anew_is_sealed_after_a_gap_notice_and_not_before() {
    let mut kafka = Scratch::start().await;
    let (cluster, site) = (kafka.cluster(), Site::new(&kafka, "chainer"));
    let (kept, _) = empty_archive(&kafka);
    let producer = Producer::open(&cluster).unwrap();
    let running = site.begin(&producer).await;
    send(&producer, &Draft::events("acme", [event(1)])).await;
    let before = all_sealed(&cluster).await;
    archive(&cluster, &kept, before.blocks).await;
    let reason = || Texts::both("a disk");
    let none = find_gap(Some(&kept), &cluster, &genesis(), &scan_events(), reason()).await;
    assert!(matches!(none, Err(NoGap::SameId(..))), "{none:?}");
    drop(producer);

    // Under a running chainer, which a supervisor starts again if it ends.
    let mut running = site.keep_on(running);
    let (old, new) = kafka.make_anew(SCAN_EVENTS).await;
    let waits = running.waits_for_gap().await;
    let told = format!("topic scan-events is {new}, the chain was cut from {old}");
    assert_eq!((waits["gap"].as_str(), waits["doing"].as_str()), (Some(&*told), Some("waiting for a gap notice")));
    assert!(running.log().contains("nothing but notices is sealed"), "{}", running.log());

    // Notices are sealed, and events are not, though they came first.
    let producer = Producer::open(&cluster).unwrap();
    send(&producer, &Draft::events("acme", [event(2)])).await;
    send(&producer, &enrolment("acme", "acme-2")).await;
    let report = sealed(&kept, &cluster, 3).await;
    assert_eq!(report.blocks, before.blocks + 1);
    assert_eq!(report.findings.iter().map(|finding| &*finding.what).collect::<Vec<_>>(), [&*told]);

    // What is only in the archive is not looked for elsewhere, and not waited for.
    let mut log = SealedLog::open(&cluster, 0, None).await.unwrap();
    let error = loop {
        match log.next().await {
            Ok(block) => assert!(block.header.height < before.blocks),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, LogError::MadeAnew { lost, now, .. } if (*lost, *now) == (old, new)), "{error}");
    let lacking = find_gap(None, &cluster, &genesis(), &scan_events(), reason()).await.unwrap_err();
    assert!(lacking.to_string().contains("MEDTRACE_ARCHIVE"), "{lacking}");

    let gap = find_gap(Some(&kept), &cluster, &genesis(), &scan_events(), reason()).await.unwrap();
    assert_eq!((gap.revision, gap.lost, gap.new), (1, old, new));
    let notice: serde_json::Value = serde_json::from_slice(&Notice::Gap(gap).to_jcs()).unwrap();
    assert_eq!(notice["reason"], json!({"en": "a disk", "zh-CN": "a disk"}));
    send(&producer, &Draft::notice(AUTHORITY, &[AUTHORITY], &notice)).await;
    running.leads().await;
    assert_eq!(sealed(&kept, &cluster, 5).await.findings, []);
    send(&producer, &Draft::events("acme", [event(3)])).await;
    sealed(&kept, &cluster, 6).await;

    // So it is for who starts again, for who has no archive, and for the proof of what was lost.
    running.die().await;
    running.revive();
    running.leads().await;
    send(&producer, &Draft::events("acme", [event(4)])).await;
    let report = sealed(&kept, &cluster, 7).await;
    assert_eq!((report.findings.len(), report.items), (0, 7));
    let lacking = verify_chain(&cluster, &genesis(), |_| {}).await.unwrap();
    assert!(lacking.findings.iter().any(|finding| finding.what.contains(&old.to_string())), "{:?}", lacking.findings);
    let proof = first_proof(&kept, &cluster).await;
    let shown = proof.check(&genesis()).unwrap();
    assert!(proof.header.cuts.iter().any(|cut| cut.uuid == old), "{shown:?}");
    running.kill().await;
}

#[tokio::test]
async fn a_gap_in_the_notices_is_told_by_the_first_record_of_the_new_topic() {
    let mut kafka = Scratch::start().await;
    let cluster = kafka.cluster();
    let (kept, place) = empty_archive(&kafka);
    let (without, with) = (Site::new(&kafka, "without"), Site::new(&kafka, "with").with("MEDTRACE_ARCHIVE", &place));
    let producer = Producer::open(&cluster).unwrap();
    let running = with.begin(&producer).await;
    send(&producer, &Draft::events("acme", [event(1)])).await;
    let before = all_sealed(&cluster).await;
    archive(&cluster, &kept, before.blocks).await;
    assert_eq!(running.stop().await.code, Some(0));
    drop(producer);
    let (old, _) = kafka.make_anew(NOTICES).await;

    // Nobody knows whose keys are valid who has not read the notices; who has the archive has.
    let mut refused = without.start();
    assert_eq!(refused.ended().await.code, Some(1));
    assert!(refused.log().contains(&format!("read notices as it was under the id {old}")), "{}", refused.log());
    let mut running = with.keep();
    running.waits_for_gap().await;
    let producer = Producer::open(&cluster).unwrap();
    send(&producer, &Draft::events("acme", [event(2)])).await;
    let gap = find_gap(Some(&kept), &cluster, &genesis(), &NOTICES.parse().unwrap(), Texts::both("a disk")).await;
    let notice: serde_json::Value = serde_json::from_slice(&Notice::Gap(gap.unwrap()).to_jcs()).unwrap();
    send(&producer, &Draft::notice(AUTHORITY, &[AUTHORITY], &notice)).await;
    running.leads().await;
    send(&producer, &enrolment("acme", "acme-2")).await;
    assert_eq!(sealed(&kept, &cluster, 5).await.findings, []);
    // A key of before the loss still speaks, and so it is for who starts again.
    running.die().await;
    running.revive();
    running.leads().await;
    send(&producer, &Draft::events("acme", [event(3)])).await;
    assert_eq!(sealed(&kept, &cluster, 6).await.findings, []);
    running.kill().await;
}
