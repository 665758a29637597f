//! Writing: blocks, then tiles, then the checkpoint that covers them, each durable before the next.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use medtrace_ledger::EventRef;
use medtrace_ledger::tile::Tiles;
use medtrace_log::sealed::SealedBlock;
use medtrace_registry::notice::Erasure;

use crate::blocks::{Blocks, FOLDER, file_of, path};
use crate::erased::{ERASED, Index, rewrite};
use crate::format::{MAGIC, encode, is_finished};
use crate::objects::{Lock, Objects, Slot};
use crate::{ArchiveError, CHECKPOINT};

/// Tiles that are written at once.
const TILES_AT_ONCE: usize = 8;

/// The one writer of an archive.
pub struct Writer {
    objects: Objects,
    /// What was there at the start, until it is read.
    written: Option<Blocks>,
    next: u64,
    /// The last file: its first height, what is or will be in it, and how many blocks that are.
    first: u64,
    bytes: Vec<u8>,
    blocks: usize,
    /// Something of it is not written yet.
    pending: bool,
    /// The last file and the checkpoint as they stand there.
    file: Slot,
    checkpoint: Slot,
    _lock: Lock,
}

impl Writer {
    pub(crate) async fn open(objects: Objects) -> Result<Writer, ArchiveError> {
        let lock = objects.lock()?;
        let written = Some(Blocks::open(objects.clone(), 0).await?);
        let file = Slot::new(path(0), Bytes::new());
        let checkpoint = Slot::new(CHECKPOINT.to_owned(), objects.get(CHECKPOINT).await?.unwrap_or_default());
        let (next, first, bytes, blocks, pending) = (0, 0, Vec::new(), 0, false);
        Ok(Writer { objects, written, next, first, bytes, blocks, pending, file, checkpoint, _lock: lock })
    }

    /// The next of the blocks that are there; `None` after the last. Nothing can be appended before.
    ///
    /// # Errors
    /// Those of [`Blocks::next`].
    pub async fn next_written(&mut self) -> Result<Option<SealedBlock>, ArchiveError> {
        let Some(written) = &mut self.written else { return Ok(None) };
        let block = written.next().await?;
        self.next = written.height();
        if block.is_none()
            && let Some(written) = self.written.take()
        {
            self.file = Slot::new(path(written.file.first), written.file.bytes.clone());
            (self.first, self.bytes, self.blocks) =
                (written.file.first, written.file.bytes.into(), written.file.blocks);
            self.begin_file_if_due();
        }
        Ok(block)
    }

    /// Height of the next block.
    pub fn height(&self) -> u64 {
        self.next
    }

    /// Appends a block, which the caller has verified. Durable after [`Writer::flush`].
    ///
    /// # Errors
    /// A block that does not follow or cannot be written. After an error of the store the writer must be opened again.
    pub async fn append(&mut self, block: &SealedBlock) -> Result<(), ArchiveError> {
        let name = path(self.first);
        if block.header.height != self.next || self.written.is_some() {
            let detail = format!("block {} would stand where {} should", block.header.height, self.next);
            return Err(ArchiveError::damaged(&name, detail));
        }
        let encoded = encode(block).map_err(|fault| ArchiveError::damaged(&name, fault.to_string()))?;
        self.bytes.extend(encoded);
        self.blocks += 1;
        self.next += 1;
        self.pending = true;
        if is_finished(self.blocks, self.bytes.len()) {
            self.flush().await?;
            self.begin_file_if_due();
        }
        Ok(())
    }

    /// Everything appended is durable when it returns.
    ///
    /// # Errors
    /// Those of the store; the writer must be opened again.
    pub async fn flush(&mut self) -> Result<(), ArchiveError> {
        if self.pending {
            self.objects.replace(&mut self.file, self.bytes.clone().into()).await?;
            self.pending = false;
        }
        Ok(())
    }

    /// Takes the bytes of a notice's items out of the archive, leaves their leaves, and names them. Everything appended is
    /// durable before; the caller has seen that the notice took effect. Repeatable. False where another notice named the
    /// event before.
    ///
    /// # Errors
    /// Those of the store; the writer must be opened again, and this be done again.
    pub async fn erase(&mut self, erasure: &Erasure, by: EventRef) -> Result<bool, ArchiveError> {
        self.flush().await?;
        let mut index = Index::read(&self.objects).await?;
        let mut named = Slot::new(ERASED.to_owned(), self.objects.get(ERASED).await?.unwrap_or_default());
        if !index.add(erasure, by) {
            return Ok(false);
        }
        self.objects.replace(&mut named, index.text().into()).await?;
        let names = self.objects.list(FOLDER).await?;
        let files = erasure.items().map(|item| file_of(&names, item.height)).collect::<Result<BTreeSet<u64>, _>>()?;
        for first in files {
            let path = path(first);
            let Some(bytes) = self.objects.get(&path).await? else { continue };
            let Some(rewritten) = rewrite(&path, &bytes, &index)? else { continue };
            if first == self.first {
                self.bytes.clone_from(&rewritten);
                self.objects.replace(&mut self.file, rewritten.into()).await?;
            } else {
                self.objects.replace(&mut Slot::new(path, bytes), rewritten.into()).await?;
            }
        }
        Ok(true)
    }

    /// The notice by which an item is erased here already, or is about to be.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn erased_by(&self, item: EventRef) -> Result<Option<EventRef>, ArchiveError> {
        Ok(Index::read(&self.objects).await?.by(item))
    }

    /// Writes tiles. They may be there already, but not with other bytes. Partial tiles of full ones go.
    ///
    /// # Errors
    /// Those of the store; what was written may be written again.
    pub async fn tiles(&self, tiles: Tiles) -> Result<(), ArchiveError> {
        let full: Vec<_> = tiles.iter().map(|(tile, _)| *tile).filter(|tile| tile.is_full()).collect();
        let writes = tiles.into_iter().map(|(tile, bytes)| {
            let objects = &self.objects;
            async move { objects.create(&tile.to_string(), Bytes::from(bytes)).await }
        });
        stream::iter(writes).buffer_unordered(TILES_AT_ONCE).try_collect::<()>().await?;
        for tile in full {
            self.objects.remove(&format!("{tile}.p")).await?;
        }
        Ok(())
    }

    /// Names the newest checkpoint: the commit point. Blocks and tiles of all that it covers are durable before.
    ///
    /// # Errors
    /// Those of the store; it may be tried again.
    pub async fn publish(&mut self, checkpoint: &str) -> Result<(), ArchiveError> {
        self.objects.replace(&mut self.checkpoint, Bytes::copy_from_slice(checkpoint.as_bytes())).await
    }

    fn begin_file_if_due(&mut self) {
        if self.bytes.is_empty() || is_finished(self.blocks, self.bytes.len()) {
            (self.first, self.bytes, self.blocks) = (self.next, MAGIC.to_vec(), 0);
            self.file = Slot::new(path(self.next), Bytes::new());
        }
    }
}
