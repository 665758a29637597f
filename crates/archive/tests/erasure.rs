//! What is erased from an archive leaves its leaf and the name of the notice; whatever fails, an item without bytes is
//! always named, and it can be done again.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use medtrace_archive::format::FILE_BLOCKS_MAX;
use medtrace_archive::{Archive, ArchiveError};
use medtrace_ledger::block::Cut;
use medtrace_ledger::{EventRef, Hash, Header, Item, ItemKind, Salt, TopicUuid};
use medtrace_log::record::Record;
use medtrace_log::sealed::{Erased, SealedBlock, SealedRecord};
use medtrace_registry::Notice;
use medtrace_registry::notice::Erasure;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;
use world::{Faulty, all, read};

const SECRET: &[u8] = br#"{"name":"Zhang San"}"#;
/// Block of the notice; the event is in the first file, its copy in the second, as the notice.
const BY: u64 = FILE_BLOCKS_MAX as u64 + 9;
const COPY: u64 = FILE_BLOCKS_MAX as u64 + 3;

fn erasure() -> Erasure {
    let notice = json!({"type": "erasure", "event": "5-1", "copies": [format!("{COPY}-1")], "revision": 1,
        "reason": {"en": "a name"}, "replacement": {"type": "ObjectEvent"}});
    match Notice::read(notice.to_string().as_bytes()).unwrap() {
        Notice::Erasure(erasure) => erasure,
        other => panic!("{other:?}"),
    }
}

fn record(topic: &str, height: u64, kind: ItemKind, items: &[&[u8]]) -> SealedRecord {
    let items = items.iter().map(|bytes| Item { kind, salt: Salt([height as u8; 16]), bytes });
    SealedRecord {
        ordinal: 0,
        topic: topic.into(),
        partition: 0,
        offset: height,
        timestamp_ms: 0,
        value: Record::pack("note".into(), items).unwrap().encode().unwrap(),
        bad: None,
    }
}

fn blocks() -> Vec<SealedBlock> {
    let block = |height: u64| {
        let notice = Notice::Erasure(erasure()).to_jcs();
        let record = match height {
            BY => record("notices", height, ItemKind::Notice, &[&notice]),
            5 | COPY => record("scan-events", height, ItemKind::Event, &[b"{}", SECRET, b"[]"]),
            _ => record("scan-events", height, ItemKind::Event, &[b"{}"]),
        };
        let cut = Cut {
            topic: record.topic.parse().unwrap(),
            uuid: TopicUuid([7; 16]),
            partition: 0,
            from: height,
            to: height + 1,
            records: 1,
            root: Hash::of("root"),
        };
        let header = Header {
            origin: "log.example/test".parse().unwrap(),
            height,
            log_root: Hash::of(height.to_string()),
            time_ms: 1_772_400_000_000 + height,
            keys: (1, Hash::of("keys")),
            cuts: vec![cut],
            bad: Vec::new(),
        };
        SealedBlock { text: header.text(), header, records: vec![record], erased: Default::default() }
    };
    (0..=BY + 2).map(block).collect()
}

/// The blocks as they are read after the erasure.
fn without() -> Vec<SealedBlock> {
    let mut blocks = blocks();
    for height in [5, COPY] {
        let block = &mut blocks[height as usize];
        let kept = Record::decode(&block.records[0].value).unwrap().record.erase([1]).unwrap();
        block.records[0].value = kept.encode().unwrap();
        let (of, by) = (EventRef { height: 5, idx: 1 }, EventRef { height: BY, idx: 0 });
        let replacement = br#"{"type":"ObjectEvent"}"#.to_vec();
        block.erased.insert(EventRef { height, idx: 1 }, Erased { of, by, replacement });
    }
    blocks
}

fn shown(blocks: &[SealedBlock]) -> Vec<String> {
    blocks.iter().map(all).collect()
}

/// Writes what is not there yet and erases.
async fn erase(archive: &Archive) -> Result<bool, ArchiveError> {
    let mut writer = archive.write().await?;
    while writer.next_written().await?.is_some() {}
    for block in blocks().iter().skip(writer.height() as usize) {
        writer.append(block).await?;
    }
    writer.erase(&erasure(), EventRef { height: BY, idx: 0 }).await
}

async fn holds_secret(store: &dyn ObjectStore, name: &str) -> bool {
    let bytes = store.get(&Path::from(name)).await.unwrap().bytes().await.unwrap();
    let file = bytes.strip_prefix(medtrace_archive::format::MAGIC).unwrap();
    let mut rest = file;
    while let Some((block, taken)) = medtrace_archive::format::decode(rest).unwrap() {
        let unpacked = Record::decode(&block.records[0].value).unwrap();
        if (0..unpacked.len()).any(|index| unpacked.item(index).is_some_and(|item| item.bytes == SECRET)) {
            return true;
        }
        rest = &rest[taken..];
    }
    false
}

