//! The checked-in vectors: made here from fixed seeds, read by a second implementation (`schemas/check.py`).
//! After a deliberate change of bytes: `MEDTRACE_UPDATE_VECTORS=1 cargo test -p medtrace-ledger --test vectors`.
#![allow(clippy::unwrap_used)]

mod bad;
mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bad::Bad;
use common::evidence::SERVICE;
use common::policies::{self, Case};
use common::{AUTHORITY, BLOCKS, COSIGNERS, ORIGIN, OwnItem, Record, WITNESSES, World, evidence, key, signer, world};
use medtrace_ledger::hash::base64;
use medtrace_ledger::submission::{Expected, open_submission, undecodable_leaf};
use medtrace_ledger::*;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/vectors")
}

/// File name → content.
type Files = BTreeMap<String, Vec<u8>>;

#[test]
fn the_checked_in_vectors_are_these() {
    let files = vectors();
    if std::env::var_os("MEDTRACE_UPDATE_VECTORS").is_some() {
        for (name, content) in &files {
            let path = folder().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }
    let refresh = "refresh with MEDTRACE_UPDATE_VECTORS=1 cargo test -p medtrace-ledger --test vectors";
    for (name, content) in &files {
        let found = std::fs::read(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}; {refresh}"));
        assert!(found == *content, "{name} differs; {refresh}");
    }
    let mut stored = Vec::new();
    for sub in [folder(), folder().join("bad")] {
        stored.extend(std::fs::read_dir(sub).unwrap().map(|e| e.unwrap()).filter(|e| e.path().is_file()));
    }
    assert_eq!(stored.len(), files.len(), "a file of schemas/vectors is not made here");
}

#[test]
fn bad_vectors_are_refused_with_their_part() {
    let index: Value = serde_json::from_slice(&vectors()["vectors.json"]).unwrap();
    let files = vectors();
    let genesis = common::genesis();
    let service = signer(SERVICE).verifier();
    for bad in index["bad"].as_array().unwrap() {
        let name = bad["file"].as_str().unwrap();
        let text = String::from_utf8_lossy(&files[name]).into_owned();
        let part = match bad["format"].as_str().unwrap() {
            "genesis" => Genesis::parse(&text).err().map(|_| "genesis"),
            "policy" => Policy::parse(&text).err().map(|_| "policy"),
            "header" => Header::parse(&text).err().map(|_| "header"),
            "key" => KeyEntry::parse(&text).err().map(|_| "key"),
            "receipt" => Receipt::open(&text, &service).err().map(|_| "receipt"),
            "checkpoint" => Checkpoint::open(&text, &genesis).err().map(|e| match e {
                checkpoint::CheckpointError::Cosignature { .. } => "cosignatures",
                _ => "checkpoint",
            }),
            "submission" => {
                let expected =
                    Expected { kind: SubmissionKind::Events, origin: &genesis.origin, genesis: genesis.hash() };
                let all = items(&world());
                let chosen =
                    bad["items"].as_array().unwrap().iter().map(|i| all[i.as_u64().unwrap() as usize].item().leaf());
                open_submission(&text, &chosen.collect::<Vec<_>>(), &expected).err().map(|refused| refused.reason)
            }
            "proof" | "evidence" => check(&files[name], &genesis).err().map(|broken| broken.part.as_str()),
            other => panic!("no such format: {other}"),
        };
        assert_eq!(part, bad["part"].as_str(), "{name}");
    }
}

fn check(file: &[u8], genesis: &Genesis) -> Result<Shown, Broken> {
    Evidence::from_bytes(file)?.check(genesis)
}

/// The second implementation agrees on every vector, good and bad.
#[test]
fn the_python_checker_holds_the_vectors() {
    let Some(output) = python(&["--vectors", folder().to_str().unwrap()]) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The second implementation proves a good file, and names the broken part of a bad one with exit code 3.
#[test]
fn the_python_checker_answers_with_its_exit_code() {
    let path = |name: &str| folder().join(name).to_str().unwrap().to_owned();
    let Some(good) = python(&[&path("event.proof"), &path("genesis.note")]) else { return };
    assert_eq!(good.status.code(), Some(0));
    let shown: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!(shown["party"], "carrier");
    let bad = python(&[&path("bad/proof-cut-path.proof"), &path("genesis.note")]).unwrap();
    assert_eq!(bad.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("submission-path"));
}

fn python(arguments: &[&str]) -> Option<std::process::Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/check.py");
    match Command::new("python3").arg(script).args(arguments).output() {
        Ok(output) => Some(output),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: python3 is not installed");
            None
        }
        Err(e) => panic!("failed to run python3: {e}"),
    }
}

