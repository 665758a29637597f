//! Whatever the indexer dies in, what it derives afterwards is what it would have derived.
//!
//! A run over random worlds goes on, commits or dies after each block; dead, it has lost what was not committed, while
//! any part of its rows may be in the store. The next life starts from the committed state and gives the same rows.
#![allow(clippy::unwrap_used)]

mod world;

use std::collections::BTreeMap;

use medtrace_indexer::derive::{Deriver, Rows};
use medtrace_indexer::keyed::{Disk, Keyed, Memory};
use medtrace_indexer::tables::{Table, TakeRows};
use medtrace_log::sealed::SealedBlock;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use world::simulation::{Happening, happenings, said};
use world::{Chain, genesis, parties};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    GoOn,
    Commit,
    Die,
}

/// A store like ours: of each key the newest version stays, however often and in whatever order rows come.
#[derive(Default, PartialEq, Debug)]
struct Store(BTreeMap<(u8, Vec<u8>), (u64, String)>);

struct Inserting<'a> {
    store: &'a mut Store,
    /// Rows that still get in.
    left: usize,
}

impl TakeRows for Inserting<'_> {
    type Error = ();

    fn take<T: Table>(&mut self, rows: &[T]) -> Result<(), ()> {
        for row in rows {
            self.left = self.left.checked_sub(1).ok_or(())?;
            let row_now = (version_of(row), serde_json::to_string(row).unwrap());
            let slot = self.store.0.entry((T::NUMBER, row.key())).or_insert_with(|| row_now.clone());
            if slot.0 <= row_now.0 {
                *slot = row_now;
            }
        }
        Ok(())
    }
}

fn version_of<T: Table>(row: &T) -> u64 {
    serde_json::to_value(row).unwrap()["ver"].as_u64().unwrap_or_default()
}

impl Store {
    fn insert(&mut self, rows: &Rows, most: usize) {
        let _ = rows.show(&mut Inserting { store: self, left: most });
    }
}

/// The parties' notices, then everything said, some of it in one block, beginning anywhere.
fn blocks(happenings: &[Happening], turn: usize) -> Vec<SealedBlock> {
    let mut said = said(happenings);
    let by = turn % said.len();
    said.rotate_left(by);
    let mut chain = Chain::default();
    let notices = parties().into_iter();
    notices.chain(said.chunks(2).map(<[_]>::to_vec)).map(|said| chain.block(&said)).collect()
}

fn deriver<K: Keyed>(base: K) -> Deriver<K> {
    Deriver::open(base, &genesis()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_life_derives_the_same_rows(
        happenings in happenings(12),
        turn in 0usize..12,
        thens in prop::collection::vec(
            (prop_oneof![Just(Then::GoOn), Just(Then::Commit), Just(Then::Die)], 0usize..40), 40),
    ) {
        let blocks = blocks(&happenings, turn);
        let mut whole = deriver(Memory::default());
        let uninterrupted: Vec<Rows> = blocks.iter().map(|block| whole.derive(block).unwrap()).collect();
        let mut expected = Store::default();
        uninterrupted.iter().for_each(|rows| expected.insert(rows, usize::MAX));

        let (mut store, mut thens) = (Store::default(), thens.into_iter());
        let mut alive = deriver(Memory::default());
        while let Some(block) = blocks.get(alive.next_height() as usize) {
            let rows = alive.derive(block).unwrap();
            prop_assert_eq!(&rows, &uninterrupted[block.header.height as usize]);
            // Out of deaths: to the end in one go.
            let (then, most) = thens.next().unwrap_or((Then::GoOn, 0));
            store.insert(&rows, if then == Then::Die { most } else { usize::MAX });
            match then {
                Then::GoOn => {}
                Then::Commit => alive.commit().unwrap(),
                Then::Die => alive = deriver(alive.base().clone()),
            }
        }
        prop_assert_eq!(store, expected);
    }
}

/// Of one key and version there is one row in a block: otherwise which one stays would be up to the store.
#[test]
fn no_two_rows_of_a_block_contend() {
    struct Keys(BTreeMap<(u8, Vec<u8>, u64), usize>);
    impl TakeRows for Keys {
        type Error = ();
        fn take<T: Table>(&mut self, rows: &[T]) -> Result<(), ()> {
            for row in rows {
                *self.0.entry((T::NUMBER, row.key(), version_of(row))).or_default() += 1;
            }
            Ok(())
        }
    }
    proptest!(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() },
        |(happenings in happenings(14), turn in 0usize..14)| {
        let mut keys = Keys(BTreeMap::new());
        let mut deriver = deriver(Memory::default());
        for block in blocks(&happenings, turn) {
            deriver.derive(&block).unwrap().show(&mut keys).unwrap();
        }
        let twice: Vec<_> = keys.0.into_iter().filter(|(_, count)| *count > 1).collect();
        prop_assert!(twice.is_empty(), "{:?}", twice);
    });
}

/// The state on disk, closed and opened again between blocks, is the state in memory.
#[test]
fn a_state_on_disk_derives_the_same_rows() {
    let folder = std::env::temp_dir().join(format!("medtrace-indexer-crash-{}", std::process::id()));
    let mut runner = TestRunner::deterministic();
    let happenings = prop::collection::vec(happenings(14), 8).new_tree(&mut runner).unwrap().current().concat();
    let mut in_memory = deriver(Memory::default());
    for blocks in blocks(&happenings, 3).chunks(7) {
        let mut on_disk = deriver(Disk::open(&folder).unwrap());
        for block in blocks {
            assert_eq!(on_disk.derive(block).unwrap(), in_memory.derive(block).unwrap());
        }
        on_disk.commit().unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