#[tokio::test]
async fn an_erased_item_is_a_leaf_with_its_notice_and_all_else_is_as_it_was() {
    let store = Arc::new(InMemory::new());
    let archive = Archive::over(store.clone());
    assert!(erase(&archive).await.unwrap());
    assert_eq!(shown(&read(&archive, 0).await.unwrap()), shown(&without()));
    assert_eq!(shown(&read(&archive, COPY).await.unwrap()), shown(&without()[COPY as usize..]));
    for file in ["block/0000000000", "block/0000000256"] {
        assert!(!holds_secret(&*store, file).await);
    }
    // Again it changes nothing; another notice does nothing any more.
    assert!(erase(&archive).await.unwrap());
    let mut writer = archive.write().await.unwrap();
    while writer.next_written().await.unwrap().is_some() {}
    assert!(!writer.erase(&erasure(), EventRef { height: BY + 1, idx: 0 }).await.unwrap());
    assert_eq!(writer.erased_by(EventRef { height: 5, idx: 1 }).await.unwrap(), Some(EventRef { height: BY, idx: 0 }));
    // It goes on where it ends.
    let mut next = blocks().pop().unwrap();
    next.header.height += 1;
    next.text = next.header.text();
    writer.append(&next).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(read(&archive, 0).await.unwrap().len() as u64, BY + 4);
}

#[tokio::test]
async fn whoever_reads_meanwhile_goes_on() {
    let archive = Archive::over(Arc::new(InMemory::new()));
    let mut writer = archive.write().await.unwrap();
    while writer.next_written().await.unwrap().is_some() {}
    let all = blocks();
    for block in &all[..=BY as usize] {
        writer.append(block).await.unwrap();
    }
    writer.flush().await.unwrap();
    let mut reader = archive.blocks(0).await.unwrap();
    let mut read = 0;
    while reader.next().await.unwrap().is_some() {
        read += 1;
    }
    assert_eq!(read, BY + 1);
    // The file that it is in the middle of becomes another.
    assert!(writer.erase(&erasure(), EventRef { height: BY, idx: 0 }).await.unwrap());
    writer.append(&all[BY as usize + 1]).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().header.height, BY + 1);
}

#[tokio::test]
async fn every_write_may_fail_done_or_not() {
    for done in [false, true] {
        for fails_at in 0.. {
            let inner = Arc::new(InMemory::new());
            let whole = Archive::over(inner.clone());
            let mut writer = whole.write().await.unwrap();
            while writer.next_written().await.unwrap().is_some() {}
            for block in &blocks() {
                writer.append(block).await.unwrap();
            }
            writer.flush().await.unwrap();
            let faulty = Faulty { inner: inner.clone(), fails_at, done, writes: AtomicUsize::new(0) };
            let faulty = Archive::over(Arc::new(faulty));
            let failed = erase(&faulty).await.is_err();
            // Each item is as it was, or a leaf that is named.
            for (found, (before, after)) in read(&whole, 0).await.unwrap().iter().zip(blocks().iter().zip(&without())) {
                assert!([all(before), all(after)].contains(&all(found)), "{fails_at} {done}");
            }
            assert!(erase(&whole).await.unwrap());
            assert_eq!(shown(&read(&whole, 0).await.unwrap()), shown(&without()), "{fails_at} {done}");
            if !failed {
                assert_eq!(fails_at, 3, "the list, then two files");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_list_that_names_no_such_notice_is_damage() {
    let store = Arc::new(InMemory::new());
    let archive = Archive::over(store.clone());
    assert!(erase(&archive).await.unwrap());
    let list =
        String::from_utf8(store.get(&Path::from("erased")).await.unwrap().bytes().await.unwrap().to_vec()).unwrap();
    assert_eq!(list, format!("medtrace/erased/v1\n5-1 5-1 {BY}-0\n{COPY}-1 5-1 {BY}-0\n"));
    let lines = |lines: &str| format!("medtrace/erased/v1\n{lines}");
    for bad in [
        "medtrace/erased/v2\n".to_owned(),
        lines("5-1 5-1\n"),
        lines("5-1 5-1 5-0\n"),
        lines(&format!("5-1 5-1 {BY}-0")),
        lines(&format!("5-01 5-1 {BY}-0\n")),
        lines(&format!("5-1 5-0 {BY}-0\n")),
        lines(&format!("5-1 5-1 {}-0\n", BY + 1)),
        lines("5-1 5-1 4000-0\n"),
    ] {
        store.put(&Path::from("erased"), bad.clone().into_bytes().into()).await.unwrap();
        let error = read(&archive, 0).await.unwrap_err();
        assert!(error.contradicts() && error.to_string().contains("erased"), "{bad:?}: {error}");
    }
    // Without it the items are leaves that nobody accounts for: for whoever verifies them to find.
    store.delete(&Path::from("erased")).await.unwrap();
    assert!(read(&archive, 0).await.unwrap()[5].erased.is_empty());
}