/// All items of all submissions, in log order.
fn items(world: &World) -> Vec<OwnItem> {
    let records = world.blocks.iter().flat_map(|block| block.cuts.iter().flatten());
    let sealed = records.filter_map(|record| match record {
        Record::Sealed(_, items) => Some(items.clone()),
        Record::Undecodable(_) => None,
    });
    sealed.flatten().collect()
}

fn vectors() -> Files {
    let world = world();
    let mut files = Files::new();
    let mut index = json!({});
    let mut put = |name: &str, content: &str| {
        files.insert(name.to_owned(), content.as_bytes().to_vec());
    };

    put("genesis.note", &world.genesis_note);
    index["genesis"] = json!({"file": "genesis.note", "hash": world.genesis.hash()});

    let parties = ["factory", "hospital", "carrier", "stranger", "agent", SERVICE];
    let names = AUTHORITY.iter().chain(&WITNESSES).chain(&parties).chain([&ORIGIN]);
    index["keys"] = names
        .map(|name| {
            let key_id: String = signer(name).verifier().key_id().iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"name": name, "seed": base64(&*key(name).seed().unwrap()), "publicKey": key(name).public(), "keyId": key_id})
        })
        .collect();

    let all = items(&world);
    index["items"] = (all.iter())
        .map(|i| json!({"kind": i.kind.to_string(), "salt": i.salt, "bytes": i.bytes, "leaf": i.item().leaf_hash()}))
        .collect();
    index["undecodable"] = json!([{"value": base64(b"not a record"), "leaf": undecodable_leaf(b"not a record")}]);

    let (mut submissions, mut first_item) = (Vec::new(), 0);
    let mut entries: Vec<String> = Vec::new();
    let mut headers = Vec::new();
    for block in &world.blocks {
        let height = block.header.height;
        for (ordinal, record) in block.cuts.iter().flatten().enumerate() {
            let Record::Sealed(sealed, items) = record else { continue };
            let file = format!("{height}-{ordinal}.submission");
            put(&file, &sealed.note);
            let kind = if sealed.submission.kind == SubmissionKind::Events { "events" } else { "notices" };
            let numbers: Vec<usize> = (first_item..first_item + items.len()).collect();
            first_item += items.len();
            submissions
                .push(json!({"file": file, "kind": kind, "items": numbers, "id": sealed.id, "leaf": sealed.leaf}));
        }
        let keys: Vec<usize> = (block.keys.entries())
            .map(|entry| {
                let text = entry.text();
                entries.iter().position(|known| *known == text).unwrap_or_else(|| {
                    entries.push(text);
                    entries.len() - 1
                })
            })
            .collect();
        let cuts: Vec<Vec<Hash>> = block.cuts.iter().map(|cut| cut.iter().map(Record::leaf).collect()).collect();
        let file = format!("{height}.header");
        put(&file, &block.header.text());
        headers.push(json!({"file": file, "leaf": block.header.leaf(), "keys": keys, "cuts": cuts}));
    }
    index["submissions"] = submissions.into();
    index["headers"] = headers.into();
    index["keyEntries"] = (entries.iter().enumerate())
        .map(|(n, text)| {
            put(&format!("{n}.key"), text);
            json!({"file": format!("{n}.key"), "leaf": merkle::leaf_hash(text.as_bytes())})
        })
        .collect();

    index["policies"] = (policies::CASES.iter())
        .map(|Case { name, groups, quorum, enough, few }| {
            let file = format!("{name}.policy");
            put(&file, &policies::with(groups, quorum));
            let sets = |sets: &[&str]| -> Value { sets.iter().map(|set| json!(letters(set))).collect() };
            json!({"file": file, "enough": sets(enough), "tooFew": sets(few)})
        })
        .collect();

    put("checkpoint.note", &world.checkpoint.to_string());
    put("alone.note", &common::checkpoint(&world.genesis, &world.log, 3, &[]).to_string());
    index["checkpoints"] = json!([
        {"file": "checkpoint.note", "size": BLOCKS, "cosigners": [COSIGNERS[0], COSIGNERS[2]], "met": true},
        {"file": "alone.note", "size": 3, "cosigners": [], "met": false},
    ]);

    let receipt = evidence::receipt(&world);
    let receipt_note = receipt.sign(&signer(SERVICE)).unwrap();
    put("receipt.note", &receipt_note);
    let (submission, leaf) = (receipt.submission, receipt.leaf);
    index["receipts"] = json!([{"file": "receipt.note", "signer": SERVICE, "submission": submission, "leaf": leaf}]);

    let event = |height, ordinal, index| EventRef::new(height, ordinal, index).unwrap();
    let proofs = [
        ("event.proof", event(2, 5, 0)),
        ("first-block.proof", event(0, 0, 0)),
        ("document.proof", event(4, 0, 1)),
        ("deep.proof", event(2, 9, 6)),
    ];
    index["proofs"] = proofs
        .iter()
        .map(|(file, event)| {
            let proof = world.prove(*event).unwrap();
            put(file, &proof.text());
            json!({"file": file, "shows": shows(&proof.check(&world.genesis).unwrap())})
        })
        .collect();

    let faulty = evidence::without_the_acknowledged();
    let erased = common::erasing().prove_erased(evidence::erased(), evidence::erasure(0, 0)).unwrap();
    let others = [
        ("batch.proof", evidence::batch(&world).text()),
        ("consistency.proof", evidence::consistency(&world, 3, 5).text()),
        ("consistency-power.proof", evidence::consistency(&world, 4, 5).text()),
        ("consistency-equal.proof", evidence::consistency(&world, 5, 5).text()),
        ("fork.proof", evidence::fork(&world, 1, 4, 4).unwrap().text()),
        ("fork-larger.proof", evidence::fork(&world, 1, 3, 5).unwrap().text()),
        ("fork-power.proof", evidence::fork(&world, 1, 2, 5).unwrap().text()),
        ("missing.proof", evidence::missing(&faulty, &receipt, SERVICE).text()),
        ("erased.proof", erased.text()),
    ];
    index["evidence"] = (others.iter())
        .map(|(file, text)| {
            put(file, text);
            let shown = Evidence::from_bytes(text.as_bytes()).unwrap().check(&world.genesis).unwrap();
            json!({"file": file, "shows": shows_of_others(&shown)})
        })
        .collect();

    let mut bad = bad::texts(&world, &receipt_note);
    bad.extend(bad::proofs(&world));
    bad.extend(bad::evidence::bad(&world));
    index["bad"] = bad
        .into_iter()
        .map(|Bad { name, format, part, text }| {
            let extension = if ["proof", "evidence"].contains(&format) { "proof" } else { "txt" };
            let file = format!("bad/{format}-{name}.{extension}");
            put(&file, &text);
            match format {
                "submission" => json!({"file": file, "format": format, "part": part, "items": [5, 6]}),
                _ => json!({"file": file, "format": format, "part": part}),
            }
        })
        .collect();

    let mut text = serde_json::to_string_pretty(&index).unwrap();
    text.push('\n');
    files.insert("vectors.json".into(), text.into_bytes());
    files
}

