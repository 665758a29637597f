//! Our trees beside two that others wrote: the same roots, the same paths, the same verdict on paths that were tampered
//! with.
#![allow(clippy::unwrap_used)]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use medtrace_ledger::Hash;
use medtrace_ledger::merkle::{Tree, leaf_hash, verify_consistency, verify_inclusion};
use proptest::prelude::*;
use sha2::Sha256;
use tlog_tiles::tlog;

/// The stored hashes of a `tlog` tree.
#[derive(Default)]
struct Stored(Vec<tlog::Hash>);

impl tlog::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

/// The three trees over the same data.
struct Trees {
    ours: Tree,
    tlog: Stored,
    ct: MemoryBackedTree<Sha256, Vec<u8>>,
}

fn data(index: u64) -> Vec<u8> {
    index.to_be_bytes()[..(index % 9) as usize].to_vec()
}

fn trees(size: u64) -> Trees {
    let mut trees = Trees { ours: Tree::default(), tlog: Stored::default(), ct: MemoryBackedTree::new() };
    for index in 0..size {
        trees.ours.push(leaf_hash(&data(index)));
        let stored = tlog::stored_hashes(index, &data(index), &trees.tlog).unwrap();
        trees.tlog.0.extend(stored);
        trees.ct.push(data(index));
    }
    trees
}

fn theirs(path: &[Hash]) -> Vec<tlog::Hash> {
    path.iter().map(|hash| tlog::Hash(hash.0)).collect()
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| hash.0).collect()
}

/// What can happen to a path on its way.
#[derive(Debug, Clone)]
enum Harm {
    None,
    Flip(prop::sample::Index, u8),
    Drop(prop::sample::Index),
    Add(prop::sample::Index),
    Swap(prop::sample::Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        Just(Harm::None),
        (at(), 0..255u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        at().prop_map(Harm::Drop),
        at().prop_map(Harm::Add),
        at().prop_map(Harm::Swap),
    ]
}

fn harmed(mut path: Vec<Hash>, harm: &Harm) -> Vec<Hash> {
    let length = path.len();
    match harm {
        Harm::Flip(at, bit) if length > 0 => path[at.index(length)].0[usize::from(bit / 8)] ^= 1 << (bit % 8),
        Harm::Drop(at) if length > 0 => path = [&path[..at.index(length)], &path[at.index(length) + 1..]].concat(),
        Harm::Add(at) => path.insert(at.index(length + 1), Hash::of("more")),
        Harm::Swap(at) if length > 1 => path.swap(at.index(length), (at.index(length) + 1) % length),
        _ => {}
    }
    path
}

proptest! {
    #[test]
    fn inclusion_is_the_same_everywhere(
        size in 1u64..300, at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), harm in harm(),
    ) {
        let trees = trees(size);
        let index = at.index(size as usize) as u64;
        let root = trees.ours.root();
        prop_assert_eq!(root.0, tlog::tree_hash(size, &trees.tlog).unwrap().0);
        prop_assert_eq!(root.0.to_vec(), trees.ct.root().as_bytes().to_vec());
        let path = trees.ours.inclusion_path(index, size).unwrap();
        prop_assert_eq!(theirs(&path), tlog::prove_record(size, index, &trees.tlog).unwrap());
        let proof = trees.ct.prove_inclusion(index as usize);
        prop_assert_eq!(bytes(&path), proof.as_bytes());

        // Harmed, or shown for another leaf.
        let path = harmed(path, &harm);
        for shown in [index, other.index(size as usize) as u64] {
            let ours = verify_inclusion(shown, size, leaf_hash(&data(index)), &path, root);
            let record = tlog::Hash(leaf_hash(&data(index)).0);
            let tlog = tlog::check_record(&theirs(&path), size, tlog::Hash(root.0), shown, record).is_ok();
            let proof = InclusionProof::<Sha256>::try_from_bytes(bytes(&path)).unwrap();
            let ct = trees.ct.root().verify_inclusion(&data(index), shown, &proof).is_ok();
            prop_assert_eq!((ours, ours), (tlog, ct));
        }
    }

    #[test]
    fn consistency_is_the_same_everywhere(
        size in 2u64..300, at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), harm in harm(),
    ) {
        let trees = trees(size);
        let smaller = |at: &prop::sample::Index| at.index(size as usize - 1) as u64 + 1;
        let old = smaller(&at);
        let (old_root, root) = (trees.ours.root_at(old).unwrap(), trees.ours.root());
        let path = trees.ours.consistency_path(old, size).unwrap();
        prop_assert_eq!(theirs(&path), tlog::prove_tree(size, old, &trees.tlog).unwrap());
        let proof = trees.ct.prove_consistency((size - old) as usize);
        prop_assert_eq!(bytes(&path), proof.as_bytes());

        let path = harmed(path, &harm);
        for shown in [old, smaller(&other)] {
            let ours = verify_consistency(shown, size, &path, old_root, root);
            let (new, then) = (tlog::Hash(root.0), tlog::Hash(old_root.0));
            let tlog = tlog::check_tree(&theirs(&path), size, new, shown, then).is_ok();
            let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&path)).unwrap();
            let old_root = RootHash::<Sha256>::new(old_root.0.into(), shown);
            let ct = trees.ct.root().verify_consistency(&old_root, &proof).is_ok();
            prop_assert_eq!((ours, ours), (tlog, ct));
        }
    }
}
