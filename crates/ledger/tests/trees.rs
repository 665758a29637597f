//! The trees against the definition of RFC 6962, read word by word.
#![allow(clippy::unwrap_used)]

use medtrace_ledger::Hash;
use medtrace_ledger::merkle::*;
use proptest::prelude::*;

/// MTH(D[n]) of RFC 6962 section 2.1, over leaf hashes.
fn definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(b""),
        [leaf] => *leaf,
        _ => {
            let split = (1..leaves.len()).filter(|k| k.is_power_of_two()).max().unwrap();
            node_hash(&definition(&leaves[..split]), &definition(&leaves[split..]))
        }
    }
}

fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

#[test]
fn roots_and_paths_of_every_small_tree() {
    let all = leaves(70);
    let tree: Tree = all.iter().copied().collect();
    let mut frontier = Frontier::default();
    for size in 0..=all.len() {
        let root = definition(&all[..size]);
        assert_eq!(frontier.root(), root);
        assert_eq!(tree.root_at(size as u64), Some(root));
        assert_eq!(Frontier::from_parts(size as u64, frontier.nodes().to_vec()), Some(frontier.clone()));
        for index in 0..size {
            let path = tree.inclusion_path(index as u64, size as u64).unwrap();
            assert!(verify_inclusion(index as u64, size as u64, all[index], &path, root));
            let before = (index > 0).then(|| definition(&all[..index]));
            assert_eq!(root_before(index as u64, size as u64, &path), before);
        }
        for old in 1..=size {
            let path = tree.consistency_path(old as u64, size as u64).unwrap();
            assert!(verify_consistency(old as u64, size as u64, &path, definition(&all[..old]), root));
        }
        if size < all.len() {
            frontier.push(all[size]);
        }
    }
}

#[test]
fn what_is_not_in_the_tree_has_no_path() {
    let tree: Tree = leaves(7).into_iter().collect();
    assert_eq!(tree.inclusion_path(7, 7), None);
    assert_eq!(tree.inclusion_path(0, 8), None);
    assert_eq!(tree.inclusion_path(0, 0), None);
    assert_eq!(tree.consistency_path(0, 7), None);
    assert_eq!(tree.consistency_path(7, 8), None);
    assert_eq!(tree.consistency_path(7, 6), None);
    assert_eq!(tree.root_at(8), None);
    assert_eq!(tree.node(1, 3), None);
    assert_eq!(Frontier::from_parts(3, leaves(1)), None);
    assert_eq!(Frontier::from_parts(u64::MAX, leaves(64)), None);
    assert_eq!(Tree::default().root(), empty_root());
}

proptest! {
    /// A leaf proves at its own place only, and with no other path.
    #[test]
    fn an_inclusion_path_is_of_one_place(size in 1usize..300, index in 0usize..300, other in 0u64..300, at in 0usize..9) {
        let index = (index % size) as u64;
        let all = leaves(size);
        let tree: Tree = all.iter().copied().collect();
        let (size, leaf) = (size as u64, all[index as usize]);
        let path = tree.inclusion_path(index, size).unwrap();
        prop_assert!(verify_inclusion(index, size, leaf, &path, tree.root()));
        if other != index {
            prop_assert!(!verify_inclusion(other, size, leaf, &path, tree.root()));
        }
        if let Some(hash) = path.get(at) {
            let mut changed = path.clone();
            changed[at] = leaf_hash(&hash.0);
            prop_assert!(!verify_inclusion(index, size, leaf, &changed, tree.root()));
            let mut shorter = path.clone();
            shorter.remove(at);
            prop_assert!(!verify_inclusion(index, size, leaf, &shorter, tree.root()));
            let mut longer = path.clone();
            longer.insert(at, *hash);
            prop_assert!(!verify_inclusion(index, size, leaf, &longer, tree.root()));
        }
    }

    #[test]
    fn a_consistency_path_is_of_two_roots(old in 1usize..200, more in 0usize..200, at in 0usize..9) {
        let new = old + more;
        let tree: Tree = leaves(new).into_iter().collect();
        let (old, new) = (old as u64, new as u64);
        let (old_root, new_root) = (tree.root_at(old).unwrap(), tree.root());
        let path = tree.consistency_path(old, new).unwrap();
        prop_assert!(verify_consistency(old, new, &path, old_root, new_root));
        let wrong = leaf_hash(b"wrong");
        prop_assert!(!verify_consistency(old, new, &path, wrong, new_root));
        prop_assert!(!verify_consistency(old, new, &path, old_root, wrong));
        if at < path.len() {
            let mut changed = path.clone();
            changed[at] = wrong;
            prop_assert!(!verify_consistency(old, new, &changed, old_root, new_root));
            let mut shorter = path.clone();
            shorter.remove(at);
            prop_assert!(!verify_consistency(old, new, &shorter, old_root, new_root));
        }
    }

    /// Any numbers and hashes: an answer, never a panic.
    #[test]
    fn nothing_panics(a in any::<u64>(), b in any::<u64>(), seed in any::<[u8; 32]>(), length in 0usize..70) {
        let path = vec![Hash(seed); length];
        verify_inclusion(a, b, Hash(seed), &path, Hash(seed));
        root_before(a, b, &path);
        verify_consistency(a, b, &path, Hash(seed), Hash(seed));
        inclusion_path_with(a, b, &mut |_, _| None);
        inclusion_path_with(a, b, &mut |_, _| Some(Hash(seed)));
        consistency_path_with(a, b, &mut |_, _| Some(Hash(seed)));
    }
}
