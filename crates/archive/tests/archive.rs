//! What is archived is read again as it was; what is torn, foreign or changed is named; what fails can be done again.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use medtrace_archive::format::{FILE_BLOCKS_MAX, FILE_BYTES, MAGIC, decode, encode};
use medtrace_archive::{Archive, ArchiveError, Source};
use medtrace_ledger::tile::{Edge, Tiles};
use medtrace_log::sealed::SealedBlock;
use object_store::memory::InMemory;
use proptest::prelude::*;
use world::{Faulty, all, block, read};

/// A folder that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("medtrace-archive-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn archive(&self) -> Archive {
        Archive::open(self.0.to_str().unwrap()).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let names = fs::read_dir(self.0.join(folder)).into_iter().flatten();
        let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Opens the writer, reads what is there, and appends the blocks that are not.
async fn write(archive: &Archive, blocks: &[SealedBlock]) -> Result<(), ArchiveError> {
    let mut writer = archive.write().await?;
    let mut read = 0;
    while let Some(found) = writer.next_written().await? {
        assert!(blocks.get(read).is_none_or(|expected| all(expected) == all(&found)));
        read += 1;
    }
    assert_eq!(writer.height(), read as u64);
    for block in blocks.iter().skip(read) {
        writer.append(block).await?;
    }
    writer.flush().await
}

