//! An audit of the header log by a tool that is not ours: Tessera's `fsck`, over an archive's folder. It reads the
//! checkpoint, every tile and every bundle, and computes all hashes again.
//!
//! Needs Go, and the network the first time; without it the test is skipped and says so.
#![allow(clippy::unwrap_used)]

#[path = "../../../tests/src/go.rs"]
mod go;
mod world;

use std::fs;
use std::path::Path;
use std::process::Command;

use medtrace_archive::Archive;
use medtrace_ledger::hash::base64;
use medtrace_ledger::tile::{Edge, Tiles};
use medtrace_ledger::{Checkpoint, Hash, KeyName, Signer, SigningKey};

const FSCK: &str = "github.com/transparency-dev/tessera/cmd/fsck";
const VERSION: &str = "v1.0.4";
const ORIGIN: &str = "log.example/test";
/// More than one full tile on level 0, and a partial one on each level.
const HEADERS: u64 = 600;

/// Workers of the tool, more than the log has tiles: with fewer it waits for ever once a tile differs.
const WORKERS: &str = "16";

/// Whether it finds the log whole, and what it said. (It ends with 0 in any case.)
fn audit(tool: &Path, folder: &Path) -> (bool, String) {
    let url = format!("file://{}/", folder.join("archive").display());
    let mut command = Command::new(tool);
    command
        .args(["-ui=false", "-N", WORKERS])
        .arg("-public_key")
        .arg(folder.join("log.vkey"))
        .arg("-storage_url")
        .arg(url);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // What differs is shown whole.
    let said: String = said.lines().map(|line| line.chars().take(300).chain(['\n']).collect::<String>()).collect();
    (said.contains("Successfully fsck'd log"), said)
}

#[tokio::test]
async fn tesseras_fsck_finds_the_log_whole_and_one_flipped_bit() {
    let Some(tool) = go::tool(env!("CARGO_TARGET_TMPDIR"), FSCK, VERSION) else { return };
    let folder = std::env::temp_dir().join(format!("medtrace-fsck-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("archive")).unwrap();
    let signer = Signer::new(ORIGIN.parse::<KeyName>().unwrap(), SigningKey::from_seed(&Hash::of(ORIGIN).0));
    let key = signer.verifier();
    let id = u32::from_be_bytes(key.key_id());
    let vkey = format!("{ORIGIN}+{id:08x}+{}\n", base64(&[&[1u8][..], key.public.as_bytes()].concat()));
    fs::write(folder.join("log.vkey"), vkey).unwrap();

    let archive = Archive::open(folder.join("archive").to_str().unwrap()).unwrap();
    let mut writer = archive.write().await.unwrap();
    let (mut edge, mut full) = (Edge::default(), Tiles::new());
    for height in 0..HEADERS {
        edge.push(world::block(height, &[]).text.as_bytes(), &mut full).unwrap();
    }
    writer.tiles(full).await.unwrap();
    writer.tiles(edge.partial()).await.unwrap();
    let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: HEADERS, root: edge.root() };
    writer.publish(&checkpoint.sign(&signer).unwrap().to_string()).await.unwrap();
    let (whole, said) = audit(&tool, &folder);
    assert!(whole, "{said}");

    for name in ["tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/000", "tile/entries/002.p/88"] {
        let path = folder.join("archive").join(name);
        let bytes = fs::read(&path).unwrap();
        let mut flipped = bytes.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        fs::write(&path, flipped).unwrap();
        let (whole, said) = audit(&tool, &folder);
        assert!(!whole && said.contains("fsck failed"), "{name}: {said}");
        fs::write(&path, bytes).unwrap();
    }
    assert!(audit(&tool, &folder).0, "mended");
    fs::remove_dir_all(folder).unwrap();
}
