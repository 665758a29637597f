//! Whole proofs: every item of a small log proves, no byte of a proof can be changed, every broken part is named.
#![allow(clippy::unwrap_used)]

mod bad;
mod common;

use bad::{forged_checkpoint, resigned};
use common::{BLOCKS, COSIGNERS, START_MS, WITNESSES, checkpoint, world};
use medtrace_ledger::*;

fn name(height: u64, ordinal: u32, index: u32) -> EventRef {
    EventRef::new(height, ordinal, index).unwrap()
}

#[test]
fn every_item_that_is_not_bad_proves() {
    let world = world();
    let genesis = Genesis::parse(&world.genesis_note).unwrap();
    let (mut proven, mut bad) = (0, 0);
    for event in world.items() {
        let block = &world.blocks[event.height as usize];
        if block.header.bad_reason(event.ordinal()).is_some() {
            bad += 1;
            continue;
        }
        let text = world.prove(event).unwrap().text();
        let proof = Proof::parse(&text).unwrap();
        assert_eq!(proof.text(), text);
        let verified = proof.check(&genesis).unwrap();
        assert_eq!(verified.event, event);
        assert_eq!(verified.block_ms, START_MS + event.height * 200);
        assert_eq!(verified.checkpoint_size, BLOCKS);
        let cosigners: Vec<_> = verified.cosignatures.iter().map(|c| c.witness.to_string()).collect();
        assert_eq!(cosigners, [COSIGNERS[0], COSIGNERS[2]]);
        proven += 1;
    }
    assert_eq!((proven, bad), (41, 1));
}

#[test]
fn a_proof_says_who_said_what_and_when() {
    let world = world();
    let verified = world.prove(name(2, 5, 0)).unwrap().check(&world.genesis).unwrap();
    assert_eq!(verified.bytes, common::event(40, "shipping").bytes);
    assert_eq!(verified.party.as_str(), "carrier");
    assert_eq!(verified.custody().unwrap().to_string(), "hosted:distributor-service");
    assert_eq!(verified.signed_ms, START_MS + 350);
}

#[test]
fn a_notice_of_two_signers_proves() {
    let world = world();
    let proof = world.prove(name(0, 0, 0)).unwrap();
    assert_eq!(proof.keys.len(), 2);
    let verified = proof.check(&world.genesis).unwrap();
    assert_eq!(verified.kind, ItemKind::Notice);
    let mut parties: Vec<_> = verified.signers.iter().map(|entry| entry.party.as_str()).collect();
    parties.sort();
    assert_eq!(parties, ["authority-a", "authority-b"]);
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let world = world();
    for event in [name(2, 9, 6), name(0, 0, 0)] {
        let text = world.prove(event).unwrap().text();
        for at in 0..text.len() {
            for flip in [0x01, 0x04, 0x20, 0x80] {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= flip;
                let outcome = Proof::from_bytes(&changed).and_then(|proof| proof.check(&world.genesis));
                assert!(outcome.is_err(), "byte {at} of {event} ^ {flip:#04x} went unnoticed");
            }
        }
    }
}

#[test]
fn no_line_of_a_proof_can_be_left_out_doubled_or_swapped() {
    let world = world();
    let text = world.prove(name(2, 9, 6)).unwrap().text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let holds = |lines: &[&str]| Proof::parse(&lines.concat()).is_ok_and(|proof| proof.check(&world.genesis).is_ok());
    assert!(holds(&lines));
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        // What a quorum of 1 does not need may be absent, never altered.
        assert_eq!(holds(&without), lines[at].starts_with("|— witness"), "without line {at}");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert!(!holds(&doubled), "line {at} twice");
        let mut swapped = lines.clone();
        swapped.swap(at, (at + 1) % lines.len());
        assert!(!holds(&swapped), "line {at} swapped with the next");
    }
}

#[test]
fn a_submission_named_bad_cannot_be_proven() {
    // The bad line decides even where the key is among the valid ones and everything else holds.
    let mut world = world();
    let block = &mut world.blocks[2];
    let names = ["factory", "hospital", "carrier", "stranger"];
    block.keys = KeySet::new(names.map(|name| common::entry(name, Custody::Own, &["hospital"], 0)));
    block.header.keys = block.keys.count_and_root();
    let broken = world.prove(name(2, 3, 0)).unwrap().check(&world.genesis).unwrap_err();
    assert_eq!(broken.part, Part::Bad);
    assert!(broken.detail.contains("unknown-key"), "{broken}");
}

