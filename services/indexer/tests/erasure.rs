//! Erased events: from the log that still has the bytes, and from an archive that has their leaves alone, the same rows;
//! and nothing that anybody asks for is answered otherwise than before.
#![allow(clippy::unwrap_used)]

mod world;

use medtrace_event::{Json, event_key};
use medtrace_indexer::derive::Deriver;
use medtrace_indexer::keyed::Memory;
use medtrace_ledger::note::Note;
use medtrace_ledger::{EventRef, ItemKind, Submission};
use medtrace_log::frame;
use medtrace_log::record::Record;
use medtrace_log::sealed::SealedBlock;
use medtrace_store::rows::*;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use world::engine::Scratch;
use world::erased::*;
use world::simulation::{happenings, said};
use world::*;

#[tokio::test]
async fn the_log_and_an_archive_without_the_bytes_give_the_same_rows() {
    let scratch = Scratch::new("erasure");
    let blocks = blocks(&story());
    let whole = tables(&scratch.folder("whole"), &blocks).await;
    let refusals: Vec<&str> = whole["notice"]
        .iter()
        .filter(|row| row["kind"] == "erasure")
        .map(|row| row["refusal"].as_str().unwrap())
        .collect();
    let words = ["other-facts", "copies", "no-event", "no-event", "", "", "", "", "already-erased"];
    for (refusal, word) in refusals.iter().zip(words) {
        assert!(refusal.ends_with(&format!("({word})")) || (word.is_empty() && refusal.is_empty()), "{refusals:#?}");
    }
    assert_eq!(refusals.len(), words.len());
    let erasures: Vec<ErasureRow> =
        whole["erasure"].iter().map(|row| serde_json::from_value(row.clone()).unwrap()).collect();
    let items: Vec<_> =
        erasures.iter().map(|row| format!("{}-{} {}-{}", row.block, row.idx, row.by_block, row.by_idx)).collect();
    assert_eq!(items, ["2-1 11-0", "3-0 11-0", "4-0 11-0", "4-1 12-0", "5-0 13-0", "6-0 14-0"]);
    let kept = tables(&scratch.folder("kept"), &archived(&blocks, &erasures)).await;
    for (table, rows) in &whole {
        assert_eq!(rows, &kept[table], "{table}");
    }
    // An archiver that has done the first only is as good.
    let some = tables(&scratch.folder("some"), &archived(&blocks, &erasures[..3])).await;
    assert_eq!(some, whole);

    // The event is shown by its replacement and its notice; nothing knows its bytes again.
    let event = &of(&whole, "event", 2, 1)[0];
    assert_eq!((&event["erased_block"], &event["ver"]), (&json!(11), &json!(11u64 << 32)));
    let bytes = Json::parse(secret(commission(1, 0, PACK)).to_string().as_bytes()).unwrap().to_jcs();
    let key = json!(event_key("maker", &bytes));
    let found: Vec<_> = whole["event_ref"].iter().filter(|row| row["digest"] == key).map(|row| &row["block"]).collect();
    assert_eq!(found, [&json!(16)], "only what was posted after the erasure has it");
    assert!(of(&whole, "event_hash", 2, 1).is_empty());
    // Of those that said the same, the next is the first.
    assert!(of(&whole, "duplicate", 3, 1).is_empty());
    assert_eq!(of(&whole, "duplicate", 3, 2)[0]["of_idx"], 1);
    // What was sealed again stays a repetition, not one more event.
    assert_eq!(whole["replay"].len(), 2);
    assert_eq!(of(&whole, "event", 16, 0)[0]["flags"], 2, "a conflict");
    for row in &whole["submission"] {
        let row: SubmissionRow = serde_json::from_value(row.clone()).unwrap();
        let bodies = frame::unpack(&row.frame).unwrap();
        let has = bodies.iter().any(|body| format!("{body:?}").contains(&format!("{:?}", SECRET.as_bytes())[1..150]));
        // Two that nobody erased, and what was posted once more.
        assert_eq!(has, [3, 16].contains(&row.block), "{} {}", row.block, row.ordinal);
    }
    std::fs::remove_dir_all(&scratch.0).unwrap();
}

