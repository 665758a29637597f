//! Every answer of C2SP's tlog-witness, over HTTP, and what goes with it.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::*;
use medtrace_ledger::checkpoint::verify_cosignature;
use medtrace_ledger::evidence::{Evidence, Forked, Shown};
use medtrace_ledger::{AddCheckpoint, ForeignCheckpoint, Hash, merkle};

const SIZE: &str = "text/x.tlog.size";
const PROBLEM: &str = "application/problem+json";

/// The line is the witness's over this text.
fn cosigns(line: &str, text: &str) -> bool {
    let note = ForeignCheckpoint::parse(&format!("{text}\n{line}")).unwrap();
    let [line] = note.signatures() else { return false };
    verify_cosignature(&signer(WITNESS).verifier(), text, line).is_some()
}

#[tokio::test]
async fn what_follows_is_cosigned_and_kept_over_a_restart() {
    let scratch = Scratch::new();
    let witness = Served::start(scratch.path(), None).await;
    let (ours, other) = (Log::new(ORIGIN, 40, 0, "a"), Log::new(OTHER, 40, 0, "a"));
    let nothing = witness.get(&format!("/checkpoint?origin={ORIGIN}")).await;
    assert_eq!((nothing.status, nothing.kind.as_str()), (404, PROBLEM));
    for log in [&ours, &other] {
        let mut old = 0;
        for size in [0, 0, 1, 7, 7, 8, 40] {
            let answer = witness.post(log.ask(old, size)).await;
            assert_eq!(answer.status, 200, "{old} to {size}: {answer:?}");
            assert!(cosigns(&answer.body, &log.text(size)), "{answer:?}");
            old = size;
        }
    }
    witness.stop().await;

    let witness = Served::start(scratch.path(), None).await;
    for log in [&ours, &other] {
        let latest = witness.get(&format!("/checkpoint?origin={}", log.signer.name)).await;
        let note = ForeignCheckpoint::parse(&latest.body).unwrap();
        assert_eq!((note.text(), note.signatures().len()), (log.text(40).as_str(), 2));
        assert!(note.signed_by(&[log.signer.verifier()]).is_some());
        let stale = witness.post(log.ask(7, 40)).await;
        assert_eq!((stale.status, stale.kind.as_str(), stale.body.as_str()), (409, SIZE, "40\n"));
        assert_eq!(witness.post(log.ask(40, 40)).await.status, 200);
    }
    // Of the Go documentation of the form: <name>+<8 hex digits>+<base64 of 33 bytes that begin with 4>.
    let vkey = witness.get("/vkey").await.body;
    assert!(vkey.starts_with("regulator.example/witness+") && vkey.contains("+B"), "{vkey}");
    assert_eq!(witness.readyz().await.status, 200);
    let metrics = witness.metrics().await;
    for line in ["witness_cosigned_total 2", "witness_size 40", "witness_refused_total{status=\"409\"} 2"] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    witness.stop().await;
}

#[tokio::test]
async fn every_refusal_has_its_status() {
    let scratch = Scratch::new();
    let witness = Served::start(scratch.path(), None).await;
    let log = Log::new(ORIGIN, 40, 0, "a");
    assert_eq!(witness.post(log.ask(0, 7)).await.status, 200);

    let good = log.ask(7, 20);
    let mut table: Vec<(u16, &str, String)> = Vec::new();
    // 400: not in the form.
    for (from, to) in [("old 7\n", "old 07\n"), ("old 7\n", "old\n"), ("old 7\n", ""), ("old 7\n", "OLD 7\n")] {
        table.push((400, "first line", good.to_string().replacen(from, to, 1)));
    }
    let hash = good.proof[0].to_string();
    table.push((400, "no base64", good.to_string().replacen(&hash, &hash[1..], 1)));
    table.push((400, "no note", "old 7\n".to_owned()));
    table.push((400, "empty", String::new()));
    table.push((400, "no signature", AddCheckpoint { note: log.text(20), ..good.clone() }.to_string()));
    table.push((400, "64 lines", AddCheckpoint { proof: vec![Hash::default(); 64], ..good.clone() }.to_string()));
    table.push((400, "old beyond", AddCheckpoint { old_size: 21, ..good.clone() }.to_string()));
    // 403, 404: not the log's.
    let mallory = Log { signer: signer("mallory"), ..log.clone() };
    let forged = mallory.note(20).replace("mallory\n20", &format!("{ORIGIN}\n20"));
    table.push((403, "other key", AddCheckpoint { note: forged, ..good.clone() }.to_string()));
    let spoiled = log.note(20).replace(&log.root(20).to_string(), &log.root(19).to_string());
    table.push((403, "spoiled", AddCheckpoint { note: spoiled, ..good.clone() }.to_string()));
    table.push((404, "unknown log", mallory.ask(0, 20).to_string()));
    // 422: the path does not hold.
    table.push((422, "no path", AddCheckpoint { proof: vec![], ..good.clone() }.to_string()));
    table.push((422, "longer", AddCheckpoint { proof: vec![Hash::default(); 63], ..good.clone() }.to_string()));
    table.push((422, "other history", Log::new(ORIGIN, 40, 5, "b").ask(7, 20).to_string()));
    table.push((
        422,
        "a path between equals",
        AddCheckpoint { proof: vec![Hash::default()], ..log.ask(7, 7) }.to_string(),
    ));
    for (status, what, body) in table {
        let answer = witness.post(&body).await;
        assert_eq!((answer.status, answer.kind.as_str()), (status, PROBLEM), "{what}: {answer:?}");
    }
    // Too large, and no text.
    let long = AddCheckpoint { note: "x".repeat(200_000), ..good.clone() };
    assert_eq!(witness.post(long).await.status, 413);
    let url = format!("{}/add-checkpoint", witness.url);
    let binary = reqwest::Client::new().post(&url).body(vec![0xff; 9]).send().await.unwrap();
    assert_eq!(binary.status(), 400);
    assert_eq!(reqwest::get(&url).await.unwrap().status(), 405);

    // 409, with the size that the client is to go on from; without where that would not help.
    for old in [0, 6, 8] {
        let stale = witness.post(log.ask(old, 20)).await;
        assert_eq!((stale.status, stale.kind.as_str(), stale.body.as_str()), (409, SIZE, "7\n"), "{old}");
    }
    let fork = witness.post(Log::new(ORIGIN, 40, 5, "b").ask(7, 7)).await;
    assert_eq!((fork.status, fork.kind.as_str()), (409, PROBLEM), "{fork:?}");
    // None of all this has changed anything.
    assert_eq!(witness.post(good).await.status, 200);
    witness.stop().await;
}

