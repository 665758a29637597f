//! Evidence beside proofs of items: what holds, what does not, and that no byte of it can be changed.
#![allow(clippy::unwrap_used)]

mod common;

use common::evidence::{
    SERVICE, consistency, erased, erasure, fork, missing, other_log, other_root, receipt, signed,
    without_the_acknowledged,
};
use common::{BLOCKS, COSIGNERS, ERASING, WITNESSES, World, checkpoint, erasing, signer, world};
use medtrace_ledger::merkle::whole_consistency_path_with;
use medtrace_ledger::*;

fn part<T: std::fmt::Debug>(outcome: Result<T, Broken>) -> Part {
    outcome.unwrap_err().part
}

#[test]
fn the_log_grows_from_every_checkpoint_to_every_later_one() {
    let world = world();
    for from in 1..=BLOCKS {
        for to in from..=BLOCKS {
            let text = consistency(&world, from, to).text();
            let Ok(Shown::Consistency(grown)) = Evidence::from_bytes(text.as_bytes()).unwrap().check(&world.genesis)
            else {
                panic!("{text}")
            };
            assert_eq!((grown.from.size, grown.to.size), (from, to));
            assert_eq!(grown.to.root, world.log.root_at(to).unwrap());
            assert_eq!(grown.cosignatures[0].witness.as_str(), COSIGNERS[0]);
        }
    }
}

#[test]
fn what_does_not_grow_is_named() {
    let world = world();
    let broken = |change: &dyn Fn(&mut Consistency)| {
        let mut changed = consistency(&world, 2, 5);
        change(&mut changed);
        part(changed.check(&world.genesis))
    };
    let at = |size, witnesses: &[&str]| checkpoint(&world.genesis, &world.log, size, witnesses);
    assert_eq!(broken(&|c| c.path[0] = Hash::of("x")), Part::ConsistencyPath);
    assert_eq!(broken(&|c| c.path.push(Hash::of("x"))), Part::ConsistencyPath);
    assert_eq!(broken(&|c| c.path.clear()), Part::ConsistencyPath);
    assert_eq!(broken(&|c| c.from = at(3, &[])), Part::ConsistencyPath);
    assert_eq!(broken(&|c| std::mem::swap(&mut c.from, &mut c.to)), Part::Cosignatures);
    assert_eq!(broken(&|c| (c.from, c.to) = (at(5, &[]), at(2, &WITNESSES))), Part::ConsistencyPath);
    assert_eq!(broken(&|c| c.to = at(5, &[])), Part::Cosignatures);
    let other = checkpoint(&world.genesis, &other_log(&world, 1), 2, &[]);
    assert_eq!(broken(&|c| c.from = other.clone()), Part::ConsistencyPath);
    let forger = Signer::new(world.genesis.policy.log.name.clone(), common::key("factory"));
    let forged = |note: &Note| Checkpoint::parse(note.text()).unwrap().sign(&forger).unwrap();
    assert_eq!(broken(&|c| c.from = forged(&c.from)), Part::Checkpoint);
}

#[test]
fn two_checkpoints_that_cannot_both_be_true_are_a_fork() {
    let world = world();
    for height in 0..BLOCKS {
        for smaller in 1..=BLOCKS {
            for larger in smaller..=BLOCKS {
                let forked = fork(&world, height as usize, smaller, larger);
                if smaller <= height {
                    assert_eq!(part(forked), Part::Fork, "{height}: {smaller} {larger} have one past");
                    continue;
                }
                let fork = forked.unwrap();
                let text = fork.text();
                let Ok(Shown::Fork(shown)) = Evidence::from_bytes(text.as_bytes()).unwrap().check(&world.genesis)
                else {
                    panic!("{text}")
                };
                let other = other_log(&world, height as usize).root_at(smaller).unwrap();
                assert_eq!((shown.smaller.size, shown.larger.size, shown.other_root), (smaller, larger, other));
                if smaller < larger {
                    assert_eq!(other_root(&fork, smaller, larger), other);
                }
            }
        }
    }
}

