//! The simple model, and the one function that holds everything that was written and signed against it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use medtrace_chainer::verify::Verifier;
use medtrace_ledger::Hash;
use medtrace_ledger::block::Cut;
use medtrace_ledger::submission::{AGE_MS_MAX, AHEAD_MS_MAX};
use medtrace_log::sealed::SealedBlock;
use medtrace_log::topics::{CHECKPOINTS, NOTICES};

use crate::log::{Meaning, World, id};
use crate::world::{NOW_MS, uuid};

/// So far a block's time may be ahead of the broker's, milliseconds.
const AHEAD_OF_BROKER_MS: u64 = 60_000;

/// RFC 6962, section 2.1, as it is written there.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(""),
        [leaf] => *leaf,
        _ => {
            let left = leaves.len().next_power_of_two() / 2;
            let (left, right) = (root(&leaves[..left]), root(&leaves[left..]));
            Hash::of([&[1][..], &left.0, &right.0].concat())
        }
    }
}

/// What the simple model knows of keys: who was admitted, and what became of the second key.
#[derive(Default)]
struct Keys {
    acme: bool,
    second: bool,
    second_is_over: bool,
    /// Whether a block before has cut `scan-events`, and the number of the id that it is cut under.
    events_cut: bool,
    id: usize,
}

impl Keys {
    fn apply(&mut self, notice: Meaning) {
        match notice {
            Meaning::Admit => self.acme = true,
            Meaning::Enrol if self.acme && !self.second_is_over => self.second = true,
            Meaning::Gap(lost, _) if self.events_cut && lost == self.id => self.id += 1,
            Meaning::Revoke if self.second => (self.second, self.second_is_over) = (false, true),
            _ => {}
        }
    }

    fn knows(&self, key: &str) -> bool {
        match key {
            "acme" => self.acme,
            "acme-2" => self.second,
            _ => false,
        }
    }
}

impl World {
    pub fn index_of(&self, cut: &Cut) -> usize {
        match cut.topic.as_str() {
            NOTICES => 0,
            _ => 1 + usize::try_from(cut.partition).unwrap(),
        }
    }

    /// Everything that must hold after every step. Panics where it does not. The number of the id under which `scan-events`
    /// is sealed in the end.
    pub fn check(&self) -> usize {
        let (mut leaves, mut keys) = (Vec::new(), Keys::default());
        let (mut next, mut before_ms) = (BTreeMap::new(), 0);
        let mut roots = Vec::new();
        for (header, (height, written_ms)) in self.headers().iter().zip((0u64..).zip(&self.written_ms)) {
            let log_root = if height == 0 { self.pool.genesis.hash() } else { root(&leaves) };
            assert_eq!((header.height, header.log_root), (height, log_root), "block {height} follows");
            assert!(header.time_ms >= before_ms, "time goes back in block {height}");
            let latest_ms = before_ms.max(written_ms + AHEAD_OF_BROKER_MS);
            assert!(header.time_ms <= latest_ms, "block {height}: {} is of the future", header.time_ms);
            before_ms = header.time_ms;
            assert!(!header.cuts.is_empty(), "block {height} is empty");
            for (cut, ordinals) in header.cuts_with_ordinals() {
                let index = self.index_of(cut);
                let from = next.insert((index, cut.uuid), cut.to).unwrap_or_default();
                let uuid = if index == 0 { uuid(NOTICES) } else { id(keys.id) };
                assert_eq!((cut.from, cut.uuid), (from, uuid), "block {height}, {}", cut.topic);
                let (_, _, pool) = self.partition(index);
                let within = self.partition_of(cut).records.iter().filter(|(at, _)| (cut.from..cut.to).contains(at));
                let sealed: Vec<_> = within.map(|(_, which)| &pool[*which]).collect();
                let sealed_leaves: Vec<_> = sealed.iter().map(|(_, record)| record.leaf).collect();
                assert_eq!((cut.records as usize, cut.root), (sealed.len(), root(&sealed_leaves)), "block {height}");
                for ((meaning, _), ordinal) in sealed.into_iter().zip(ordinals) {
                    let found = header.bad_reason(ordinal).map(|reason| reason.as_str());
                    match *meaning {
                        Meaning::Bad(reason) => assert_eq!(found, Some(reason), "block {height}"),
                        Meaning::Events(key) => {
                            let late = header.time_ms > NOW_MS + AGE_MS_MAX || NOW_MS > header.time_ms + AHEAD_MS_MAX;
                            let expected = if !keys.knows(key) { Some("unknown-key") } else { late.then_some("time") };
                            assert_eq!(found, expected, "block {height}: events by {key}");
                        }
                        notice if found.is_none() => keys.apply(notice),
                        _ => {}
                    }
                }
            }
            keys.events_cut |= header.cuts.iter().any(|cut| self.index_of(cut) > 0);
            leaves.push(header.leaf());
            roots.push(root(&leaves));
        }
        self.check_signed(&roots);
        keys.id
    }

    /// Everything signed is of this chain, whether it arrived or not; and of one size there is one root.
    fn check_signed(&self, chain: &[Hash]) {
        for (size, signed) in &self.signed {
            let held = chain.get(usize::try_from(*size).unwrap() - 1);
            assert!(signed.iter().eq(held), "{size} headers were signed as {signed:?}, blocks gives {held:?}");
        }
        for (_, size, seen) in self.witnesses.iter().filter(|(_, size, _)| *size > 0) {
            assert_eq!(*seen, chain.get(usize::try_from(*size).unwrap() - 1).copied(), "a witness has seen a fork");
        }
        let mut longest = 0;
        for message in &self.checkpoints {
            // Each was opened when it was signed.
            let note = std::str::from_utf8(&message.value).unwrap();
            let size: u64 = note.lines().nth(1).unwrap().parse().unwrap();
            let cosigned = note.lines().filter(|line| line.starts_with('\u{2014}')).count() > 1;
            assert!(size >= longest || cosigned, "{CHECKPOINTS} goes back to {size}");
            longest = longest.max(size);
        }
        assert_eq!(self.published(), longest, "the last record of {CHECKPOINTS} is the longest chain");
    }

    /// Whether every record is sealed, which is once, and every block signed.
    pub fn is_done(&self) -> bool {
        let (mut ends, events) = (vec![0; self.partitions.len()], id(self.lost.len()));
        let headers = self.headers();
        let cuts = headers.iter().flat_map(|header| &header.cuts);
        for cut in cuts.filter(|cut| self.index_of(cut) == 0 || cut.uuid == events) {
            ends[self.index_of(cut)] = cut.to;
        }
        let sealed = self
            .partitions
            .iter()
            .zip(ends)
            .all(|(partition, end)| partition.records.last().is_none_or(|(last, _)| *last < end));
        sealed && self.in_flight.is_none() && self.published() == self.blocks.len() as u64
    }

    /// Every block with its records.
    pub fn all_sealed(&self) -> Vec<SealedBlock> {
        (0..self.blocks.len()).map(|at| self.sealed(at, None)).collect()
    }
}

/// Recomputes the chain as an audit does: every signature, root, key and bad line.
pub async fn audit(world: &Mutex<World>) {
    let (genesis, blocks) = {
        let world = world.lock().unwrap();
        (world.pool.genesis.clone(), world.all_sealed())
    };
    let mut verifier = Verifier::begin(&genesis);
    for block in blocks {
        let recomputed = verifier.next(&block).await.unwrap();
        assert_eq!(recomputed.differences, Vec::<String>::new(), "block {}", block.header.height);
    }
}
