//! Trees that grow: the frontier (all that appending needs) and the whole tree (all that paths need).

use super::{empty_root, node_hash};
use crate::hash::Hash;

/// Leaves beyond which no tree grows, so that its size can always be counted on.
const FRONTIER_SIZE_MAX: u64 = 1 << 62;

/// The perfect subtrees of a tree, largest first: enough to append and to name the root. At most 64 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

impl Frontier {
    /// A frontier that was stored: one node for each set bit of `size`, largest subtree first.
    pub fn from_parts(size: u64, nodes: Vec<Hash>) -> Option<Frontier> {
        let fits = size < FRONTIER_SIZE_MAX && nodes.len() == size.count_ones() as usize;
        fits.then_some(Frontier { size, nodes })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.nodes.pop().expect("one node for each set bit of the size");
            hash = node_hash(&left, &hash);
        }
        self.nodes.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        let mut nodes = self.nodes.iter().rev().copied();
        let Some(smallest) = nodes.next() else {
            return empty_root();
        };
        nodes.fold(smallest, |right, left| node_hash(&left, &right))
    }
}

/// A tree with all its perfect subtrees in memory (64 bytes a leaf), from which any root and path is read.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `levels[l][i]` is the root of the perfect subtree of 2^l leaves that starts at leaf i · 2^l.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(hash);
            if nodes.len() % 2 == 1 {
                return;
            }
            hash = node_hash(&nodes[nodes.len() - 2], &nodes[nodes.len() - 1]);
        }
    }

    /// The root of the perfect subtree of 2^`level` leaves that starts at leaf `index` · 2^`level`.
    pub fn node(&self, level: u32, index: u64) -> Option<Hash> {
        self.levels.get(level as usize)?.get(usize::try_from(index).ok()?).copied()
    }

    pub fn root(&self) -> Hash {
        self.root_at(self.size()).expect("every subtree of the whole tree is there")
    }

    /// The root when the tree had `size` leaves; `None` beyond its present size.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        subtree(0, size, &mut |level, index| self.node(level, index))
    }

    /// Path of leaf `index` in the tree of the first `size` leaves, from the leaf up.
    pub fn inclusion_path(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        inclusion_path_with(index, size, &mut |level, index| self.node(level, index))
    }

    /// Shows that the tree of `new_size` begins with the tree of `old_size` (at least 1).
    pub fn consistency_path(&self, old_size: u64, new_size: u64) -> Option<Vec<Hash>> {
        consistency_path_with(old_size, new_size, &mut |level, index| self.node(level, index))
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Tree {
        let mut tree = Tree::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

/// Reads perfect subtrees: (level, index) as in [`Tree::node`]; `None` where it has no such node.
pub type Nodes<'a> = dyn FnMut(u32, u64) -> Option<Hash> + 'a;

/// Inclusion path of leaf `index` at `size`, with nodes from wherever they are stored (tiles, a table).
pub fn inclusion_path_with(index: u64, size: u64, nodes: &mut Nodes<'_>) -> Option<Vec<Hash>> {
    if index >= size {
        return None;
    }
    let (mut from, mut to) = (0, size);
    let mut siblings = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            siblings.push((middle, to));
            to = middle;
        } else {
            siblings.push((from, middle));
            from = middle;
        }
    }
    siblings.iter().rev().map(|&(from, to)| subtree(from, to, nodes)).collect()
}

/// Consistency path between two sizes, with nodes from wherever they are stored.
pub fn consistency_path_with(old_size: u64, new_size: u64, nodes: &mut Nodes<'_>) -> Option<Vec<Hash>> {
    if old_size == 0 || old_size > new_size {
        return None;
    }
    let (mut from, mut to) = (0, new_size);
    let mut parts = Vec::new();
    // Down to the subtree whose right edge is the old tree's; it is known to the verifier only if it is the old tree.
    while to != old_size {
        let middle = from + split(to - from);
        if old_size <= middle {
            parts.push((middle, to));
            to = middle;
        } else {
            parts.push((from, middle));
            from = middle;
        }
    }
    if from > 0 {
        parts.push((from, to));
    }
    parts.iter().rev().map(|&(from, to)| subtree(from, to, nodes)).collect()
}

/// As [`consistency_path_with`], with the first node also where the old tree is perfect: for
/// [`super::roots_of_consistency`]. `None` unless 0 < `old_size` < `new_size`.
pub fn whole_consistency_path_with(old_size: u64, new_size: u64, nodes: &mut Nodes<'_>) -> Option<Vec<Hash>> {
    let path = consistency_path_with(old_size, new_size, nodes)?;
    match (old_size < new_size, old_size.is_power_of_two()) {
        (false, _) => None,
        (true, false) => Some(path),
        (true, true) => Some([&[nodes(old_size.trailing_zeros(), 0)?], &path[..]].concat()),
    }
}

/// Largest power of two smaller than `size` (at least 2).
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// Root over the leaves `from..to`, a range that the RFC's splitting gives, from perfect subtrees.
fn subtree(from: u64, to: u64, nodes: &mut Nodes<'_>) -> Option<Hash> {
    let size = to - from;
    match size {
        0 => Some(empty_root()),
        _ if size.is_power_of_two() => nodes(size.trailing_zeros(), from >> size.trailing_zeros()),
        _ => {
            let middle = from + split(size);
            let left = subtree(from, middle, nodes)?;
            Some(node_hash(&left, &subtree(middle, to, nodes)?))
        }
    }
}
