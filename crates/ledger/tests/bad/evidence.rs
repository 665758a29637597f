//! Bad evidence beside proofs of items.

use medtrace_ledger::*;

use super::{Bad, forged_checkpoint};
use crate::common::evidence::{
    SERVICE, batch, consistency, erased, erasure, fork, missing, receipt, signed, without_the_acknowledged,
};
use crate::common::{ERASING, WITNESSES, World, checkpoint, erasing};

/// Each breaks one rule.
pub fn bad(world: &World) -> Vec<Bad> {
    let wrong = Hash::of("wrong");
    let mut bad = Vec::new();
    let mut put = |part, name, text: String| bad.push(Bad { name, format: "evidence", part, text });
    let at = |size, witnesses: &[&str]| checkpoint(&world.genesis, &world.log, size, witnesses);
    let many = |change: &dyn Fn(&mut Batch)| {
        let mut changed = batch(world);
        change(&mut changed);
        changed.text()
    };
    put("cosignatures", "batch-alone", many(&|b| b.checkpoint = at(5, &[])));
    put("header-path", "batch-smaller-log", many(&|b| b.checkpoint = at(3, &WITNESSES)));
    put("format", "batch-blocks-order", many(&|b| b.blocks.swap(0, 1)));
    put("format", "batch-block-twice", many(&|b| b.blocks[1] = b.blocks[0].clone()));
    put("format", "batch-records-order", many(&|b| b.blocks[1].records.swap(0, 1)));
    put("format", "batch-items-order", many(&|b| b.blocks[1].records[0].items.swap(0, 1)));
    put("key", "batch-keys-order", many(&|b| b.blocks[0].keys.swap(0, 1)));
    put("key", "batch-key-unused", many(&|b| b.blocks[1].records.truncate(1)));
    put("key", "batch-no-key", many(&|b| b.blocks[2].keys.clear()));
    put("item-path", "batch-bytes", many(&|b| b.blocks[1].records[0].items[1].bytes.push(' ')));
    put("item-path", "batch-item-index", many(&|b| b.blocks[1].records[1].items[0].index = 1));
    put("submission-path", "batch-ordinal", many(&|b| b.blocks[1].records[1].ordinal = 4));
    put("event", "batch-index-500", many(&|_| {}).replacen("item 6 ", "item 500 ", 1));
    put("header", "batch-more", many(&|_| {}) + "more\n");

    let grown = |change: &dyn Fn(&mut Consistency)| {
        let mut changed = consistency(world, 3, 5);
        change(&mut changed);
        changed.text()
    };
    put("consistency-path", "consistency-path", grown(&|c| c.path[0] = wrong));
    put("consistency-path", "consistency-longer", grown(&|c| c.path.push(wrong)));
    put("consistency-path", "consistency-shorter", grown(&|c| c.path.truncate(1)));
    put("consistency-path", "consistency-from", grown(&|c| c.from = at(2, &[])));
    put("consistency-path", "consistency-backwards", grown(&|c| (c.from, c.to) = (at(5, &[]), at(3, &WITNESSES))));
    put("consistency-path", "consistency-equal", grown(&|c| c.from = at(5, &[])));
    put("cosignatures", "consistency-alone", grown(&|c| c.to = at(5, &[])));
    put("checkpoint", "consistency-forged", grown(&|c| c.from = forged_checkpoint(&c.from)));
    put("checkpoint", "consistency-one-note", grown(&|_| {}).replacen("\nto\n", "\n", 1));
    put("format", "consistency-more", grown(&|_| {}) + "\n");

    let forked = |height, smaller, larger, change: &dyn Fn(&mut Fork)| {
        let mut changed = fork(world, height, smaller, larger).unwrap();
        change(&mut changed);
        changed.text()
    };
    let own = merkle::whole_consistency_path_with(3, 5, &mut |level, index| world.log.node(level, index)).unwrap();
    put("fork", "fork-of-one", forked(1, 4, 4, &|f| f.larger = f.smaller.clone()));
    put("fork", "fork-of-honest", forked(1, 3, 5, &|f| (f.larger, f.path) = (at(5, &[]), own.clone())));
    put("consistency-path", "fork-path", forked(1, 3, 5, &|f| f.path[0] = wrong));
    put("consistency-path", "fork-no-path", forked(1, 2, 5, &|f| f.path.clear()));
    put("consistency-path", "fork-first-node-left-out", forked(1, 2, 5, &|f| f.path = f.path[1..].to_vec()));
    put("consistency-path", "fork-path-of-one-size", forked(1, 4, 4, &|f| f.path.push(wrong)));
    put("consistency-path", "fork-order", forked(1, 3, 5, &|f| std::mem::swap(&mut f.smaller, &mut f.larger)));
    put("checkpoint", "fork-forged", forked(1, 4, 4, &|f| f.larger = forged_checkpoint(&f.larger)));
    put("checkpoint", "fork-three", forked(1, 4, 4, &|_| {}).replacen("checkpoint\n", "checkpoint\n\n", 1));
    put("format", "fork-more", forked(1, 4, 4, &|_| {}) + "checkpoint\n");

    let (faulty, said) = (without_the_acknowledged(), receipt(world));
    let lost = |change: &dyn Fn(&mut Missing)| {
        let mut changed = missing(&faulty, &said, SERVICE);
        change(&mut changed);
        changed.text()
    };
    let other = |change: &dyn Fn(&mut Receipt)| {
        let mut changed = said.clone();
        change(&mut changed);
        lost(&|m| m.receipt = signed(&changed, SERVICE))
    };
    put("sealed", "missing-but-sealed", missing(world, &said, SERVICE).text());
    put("leaves", "missing-leaf", lost(&|m| m.leaves.truncate(3)));
    put("leaves", "missing-leaves-order", lost(&|m| m.leaves.swap(0, 1)));
    put("cut", "missing-offset", other(&|r| r.offset = 99));
    put("cut", "missing-topic-uuid", other(&|r| r.uuid = TopicUuid([9; 16])));
    put("cut", "missing-partition", other(&|r| r.partition = 7));
    put("receipt", "missing-origin", other(&|r| r.origin = "elsewhere".parse().unwrap()));
    put("receipt", "missing-signer", lost(&|m| m.receipt = signed(&said, "factory")));
    put("key", "missing-no-service", missing(&faulty, &said, "factory").text());
    put("key-path", "missing-key-index", lost(&|m| m.key.index += 1));
    put("key", "missing-no-key", lost(&|_| {}).replacen("\nkey ", "\nkeys ", 1));
    put("header-path", "missing-header", lost(&|m| m.header.time_ms += 1));
    put("checkpoint", "missing-forged", lost(&|m| m.checkpoint = forged_checkpoint(&m.checkpoint)));
    put("format", "missing-more", lost(&|_| {}) + "leaves\n");

    let later = erasing();
    let at = |height, ordinal, index| EventRef::new(height, ordinal, index).unwrap();
    let by = |event, notice| later.prove_erased(event, notice).unwrap().text();
    let gone = |change: &dyn Fn(&mut Erased)| {
        let mut changed = later.prove_erased(erased(), erasure(0, 0)).unwrap();
        change(&mut changed);
        changed.text()
    };
    put("erasure", "erased-another", by(at(2, 1, 0), erasure(0, 0)));
    put("erasure", "erased-same-block", by(at(ERASING, 4, 0), erasure(0, 1)));
    put("erasure", "erased-no-erasure", by(erased(), erasure(0, 2)));
    put("erasure", "erased-no-replacement", by(erased(), erasure(0, 3)));
    put("erasure", "erased-one-member", by(erased(), erasure(1, 0)));
    put("erasure", "erased-no-authority", by(erased(), erasure(2, 0)));
    put("erasure", "erased-one-member-twice", by(erased(), erasure(3, 0)));
    put("item", "erased-notice", by(at(2, 0, 0), erasure(0, 0)));
    put("item", "erased-no-leaf", gone(&|_| {}).replacen("\nleaf ", "\nleaves ", 1));
    put("item-path", "erased-leaf", gone(&|e| e.leaf = wrong));
    put("item-path", "erased-notice-bytes", gone(&|e| e.notice.bytes.push(' ')));
    put("header-path", "erased-smaller-log", {
        gone(&|e| e.notice.checkpoint = checkpoint(&later.genesis, &later.log, ERASING, &WITNESSES))
    });
    put("cosignatures", "erased-alone", {
        gone(&|e| e.notice.checkpoint = checkpoint(&later.genesis, &later.log, ERASING + 1, &[]))
    });
    put("event", "erased-no-notice", gone(&|_| {}).replacen("\nnotice ", "\nevent ", 1));
    put("format", "erased-more", gone(&|_| {}) + "notice\n");
    put("format", "no-kind", "medtrace/evidence/v1\n".into());
    bad
}