#[tokio::test]
async fn no_answer_changes() {
    let scratch = Scratch::new("erasure-answers");
    let story = story();
    let before = blocks(&story[..7]);
    let after = blocks(&story[..15]);
    let (before, after) =
        (tables(&scratch.folder("before"), &before).await, tables(&scratch.folder("after"), &after).await);
    for table in ["fact", "lot_item", "unit_state", "lot_balance", "containment", "delivery", "alert", "replay"] {
        assert!(table != "fact" || !before[table].is_empty());
        assert_eq!(before[table], after[table], "{table}");
    }
    std::fs::remove_dir_all(&scratch.0).unwrap();
}

#[test]
fn an_item_without_bytes_and_without_a_notice_is_an_error() {
    let blocks = blocks(&story());
    let row =
        ErasureRow { block: 2, idx: 1, of_block: 2, of_idx: 1, by_block: 11, by_idx: 0, replacement: String::new() };
    let mut archived = archived(&blocks, &[row]);
    archived[2].erased.clear();
    let mut deriver = Deriver::open(Memory::default(), &genesis()).unwrap();
    archived[..2].iter().for_each(|block| drop(deriver.derive(block).unwrap()));
    let error = deriver.derive(&archived[2]).unwrap_err();
    assert!(error.to_string().contains("2-1 came as its leaf alone"), "{error:#}");
}

/// Restarts between all blocks change nothing.
#[test]
fn a_restart_between_event_and_notice_changes_nothing() {
    let (blocks, mut world, mut other) = (blocks(&story()), World::new(), World::new());
    for block in &blocks {
        let rows = world.deriver.derive(block).unwrap();
        assert_eq!(rows, other.deriver.derive(block).unwrap(), "{}", block.header.height);
        other.restart();
    }
}

/// Every event of these blocks, with its party and bytes, in the order of the log.
fn events(blocks: &[SealedBlock]) -> Vec<(EventRef, String, Vec<u8>)> {
    let mut events = Vec::new();
    for (block, record) in blocks.iter().flat_map(|block| block.records.iter().map(move |record| (block, record))) {
        let unpacked = Record::decode(&record.value).unwrap();
        let note = Note::parse(&unpacked.record.note).unwrap();
        let party = Submission::parse(note.text()).unwrap().party.to_string();
        for index in 0..unpacked.len() {
            let item = unpacked.item(index).unwrap();
            if item.kind == ItemKind::Event {
                let at = EventRef::new(block.header.height, record.ordinal, index as u32).unwrap();
                events.push((at, party.clone(), item.bytes.to_vec()));
            }
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// In whatever world, and whatever is erased when: the same rows, whether the bytes are there or not.
    #[test]
    fn any_world_gives_the_same_rows_without_the_bytes(
        happenings in happenings(14),
        again in prop::collection::vec(any::<Index>(), 3),
        picks in prop::collection::vec(any::<Index>(), 1..6),
    ) {
        let mut all = said(&happenings);
        for index in again {
            all.insert(index.index(all.len()), index.get(&all).clone());
        }
        let (mut chain, mut blocks) = (Chain::default(), Vec::new());
        blocks.extend(parties().iter().map(|said| chain.block(said)));
        let chunks: Vec<_> = all.chunks(3).collect();
        for (turn, chunk) in chunks.iter().enumerate() {
            blocks.push(chain.block(chunk));
            let Some(pick) = picks.get(turn) else { continue };
            let sealed = events(&blocks);
            let (_, party, bytes) = pick.get(&sealed);
            let same: Vec<String> =
                sealed.iter().filter(|one| (&one.1, &one.2) == (party, bytes)).map(|one| one.0.to_string()).collect();
            let copies: Vec<&str> = same[1..].iter().map(String::as_str).collect();
            let replacement: Value = serde_json::from_slice(bytes).unwrap();
            // The second of the same event does nothing; its revision may be refused too.
            blocks.push(chain.block(&notice(&erasure(&same[0], &copies, 1, &replacement))));
        }
        let scratch = Scratch::new("erasure-worlds");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let whole = runtime.block_on(tables(&scratch.folder("whole"), &blocks));
        let erasures: Vec<ErasureRow> =
            whole["erasure"].iter().map(|row| serde_json::from_value(row.clone()).unwrap()).collect();
        prop_assert!(!erasures.is_empty());
        let kept = runtime.block_on(tables(&scratch.folder("kept"), &archived(&blocks, &erasures)));
        std::fs::remove_dir_all(&scratch.0).unwrap();
        for (table, rows) in &whole {
            prop_assert_eq!(rows, &kept[table], "{}", table);
        }
    }
}
