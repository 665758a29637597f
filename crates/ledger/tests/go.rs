//! Evidence held against libraries that others wrote, in Go: `golang.org/x/mod`'s notes, transparency-dev's cosignatures and
//! Merkle paths (`tests/foreign`). Skipped with a word where Go is not installed.
#![allow(clippy::unwrap_used)]

mod bad;
mod common;
#[path = "../../../tests/src/go.rs"]
mod go;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{BLOCKS, ORIGIN, Record, WITNESSES, World, evidence, signer, world};
use medtrace_ledger::submission::submission_leaf;
use medtrace_ledger::{EventRef, Hash, KeyUse, Note, Part, Proof, merkle};

/// The program and a folder for what it reads.
struct Foreign {
    program: PathBuf,
    folder: PathBuf,
}

impl Foreign {
    fn new(name: &str) -> Option<Foreign> {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/foreign");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Some(Foreign { program: go::program(folder.to_str().unwrap(), &module.canonicalize().unwrap())?, folder })
    }

    /// Who signed which checkpoint of this evidence, or what does not hold.
    fn check(&self, evidence: &str) -> Result<Vec<String>, String> {
        let file = self.folder.join("evidence");
        std::fs::write(&file, evidence).unwrap();
        let mut command = Command::new(&self.program);
        command.arg(file).arg(signer(ORIGIN).verifier().vkey(KeyUse::Ed25519));
        command.args(WITNESSES.map(|witness| signer(witness).verifier().vkey(KeyUse::Cosignature)));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        match output.status.code() {
            Some(0) => Ok(text(output.stdout).lines().map(str::to_owned).collect()),
            Some(1) => Err(text(output.stderr)),
            _ => panic!("{}", text(output.stderr)),
        }
    }
}

/// Every item that our checker finds proven, and no other.
#[test]
fn every_proof_holds_there_too() {
    let Some(foreign) = Foreign::new("go-proofs") else { return };
    let world = world();
    let said = [ORIGIN, WITNESSES[0], WITNESSES[2]].map(|name| format!("{BLOCKS} {name}"));
    let mut proven = 0;
    for event in world.items() {
        let Ok(proof) = world.prove(event) else { continue };
        if proof.check(&world.genesis).is_ok() {
            assert_eq!(foreign.check(&proof.text()), Ok(said.to_vec()), "{event}");
            proven += 1;
        }
    }
    assert!(proven > 30, "{proven}");
}

#[test]
fn consistency_between_all_sizes_holds_there_too() {
    let Some(foreign) = Foreign::new("go-consistency") else { return };
    let world = world();
    for from in 1..=BLOCKS {
        for to in from..=BLOCKS {
            let said = [(from, ORIGIN), (to, ORIGIN), (to, WITNESSES[0])].map(|(size, name)| format!("{size} {name}"));
            let text = evidence::consistency(&world, from, to).text();
            assert_eq!(foreign.check(&text), Ok(said.to_vec()), "{from} {to}");
            if from < to {
                let mut other = evidence::consistency(&world, from, to);
                other.from = evidence::fork(&world, 0, from, from).unwrap().larger;
                assert!(foreign.check(&other.text()).is_err(), "another past of {from}");
            }
        }
    }
}

/// What is changed does not hold there either, and is found where it was changed.
#[test]
fn what_is_changed_is_found_there_too() {
    let Some(foreign) = Foreign::new("go-changed") else { return };
    let world = world();
    let changed = |change: &dyn Fn(&World, &mut Proof)| {
        let mut proof = world.prove(EventRef::new(2, 9, 6).unwrap()).unwrap();
        change(&world, &mut proof);
        foreign.check(&proof.text()).unwrap_err()
    };
    let wrong = Hash::of("wrong");
    let found = |said: String, part: &str| assert!(said.starts_with(part), "{part}: {said}");
    found(changed(&|_, p| p.bytes.push(' ')), "item: ");
    found(changed(&|_, p| p.salt.0[0] ^= 1), "item: ");
    found(changed(&|_, p| p.item_path[0] = wrong), "item: ");
    found(changed(&|_, p| p.submission_path[0] = wrong), "submission: ");
    found(changed(&|_, p| p.keys[0].entry.enrolled += 1), "key: ");
    found(changed(&|_, p| p.keys[0].path[0] = wrong), "key: ");
    found(changed(&|_, p| p.header.time_ms += 1), "header: ");
    found(changed(&|_, p| p.header_path[0] = wrong), "header: ");
    found(
        changed(&|world, p| p.submission = world.prove(EventRef::new(2, 4, 0).unwrap()).unwrap().submission),
        "submission: ",
    );
    let flipped = |line: &str| {
        let text = world.prove(EventRef::new(2, 9, 6).unwrap()).unwrap().text();
        let at = text.rfind(line).unwrap() + line.len() + 20;
        let other = if &text[at..=at] == "A" { "B" } else { "A" };
        foreign.check(&format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap_err()
    };
    found(flipped(&format!("|— {ORIGIN} ")), "invalid signature");
    found(flipped(&format!("|— {} ", WITNESSES[0])), "invalid signature");
    // The lines are sealed with the text.
    found(flipped("|— factory "), "submission: ");
}

/// A log that seals a submission under a signature that does not verify, and does not name it bad.
#[test]
fn a_sealed_signature_is_verified_there_too() {
    let Some(foreign) = Foreign::new("go-signature") else { return };
    let mut world = world();
    let block = &mut world.blocks[2];
    let Record::Sealed(sealed, _) = &mut block.cuts[1][4] else { unreachable!() };
    sealed.note = bad::resigned(&Note::parse(&sealed.note).unwrap(), "hospital").to_string();
    sealed.leaf = submission_leaf(&sealed.note);
    block.header.cuts[1].root = merkle::root(block.cuts[1].iter().map(Record::leaf));
    world.rebuild_log();
    let proof = world.prove(EventRef::new(2, 5, 0).unwrap()).unwrap();
    assert_eq!(proof.check(&world.genesis).unwrap_err().part, Part::Signature);
    let said = foreign.check(&proof.text()).unwrap_err();
    assert!(said.starts_with("submission: invalid signature"), "{said}");
}
