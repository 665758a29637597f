//! The good events of a document between judging and sealing.
//!
//! ```text
//! identifiers u32 LE ‖ length u32 LE ‖ bytes of the item      for each event, in order
//! ```

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use medtrace_ledger::ItemKind;

use crate::seal::{Body, Size};

/// What an item counts towards a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ItemSize {
    identifiers: u32,
    bytes: u32,
}

impl ItemSize {
    pub fn new(identifiers: usize, bytes: usize) -> io::Result<ItemSize> {
        let number = |number: usize| u32::try_from(number).map_err(io::Error::other);
        Ok(ItemSize { identifiers: number(identifiers)?, bytes: number(bytes)? })
    }
}

impl From<ItemSize> for Size {
    fn from(size: ItemSize) -> Size {
        Size { items: 1, bytes: size.bytes as usize, identifiers: size.identifiers as usize }
    }
}

/// Writes items, and keeps their sizes: 8 bytes for each.
pub(super) struct Writer {
    file: BufWriter<File>,
    pub sizes: Vec<ItemSize>,
}

impl Writer {
    pub fn create(path: &Path) -> io::Result<Writer> {
        Ok(Writer { file: BufWriter::new(File::create(path)?), sizes: Vec::new() })
    }

    pub fn add(&mut self, item: &Body) -> io::Result<()> {
        let size = ItemSize::new(item.identifiers, item.bytes.len())?;
        self.file.write_all(&size.identifiers.to_le_bytes())?;
        self.file.write_all(&size.bytes.to_le_bytes())?;
        self.file.write_all(&item.bytes)?;
        self.sizes.push(size);
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<Vec<ItemSize>> {
        self.file.flush()?;
        Ok(self.sizes)
    }
}

/// Reads them again.
pub(super) struct Reader(BufReader<File>);

impl Reader {
    pub fn open(path: &Path) -> io::Result<Reader> {
        Ok(Reader(BufReader::new(File::open(path)?)))
    }

    /// The next so many items.
    pub fn take(&mut self, count: usize) -> io::Result<Vec<Body>> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> io::Result<Body> {
        let (mut identifiers, mut length) = ([0; 4], [0; 4]);
        self.0.read_exact(&mut identifiers)?;
        self.0.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.0.read_exact(&mut bytes)?;
        Ok(Body { kind: ItemKind::Event, bytes, identifiers: u32::from_le_bytes(identifiers) as usize })
    }
}
