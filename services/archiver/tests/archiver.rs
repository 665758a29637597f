//! The archiver on a real Kafka node, with a real chainer beside it: what was sealed is kept, what is not true is not.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;

use medtrace_archive::{Archive, Source};
use medtrace_archiver::Stop;
use medtrace_ledger::block::Header;
use medtrace_ledger::{Checkpoint, Hash, merkle};
use medtrace_log::sealed::{SealedBlock, SealedLog};
use medtrace_log::topics::{BLOCKS, CHECKPOINTS};
use world::{World, chainer, genesis};

/// Everything of a block, to compare.
fn all(block: &SealedBlock) -> String {
    format!("{block:?}")
}

async fn archived(archive: &Archive) -> Vec<SealedBlock> {
    let mut source = Source::open(Some(archive), None, 0).await.unwrap();
    let mut blocks = Vec::new();
    while let Some(block) = source.next().await.unwrap() {
        blocks.push(block);
    }
    blocks
}

async fn published(archive: &Archive) -> Option<(u64, Hash)> {
    let note = archive.checkpoint().await.unwrap()?;
    let (checkpoint, _) = Checkpoint::open(&note, &genesis()).unwrap();
    Some((checkpoint.size, checkpoint.root))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_is_kept_and_a_restart_goes_on() {
    let world = World::start().await;
    let archive = world.archive();
    let archiver = world.archiver();
    world.admit("acme").await;
    let mut size = 0;
    for round in 0..3 {
        size = world.post("acme", 20, round).await;
        let (published, root) =
            world.until(async || published(&archive).await.filter(|(covered, _)| *covered >= size)).await;
        let blocks = archived(&archive).await;
        assert!(blocks.len() as u64 >= published);
        let leaves = blocks[..published as usize].iter().map(|block| merkle::leaf_hash(block.text.as_bytes()));
        let leaves: Vec<Hash> = leaves.collect();
        assert_eq!(merkle::root(leaves.iter().copied()), root);
        let tile = format!("tile/0/000.p/{published}").parse().unwrap();
        let bytes = archive.tile(tile, published).await.unwrap().unwrap();
        assert_eq!(bytes, leaves.iter().flat_map(|leaf| leaf.0).collect::<Vec<u8>>());
    }
    archiver.stop().await.unwrap();

    // What comes meanwhile is archived by the next start; all of it as it stands in Kafka, byte for byte.
    let later = world.post("acme", 20, 3).await;
    assert!(later > size);
    let archiver = world.archiver();
    world.until(async || published(&archive).await.filter(|(covered, _)| *covered >= later)).await;
    archiver.stop().await.unwrap();
    let kept = archived(&archive).await;
    let mut log = SealedLog::open(&world.cluster, 0, None).await.unwrap();
    for block in &kept {
        assert_eq!(all(&log.next().await.unwrap()), all(block));
    }

    // From both: the first ones from the archive, the others from Kafka.
    let newest = world.post("acme", 20, 4).await;
    let mut source = Source::open(Some(&archive), Some(&world.cluster), 1).await.unwrap();
    for height in 1..newest {
        assert_eq!(source.next().await.unwrap().unwrap().header.height, height);
    }

    // Tiles and checkpoint are made again from the blocks alone, the same ones.
    let before = world.files("tile");
    fs::remove_dir_all(world.folder("tile")).unwrap();
    fs::remove_file(world.folder("checkpoint")).unwrap();
    let archiver = world.archiver();
    world.until(async || published(&archive).await.filter(|(covered, _)| *covered >= newest)).await;
    archiver.stop().await.unwrap();
    let after = world.files("tile");
    assert!(!after.is_empty() && after.iter().all(|(name, bytes)| before.get(name).is_none_or(|old| old == bytes)));

    // The archive audits by itself; a changed tile, checkpoint or block is named.
    let clean = world.audit().await;
    assert_eq!(
        (clean.findings.as_slice(), clean.published, clean.end.map(|(size, _)| size)),
        (&[][..], newest, Some(newest))
    );
    assert_eq!(clean.items, 1 + 5 * 20);
    for (name, named) in [
        (format!("tile/0/000.p/{newest}"), format!("tile/0/000.p/{newest} holds other bytes")),
        (format!("tile/entries/000.p/{newest}"), format!("tile/entries/000.p/{newest}")),
        ("checkpoint".to_owned(), "the archive's checkpoint is none".to_owned()),
        ("block/0000000000".to_owned(), "block/0000000000".to_owned()),
    ] {
        let whole = fs::read(world.folder(&name)).unwrap();
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(world.folder(&name), flipped).unwrap();
        let findings = world.audit().await.findings;
        assert!(findings.iter().any(|finding| finding.what.contains(&named)), "{name}: {findings:?}");
        fs::write(world.folder(&name), whole).unwrap();
    }

    // A block that somebody has changed is named, and nothing is done.
    let file = world.folder("block/0000000000");
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&file, flipped).unwrap();
    let Stop::Archive(error) = world.archiver().ended().await else { panic!("it goes on") };
    assert!(error.contradicts() && error.to_string().contains("block/0000000000"), "{error}");
    // An archive that lacks blocks which its checkpoint covers does not go on either.
    fs::write(&file, b"medtrace/blocks/v1\n").unwrap();
    let stop = world.archiver().ended().await;
    assert!(matches!(&stop, Stop::Own(reason) if reason.contains("the block files hold 0")), "{stop}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_chain_is_not_published() {
    let mut world = World::start().await;
    let archive = world.archive();
    let archiver = world.archiver();
    world.admit("acme").await;
    let size = world.post("acme", 5, 0).await;
    world.until(async || published(&archive).await.filter(|(covered, _)| *covered >= size)).await;
    world.stop_chainer().await;
    archiver.stop().await.unwrap();
    let before = (archived(&archive).await.len(), published(&archive).await);

    // The chainer's key signs another root of as many headers. It is newer than what is published only in its claim.
    let archived_size = before.0 as u64;
    let text = |size, root| Checkpoint { origin: genesis().origin, size, root }.sign(&chainer()).unwrap().to_string();
    let last = archived(&archive).await.pop().unwrap();
    let other =
        Header { height: archived_size, log_root: Hash::of("another"), cuts: vec![], bad: vec![], ..last.header };
    world.write(BLOCKS, &other.text()).await;
    let stop = world.archiver().ended().await;
    assert!(
        matches!(&stop, Stop::Block { height, what } if *height == archived_size && what.contains("root")),
        "{stop}"
    );
    assert_eq!((archived(&archive).await.len(), published(&archive).await), before);

    // An archive without its checkpoint holds what the log's checkpoints say against its blocks.
    fs::remove_file(world.folder("checkpoint")).unwrap();
    world.write(CHECKPOINTS, &text(archived_size, Hash::of("another"))).await;
    let stop = world.archiver().ended().await;
    assert!(matches!(stop, Stop::Block { .. } | Stop::Fork { .. }), "{stop}");
    assert_ne!(published(&archive).await.map(|(_, root)| root), Some(Hash::of("another")));
}
