//! The archive over HTTP: what is served is read as it stands in the folder, and cannot be written.

use std::fs;

use medtrace_archive::{Archive, ArchiveError};
use medtrace_ledger::block::Cut;
use medtrace_ledger::tile::{Edge, Tiles};
use medtrace_ledger::{Checkpoint, Hash, Header, TopicUuid};
use medtrace_log::sealed::SealedBlock;

use crate::support::chain::{ORIGIN, START_MS, signer};
use crate::support::service::Service;

/// More than two files.
const BLOCKS: u64 = 600;

/// A block without records.
fn block(height: u64) -> SealedBlock {
    let cut = Cut {
        topic: "scan-events".parse().unwrap(),
        uuid: TopicUuid([7; 16]),
        partition: 0,
        from: height,
        to: height + 1,
        records: 0,
        root: Hash::of("root"),
    };
    let header = Header {
        origin: ORIGIN.parse().unwrap(),
        height,
        log_root: Hash::of(height.to_string()),
        time_ms: START_MS + height,
        keys: (1, Hash::of("keys")),
        cuts: vec![cut],
        bad: Vec::new(),
    };
    SealedBlock { text: header.text(), header, records: Vec::new(), erased: Default::default() }
}

async fn heights(archive: &Archive, from: u64) -> Vec<u64> {
    let mut blocks = archive.blocks(from).await.unwrap();
    let mut heights = Vec::new();
    while let Some(block) = blocks.next().await.unwrap() {
        heights.push(block.header.height);
    }
    heights
}

#[tokio::test]
async fn whoever_is_served_an_archive_reads_all_of_it() {
    let folder = std::env::temp_dir().join(format!("medtrace-query-archived-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let archive = Archive::open(folder.to_str().unwrap()).unwrap();
    let served = Service::start().await;
    // Without an archive there is nothing, and that is no failure.
    let away = Archive::open(&format!("{}/log/", served.url)).unwrap();
    assert!(heights(&away, 0).await.is_empty() && heights(&away, 7).await.is_empty());

    let served = served.restart(|config| config.archive = Some(archive.clone())).await;
    let away = Archive::open(&format!("{}/log", served.url)).unwrap();
    let mut writer = archive.write().await.unwrap();
    let (mut edge, mut full) = (Edge::default(), Tiles::new());
    assert!(writer.next_written().await.unwrap().is_none());
    let mut follows = away.blocks(0).await.unwrap();
    for height in 0..BLOCKS {
        writer.append(&block(height)).await.unwrap();
        edge.push(block(height).text.as_bytes(), &mut full).unwrap();
        if height % 100 == 50 {
            writer.flush().await.unwrap();
            while follows.next().await.unwrap().is_some() {}
            assert_eq!(follows.height(), height + 1, "a reader at the end finds what is added");
        }
    }
    writer.flush().await.unwrap();
    writer.tiles(full).await.unwrap();
    let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: BLOCKS, root: edge.root() };
    writer.publish(&checkpoint.sign(&signer(ORIGIN)).unwrap().to_string()).await.unwrap();

    assert_eq!(away.checkpoint().await.unwrap(), archive.checkpoint().await.unwrap());
    assert_eq!(away.block_files().await.unwrap(), ["0000000000", "0000000256", "0000000512"]);
    for from in [0, 255, 256, 599, 600] {
        assert_eq!(heights(&away, from).await, (from..BLOCKS).collect::<Vec<_>>());
    }
    let tile = "tile/0/001".parse().unwrap();
    assert_eq!(away.tile(tile, BLOCKS).await.unwrap(), archive.tile(tile, BLOCKS).await.unwrap());
    assert!(matches!(away.write().await, Err(ArchiveError::ReadOnly { .. })));
    // What is erased is served too, or a reader would take a lack of bytes for damage.
    assert_eq!(away.erased().await.unwrap(), None);
    let erased = "medtrace/erased/v1\n1-0 1-0 2-0\n";
    fs::write(folder.join("erased"), erased).unwrap();
    assert_eq!(away.erased().await.unwrap().unwrap(), erased);
    // Names that are none, and files that are not there.
    for path in ["0", "0000000001", "00000000000", "9999999999", "..%2flock", "lock"] {
        served.json(404, &format!("/log/block/{path}")).await;
    }
    // A server that is away is one that passes, and says what was asked.
    let nobody = Archive::open("http://127.0.0.1:1/log").unwrap();
    let error = nobody.checkpoint().await.unwrap_err();
    assert!(!error.contradicts() && error.to_string() == "read checkpoint of the archive", "{error}");
    fs::remove_dir_all(folder).unwrap();
}
