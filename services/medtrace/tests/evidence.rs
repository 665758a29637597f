//! Evidence checked by the tool, offline: the checked-in vectors, and a fork made from two files.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/vectors").join(name)
}

/// Exit code and answer of `medtrace --json proof …`.
fn proof(arguments: &[&Path]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_medtrace"));
    let output = command.args(["--json", "proof"]).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn check(file: &Path) -> (i32, Value) {
    let (code, said) = proof(&["check".as_ref(), file, "--genesis".as_ref(), &vector("genesis.note")]);
    (code, serde_json::from_str(&said).unwrap())
}

#[test]
fn every_kind_is_known_by_its_first_line() {
    for (file, kind) in [
        ("event.proof", "item"),
        ("batch.proof", "batch"),
        ("consistency-power.proof", "consistency"),
        ("fork-power.proof", "fork"),
        ("missing.proof", "missing"),
        ("erased.proof", "erased"),
    ] {
        let (code, shown) = check(&vector(file));
        assert_eq!((code, &shown["proven"], &shown["kind"]), (0, &true.into(), &kind.into()), "{shown}");
    }
}

#[test]
fn what_does_not_hold_is_named_and_exits_with_3() {
    let index: Value = serde_json::from_slice(&std::fs::read(vector("vectors.json")).unwrap()).unwrap();
    let bad = index["bad"].as_array().unwrap().iter().filter(|bad| bad["format"] == "evidence");
    let mut count = 0;
    for bad in bad {
        let (code, shown) = check(&vector(bad["file"].as_str().unwrap()));
        assert_eq!((code, &shown["part"]), (3, &bad["part"]), "{bad}");
        count += 1;
    }
    assert!(count > 20);
}

#[test]
fn a_fork_is_made_from_two_checkpoints() {
    let folder = std::env::temp_dir().join(format!("medtrace-fork-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let text = std::fs::read_to_string(vector("fork.proof")).unwrap();
    let sections: Vec<String> = (text.split("checkpoint\n").skip(1))
        .map(|section| section.lines().map(|line| format!("{}\n", line.strip_prefix('|').unwrap())).collect())
        .collect();
    let (one, other, made) = (folder.join("one"), folder.join("other"), folder.join("made"));
    std::fs::write(&one, &sections[0]).unwrap();
    std::fs::write(&other, &sections[1]).unwrap();
    let genesis = vector("genesis.note");
    let fork = |a: &Path, b: &Path| {
        proof(&["fork".as_ref(), a, b, "--genesis".as_ref(), &genesis, "--output".as_ref(), &made]).0
    };
    assert_eq!(fork(&one, &other), 0);
    assert_eq!(std::fs::read_to_string(&made).unwrap(), text);
    assert_eq!(check(&made).1["kind"], "fork");
    std::fs::remove_file(&made).unwrap();
    assert_ne!(fork(&one, &one), 0);
    assert!(!made.exists());
    std::fs::remove_dir_all(&folder).unwrap();
}