#[test]
fn nobody_is_accused_of_a_fork_without_one() {
    let world = world();
    let broken = |change: &dyn Fn(&mut Fork)| {
        let mut changed = fork(&world, 1, 2, 5).unwrap();
        change(&mut changed);
        part(changed.check(&world.genesis))
    };
    assert_eq!(broken(&|f| f.path[0] = Hash::of("x")), Part::ConsistencyPath);
    assert_eq!(broken(&|f| f.path.clear()), Part::ConsistencyPath);
    assert_eq!(broken(&|f| f.path.push(Hash::of("x"))), Part::ConsistencyPath);
    assert_eq!(broken(&|f| std::mem::swap(&mut f.smaller, &mut f.larger)), Part::ConsistencyPath);
    assert_eq!(broken(&|f| f.larger = f.smaller.clone()), Part::ConsistencyPath);
    // The honest log's own path to its own larger checkpoint leads to both roots.
    let path = whole_consistency_path_with(2, 5, &mut |level, index| world.log.node(level, index)).unwrap();
    let larger = checkpoint(&world.genesis, &world.log, 5, &[]);
    assert_eq!(broken(&|f| (f.path, f.larger) = (path.clone(), larger.clone())), Part::Fork);
    // Somebody else's signature accuses nobody.
    let forger = Signer::new(world.genesis.policy.log.name.clone(), common::key("factory"));
    let forged = Checkpoint::parse(checkpoint(&world.genesis, &other_log(&world, 1), 2, &[]).text()).unwrap();
    assert_eq!(broken(&|f| f.smaller = forged.sign(&forger).unwrap()), Part::Checkpoint);
    let mut one = fork(&world, 1, 2, 2).unwrap();
    one.larger = one.smaller.clone();
    assert_eq!(part(one.check(&world.genesis)), Part::Fork);
    one.path.push(Hash::of("x"));
    assert_eq!(part(one.check(&world.genesis)), Part::ConsistencyPath);
}

#[test]
fn an_acknowledged_submission_that_is_not_sealed_is_proven_missing() {
    let (honest, faulty) = (world(), without_the_acknowledged());
    let receipt = receipt(&honest);
    let text = missing(&faulty, &receipt, SERVICE).text();
    let Ok(Shown::Missing(absent)) = Evidence::from_bytes(text.as_bytes()).unwrap().check(&faulty.genesis) else {
        panic!("{text}")
    };
    assert_eq!((absent.receipt, absent.service.as_str(), absent.height), (receipt, SERVICE, 2));
}

#[test]
fn nobody_is_accused_of_what_is_sealed() {
    let (honest, faulty) = (world(), without_the_acknowledged());
    let receipt = receipt(&honest);
    let at = |world: &World, change: &dyn Fn(&mut Missing)| {
        let mut changed = missing(world, &receipt, SERVICE);
        change(&mut changed);
        part(changed.check(&world.genesis))
    };
    assert_eq!(at(&honest, &|_| {}), Part::Sealed);
    let broken = |change: &dyn Fn(&mut Missing)| at(&faulty, change);
    assert_eq!(broken(&|m| m.leaves.truncate(3)), Part::Leaves);
    assert_eq!(broken(&|m| m.leaves.swap(0, 1)), Part::Leaves);
    assert_eq!(broken(&|m| m.leaves.push(Hash::of("x"))), Part::Leaves);
    for (n, other) in [
        Receipt { offset: 99, ..receipt.clone() },
        Receipt { offset: 0, ..receipt.clone() },
        Receipt { partition: 1, offset: 7, ..receipt.clone() },
        Receipt { topic: "other".parse().unwrap(), ..receipt.clone() },
        // The topic was made again: its offsets are others.
        Receipt { uuid: TopicUuid([9; 16]), ..receipt.clone() },
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(broken(&|m| m.receipt = signed(other, SERVICE)), Part::Cut, "{n}");
    }
    let elsewhere = Receipt { origin: "elsewhere".parse().unwrap(), ..receipt.clone() };
    assert_eq!(broken(&|m| m.receipt = signed(&elsewhere, SERVICE)), Part::Receipt);
    assert_eq!(broken(&|m| m.receipt = signed(&receipt, "factory")), Part::Receipt);
    let two = Note::new(receipt.text(), [SERVICE, "x"].map(|name| signer(name).sign(&receipt.text()).unwrap()).into());
    assert_eq!(broken(&|m| m.receipt = two.clone().unwrap()), Part::Receipt);
    assert_eq!(broken(&|m| m.key.index += 1), Part::KeyPath);
    assert_eq!(broken(&|m| m.key.entry.enrolled = 3), Part::Key);
    assert_eq!(broken(&|m| m.header.time_ms += 1), Part::HeaderPath);
    assert_eq!(broken(&|m| m.header.origin = "elsewhere".parse().unwrap()), Part::Header);
    assert_eq!(broken(&|m| m.header_path[0] = Hash::of("x")), Part::HeaderPath);
    assert_eq!(broken(&|m| m.checkpoint = checkpoint(&faulty.genesis, &faulty.log, 4, &[])), Part::HeaderPath);
    // A party's receipt is no service's.
    assert_eq!(part(missing(&faulty, &receipt, "factory").check(&faulty.genesis)), Part::Key);
}

