//! The items of one submission as one zstd frame: what a record carries as `bodies`, and what the store keeps as it is,
//! so that bodies are compressed once. Compression is outside every hash.
//!
//! ```text
//! zstd frame, one, with its content size declared; dictionary id 0 = none (others reserved until one is versioned)
//!   for each item, in the order of the submission:
//!     kind    u8       'E' event · 'N' notice · 'D' source document · '-' erased
//!     length  u32 LE   of what follows
//!     bytes            the item's bytes; of an erased item its leaf (32 bytes)
//! ```
//!
//! Whether a frame can be unpacked decides how its record is sealed, so the rules are exact: one frame and nothing
//! after it, the declared size is the true one and within [`FRAME_BYTES_MAX`], 1 to [`FRAME_ITEMS_MAX`] items.

use std::ops::Range;

use medtrace_ledger::{Hash, ItemKind};

/// Most bytes of a frame's content. (The items of a submission are at most 900 KiB; a source document may be larger.)
pub const FRAME_BYTES_MAX: usize = 4 << 20;
/// Most items of one frame, erased ones and documents included.
pub const FRAME_ITEMS_MAX: usize = 500;
/// Kind byte of an erased item.
const ERASED: u8 = b'-';
/// Bytes before each item: kind and length.
const ITEM_HEAD: usize = 5;
/// How a zstd frame begins (a skippable frame begins otherwise).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// zstd level: bodies compress to about a quarter at 300 MB/s; higher levels cost more than they save.
const LEVEL: i32 = 3;

/// One item of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    Whole(ItemKind, &'a [u8]),
    /// Only the leaf is left.
    Erased(Hash),
}

/// The items of one submission, decompressed into one buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bodies {
    content: Vec<u8>,
    /// Kind byte and place of each item.
    places: Vec<(u8, Range<usize>)>,
}

/// Why a frame cannot be unpacked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("read the bodies: not one whole zstd frame")]
    NotOneFrame,
    #[error("read the bodies: the frame does not declare its content size")]
    SizeMissing,
    #[error("read the bodies: {0} bytes declared, at most {FRAME_BYTES_MAX} allowed")]
    TooLarge(u64),
    #[error("read the bodies: dictionary {0} is not known")]
    Dictionary(u32),
    #[error("read the bodies: the frame is damaged")]
    Damaged,
    #[error("read the bodies: the items do not fill the frame exactly")]
    Items,
    #[error("read the bodies: {0} items, 1 to {FRAME_ITEMS_MAX} allowed")]
    Count(usize),
    #[error("read the bodies: unknown item kind {0:#04x}")]
    Kind(u8),
}

/// Packs items into one frame. Refuses what [`unpack`] would refuse.
pub fn pack<'a>(items: impl IntoIterator<Item = Body<'a>>) -> Result<Vec<u8>, FrameError> {
    let mut content = Vec::new();
    let mut count = 0;
    for item in items {
        let (kind, bytes) = match &item {
            Body::Whole(kind, bytes) => (kind.byte(), *bytes),
            Body::Erased(leaf) => (ERASED, &leaf.0[..]),
        };
        let length = u32::try_from(bytes.len()).map_err(|_| FrameError::TooLarge(bytes.len() as u64))?;
        content.push(kind);
        content.extend_from_slice(&length.to_le_bytes());
        content.extend_from_slice(bytes);
        count += 1;
        if content.len() > FRAME_BYTES_MAX {
            return Err(FrameError::TooLarge(content.len() as u64));
        }
    }
    if !(1..=FRAME_ITEMS_MAX).contains(&count) {
        return Err(FrameError::Count(count));
    }
    zstd::bulk::compress(&content, LEVEL).map_err(|_| FrameError::Damaged)
}

/// Unpacks a frame. Nothing is decompressed before the declared size has been found within the limit.
pub fn unpack(frame: &[u8]) -> Result<Bodies, FrameError> {
    use zstd::zstd_safe as z;
    if !frame.starts_with(&MAGIC) || z::find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(FrameError::NotOneFrame);
    }
    let size = match z::get_frame_content_size(frame) {
        Ok(Some(size)) => size,
        _ => return Err(FrameError::SizeMissing),
    };
    if size > FRAME_BYTES_MAX as u64 {
        return Err(FrameError::TooLarge(size));
    }
    if let Some(id) = z::get_dict_id_from_frame(frame) {
        return Err(FrameError::Dictionary(id.get()));
    }
    let size = size as usize;
    let content = zstd::bulk::decompress(frame, size).map_err(|_| FrameError::Damaged)?;
    if content.len() != size {
        return Err(FrameError::Damaged);
    }
    let places = places(&content)?;
    Ok(Bodies { content, places })
}

fn places(content: &[u8]) -> Result<Vec<(u8, Range<usize>)>, FrameError> {
    let mut places = Vec::new();
    let mut at = 0;
    while at < content.len() {
        let head = content.get(at..at + ITEM_HEAD).ok_or(FrameError::Items)?;
        let kind = head[0];
        if kind != ERASED && ItemKind::from_byte(kind).is_none() {
            return Err(FrameError::Kind(kind));
        }
        let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let from = at + ITEM_HEAD;
        if length > content.len() - from || (kind == ERASED && length != 32) {
            return Err(FrameError::Items);
        }
        places.push((kind, from..from + length));
        if places.len() > FRAME_ITEMS_MAX {
            return Err(FrameError::Count(places.len()));
        }
        at = from + length;
    }
    match places.len() {
        0 => Err(FrameError::Count(0)),
        _ => Ok(places),
    }
}

impl Bodies {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never true for what [`unpack`] returns.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The item at `index` (its index in the submission).
    pub fn get(&self, index: usize) -> Option<Body<'_>> {
        let (kind, range) = self.places.get(index)?;
        let bytes = &self.content[range.clone()];
        match ItemKind::from_byte(*kind) {
            Some(kind) => Some(Body::Whole(kind, bytes)),
            None => bytes.try_into().ok().map(|leaf| Body::Erased(Hash(leaf))),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Body<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}
