//! An audit of the header log as it is served, by a tool that is not ours: Tessera's `fsck` reads checkpoint, tiles and
//! bundles over HTTP, and computes all hashes again. Skipped with a word where Go is not installed.

use std::fs;
use std::path::Path;

use medtrace_archive::Archive;
use medtrace_ledger::Checkpoint;
use medtrace_ledger::tile::{Edge, Tiles};
use medtrace_ledger::vkey::KeyUse;
use tokio::process::Command;

use crate::go;
use crate::support::chain::{ORIGIN, signer};
use crate::support::service::Service;

const FSCK: &str = "github.com/transparency-dev/tessera/cmd/fsck";
const VERSION: &str = "v1.0.4";
/// Workers of the tool, more than the log has tiles: with fewer it waits for ever once a tile differs.
const WORKERS: &str = "16";
/// More than one full tile on level 0, and a partial one on each level.
const HEADERS: u64 = 600;

/// Whether it finds the log whole, and what it said. (It ends with 0 in any case.)
async fn audit(tool: &Path, key: &Path, url: &str) -> (bool, String) {
    let mut command = Command::new(tool);
    command.args(["-ui=false", "-N", WORKERS, "-public_key"]).arg(key).args(["-storage_url", &format!("{url}/log/")]);
    let said = String::from_utf8_lossy(&command.output().await.unwrap().stderr).into_owned();
    (said.contains("Successfully fsck'd log"), said.chars().take(4_000).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tesseras_fsck_finds_the_served_log_whole_and_a_flipped_bit() {
    let Some(tool) = go::tool(env!("CARGO_TARGET_TMPDIR"), FSCK, VERSION) else { return };
    let folder = std::env::temp_dir().join(format!("medtrace-query-fsck-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("archive")).unwrap();
    let key = folder.join("log.vkey");
    fs::write(&key, format!("{}\n", signer(ORIGIN).verifier().vkey(KeyUse::Ed25519))).unwrap();
    let archive = Archive::open(folder.join("archive").to_str().unwrap()).unwrap();
    let (mut writer, mut edge, mut full) = (archive.write().await.unwrap(), Edge::default(), Tiles::new());
    for height in 0..HEADERS {
        edge.push(format!("header {height}").as_bytes(), &mut full).unwrap();
    }
    writer.tiles(full).await.unwrap();
    writer.tiles(edge.partial()).await.unwrap();
    let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: HEADERS, root: edge.root() };
    writer.publish(&checkpoint.sign(&signer(ORIGIN)).unwrap().to_string()).await.unwrap();

    let served = Service::start().await.restart(|config| config.archive = Some(archive)).await;
    let (whole, said) = audit(&tool, &key, &served.url).await;
    assert!(whole, "{said}");
    for name in ["tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/88"] {
        let path = folder.join("archive").join(name);
        let bytes = fs::read(&path).unwrap();
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        fs::write(&path, flipped).unwrap();
        let (whole, said) = audit(&tool, &key, &served.url).await;
        assert!(!whole && said.contains("fsck failed"), "{name}: {said}");
        fs::write(&path, bytes).unwrap();
    }
    fs::remove_dir_all(folder).unwrap();
}
