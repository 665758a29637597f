//! Every byte of a small log's topics is changed in turn: what recomputes the chain (an audit, a full witness, the
//! archiver, who all ask the same questions) must name each, in the block where it stands.

use std::sync::Arc;

use medtrace_chainer::inspect::leaf_of;
use medtrace_chainer::verify::Verifier;
use medtrace_ledger::block::Header;
use medtrace_ledger::{Checkpoint, Hash};
use medtrace_log::record::Record;
use medtrace_log::sealed::SealedBlock;

use crate::calls::to_the_end;
use crate::log::Pool;
use crate::on_stage;

/// The chain as it was before each block, and its roots after each.
struct Sound {
    before: Vec<Verifier>,
    roots: Vec<Hash>,
}

#[test]
fn every_byte_of_every_topic_is_named() {
    let pool = Arc::new(Pool::new());
    on_stage(&pool, 1, async |stage| {
        stage.world.lock().unwrap().orderly = true;
        // Each kind of notice and of event, in blocks of their own, with gaps between.
        for index in [0, 1] {
            let kinds = stage.world.lock().unwrap().partition(index).2.len();
            for which in 0..kinds {
                {
                    let partition = &mut stage.world.lock().unwrap().partitions[index];
                    partition.records.push((partition.end, which));
                    partition.end += 2;
                }
                to_the_end(stage).await;
            }
        }
        let (blocks, checkpoints) = {
            let world = stage.world.lock().unwrap();
            let notes = world.checkpoints.iter().map(|message| message.value.clone()).collect::<Vec<_>>();
            (world.all_sealed(), notes)
        };
        let sound = sound(&pool, &blocks).await;
        let mut flipped = 0;
        for (at, block) in blocks.iter().enumerate() {
            flipped += records(&sound, at, block).await + header(&sound, at, block).await;
        }
        for note in &checkpoints {
            flipped += checkpoint(&pool, note);
        }
        println!("{flipped} bytes of {} blocks and {} checkpoints were changed", blocks.len(), checkpoints.len());
    });
}

async fn sound(pool: &Pool, blocks: &[SealedBlock]) -> Sound {
    let mut verifier = Verifier::begin(&pool.genesis);
    let (mut before, mut roots) = (Vec::new(), Vec::new());
    for block in blocks {
        before.push(verifier.clone());
        assert_eq!(verifier.next(block).await.unwrap().differences, Vec::<String>::new());
        roots.push(verifier.chain().root());
    }
    Sound { before, roots }
}

/// A changed byte: one bit of it, another with each byte.
fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 1 << (at % 8);
}

/// Bytes of the records' values. What still says the same after the change (other bytes of the compression, which is
/// outside of every hash) is the same evidence. Of a record that is named bad only the leaf is sealed, its note; what was
/// wrong in its items before may be wrong otherwise, and proves nothing either way.
async fn records(sound: &Sound, at: usize, block: &SealedBlock) -> u64 {
    let mut flipped = 0;
    for which in 0..block.records.len() {
        let value = &block.records[which].value;
        let says = |value: &[u8]| {
            let unpacked = Record::decode(value).ok()?;
            Some((unpacked.record.note.clone(), unpacked.leaves().iter().map(|leaf| leaf.hash).collect::<Vec<_>>()))
        };
        let said = says(value);
        for byte in 0..value.len() {
            let mut changed = block.clone();
            flip(&mut changed.records[which].value, byte);
            if said.is_some() && says(&changed.records[which].value) == said {
                continue;
            }
            let same_leaf = leaf_of(&changed.records[which].value) == leaf_of(value);
            if same_leaf && block.records[which].bad.is_some() {
                continue;
            }
            let found = sound.before[at].clone().next(&changed).await.unwrap();
            assert!(!found.differences.is_empty(), "byte {byte} of record {which} in block {at}");
            flipped += 1;
        }
    }
    flipped
}

/// Bytes of a header: it is none any more, or it is not what its records give, or what was signed says otherwise.
async fn header(sound: &Sound, at: usize, block: &SealedBlock) -> u64 {
    let bytes = block.text.len();
    for byte in 0..bytes {
        let mut text = block.text.clone().into_bytes();
        flip(&mut text, byte);
        let Some(header) = String::from_utf8(text).ok().and_then(|text| Header::parse(&text).ok()) else { continue };
        let changed = SealedBlock { header, ..block.clone() };
        let mut verifier = sound.before[at].clone();
        let named = !verifier.next(&changed).await.unwrap().differences.is_empty();
        assert!(named || verifier.chain().root() != sound.roots[at], "byte {byte} of header {at}: {}", block.text);
    }
    bytes as u64
}

/// Bytes of a checkpoint: it is none by the chainer any more, or one without some witness.
fn checkpoint(pool: &Pool, note: &[u8]) -> u64 {
    let open = |note: &[u8]| Checkpoint::open(std::str::from_utf8(note).ok()?, &pool.genesis).ok();
    let (said, witnesses) = open(note).unwrap();
    for byte in 0..note.len() {
        let mut changed = note.to_vec();
        flip(&mut changed, byte);
        if let Some((says, seen)) = open(&changed) {
            assert!(says == said && seen.len() < witnesses.len(), "byte {byte} of {}", String::from_utf8_lossy(note));
        }
    }
    note.len() as u64
}