#[test]
fn of_an_erased_item_its_place_and_its_notice_are_proven() {
    let world = erasing();
    for event in [erased(), EventRef::new(4, 0, 0).unwrap()] {
        let text = world.prove_erased(event, erasure(0, 0)).unwrap().text();
        let Ok(Shown::Erased(gone)) = Evidence::from_bytes(text.as_bytes()).unwrap().check(&world.genesis) else {
            panic!("{text}")
        };
        assert_eq!((gone.event, gone.notice.event), (event, erasure(0, 0)));
        assert_eq!(gone.block_ms, common::START_MS + event.height * 200);
        // What it was is nowhere in the file: neither its bytes nor its salt.
        let whole = world.prove(event).unwrap();
        assert!(!text.contains(&whole.bytes) && !text.contains(&whole.salt.to_string()));
        assert_eq!(gone.leaf, Item { kind: whole.kind, salt: whole.salt, bytes: whole.bytes.as_bytes() }.leaf_hash());
    }
    let text = world.prove_erased(erased(), erasure(0, 0)).unwrap().text();
    let Ok(Shown::Erased(gone)) = Evidence::from_bytes(text.as_bytes()).unwrap().check(&world.genesis) else {
        panic!()
    };
    assert_eq!(gone.party.as_str(), "factory");
    assert_eq!(gone.replacement["eventID"], "urn:uuid:00000000-0000-8000-8000-000000000011");
    assert!(!gone.replacement.contains_key("example:note"));
}

#[test]
fn what_no_notice_of_the_authority_erases_is_not_shown_as_erased() {
    let world = erasing();
    let by = |event, notice| part(world.prove_erased(event, notice).and_then(|made| made.check(&world.genesis)));
    let at = |height, ordinal, index| EventRef::new(height, ordinal, index).unwrap();
    assert_eq!(by(at(2, 1, 0), erasure(0, 0)), Part::Erasure, "another item");
    assert_eq!(by(at(ERASING, 4, 0), erasure(0, 1)), Part::Erasure, "of the same block");
    assert_eq!(by(erased(), erasure(0, 2)), Part::Erasure, "no erasure");
    assert_eq!(by(erased(), erasure(0, 3)), Part::Erasure, "no replacement");
    assert_eq!(by(erased(), erasure(1, 0)), Part::Erasure, "one member where two must sign");
    assert_eq!(by(erased(), erasure(2, 0)), Part::Erasure, "nobody of the authority");
    assert_eq!(by(erased(), erasure(3, 0)), Part::Erasure, "two keys of one member");
    assert_eq!(by(at(2, 0, 0), erasure(0, 0)), Part::Item, "a notice is not erased");
    assert_eq!(by(at(2, 3, 0), erasure(0, 0)), Part::Key, "a record that is bad, under an unknown key");
    let broken = |change: &dyn Fn(&mut Erased)| {
        let mut changed = world.prove_erased(erased(), erasure(0, 0)).unwrap();
        change(&mut changed);
        part(changed.check(&world.genesis))
    };
    assert_eq!(broken(&|e| e.leaf = Hash::of("x")), Part::ItemPath);
    assert_eq!(broken(&|e| e.event = at(2, 1, 0)), Part::ItemPath);
    assert_eq!(broken(&|e| e.notice.bytes.push(' ')), Part::ItemPath);
    assert_eq!(broken(&|e| e.submission_path[0] = Hash::of("x")), Part::SubmissionPath);
    assert_eq!(broken(&|e| e.header_path[0] = Hash::of("x")), Part::HeaderPath);
    let smaller = checkpoint(&world.genesis, &world.log, ERASING, &WITNESSES);
    assert_eq!(broken(&|e| e.notice.checkpoint = smaller.clone()), Part::HeaderPath);
    let alone = checkpoint(&world.genesis, &world.log, ERASING + 1, &[]);
    assert_eq!(broken(&|e| e.notice.checkpoint = alone.clone()), Part::Cosignatures);
}