#[test]
fn the_header_must_follow_from_the_headers_before_it() {
    // A chainer that seals a block on another past: every signature and path holds, the root it names does not.
    let mut world = world();
    world.blocks[4].header.log_root = Hash::of("another past");
    world.rebuild_log();
    let proof = world.prove(name(4, 0, 0)).unwrap();
    assert_eq!(proof.check(&world.genesis).unwrap_err().part, Part::LogRoot);
    assert!(world.prove(name(2, 1, 0)).unwrap().check(&world.genesis).is_ok());
}

#[test]
fn every_broken_part_is_named() {
    let world = world();
    let good = world.prove(name(2, 9, 6)).unwrap();
    let other = world.prove(name(2, 4, 0)).unwrap();
    let broken = |change: &dyn Fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof.check(&world.genesis).unwrap_err().part
    };
    let wrong = Hash::of("wrong");

    assert_eq!(broken(&|p| p.event = name(1, 9, 6)), Part::Event);
    assert_eq!(broken(&|p| p.event = name(2, 10, 6)), Part::Event);
    assert_eq!(broken(&|p| p.event = name(2, 9, 5)), Part::ItemPath);
    assert_eq!(broken(&|p| p.event = name(2, 8, 6)), Part::SubmissionPath);
    assert_eq!(broken(&|p| p.kind = ItemKind::Notice), Part::Item);
    assert_eq!(broken(&|p| p.kind = ItemKind::Document), Part::ItemPath);
    assert_eq!(broken(&|p| p.salt.0[0] ^= 1), Part::ItemPath);
    assert_eq!(broken(&|p| p.bytes.push(' ')), Part::ItemPath);
    assert_eq!(broken(&|p| p.item_path[0] = wrong), Part::ItemPath);
    assert_eq!(broken(&|p| p.submission_path[1] = wrong), Part::SubmissionPath);
    assert_eq!(broken(&|p| p.submission = other.submission.clone()), Part::ItemPath);
    assert_eq!(broken(&|p| p.keys.clear()), Part::Key);
    assert_eq!(broken(&|p| p.keys = other.keys.clone()), Part::Key);
    assert_eq!(broken(&|p| p.keys[0].index ^= 1), Part::KeyPath);
    assert_eq!(broken(&|p| p.keys[0].entry.enrolled = 3), Part::Key);
    assert_eq!(broken(&|p| p.keys[0].entry.custody = Custody::Hosted(common::party("x"))), Part::KeyPath);
    assert_eq!(broken(&|p| p.keys[0].path[0] = wrong), Part::KeyPath);
    assert_eq!(broken(&|p| p.header.origin = "elsewhere".parse().unwrap()), Part::Header);
    assert_eq!(broken(&|p| p.header.time_ms += 1), Part::HeaderPath);
    assert_eq!(broken(&|p| p.header.time_ms += 8 * 24 * 3_600_000), Part::Time);
    assert_eq!(broken(&|p| p.header.log_root = wrong), Part::HeaderPath);
    assert_eq!(broken(&|p| p.header_path[0] = wrong), Part::HeaderPath);
    assert_eq!(broken(&|p| p.checkpoint = checkpoint(&world.genesis, &world.log, 4, &WITNESSES)), Part::HeaderPath);
    assert_eq!(broken(&|p| p.checkpoint = checkpoint(&world.genesis, &world.log, 5, &[])), Part::Cosignatures);
    assert_eq!(broken(&|p| p.checkpoint = forged_checkpoint(&p.checkpoint)), Part::Checkpoint);
    assert_eq!(broken(&|p| p.checkpoint = with_lines_swapped(&p.checkpoint)), Part::Cosignatures);
    assert_eq!(broken(&|p| p.submission = resigned(&p.submission, "hospital")), Part::Signature);
}

#[test]
fn a_proof_is_of_one_consortium_only() {
    let world = world();
    let proof = world.prove(name(2, 9, 6)).unwrap();
    let mut other = world.genesis.clone();
    other.time_ms += 1;
    assert_eq!(proof.check(&other).unwrap_err().part, Part::Submission);
}

fn with_lines_swapped(note: &Note) -> Note {
    let mut lines = note.signatures().to_vec();
    lines.swap(1, 2);
    Note::new(note.text().into(), lines).unwrap()
}
