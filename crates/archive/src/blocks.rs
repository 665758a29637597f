//! Reading an archive's blocks in order.

use bytes::Bytes;
use medtrace_log::sealed::SealedBlock;

use crate::ArchiveError;
use crate::erased::Index;
use crate::format::{MAGIC, decode};
use crate::objects::Objects;

/// Folder of the block files.
pub(crate) const FOLDER: &str = "block";
/// Digits of a file's name: heights are below 2³².
const DIGITS: usize = 10;

/// Follows the blocks of an archive.
pub struct Blocks {
    objects: Objects,
    pub(crate) file: File,
    /// As it was when the file was read.
    erased: Index,
    /// Where in the file the next block stands.
    at: usize,
    next: u64,
}

/// The file that is read.
#[derive(Default)]
pub(crate) struct File {
    pub first: u64,
    pub bytes: Bytes,
    /// Blocks read from it.
    pub blocks: usize,
}

impl Blocks {
    pub(crate) async fn open(objects: Objects, height: u64) -> Result<Blocks, ArchiveError> {
        let first = match height {
            0 => 0,
            _ => file_of(&objects.list(FOLDER).await?, height)?,
        };
        let file = File { first, ..File::default() };
        let mut blocks = Blocks { objects, file, erased: Index::default(), at: 0, next: first };
        while blocks.next < height && blocks.next().await?.is_some() {}
        Ok(blocks)
    }

    /// Height of the next block: below the one asked for if the archive ends before it.
    pub fn height(&self) -> u64 {
        self.next
    }

    /// The next block; `None` where the archive ends at the moment. Asked again it finds what was added since.
    ///
    /// # Errors
    /// Those of the store, and a file that is torn, foreign, or does not follow from the one before it.
    pub async fn next(&mut self) -> Result<Option<SealedBlock>, ArchiveError> {
        if self.at >= self.file.bytes.len() && !self.more().await? {
            return Ok(None);
        }
        let path = path(self.file.first);
        let damaged = |detail: String| ArchiveError::damaged(&path, detail);
        let decoded = decode(&self.file.bytes[self.at..]).map_err(|fault| damaged(fault.to_string()))?;
        let Some((mut block, bytes)) = decoded else { return Ok(None) };
        if block.header.height != self.next {
            return Err(damaged(format!("block {} stands where {} should", block.header.height, self.next)));
        }
        block.erased = self.erased.replacements(&block, |height| one(&self.objects, height)).await?;
        self.at += bytes;
        self.file.blocks += 1;
        self.next += 1;
        Ok(Some(block))
    }

    /// Finds more to read: the next file, or a longer one.
    async fn more(&mut self) -> Result<bool, ArchiveError> {
        if self.at > 0
            && let Some(bytes) = self.objects.get(&path(self.next)).await?
        {
            self.file = File { first: self.next, bytes, blocks: 0 };
            self.at = 0;
        } else {
            let path = path(self.file.first);
            let Some(bytes) = self.objects.get(&path).await? else { return Ok(false) };
            if !bytes.starts_with(&self.file.bytes) {
                self.at = after(&path, &bytes, self.file.blocks)?;
            }
            self.file.bytes = bytes;
        }
        // After the file: what it lacks was named before.
        self.erased = Index::read(&self.objects).await?;
        if self.at == 0 {
            if !self.file.bytes.starts_with(MAGIC) {
                return Err(ArchiveError::damaged(&path(self.file.first), "it is no file of blocks"));
            }
            self.at = MAGIC.len();
        }
        Ok(self.at < self.file.bytes.len())
    }
}

/// Where the block after the first `blocks` begins in a file of which something was erased since it was read.
fn after(path: &str, bytes: &[u8], blocks: usize) -> Result<usize, ArchiveError> {
    let changed = || ArchiveError::damaged(path, "it has changed");
    let mut at = bytes.strip_prefix(MAGIC).map(|_| MAGIC.len()).ok_or_else(changed)?;
    for _ in 0..blocks {
        let (_, taken) = decode(&bytes[at..]).ok().flatten().ok_or_else(changed)?;
        at += taken;
    }
    Ok(at)
}

/// The block of this height alone, as it is archived.
pub(crate) async fn one(objects: &Objects, height: u64) -> Result<Option<SealedBlock>, ArchiveError> {
    let path = path(file_of(&objects.list(FOLDER).await?, height)?);
    let Some(bytes) = objects.get(&path).await? else { return Ok(None) };
    let mut rest = bytes.strip_prefix(MAGIC).unwrap_or_default();
    while let Some((block, taken)) = decode(rest).map_err(|fault| ArchiveError::damaged(&path, fault.to_string()))? {
        if block.header.height == height {
            return Ok(Some(block));
        }
        rest = &rest[taken..];
    }
    Ok(None)
}

/// Where blocks from height `first` on are.
pub(crate) fn path(first: u64) -> String {
    format!("{FOLDER}/{first:0DIGITS$}")
}

/// Whether a block file may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    name.parse().is_ok_and(|first| path(first) == format!("{FOLDER}/{name}"))
}

/// The first height of the file that holds `height`, or will.
pub(crate) fn file_of(names: &[String], height: u64) -> Result<u64, ArchiveError> {
    let mut found = 0;
    for name in names {
        let first = name.parse().ok().filter(|first| path(*first) == format!("{FOLDER}/{name}"));
        match first {
            Some(first) if first <= height => found = first,
            Some(_) => break,
            None => return Err(ArchiveError::damaged(&format!("{FOLDER}/{name}"), "it does not belong here")),
        }
    }
    Ok(found)
}
