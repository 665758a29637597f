//! The process: killed while it cosigns, one in a folder, and told wrong things.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::chain::until;
use common::*;
use medtrace_ledger::ForeignCheckpoint;
use medtrace_service::keys;

/// How often it is killed.
const KILLS: u64 = 20;

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_witness"));
    command
        .env_clear()
        .env("MEDTRACE_GENESIS", folder.join("genesis.note"))
        .env("MEDTRACE_KEYS", folder.join("keys"))
        .env("MEDTRACE_NAME", WITNESS)
        .env("MEDTRACE_DATA", folder.join("data"))
        .env("MEDTRACE_LISTEN", "127.0.0.1:0")
        .env("MEDTRACE_ADMIN", "127.0.0.1:0")
        .stdout(Stdio::null())
        .stderr(File::create(folder.join("log")).unwrap());
    command
}

fn site() -> Scratch {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path().join("keys")).unwrap();
    fs::write(scratch.path().join("genesis.note"), genesis_note()).unwrap();
    keys::write(&scratch.path().join("keys/witness.key"), &signer(WITNESS), &keys::Protection::default()).unwrap();
    scratch
}

/// A process that is killed when it is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts it; its public address.
async fn start(folder: &Path) -> (Killed, String) {
    let child = Killed(command(folder).spawn().unwrap());
    let url = until("its address", || async {
        let log = fs::read_to_string(folder.join("log")).unwrap();
        let line = log.lines().find(|line| line.contains("\"public\"") && line.contains("\"listening\""))?;
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(format!("http://{}", line["listening"].as_str()?))
    })
    .await;
    (child, url)
}

async fn size(url: &str) -> u64 {
    let latest = reqwest::get(format!("{url}/checkpoint?origin={ORIGIN}")).await.unwrap();
    match latest.status().as_u16() {
        404 => 0,
        _ => ForeignCheckpoint::parse(&latest.text().await.unwrap()).unwrap().size(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_never_goes_back() {
    let scratch = site();
    let log = Log::new(ORIGIN, 4_096, 0, "");
    let mut answered = 0;
    for kill in 0..KILLS {
        let (child, url) = start(scratch.path()).await;
        let mut at = size(&url).await;
        assert!(at >= answered, "{answered} was answered, {at} is kept");
        // It dies while it is being asked: each time after another number of answers.
        let asking = async {
            loop {
                let body = log.ask(at, at + 1).to_string();
                let answer = reqwest::Client::new().post(format!("{url}/add-checkpoint")).body(body).send().await;
                match answer {
                    Ok(answer) if answer.status() == 200 => (at, answered) = (at + 1, at + 1),
                    Ok(answer) => panic!("{answer:?}"),
                    Err(_) => return,
                }
                if answered % (kill + 2) == 0 {
                    return;
                }
            }
        };
        asking.await;
        let last = log.ask(at, at + 1).to_string();
        let under_way = tokio::spawn(reqwest::Client::new().post(format!("{url}/add-checkpoint")).body(last).send());
        drop(child);
        if let Ok(Ok(answer)) = under_way.await {
            assert_eq!(answer.status(), 200);
            answered = at + 1;
        }
    }
    assert!(answered >= KILLS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_process_and_a_wrong_value_is_one_line() {
    let scratch = site();
    let (_first, url) = start(scratch.path()).await;
    assert_eq!(size(&url).await, 0);
    let second = command(scratch.path()).stderr(Stdio::piped()).output().unwrap();
    let says = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(second.status.code() == Some(1) && says.contains("failed to lock"), "{says}");

    let logs = scratch.path().join("logs.policy");
    fs::write(&logs, "log nobody\n").unwrap();
    for (variable, value, wrong) in [
        ("MEDTRACE_NAME", "somebody", "witness: bad configuration: MEDTRACE_KEYS: no private key of the name somebody"),
        ("MEDTRACE_LOGS", logs.to_str().unwrap(), "witness: bad configuration: MEDTRACE_LOGS: "),
        ("MEDTRACE_GENESIS", "/nowhere", "witness: bad configuration: MEDTRACE_GENESIS: "),
        ("MEDTRACE_LISTEN", "nowhere", "witness: bad configuration: MEDTRACE_LISTEN: "),
    ] {
        let output = command(scratch.path()).env(variable, value).stderr(Stdio::piped()).output().unwrap();
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), says.lines().count()), (Some(78), 1), "{says}");
        assert!(says.starts_with(wrong), "{says}");
    }
}
