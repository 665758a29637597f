//! Tiles of the header log: how outsiders read it, whole or in part, from files that never change.
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]         hashes: up to 256 × 32 bytes, hash i = root of the perfect subtree of 256^L leaves that
//!                              starts at leaf (N · 256 + i) · 256^L
//! tile/entries/<N>[.p/<W>]     the entries 256·N …, each: length u16 BE ‖ header text
//!
//! <N>  in groups of three digits, all but the last with an x before them: 1234067 is x001/x234/067
//! <W>  1..255, how many of the 256 a partial tile holds; a full one has no such ending
//! ```
//!
//! A path has one spelling. Source: <https://c2sp.org/tlog-tiles>.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::merkle;
use crate::names::Invalid;
use crate::text::decimal;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Highest level that a path may name.
pub const LEVEL_MAX: u8 = 63;
/// Highest tile number: its leaves still have numbers.
pub const INDEX_MAX: u64 = u64::MAX >> 8;
/// Longest entry, bytes: its length is a u16.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;
/// Bytes before each entry.
const ENTRY_HEAD: usize = 2;
/// Longest path, bytes: six groups of digits.
const PATH_BYTES_MAX: usize = 48;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Hashes of this level; level 0 are the leaves.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// A tile's name. Displayed and parsed as its path, from `tile/` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: Kind,
    index: u64,
    width: u16,
}

impl Tile {
    /// `None` beyond the limits; `width` is 1..=[`TILE_WIDTH`].
    pub fn new(kind: Kind, index: u64, width: u16) -> Option<Tile> {
        let level = matches!(kind, Kind::Entries | Kind::Hashes(0..=LEVEL_MAX));
        (level && index <= INDEX_MAX && (1..=TILE_WIDTH).contains(&width)).then_some(Tile { kind, index, width })
    }

    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Number of the tile in its level.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds.
    pub fn width(self) -> u16 {
        self.width
    }

    pub fn is_full(self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile once it is full.
    pub fn full(self) -> Tile {
        Tile { width: TILE_WIDTH, ..self }
    }

    /// How much of it a log of `size` entries has: 0 (nothing) to [`TILE_WIDTH`].
    pub fn width_in(self, size: u64) -> u16 {
        let level = if let Kind::Hashes(level) = self.kind { u32::from(level) } else { 0 };
        let count = size.checked_shr(8 * level).unwrap_or(0);
        count.saturating_sub(self.index << 8).min(TILE_WIDTH.into()) as u16
    }

    /// The same tile as a log of `size` entries has it; `None` if it has nothing of it.
    pub fn at(self, size: u64) -> Option<Tile> {
        Tile::new(self.kind, self.index, self.width_in(size))
    }

    /// The first [`Tile::width`] hashes or entries of a wider tile's bytes; `None` if they are not the bytes of one.
    pub fn cut(self, wider: &[u8]) -> Option<&[u8]> {
        let to = match self.kind {
            Kind::Hashes(_) => usize::from(self.width) * 32,
            Kind::Entries => {
                let mut rest = wider;
                for _ in 0..self.width {
                    rest = split_entry(rest)?.1;
                }
                wider.len() - rest.len()
            }
        };
        wider.get(..to)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let mut base = 1;
        while self.index / base >= 1000 {
            base *= 1000;
        }
        while base > 1 {
            write!(f, "x{:03}/", self.index / base % 1000)?;
            base /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        match self.is_full() {
            true => Ok(()),
            false => write!(f, ".p/{}", self.width),
        }
    }
}

impl FromStr for Tile {
    type Err = Invalid;

    fn from_str(path: &str) -> Result<Tile, Invalid> {
        let invalid = Invalid("a tile is tile/<level or entries>/<number in groups of three digits>[.p/<width>]");
        if path.len() > PATH_BYTES_MAX {
            return Err(invalid);
        }
        let parse = || {
            let (kind, number) = path.strip_prefix("tile/")?.split_once('/')?;
            let kind = match kind {
                "entries" => Kind::Entries,
                level => Kind::Hashes(u8::try_from(decimal(level, LEVEL_MAX.into())?).ok()?),
            };
            let (number, width) = match number.split_once(".p/") {
                Some((number, width)) => (number, u16::try_from(decimal(width, u64::from(TILE_WIDTH) - 1)?).ok()?),
                None => (number, TILE_WIDTH),
            };
            let mut index = 0u64;
            for group in number.split('/') {
                let digits = group.strip_prefix('x').unwrap_or(group);
                let three = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
                index = index.checked_mul(1000)?.checked_add(three.then(|| digits.parse::<u64>())?.ok()?)?;
            }
            Tile::new(kind, index, width)
        };
        // An x in the wrong place or a group of zeros in front prints otherwise.
        parse().filter(|tile| tile.to_string() == path).ok_or(invalid)
    }
}

/// The entries of a bundle; `None` where it does not end with one.
pub fn entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut rest, mut entries) = (bundle, Vec::new());
    while !rest.is_empty() {
        let (entry, after) = split_entry(rest)?;
        entries.push(entry);
        rest = after;
    }
    Some(entries)
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<ENTRY_HEAD>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// The right edge of a growing log's tiles: all that making the next ones needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    /// Of each level the hashes that do not fill a tile yet.
    levels: Vec<Vec<Hash>>,
    /// The bundle that is not full yet.
    bundle: Vec<u8>,
}