#[test]
fn no_byte_of_evidence_can_be_changed() {
    let (honest, faulty) = (world(), without_the_acknowledged());
    for text in [
        consistency(&honest, 2, 5).text(),
        fork(&honest, 1, 2, 5).unwrap().text(),
        fork(&honest, 1, 3, 3).unwrap().text(),
        missing(&faulty, &receipt(&honest), SERVICE).text(),
        erasing().prove_erased(erased(), erasure(0, 0)).unwrap().text(),
    ] {
        for at in 0..text.len() {
            for flip in [0x01, 0x20] {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= flip;
                let outcome = Evidence::from_bytes(&changed).and_then(|evidence| evidence.check(&honest.genesis));
                assert!(outcome.is_err(), "byte {at} ^ {flip:#04x} went unnoticed: {text}");
            }
        }
    }
}

#[test]
fn a_file_names_its_kind() {
    let world = world();
    let proof = world.prove(EventRef::new(2, 5, 0).unwrap()).unwrap().text();
    assert!(matches!(Evidence::from_bytes(proof.as_bytes()), Ok(Evidence::Item(_))));
    for bad in ["", "\n", "medtrace/genesis/v1\n", "medtrace/fork/v2\n", "medtrace/fork/v1"] {
        assert_eq!(part(Evidence::from_bytes(bad.as_bytes()).map(drop)), Part::Format, "{bad:?}");
    }
    assert_eq!(part(Evidence::from_bytes(b"medtrace/fork/v1\n")), Part::Checkpoint);
    assert_eq!(part(Evidence::from_bytes(&[0xff])), Part::Format);
}

#[test]
fn a_batch_proves_what_its_proofs_prove() {
    let world = world();
    let proofs = |names: &[EventRef]| names.iter().map(|name| world.prove(*name).unwrap()).collect::<Vec<_>>();
    let good =
        world.items().into_iter().filter(|name| world.prove(*name).is_ok_and(|p| p.check(&world.genesis).is_ok()));
    let names: Vec<EventRef> = good.collect();
    let alone: Vec<_> = proofs(&names).iter().map(|proof| proof.check(&world.genesis).unwrap()).collect();
    let mut backwards = names.clone();
    backwards.reverse();
    let text = Batch::of(proofs(&backwards)).unwrap().text();
    let Ok(Shown::Batch(shown)) = Evidence::from_bytes(text.as_bytes()).unwrap().check(&world.genesis) else {
        panic!("{text}")
    };
    assert_eq!(shown, alone);
    let separate: usize = proofs(&names).iter().map(|proof| proof.text().len()).sum();
    assert!(text.len() * 3 < separate, "{} bytes instead of {separate}", text.len());

    assert_eq!(part(Batch::of(vec![])), Part::Format);
    let mut two = proofs(&names[..2]);
    two[1].checkpoint = checkpoint(&world.genesis, &world.log, 4, &WITNESSES);
    assert_eq!(part(Batch::of(two)), Part::Checkpoint);
}

#[test]
fn no_line_of_a_batch_can_be_changed_or_left_out() {
    let world = world();
    let text = common::evidence::batch(&world).text();
    let holds =
        |text: &str| Evidence::from_bytes(text.as_bytes()).is_ok_and(|batch| batch.check(&world.genesis).is_ok());
    assert!(holds(&text));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for at in 0..lines.len() {
        let mut changed = lines.clone();
        let flipped: String = lines[at].chars().map(|c| if c == '1' { '2' } else { c }).rev().collect();
        changed[at] = &flipped;
        assert!(!holds(&changed.concat()), "line {at} changed: {}", lines[at]);
        changed.remove(at);
        assert_eq!(holds(&changed.concat()), lines[at].starts_with("|— witness"), "without line {at}: {}", lines[at]);
    }
}
