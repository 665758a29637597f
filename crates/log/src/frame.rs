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
//! after it, the declared size n is the true one and within [`FRAME_BYTES_MAX`], the frame is not longer than zstd ever
//! makes of n bytes ([`bound`]), 1 to [`FRAME_ITEMS_MAX`] items.

use std::cell::RefCell;
use std::ops::Range;

use medtrace_ledger::{Hash, ItemKind};
use zstd::bulk::{Compressor, Decompressor};

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

thread_local! {
    /// Making zstd's working memory costs more than a small frame does, so each thread keeps its own.
    static COMPRESSOR: RefCell<Compressor<'static>> =
        RefCell::new(Compressor::new(LEVEL).expect("memory for a compressor"));
    static DECOMPRESSOR: RefCell<Decompressor<'static>> =
        RefCell::new(Decompressor::new().expect("memory for a decompressor"));
}

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
    #[error("read the bodies: {frame} bytes of frame for {content} of content, at most {} needed", bound(*content))]
    Padded { frame: usize, content: usize },
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
    COMPRESSOR.with_borrow_mut(|zstd| zstd.compress(&content)).map_err(|_| FrameError::Damaged)
}

/// The size of a frame's content as it declares it. Nothing is decompressed.
pub fn declared(frame: &[u8]) -> Result<usize, FrameError> {
    use zstd::zstd_safe as z;
    if !frame.starts_with(&MAGIC) || z::find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(FrameError::NotOneFrame);
    }
    match z::get_frame_content_size(frame) {
        Ok(Some(size)) if size > FRAME_BYTES_MAX as u64 => Err(FrameError::TooLarge(size)),
        // Empty zstd blocks add nothing to the content and take memory all the same, which nobody would have counted.
        Ok(Some(size)) if frame.len() > bound(size as usize) => {
            Err(FrameError::Padded { frame: frame.len(), content: size as usize })
        }
        Ok(Some(size)) => Ok(size as usize),
        _ => Err(FrameError::SizeMissing),
    }
}

/// Longest frame of so many bytes (at most [`FRAME_BYTES_MAX`]): `ZSTD_COMPRESSBOUND` of zstd.h.
fn bound(content: usize) -> usize {
    let margin = (128_usize << 10).saturating_sub(content) >> 11;
    content + (content >> 8) + margin
}

