//! Items: what a submission seals, one leaf each.
//!
//! ```text
//! leaf = H(0x00 ‖ kind[1] ‖ salt[16] ‖ bytes)
//!   kind    'E' event, 'N' notice, 'D' source document
//!   salt    16 random bytes of its own, so that an erased item cannot be guessed from its leaf
//!   bytes   RFC 8785 (JCS) of one JSON value: UTF-8, one line
//! ```

use std::fmt;
use std::str::FromStr;

use crate::hash::{Hash, array_from_base64, base64, sha256};
use crate::names::Invalid;

/// Longest item, in bytes (256 KiB).
pub const ITEM_BYTES_MAX: usize = 256 * 1024;

/// What an item is; its byte stands in the leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ItemKind {
    Event = b'E',
    Notice = b'N',
    Document = b'D',
}

impl ItemKind {
    pub fn byte(self) -> u8 {
        self as u8
    }

    pub fn from_byte(byte: u8) -> Option<ItemKind> {
        [ItemKind::Event, ItemKind::Notice, ItemKind::Document].into_iter().find(|kind| kind.byte() == byte)
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.byte() as char)
    }
}

impl FromStr for ItemKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let kind = match text.as_bytes() {
            [byte] => ItemKind::from_byte(*byte),
            _ => None,
        };
        kind.ok_or(Invalid("an item is E, N or D"))
    }
}

/// 16 random bytes of one item, brought by the caller. Displayed as canonical base64 (24 characters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Salt(pub [u8; 16]);

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64(&self.0))
    }
}

impl FromStr for Salt {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        array_from_base64(text).map(Salt).ok_or(Invalid("a salt is 16 bytes as canonical base64"))
    }
}

crate::names::serde_as_text!(Salt);

/// One item, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    pub kind: ItemKind,
    pub salt: Salt,
    pub bytes: &'a [u8],
}

impl Item<'_> {
    pub fn leaf_hash(&self) -> Hash {
        sha256(&[&[0x00, self.kind.byte()], &self.salt.0, self.bytes])
    }

    /// What a submission needs to know of this item.
    pub fn leaf(&self) -> ItemLeaf {
        ItemLeaf { kind: Some(self.kind), bytes: self.bytes.len(), hash: self.leaf_hash() }
    }
}

/// An item reduced to its leaf: computed from the bytes, or all that is left of an erased item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemLeaf {
    /// `None` where the item is erased.
    pub kind: Option<ItemKind>,
    /// Length of the item's bytes; 0 where it is erased.
    pub bytes: usize,
    pub hash: Hash,
}

impl ItemLeaf {
    pub fn erased(hash: Hash) -> ItemLeaf {
        ItemLeaf { kind: None, bytes: 0, hash }
    }
}