fn letters(set: &str) -> Vec<String> {
    set.chars().map(String::from).collect()
}

/// What a checker answers for other good evidence.
fn shows_of_others(shown: &Shown) -> Value {
    match shown {
        Shown::Item(verified) => shows(verified),
        Shown::Batch(all) => all.iter().map(shows).collect(),
        Shown::Consistency(grown) => {
            let cosigners: Vec<&str> = grown.cosignatures.iter().map(|c| c.witness.as_str()).collect();
            json!({"from": grown.from.size, "to": grown.to.size, "root": grown.to.root, "cosigners": cosigners})
        }
        Shown::Fork(fork) => json!({
            "sizes": [fork.smaller.size, fork.larger.size], "roots": [fork.smaller.root, fork.other_root],
        }),
        Shown::Missing(absent) => json!({
            "service": absent.service, "submission": absent.receipt.submission, "offset": absent.receipt.offset,
            "height": absent.height, "size": absent.checkpoint_size,
        }),
        Shown::Erased(gone) => json!({
            "event": gone.event, "leaf": gone.leaf, "party": gone.party, "submission": gone.submission,
            "signed": gone.signed_ms, "block": gone.block_ms, "notice": shows(&gone.notice),
            "replacement": gone.replacement,
        }),
    }
}

/// What a checker answers for a good proof.
fn shows(verified: &Verified) -> Value {
    let signers: Vec<Value> =
        verified.signers.iter().map(|entry| json!({"party": entry.party, "custody": entry.custody})).collect();
    let cosigners: Vec<&str> = verified.cosignatures.iter().map(|c| c.witness.as_str()).collect();
    json!({
        "event": verified.event, "kind": verified.kind.to_string(), "bytes": verified.bytes,
        "party": verified.party, "signers": signers, "submission": verified.submission,
        "signed": verified.signed_ms, "block": verified.block_ms,
        "size": verified.checkpoint_size, "cosigners": cosigners,
    })
}