/// Unpacks a frame. Nothing is decompressed before the declared size has been found within the limit.
pub fn unpack(frame: &[u8]) -> Result<Bodies, FrameError> {
    let size = declared(frame)?;
    if let Some(id) = zstd::zstd_safe::get_dict_id_from_frame(frame) {
        return Err(FrameError::Dictionary(id.get()));
    }
    let content = DECOMPRESSOR.with_borrow_mut(|zstd| zstd.decompress(frame, size)).map_err(|_| FrameError::Damaged)?;
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

    /// Bytes of the frame's content.
    pub fn bytes(&self) -> usize {
        self.content.len()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(content: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(content, LEVEL).unwrap()
    }

    fn item(kind: u8, length: u32, bytes: &[u8]) -> Vec<u8> {
        [&[kind][..], &length.to_le_bytes(), bytes].concat()
    }

    fn body() -> impl Strategy<Value = (u8, Vec<u8>)> {
        prop_oneof![
            (prop_oneof![Just(b'E'), Just(b'N'), Just(b'D')], proptest::collection::vec(any::<u8>(), 0..400)),
            proptest::array::uniform32(any::<u8>()).prop_map(|leaf| (ERASED, leaf.to_vec())),
        ]
    }

    fn as_body((kind, bytes): &(u8, Vec<u8>)) -> Body<'_> {
        match ItemKind::from_byte(*kind) {
            Some(kind) => Body::Whole(kind, bytes),
            None => Body::Erased(Hash(bytes.as_slice().try_into().unwrap())),
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(items in proptest::collection::vec(body(), 1..40)) {
            let frame = pack(items.iter().map(as_body)).unwrap();
            let bodies = unpack(&frame).unwrap();
            prop_assert!(bodies.iter().eq(items.iter().map(as_body)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(unpack(&bytes).is_err());
            // Whatever fills a frame is either refused or packs to the same content again.
            if let Ok(bodies) = unpack(&framed(&bytes)) {
                let again = unpack(&pack(bodies.iter()).unwrap()).unwrap();
                prop_assert_eq!(again, bodies);
            }
        }
    }

    #[test]
    fn the_layout_is_the_drawn_one() {
        let frame = pack([Body::Whole(ItemKind::Event, b"{}"), Body::Erased(Hash([7; 32]))]).unwrap();
        let content = [item(b'E', 2, b"{}"), item(b'-', 32, &[7; 32])].concat();
        assert_eq!(zstd::bulk::decompress(&frame, 1000).unwrap(), content);
        assert_eq!(zstd::zstd_safe::get_dict_id_from_frame(&frame), None);
    }

    #[test]
    fn each_fault_has_its_reason() {
        let good = item(b'E', 2, b"{}");
        let many = item(b'E', 0, b"").repeat(FRAME_ITEMS_MAX + 1);
        let table: [(&str, Vec<u8>, FrameError); 11] = [
            ("nothing", vec![], FrameError::NotOneFrame),
            ("not a frame", b"{}".to_vec(), FrameError::NotOneFrame),
            ("a skippable frame", vec![0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], FrameError::NotOneFrame),
            ("two frames", framed(&good).repeat(2), FrameError::NotOneFrame),
            ("a byte more", [framed(&good), vec![0]].concat(), FrameError::NotOneFrame),
            ("no items", framed(b""), FrameError::Count(0)),
            ("501 items", framed(&many), FrameError::Count(501)),
            ("an unknown kind", framed(&item(b'e', 2, b"{}")), FrameError::Kind(b'e')),
            ("a length beyond the end", framed(&item(b'E', 3, b"{}")), FrameError::Items),
            ("half a head", framed(&[&good[..], b"E\0"].concat()), FrameError::Items),
            ("an erased item without leaf", framed(&item(b'-', 2, b"{}")), FrameError::Items),
        ];
        for (what, frame, error) in table {
            assert_eq!(unpack(&frame), Err(error), "{what}");
        }
    }

    #[test]
    fn a_bomb_is_refused_by_its_declared_size() {
        let bomb = framed(&vec![0; 512 << 20]);
        assert!(bomb.len() < 64 << 10, "half a gigabyte in {} bytes", bomb.len());
        assert_eq!(unpack(&bomb), Err(FrameError::TooLarge(512 << 20)));
        // One that declares nothing, and one that lies: content size 1 in place of the true one.
        let undeclared = zstd::stream::encode_all(&[0; 1000][..], 3).unwrap();
        assert_eq!(unpack(&undeclared), Err(FrameError::SizeMissing));
        let mut liar = framed(&item(b'E', 100, &[b' '; 100]));
        assert_eq!(liar[5], 105, "single-segment frames carry a one-byte size at offset 5");
        liar[5] = 1;
        assert_eq!(unpack(&liar), Err(FrameError::Damaged));
    }

    #[test]
    fn a_frame_of_empty_blocks_is_refused() {
        for size in [0, 1, 1000, 128 << 10, FRAME_BYTES_MAX] {
            assert_eq!(bound(size), zstd::zstd_safe::compress_bound(size), "of {size} bytes");
        }
        // The content as one raw block of 7 bytes that is not the last, then empty ones; RFC 8878 § 3.1.1.
        let padded = |blocks: usize| {
            let content = item(b'E', 2, b"{}");
            let head = [&MAGIC[..], &[0x20, 7], &[7 << 3, 0, 0], &content].concat();
            [head, [0, 0, 0].repeat(blocks), vec![1, 0, 0]].concat()
        };
        assert_eq!(zstd::bulk::decompress(&padded(1_000_000), 7).unwrap(), item(b'E', 2, b"{}"));
        assert!(unpack(&padded(0)).is_ok());
        let frame = padded(1_000_000);
        assert_eq!(unpack(&frame), Err(FrameError::Padded { frame: frame.len(), content: 7 }));
    }

    #[test]
    fn dictionaries_are_not_known_yet() {
        let mut compressor = zstd::bulk::Compressor::with_dictionary(3, &dictionary()).unwrap();
        let frame = compressor.compress(&item(b'E', 2, b"{}")).unwrap();
        assert!(matches!(unpack(&frame), Err(FrameError::Dictionary(id)) if id != 0));
    }

    /// A trained dictionary (raw content has no id).
    fn dictionary() -> Vec<u8> {
        let samples: Vec<String> =
            (0..2000).map(|n| format!(r#"{{"eventID":"urn:uuid:{n}","action":"ADD"}}"#)).collect();
        zstd::dict::from_samples(&samples, 4096).unwrap()
    }
}
