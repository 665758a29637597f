//! The path from a tree that is known only by its frontier to what it has grown into.

use super::{Frontier, consistency_path_with, node_hash, root};
use crate::hash::Hash;

impl Frontier {
    /// Consistency path from this size to the one with `later` leaves behind it; `None` from size 0. Hashes all of them.
    pub fn consistency_path(&self, later: &[Hash]) -> Option<Vec<Hash>> {
        let new_size = self.size().checked_add(later.len() as u64)?;
        consistency_path_with(self.size(), new_size, &mut |level, index| self.grown(later, level, index))
    }

    /// The perfect subtree of 2^level leaves at leaf index · 2^level, with `later` leaves behind this tree.
    fn grown(&self, later: &[Hash], level: u32, index: u64) -> Option<Hash> {
        let (from, to) = (index << level, (index + 1) << level);
        if to <= self.size() {
            // One of the perfect subtrees that the frontier is made of: as many larger ones stand before it.
            let larger = (from >> level >> 1).count_ones() as usize;
            let whole = self.size() >> level << level == to;
            return self.nodes().get(larger).copied().filter(|_| whole);
        }
        if from >= self.size() {
            let position = |leaf: u64| usize::try_from(leaf - self.size()).ok();
            return Some(root(later.get(position(from)?..position(to)?)?.iter().copied()));
        }
        let left = self.grown(later, level - 1, index * 2)?;
        Some(node_hash(&left, &self.grown(later, level - 1, index * 2 + 1)?))
    }
}

#[cfg(test)]
mod tests {
    use crate::hash::Hash;
    use crate::merkle::{Frontier, Tree};

    #[test]
    fn the_path_is_that_of_the_whole_tree() {
        let leaves: Vec<Hash> = (0..70_u8).map(|n| Hash::of([n])).collect();
        for old in 0..=leaves.len() {
            let mut frontier = Frontier::default();
            leaves[..old].iter().for_each(|leaf| frontier.push(*leaf));
            for new in old..=leaves.len() {
                let tree: Tree = leaves[..new].iter().copied().collect();
                let wanted = tree.consistency_path(old as u64, new as u64);
                assert_eq!(frontier.consistency_path(&leaves[old..new]), wanted, "{old} to {new}");
            }
        }
    }
}
