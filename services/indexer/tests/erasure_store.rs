//! Erased events in the real store: written block by block, hashed meanwhile, written again as after a crash; then their
//! bytes are in no file.
#![allow(clippy::unwrap_used)]

mod world;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use medtrace_event::event_key;
use medtrace_indexer::derive::Deriver;
use medtrace_indexer::keyed::Disk;
use medtrace_indexer::write::write;
use medtrace_indexer::{audit, hashes};
use medtrace_log::record::Record;
use medtrace_log::sealed::SealedBlock;
use medtrace_store::migrate::migrate;
use world::engine::{Engine, Scratch};
use world::erased::*;
use world::*;

struct Log<'a>(&'a [SealedBlock]);

impl audit::Chain for Log<'_> {
    async fn size(&mut self) -> anyhow::Result<u64> {
        Ok(self.0.len() as u64)
    }

    async fn block(&mut self, height: u64) -> anyhow::Result<SealedBlock> {
        Ok(self.0[height as usize].clone())
    }
}

/// Which of these bytes are in a file below this folder.
fn found(folder: &Path, needles: &[Vec<u8>]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(self::found(&path, needles));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let is_in = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|some| some == needle.as_slice());
            found.extend((0..needles.len()).filter(|index| is_in(&needles[*index])));
        }
    }
    found
}

/// What must go: the frames that hold the secret, as the table keeps them, and the keys of the events that do.
fn needles(blocks: &[SealedBlock]) -> Vec<Vec<u8>> {
    let mut needles = Vec::new();
    for record in blocks.iter().flat_map(|block| &block.records).filter(|record| record.topic == "scan-events") {
        let unpacked = Record::decode(&record.value).unwrap();
        let items = (0..unpacked.len()).map(|index| unpacked.item(index).unwrap().bytes);
        let secret: Vec<&[u8]> = items.filter(|bytes| String::from_utf8_lossy(bytes).contains(SECRET)).collect();
        if !secret.is_empty() {
            needles.push(unpacked.record.bodies.clone());
            needles.extend(secret.iter().map(|bytes| event_key("maker", bytes).to_vec()));
        }
    }
    needles.sort();
    needles.dedup();
    needles
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_and_the_keyed_state_forget_the_bytes() {
    let scratch = Scratch::new("erasure-store");
    let engine = Engine::start(scratch.folder("clickhouse")).await;
    let client = engine.client("medtrace");
    migrate(&client).await.unwrap();
    for table in ["submission", "event_ref", "event_hash", "duplicate"] {
        let soon = format!("ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 0");
        client.query(&soon).execute().await.unwrap();
    }
    // Nothing that stays may hold it: without what nobody erases.
    let mut story = story();
    story[3] = say(&[secret(commission(1, 0, PACK))]);
    story.truncate(16);
    let blocks = blocks(&story);
    let needles = needles(&blocks);
    let mut deriver = Deriver::open(Disk::open(&scratch.folder("keyed")).unwrap(), &genesis()).unwrap();
    let mut all = Vec::new();
    for block in &blocks {
        let rows = deriver.follow(block).unwrap();
        write(&client, &rows).await.unwrap();
        deriver.commit().unwrap();
        hashes::step(&client).await.unwrap();
        if block.header.height == 6 {
            assert_eq!(
                found(&scratch.0.join("clickhouse"), &needles).len(),
                needles.len(),
                "all are found while they are there"
            );
        }
        all.push(rows);
    }
    let clean = async |folder: &str| {
        let mut auditor = auditor(&scratch.folder(folder), &blocks);
        let report = audit::compare(&client, &mut Log(&blocks), &mut auditor, |_, _| {}).await.unwrap();
        assert_eq!((report.differing, report.behind), (0, 0), "{:#?}", report.differences);
    };
    clean("audit").await;
    for rows in &all {
        write(&client, rows).await.unwrap();
    }
    clean("again").await;
    drop(deriver);
    let deadline = Instant::now() + Duration::from_secs(60);
    while !found(&scratch.0.join("clickhouse"), &needles).is_empty() {
        assert!(Instant::now() < deadline, "the bytes are still on disk");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(found(&scratch.0.join("keyed"), &[SECRET.as_bytes().to_vec()]).is_empty());
    engine.stop().await;
    std::fs::remove_dir_all(&scratch.0).unwrap();
}
