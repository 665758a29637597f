//! Evidence beside proofs of items: the log's growth, forks, a submission that was acknowledged and never sealed, erasures.

use medtrace_ledger::merkle::{Tree, roots_of_consistency};
use medtrace_ledger::*;

use super::{
    AUTHORITY, BLOCKS, Cutting, ERASING, OwnItem, Record, WITNESSES, World, checkpoint, event, key, seal_events,
    seal_notices, signer, world,
};

/// Signs receipts.
pub const SERVICE: &str = "hospital-service";

/// Another key of the first member of the authority.
pub const SECOND_KEY: &str = "authority-a-second";

/// Erased by [`erasure`], together with the event at (4, 0, 0).
pub fn erased() -> EventRef {
    name(2, 1, 1)
}

/// Item of the first submission of the block with erasures: 0 erases, 1 an item of its own block, 2 is none, 3 says no
/// replacement. Submission 1 has one signer, 2 two without power, 3 two keys of one member.
pub fn erasure(ordinal: u32, index: u32) -> EventRef {
    name(ERASING, ordinal, index)
}

fn name(height: u64, ordinal: u32, index: u32) -> EventRef {
    EventRef::new(height, ordinal, index).unwrap()
}

/// The records of that block.
pub fn erasing(now: u64) -> Vec<Cutting> {
    let notice = |event: EventRef, rest: &str| {
        OwnItem::new(ItemKind::Notice, format!(r#"{{"copies":["4-0"],"event":"{event}",{rest}}}"#))
    };
    let replacement = event(11, "shipping").bytes.replace(r#","example:note":"县医院 – store""#, "");
    let reason = r#""reason":{"en":"a name"}"#;
    let erases =
        |event| notice(event, &format!(r#"{reason},"replacement":{replacement},"revision":1,"type":"erasure""#));
    let [a, b, _] = AUTHORITY;
    let items = vec![
        erases(erased()),
        erases(name(ERASING, 4, 0)),
        notice(erased(), &format!(r#"{reason},"replacement":{replacement},"revision":1,"type":"recall""#)),
        notice(erased(), &format!(r#"{reason},"revision":1,"type":"erasure""#)),
    ];
    let notices = vec![
        seal_notices(a, &[a, b], now, items),
        seal_notices(a, &[a], now, vec![erases(erased())]),
        seal_notices("hospital", &["factory", "hospital"], now, vec![erases(erased())]),
        seal_notices(a, &[a, SECOND_KEY], now, vec![erases(erased())]),
    ];
    vec![
        ("notices", 0, 4, notices),
        ("scan-events", 0, 8, vec![seal_events("factory", now, vec![event(60, "shipping")])]),
    ]
}

/// Five events of three submissions of two blocks, and a notice of two signers.
pub fn batch(world: &World) -> Batch {
    let names = [(2, 9, 6), (2, 1, 1), (2, 1, 0), (4, 0, 0), (0, 0, 0), (2, 5, 0), (2, 9, 6)];
    let prove = |(height, ordinal, index)| world.prove(EventRef::new(height, ordinal, index).unwrap()).unwrap();
    Batch::of(names.map(prove).into()).unwrap()
}

pub fn consistency(world: &World, from: u64, to: u64) -> Consistency {
    Consistency {
        from: checkpoint(&world.genesis, &world.log, from, &[]),
        to: checkpoint(&world.genesis, &world.log, to, &WITNESSES[..1]),
        path: world.log.consistency_path(from, to).unwrap(),
    }
}

/// The same key's other history: it differs from the block at `height` on.
pub fn other_log(world: &World, height: usize) -> Tree {
    let mut leaves: Vec<Hash> = world.blocks.iter().map(|block| block.header.leaf()).collect();
    leaves[height..].iter_mut().for_each(|leaf| *leaf = Hash::of(leaf.as_bytes()));
    leaves.into_iter().collect()
}

/// A checkpoint of the log and a later (or equal) one of the other history, which differs from `height` on.
pub fn fork(world: &World, height: usize, smaller: u64, larger: u64) -> Result<Fork, Broken> {
    let other = other_log(world, height);
    let a = checkpoint(&world.genesis, &world.log, smaller, &WITNESSES[..1]);
    let b = checkpoint(&world.genesis, &other, larger, &[]);
    Fork::between(&a, &b, &world.genesis, &mut |level, index| other.node(level, index))
}

/// Block 2 acknowledged: the hospital's submission, record 3 of the second cut.
pub fn receipt(world: &World) -> Receipt {
    let Record::Sealed(sealed, _) = &world.blocks[2].cuts[1][3] else { unreachable!() };
    let cut = &world.blocks[2].header.cuts[1];
    Receipt {
        origin: world.genesis.origin.clone(),
        submission: sealed.id,
        leaf: sealed.leaf,
        topic: cut.topic.clone(),
        uuid: cut.uuid,
        partition: cut.partition,
        offset: cut.from + 3,
        time_ms: super::START_MS + 395,
    }
}

pub fn signed(receipt: &Receipt, by: &str) -> Note {
    Note::parse(&receipt.sign(&signer(by)).unwrap()).unwrap()
}

/// A log that sealed the receipt's offset without its submission.
pub fn without_the_acknowledged() -> World {
    let mut world = world();
    let block = &mut world.blocks[2];
    block.cuts[1].remove(3);
    let cut = &mut block.header.cuts[1];
    cut.records -= 1;
    cut.root = merkle::root(block.cuts[1].iter().map(Record::leaf));
    world.rebuild_log();
    world
}

/// What a stranger says about this receipt; `service` is whose key entry is shown.
pub fn missing(world: &World, receipt: &Receipt, service: &str) -> Missing {
    let block = &world.blocks[2];
    let entry = block.keys.entry(&key(service).public()).unwrap();
    let (index, path) = block.keys.path(entry).unwrap();
    Missing {
        receipt: signed(receipt, service),
        key: proof::KeyProof { index, entry: entry.clone(), path },
        header: block.header.clone(),
        header_path: world.log.inclusion_path(2, BLOCKS).unwrap(),
        checkpoint: world.checkpoint.clone(),
        leaves: block.cuts[1].iter().map(Record::leaf).collect(),
    }
}

/// The root at the smaller size that a fork's path gives.
pub fn other_root(fork: &Fork, smaller: u64, larger: u64) -> Hash {
    roots_of_consistency(smaller, larger, &fork.path).unwrap().0
}
