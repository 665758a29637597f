//! The Merkle tree of RFC 6962: items in a submission, submissions in a cut, key entries in a header, headers in the log.
//!
//! ```text
//! leaf = H(0x00 ‖ data)      node = H(0x01 ‖ left ‖ right)      empty tree = H("")
//! a tree of n > 1 leaves splits at the largest power of two smaller than n
//! ```
//!
//! Two choices where implementations differ: a consistency proof from size 0 is refused, and every hash is 32 bytes.
//! Source: RFC 6962 section 2.1; verification as in RFC 9162 sections 2.1.3.2 and 2.1.4.2.

mod growth;
mod tree;

pub use tree::{Frontier, Nodes, Tree, consistency_path_with, inclusion_path_with, whole_consistency_path_with};

use crate::hash::{Hash, sha256};

/// Longest path of any tree (its size is a u64).
pub const PATH_MAX: usize = 64;

/// H(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Hash {
    sha256(&[&[0x00], data])
}

/// H(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[0x01], &left.0, &right.0])
}

/// Root of a tree without leaves: H("").
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Root over leaf hashes.
pub fn root(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut frontier = Frontier::default();
    leaves.into_iter().for_each(|leaf| frontier.push(leaf));
    frontier.root()
}

/// Root that `path` (from the leaf up) leads to; `None` where the path does not fit `index` and `size`.
pub fn root_of_path(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    let (inner, border) = path_lengths(index, size)?;
    if path.len() != inner + border {
        return None;
    }
    let mut hash = leaf;
    for (level, sibling) in path.iter().enumerate() {
        let sibling_is_right = level < inner && (index >> level) & 1 == 0;
        hash = if sibling_is_right { node_hash(&hash, sibling) } else { node_hash(sibling, &hash) };
    }
    Some(hash)
}

/// Root of the tree as it was when leaf `index` was about to be appended (its size was `index`), from the same path:
/// the left siblings are the perfect subtrees of the leaves before it. `None` for index 0 or a path that does not fit.
pub fn root_before(index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (inner, border) = path_lengths(index, size)?;
    if path.len() != inner + border {
        return None;
    }
    let is_left = |level: usize| level >= inner || (index >> level) & 1 == 1;
    let mut left = path.iter().enumerate().filter(|(level, _)| is_left(*level)).map(|(_, hash)| *hash);
    let smallest = left.next()?;
    Some(left.fold(smallest, |right, left| node_hash(&left, &right)))
}

/// Whether `path` shows that `leaf` is at `index` of the tree of `size` leaves with `root`.
pub fn verify_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash], root: Hash) -> bool {
    root_of_path(index, size, leaf, path) == Some(root)
}

/// How many siblings of a path lie below the point where it joins the tree's right border, and how many along it.
fn path_lengths(index: u64, size: u64) -> Option<(usize, usize)> {
    if index >= size {
        return None;
    }
    let inner = (u64::BITS - (index ^ (size - 1)).leading_zeros()) as usize;
    let border = if inner == PATH_MAX { 0 } else { (index >> inner).count_ones() as usize };
    Some((inner, border))
}

/// Whether `path` shows that the tree of `new_size` with `new_root` begins with the tree of `old_size` with `old_root`.
/// From size 0 nothing can be shown: refused.
pub fn verify_consistency(old_size: u64, new_size: u64, path: &[Hash], old_root: Hash, new_root: Hash) -> bool {
    if old_size == 0 || old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return path.is_empty() && old_root == new_root;
    }
    // Where the old tree is perfect its root is the first node of the path, and is left out.
    let whole = match old_size.is_power_of_two() {
        true => [&[old_root], path].concat(),
        false => path.to_vec(),
    };
    roots_of_consistency(old_size, new_size, &whole) == Some((old_root, new_root))
}

/// The roots at both sizes that a path leads to, which here has its first node also where the old tree is perfect; `None`
/// unless 0 < `old_size` < `new_size` and the path fits. One new root leaves one path, and so one old root.
pub fn roots_of_consistency(old_size: u64, new_size: u64, path: &[Hash]) -> Option<(Hash, Hash)> {
    let (first, rest) = path.split_first()?;
    if old_size == 0 || old_size >= new_size {
        return None;
    }
    let shift = (old_size - 1).trailing_ones();
    let (mut old, mut new) = ((old_size - 1) >> shift, (new_size - 1) >> shift);
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if new == 0 {
            return None;
        }
        if old & 1 == 1 || old == new {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while old & 1 == 0 && old != 0 {
                (old, new) = (old >> 1, new >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (old, new) = (old >> 1, new >> 1);
    }
    (new == 0).then_some((old_hash, new_hash))
}
