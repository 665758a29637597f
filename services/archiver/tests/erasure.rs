//! Erasures on a real Kafka node: the archive forgets the bytes, verifies as before, and says who did it.
//!
//! ```text
//! 1  an event with a name in it is sealed twice, beside another one
//! 2  a notice that gives other facts, and one that forgets the second: the archive keeps everything
//! 3  the right notice: the bytes are gone, every hash holds, the audit is clean; a restart goes on
//! 4  the list is taken away: a finding
//! 5  every byte of every file is changed in turn: each is a finding
//! ```
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;

use medtrace_archive::Archive;
use medtrace_event::Json;
use medtrace_ledger::{EventRef, ItemKind, SubmissionKind};
use medtrace_log::record::Record;
use medtrace_log::sealed::SealedBlock;
use medtrace_registry::Notice;
use serde_json::{Value, json};
use world::{AUTHORITY, World};

async fn archived(archive: &Archive) -> Vec<SealedBlock> {
    let (mut reading, mut blocks) = (archive.blocks(0).await.unwrap(), Vec::new());
    while let Some(block) = reading.next().await.unwrap() {
        blocks.push(block);
    }
    blocks
}

/// Where an item with these bytes is archived.
fn places(blocks: &[SealedBlock], bytes: &[u8]) -> Vec<EventRef> {
    let mut found = Vec::new();
    for (block, record) in blocks.iter().flat_map(|block| block.records.iter().map(move |record| (block, record))) {
        let unpacked = Record::decode(&record.value).unwrap();
        let same = |index: &usize| unpacked.item(*index).is_some_and(|item| item.bytes == bytes);
        let at = |index| EventRef::new(block.header.height, record.ordinal, index as u32).unwrap();
        found.extend((0..unpacked.len()).filter(same).map(at));
    }
    found
}

fn event() -> Value {
    json!({"@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"x": "https://x.example/"}],
        "type": "ObjectEvent", "eventID": "urn:uuid:00000000-0000-8000-8000-000000000001", "action": "OBSERVE",
        "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+08:00", "bizStep": "inspecting",
        "epcList": ["https://id.gs1.org/01/09521321000117/21/A1"]})
}

fn jcs(value: &Value) -> Vec<u8> {
    Json::try_from(value).unwrap().to_jcs()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_forgets_and_still_verifies() {
    let world = World::start().await;
    let archive = world.archive();
    let archiver = world.archiver();
    world.admit("acme").await;

    // 1
    let mut named = event();
    named["x:patient"] = json!("Zhang San");
    let mut beside = event();
    beside["eventID"] = json!("urn:uuid:00000000-0000-8000-8000-000000000002");
    let (bytes, beside) = (jcs(&named), jcs(&beside));
    let items = vec![(ItemKind::Event, beside.clone()), (ItemKind::Event, bytes.clone())];
    world.send(SubmissionKind::Events, "acme", items).await;
    world.send(SubmissionKind::Events, "acme", vec![(ItemKind::Event, bytes.clone())]).await;
    let twice = async || Some(places(&archived(&archive).await, &bytes)).filter(|found| found.len() == 2);
    let found = world.until(twice).await;
    let (first, copy) = (found[0], found[1]);
    let before = archived(&archive).await;

    // 2
    let say = async |copies: &[EventRef], revision: u32, replacement: &Value| {
        let notice = json!({"type": "erasure", "event": first, "copies": copies, "revision": revision,
            "reason": {"en": "a name"}, "replacement": replacement});
        let notice = Notice::read(notice.to_string().as_bytes()).unwrap().to_jcs();
        world.send(SubmissionKind::Notices, AUTHORITY, vec![(ItemKind::Notice, notice.clone())]).await;
        let archived = async || places(&archived(&archive).await, &notice).pop();
        world.until(archived).await
    };
    let mut moved = event();
    moved["bizStep"] = json!("receiving");
    say(&[copy], 1, &moved).await;
    say(&[], 2, &event()).await;
    world.post("acme", 1, 1).await;
    assert_eq!(places(&archived(&archive).await, &bytes), found);

    // 3
    let by = say(&[copy], 3, &event()).await;
    world.until(async || places(&archived(&archive).await, &bytes).is_empty().then_some(())).await;
    let check = async || {
        let after = archived(&archive).await;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before.text, after.text);
            let erased: Vec<_> = after.erased.iter().map(|(item, erased)| (*item, erased.of, erased.by)).collect();
            let here = found.iter().filter(|item| item.height == after.header.height);
            assert_eq!(erased, here.map(|item| (*item, first, by)).collect::<Vec<_>>());
        }
        assert_eq!(places(&after, &beside), [EventRef { idx: first.idx - 1, ..first }]);
        assert_eq!(world.audit().await.findings, []);
    };
    check().await;
    archiver.stop().await.unwrap();
    let archiver = world.archiver();
    world.post("acme", 1, 2).await;
    archiver.stop().await.unwrap();
    check().await;

    // 4
    let list = world.folder("erased");
    let named = fs::read_to_string(&list).unwrap();
    fs::remove_file(&list).unwrap();
    let findings = world.audit().await.findings;
    assert!(
        findings.iter().any(|finding| finding.height == first.height && finding.what.contains("erased")),
        "{findings:?}"
    );
    fs::write(&list, named).unwrap();
    assert_eq!(world.audit().await.findings, []);

    // 5
    let flipped = world.each_flip_is_named().await;
    assert_eq!(world.audit().await.findings, []);
    println!("{flipped} bytes of the archive were changed");
}