#[tokio::test]
async fn blocks_are_read_as_they_were_written_from_any_height() {
    let folder = Folder::new("read");
    let archive = folder.archive();
    assert!(read(&archive, 0).await.unwrap().is_empty() && read(&archive, 9).await.unwrap().is_empty());
    // One that ends its file by its size, and more than a file takes; written in three turns.
    let large: Vec<u8> = (0..FILE_BYTES as u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let value = |height: u64| if height == 3 { large[..FILE_BYTES].to_vec() } else { vec![height as u8; 3] };
    let last = 4 + FILE_BLOCKS_MAX as u64 + 5;
    let blocks: Vec<_> = (0..last).map(|h| block(h, &vec![value(h); h as usize % 3])).collect();
    let blocks: Vec<_> =
        blocks.into_iter().map(|b| if b.header.height == 3 { block(3, &[value(3)]) } else { b }).collect();
    for to in [2, 7, blocks.len()] {
        write(&archive, &blocks[..to]).await.unwrap();
    }
    assert_eq!(folder.names("block"), ["0000000000", "0000000004", "0000000260"]);
    for from in [0, 1, 3, 4, 5, 259, 260, 264, last, last + 7] {
        let found = read(&archive, from).await.unwrap();
        let expected = blocks.get(from as usize..).unwrap_or_default();
        assert!(found.iter().map(all).eq(expected.iter().map(all)), "from {from}");
    }
    // A source without a log ends with the archive.
    let mut source = Source::open(Some(&archive), None, last - 1).await.unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().header.height, last - 1);
    assert!(source.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_reader_at_the_end_finds_what_is_added() {
    let folder = Folder::new("follow");
    let archive = folder.archive();
    let blocks: Vec<_> = (0..FILE_BLOCKS_MAX as u64 + 2).map(|height| block(height, &[])).collect();
    let mut reader = archive.blocks(0).await.unwrap();
    let mut next = 0;
    for to in [0, 1, 2, FILE_BLOCKS_MAX, FILE_BLOCKS_MAX + 2] {
        write(&archive, &blocks[..to]).await.unwrap();
        while let Some(found) = reader.next().await.unwrap() {
            assert_eq!(found.header.height, next);
            next += 1;
        }
        assert_eq!(next, to as u64);
    }
}

#[tokio::test]
async fn one_writer_at_a_time_and_each_block_once() {
    let folder = Folder::new("writers");
    let archive = folder.archive();
    write(&archive, &[block(0, &[])]).await.unwrap();
    let mut writer = archive.write().await.unwrap();
    assert!(matches!(archive.write().await, Err(ArchiveError::Locked)));
    // Not before what is there has been read; then not one that does not follow.
    assert!(writer.append(&block(0, &[])).await.is_err());
    assert!(writer.next_written().await.unwrap().is_some() && writer.next_written().await.unwrap().is_none());
    assert!(writer.append(&block(0, &[])).await.is_err() && writer.append(&block(2, &[])).await.is_err());
    let mut lacking = block(1, &[vec![1], vec![2]]);
    lacking.records.pop();
    assert!(writer.append(&lacking).await.is_err());
    writer.append(&block(1, &[])).await.unwrap();
    writer.flush().await.unwrap();
    drop(writer);
    assert_eq!(read(&archive, 0).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_torn_or_foreign_file_is_named() {
    let folder = Folder::new("torn");
    let archive = folder.archive();
    let blocks: Vec<_> = (0..FILE_BLOCKS_MAX as u64 + 2).map(|height| block(height, &[vec![9; 50]])).collect();
    write(&archive, &blocks).await.unwrap();
    let path = folder.0.join("block/0000000256");
    let whole = fs::read(&path).unwrap();
    let step = (whole.len() / 97).max(1);
    let mut named = 0;
    for at in (0..whole.len()).step_by(step) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        for bytes in [flipped, whole[..at].to_vec()] {
            fs::write(&path, &bytes).unwrap();
            match read(&archive, 0).await {
                Err(error) => {
                    assert!(error.contradicts() && error.to_string().contains("block/0000000256"), "{error}");
                    named += 1;
                }
                // Cut off between two blocks it is a shorter archive, which its checkpoint shows.
                Ok(found) => assert!(bytes.len() == at && found.len() < blocks.len(), "at {at}"),
            }
        }
    }
    assert!(named > 180, "{named}");
    // Another file's blocks, and a name that is none.
    fs::copy(folder.0.join("block/0000000000"), &path).unwrap();
    let error = read(&archive, 0).await.unwrap_err().to_string();
    assert!(error.contains("block/0000000256 of the archive: block 0 stands where 256 should"), "{error}");
    fs::write(&path, &whole).unwrap();
    fs::write(folder.0.join("block/12"), b"").unwrap();
    let error = archive.blocks(300).await.err().unwrap().to_string();
    assert!(error.contains("block/12 of the archive: it does not belong here"), "{error}");
}

fn tiles(size: u64) -> (Edge, Tiles) {
    let (mut edge, mut full) = (Edge::default(), Tiles::new());
    (0..size).for_each(|number| edge.push(&number.to_be_bytes(), &mut full).unwrap());
    (edge, full)
}

#[tokio::test]
async fn tiles_stay_as_they_are_and_partial_ones_are_cut_from_wider_ones() {
    let folder = Folder::new("tiles");
    let archive = folder.archive();
    let mut writer = archive.write().await.unwrap();
    assert_eq!(archive.checkpoint().await.unwrap(), None);
    for size in [5, 200] {
        writer.tiles(tiles(size).0.partial()).await.unwrap();
        // The same again is no failure.
        writer.tiles(tiles(size).0.partial()).await.unwrap();
        writer.publish(&format!("{size}")).await.unwrap();
    }
    assert_eq!(archive.checkpoint().await.unwrap().as_deref(), Some("200"));
    assert_eq!(folder.names("tile/0/000.p"), ["200", "5"]);
    let get = async |path: &str, size| archive.tile(path.parse().unwrap(), size).await.unwrap();
    let (_, full) = tiles(300);
    for size in [200, 300] {
        if size == 300 {
            writer.tiles(full.clone()).await.unwrap();
            assert!(folder.names("tile/0/000.p").is_empty() && folder.names("tile/entries/000.p").is_empty());
        }
        for width in [1, 4, 5, 199, 200] {
            for (name, whole) in tiles(width).0.partial() {
                assert_eq!(get(&name.to_string(), size).await.as_deref(), Some(&whole[..]), "{name} of {size}");
            }
        }
    }
    // Not beyond the size that is asked with, whatever is there.
    assert_eq!(get("tile/0/000.p/201", 200).await, None);
    assert_eq!(get("tile/0/000", 200).await, None);
    assert_eq!(get("tile/0/000", 256).await.unwrap().len(), 256 * 32);
    assert_eq!(get("tile/0/001.p/1", 300).await, None, "it was never written");
    // Other bytes under a name that is taken are refused, and what is there stays.
    let (name, _) = full[0].clone();
    let error = writer.tiles(vec![(name, b"other".to_vec())]).await.unwrap_err();
    assert_eq!(error.to_string(), "write tile/entries/000 of the archive: other bytes stand there");
    assert_eq!(get("tile/entries/000", 256).await.as_deref(), Some(&full[0].1[..]));
    fs::write(folder.0.join("tile/0/000"), [0; 31]).unwrap();
    assert!(archive.tile("tile/0/000".parse().unwrap(), 256).await.unwrap_err().contradicts());
}

/// The n-th write fails, whether it was done or not; then the writer is opened again. Nothing is lost and nothing differs.
#[tokio::test]
async fn every_write_may_fail_both_ways() {
    let blocks: Vec<_> = (0..3).map(|height| block(height, &[vec![height as u8; 9]])).collect();
    let run = async |archive: &Archive| -> Result<(), ArchiveError> {
        write(archive, &blocks[..1]).await?;
        write(archive, &blocks).await?;
        let mut writer = archive.write().await?;
        let (edge, full) = tiles(300);
        writer.tiles(full).await?;
        writer.tiles(edge.partial()).await?;
        writer.publish("300").await
    };
    let clean = Arc::new(InMemory::new());
    run(&Archive::over(clean.clone())).await.unwrap();
    let mut failed = 0;
    for fails_at in 0.. {
        for done in [false, true] {
            let inner = Arc::new(InMemory::new());
            let faulty = Faulty { inner: inner.clone(), fails_at, done, writes: 0.into() };
            failed += usize::from(run(&Archive::over(Arc::new(faulty))).await.is_err());
            // Never a checkpoint without what it covers.
            let archive = Archive::over(inner.clone());
            if archive.checkpoint().await.unwrap().is_some() {
                assert!(archive.tile("tile/0/001.p/44".parse().unwrap(), 300).await.unwrap().is_some());
            }
            run(&archive).await.unwrap();
            assert_eq!(dump(&inner).await, dump(&clean).await);
        }
        if failed < 2 * (fails_at + 1) {
            break;
        }
    }
    // Two block files, two full and three partial tiles, the checkpoint.
    assert_eq!(failed, 2 * 8);
}

async fn dump(store: &Arc<InMemory>) -> Vec<(String, Vec<u8>)> {
    use futures::TryStreamExt as _;
    use object_store::{ObjectStore as _, ObjectStoreExt as _};
    let names: Vec<_> = store.list(None).try_collect().await.unwrap();
    let mut all = Vec::new();
    for meta in names {
        let bytes = store.get(&meta.location).await.unwrap().bytes().await.unwrap();
        all.push((meta.location.to_string(), bytes.to_vec()));
    }
    all.sort();
    all
}

#[test]
fn a_place_that_is_none_is_refused() {
    let error = Archive::open("/nowhere/at/all").unwrap_err().to_string();
    assert!(error.starts_with("use the archive /nowhere/at/all: "), "{error}");
    assert!(Archive::open(Path::new("Cargo.toml").to_str().unwrap()).is_err());
}

/// The format by hand, from its drawing.
#[test]
fn a_block_is_drawn_as_the_format_says() {
    let sealed = block(4, &[b"first".to_vec(), Vec::new()]);
    let mut content = Vec::new();
    content.extend((sealed.text.len() as u32).to_be_bytes());
    content.extend(sealed.text.as_bytes());
    content.extend(4_000_000u64.to_be_bytes());
    content.extend((-1i64).to_be_bytes());
    content.extend(b"\0\0\0\x05first");
    content.extend(4_000_002u64.to_be_bytes());
    content.extend(0i64.to_be_bytes());
    content.extend(b"\0\0\0\0");
    let frame = zstd::bulk::compress(&content, 19).unwrap();
    let bytes = [&(frame.len() as u32).to_be_bytes()[..], &frame, b"more"].concat();
    let (found, taken) = decode(&bytes).unwrap().unwrap();
    assert_eq!((all(&found), taken), (all(&sealed), bytes.len() - 4));
    let ours = encode(&sealed).unwrap();
    assert_eq!(zstd::bulk::decompress(&ours[4..], 1 << 20).unwrap(), content);
    assert_eq!(MAGIC, b"medtrace/blocks/v1\n");
    assert!(decode(b"").unwrap().is_none());
    // Content that goes on, lacks something, or has an offset outside of its cut.
    let packed = |content: &[u8]| {
        let frame = zstd::bulk::compress(content, 1).unwrap();
        [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
    };
    let at = content.len() - 20;
    let other = |offset: u64| [&content[..at], &offset.to_be_bytes(), &content[at + 8..]].concat();
    for wrong in
        [[&content[..], b"x"].concat(), content[..content.len() - 1].to_vec(), other(4_000_000), other(4_999_999)]
    {
        assert!(decode(&packed(&wrong)).is_err());
    }
    assert!(decode(&packed(&other(4_999_998))).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_block_is_read_as_it_was_written(
        height in 0u64..4_000_000,
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        rest in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let sealed = block(height, &values);
        let mut bytes = encode(&sealed).unwrap();
        let length = bytes.len();
        bytes.extend(rest);
        let (found, taken) = decode(&bytes).unwrap().unwrap();
        prop_assert_eq!((all(&found), taken), (all(&sealed), length));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
        prop_assert!(!matches!(decode(&bytes), Ok(None)));
    }
}
