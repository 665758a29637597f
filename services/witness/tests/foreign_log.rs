//! A log and a client that others wrote: Tessera's POSIX log publishes a checkpoint only with our witness's cosignature, which
//! its own code asks for and verifies. Skipped with a word where Go is not installed or the module cannot be fetched.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "../../../tests/src/go.rs"]
mod go;

use std::path::Path;
use std::process::{Command, Output};

use common::*;
use medtrace_ledger::ForeignCheckpoint;
use medtrace_service::keys;

const VERSION: &str = "v1.0.4";
/// Adds files to a log.
const COMMAND: &str = "github.com/transparency-dev/tessera/cmd/examples/posix-oneshot";

async fn add(program: &Path, folder: &Path, entries: &str) -> Output {
    let mut command = Command::new(program);
    command
        .arg(format!("--storage_dir={}", folder.join("log").display()))
        .arg(format!("--entries={}", folder.join(entries).display()))
        .arg(format!("--private_key={}", folder.join("key").display()))
        .arg(format!("--witness_policy_file={}", folder.join("policy").display()))
        .arg("--witness_timeout=20s")
        .arg("--logtostderr");
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tessera_log_is_cosigned_as_it_grows() {
    let Some(program) = go::tool(env!("CARGO_TARGET_TMPDIR"), COMMAND, VERSION) else { return };
    let scratch = Scratch::new();
    let folder = scratch.path().join("tessera");
    std::fs::create_dir(&folder).unwrap();
    let mut witness = Served::start(&scratch.path().join("witness"), None).await;
    keys::write(&folder.join("key"), &signer(OTHER), &keys::Protection::default()).unwrap();
    let mut before = 0;
    for round in 1..=3 {
        for file in 0..round * 3 {
            std::fs::write(folder.join(format!("{round}-{file}.entry")), format!("{round} {file}")).unwrap();
        }
        let vkey = witness.get("/vkey").await.body;
        let policy = format!("witness ours {} {}\nquorum ours\n", vkey.trim_end(), witness.url);
        std::fs::write(folder.join("policy"), policy).unwrap();
        let added = add(&program, &folder, &format!("{round}-*.entry")).await;
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));

        let published = std::fs::read_to_string(folder.join("log/checkpoint")).unwrap();
        let published = ForeignCheckpoint::parse(&published).unwrap();
        assert_eq!((published.origin(), published.signatures().len()), (OTHER, 2));
        assert!(published.size() >= before + round * 3, "{} leaves after {before}", published.size());
        before = published.size();
        let latest = witness.get(&format!("/checkpoint?origin={OTHER}")).await.body;
        assert_eq!(ForeignCheckpoint::parse(&latest).unwrap().text(), published.text());
        // A client that starts anew asks from size 0 and is told the latest; so does ours after a restart.
        witness.stop().await;
        witness = Served::start(&scratch.path().join("witness"), None).await;
    }
    witness.stop().await;
}