#[tokio::test]
async fn of_an_empty_log_only_its_emptiness_is_cosigned() {
    let scratch = Scratch::new();
    let witness = Served::start(scratch.path(), None).await;
    let log = Log::new(OTHER, 3, 0, "a");
    let not_empty = log.text(0).replace(&merkle::empty_root().to_string(), &log.root(3).to_string());
    let note = medtrace_ledger::note::sign_note(not_empty, std::slice::from_ref(&log.signer)).unwrap().to_string();
    let not_empty = AddCheckpoint { old_size: 0, proof: vec![], note };
    assert_eq!(witness.post(&not_empty).await.status, 422);
    assert_eq!(witness.post(AddCheckpoint { proof: vec![Hash::default()], ..log.ask(0, 3) }).await.status, 422);
    // SHA-256 of nothing.
    assert!(log.note(0).contains("\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"));
    assert_eq!(witness.post(log.ask(0, 0)).await.status, 200);
    assert_eq!(witness.post(log.ask(0, 3)).await.status, 200);
    witness.stop().await;
}

#[tokio::test]
async fn unknown_lines_and_extensions_are_taken_as_they_are() {
    let scratch = Scratch::new();
    let witness = Served::start(scratch.path(), None).await;
    let log = Log::new(OTHER, 3, 0, "a");
    let text = format!("{}extension one\nextension · two\n", log.text(3));
    let own = log.signer.sign(&text).unwrap();
    let strangers: String = (0..40).map(|n| format!("— stränger-{n} AAAAAAEC\n")).collect();
    let body = AddCheckpoint { old_size: 0, proof: vec![], note: format!("{text}\n{strangers}{own}\n") };
    let answer = witness.post(&body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(cosigns(&answer.body, &text));
    let latest = witness.get(&format!("/checkpoint?origin={OTHER}")).await;
    assert_eq!(latest.body, format!("{text}\n{own}\n{}", answer.body));
    witness.stop().await;
}

#[tokio::test]
async fn of_two_roots_at_once_one_is_cosigned_and_both_are_named() {
    let scratch = Scratch::new();
    let witness = Arc::new(Served::start(scratch.path(), None).await);
    let histories: Vec<Log> = (0..8).map(|n| Log::new(ORIGIN, 9, 4, &n.to_string())).collect();
    assert_eq!(witness.post(histories[0].ask(0, 4)).await.status, 200);
    let ask = |log: &Log| {
        let (witness, body) = (witness.clone(), log.ask(4, 9));
        tokio::spawn(async move { witness.post(body).await.status })
    };
    let asked: Vec<_> = histories.iter().map(ask).collect();
    let mut statuses = Vec::new();
    for one in asked {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);

    // The size is known, the root is another: both notes are kept, and prove what the log did.
    let latest = ForeignCheckpoint::parse(&witness.get(&format!("/checkpoint?origin={ORIGIN}")).await.body).unwrap();
    let other = histories.iter().find(|log| log.root(9) != latest.root()).unwrap();
    assert_eq!(witness.post(other.ask(9, 9)).await.status, 409);
    let alarms = witness.alarms().await;
    assert_eq!((alarms.len(), &alarms[0]["kind"], &alarms[0]["size"]), (1, &"fork".into(), &9.into()));
    let keys = [signer(ORIGIN).verifier()];
    let notes = alarms[0]["notes"].as_array().unwrap();
    let notes: Vec<_> = notes.iter().map(|note| ForeignCheckpoint::parse(note.as_str().unwrap()).unwrap()).collect();
    assert!(notes.iter().all(|note| note.size() == 9 && note.signed_by(&keys).is_some()));
    assert_ne!(notes[0].root(), notes[1].root());
    assert_eq!(witness.readyz().await.status, 503);
    Arc::into_inner(witness).unwrap().stop().await;
    // As a file for somebody who has only the genesis.
    let files = std::fs::read_dir(scratch.path().join("alarms")).unwrap();
    let fork = files.map(|file| file.unwrap().path()).find(|path| path.extension().unwrap() == "fork").unwrap();
    let shown = Evidence::from_bytes(&std::fs::read(fork).unwrap()).unwrap().check(&genesis()).unwrap();
    assert!(matches!(shown, Shown::Fork(Forked { smaller, .. }) if smaller.size == 9));

    // An alarm stays.
    let witness = Served::start(scratch.path(), None).await;
    assert_eq!(witness.alarms().await, alarms);
    assert_eq!(witness.readyz().await.status, 503);
    witness.stop().await;
}