/// Tiles with their bytes.
pub type Tiles = Vec<(Tile, Vec<u8>)>;

impl Edge {
    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry; tiles that it fills are added to `full`.
    ///
    /// # Errors
    /// An entry that is longer than [`ENTRY_BYTES_MAX`]; nothing has changed then.
    pub fn push(&mut self, entry: &[u8], full: &mut Tiles) -> Result<(), Invalid> {
        let length = u16::try_from(entry.len()).map_err(|_| Invalid("an entry has at most 65,535 bytes"))?;
        self.bundle.extend(length.to_be_bytes());
        self.bundle.extend(entry);
        let number = self.size >> 8;
        self.size += 1;
        if self.size.is_multiple_of(TILE_WIDTH.into()) {
            let bundle = std::mem::take(&mut self.bundle);
            full.extend(Tile::new(Kind::Entries, number, TILE_WIDTH).zip(Some(bundle)));
        }
        let (mut hash, mut number) = (merkle::leaf_hash(entry), number);
        for level in 0..=LEVEL_MAX {
            if self.levels.len() <= level.into() {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[usize::from(level)];
            hashes.push(hash);
            if hashes.len() < TILE_WIDTH.into() {
                break;
            }
            let hashes = std::mem::take(hashes);
            full.extend(Tile::new(Kind::Hashes(level), number, TILE_WIDTH).zip(Some(bytes(&hashes))));
            hash = merkle::root(hashes);
            number >>= 8;
        }
        Ok(())
    }

    /// The tiles that are not full, as they are now.
    pub fn partial(&self) -> Tiles {
        let named = |kind, level: usize| {
            let index = self.size.checked_shr(8 * (level as u32 + 1)).unwrap_or(0);
            Tile { kind, index, width: 1 }.at(self.size)
        };
        let hashes = self.levels.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty());
        let hashes =
            hashes.filter_map(|(level, hashes)| Some((named(Kind::Hashes(level as u8), level)?, bytes(hashes))));
        let bundle = named(Kind::Entries, 0).filter(|_| !self.bundle.is_empty()).zip(Some(self.bundle.clone()));
        hashes.chain(bundle).collect()
    }

    /// Root of the log.
    pub fn root(&self) -> Hash {
        let mut below = None;
        for hashes in &self.levels {
            let all: Vec<Hash> = hashes.iter().copied().chain(below).collect();
            below = (!all.is_empty()).then(|| merkle::root(all));
        }
        below.unwrap_or_else(merkle::empty_root)
    }
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}
