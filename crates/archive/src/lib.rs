//! The archive: verified blocks, and the header log as it is served, in a folder or bucket from which everything can be
//! verified and rebuilt without Kafka; also over HTTP, from whoever serves it.
//!
//! ```text
//! block/<first>                blocks from height <first> (ten digits) on, up to where the next file begins   see `format`
//! tile/…                       tiles and entry bundles, full and partial, under the paths they are served at
//! checkpoint                   the newest checkpoint note of which all of the above is there
//! erased                       which items of the blocks are erased, and by which notices                         see `erased`
//! lock                         a folder only: one writer at a time; in a bucket, writes on condition of what stands there
//! ```
//!
//! In scope: the file format ([`mod@format`]), writing in one order ([`Writer`]: blocks, tiles, checkpoint, each durable before
//! the next), reading block by block ([`Blocks`]), and blocks from an archive, from Kafka or from both ([`Source`]).
//!
//! Out of scope: whether a block is true. Whoever writes has verified it; whoever reads verifies it again.
//!
//! What has been written stays: an object is never replaced by one with other bytes, but `checkpoint` by a newer one, the
//! last block file by a longer one that begins with it, and a block file by one without what an erasure takes away
//! ([`Writer::erase`]). Partial tiles are removed once the full one is there.

mod blocks;
mod bucket;
mod erased;
mod error;
pub mod format;
mod objects;
mod served;
mod source;
mod writer;

pub use blocks::Blocks;
pub use erased::erasure_at;
pub use error::ArchiveError;
pub use source::{Records, Source};
pub use writer::Writer;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use medtrace_ledger::Tile;
use object_store::ObjectStore;
use objects::Objects;
use served::Served;

/// Name of the newest checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// An archive to read from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive(Objects);

impl Archive {
    /// The archive at this place: the path of a folder that exists, a bucket (`s3://<bucket>/<prefix>`, see the settings of
    /// `object_store`: `AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`), or an address at which
    /// somebody serves one to read (`https://<query service>/log`).
    ///
    /// # Errors
    /// A place that cannot be used. An archive that nothing has been written to yet is empty.
    pub fn open(place: &str) -> Result<Archive, ArchiveError> {
        Ok(Archive(match place {
            bucket if bucket.starts_with(bucket::SCHEME) => Objects::Store(bucket::open(bucket, environment())?),
            address if address.starts_with("https://") || address.starts_with("http://") => {
                Objects::Served(Served::at(address)?)
            }
            folder => Objects::folder(Path::new(folder))?,
        }))
    }

    /// The archive in a bucket (`s3://…`), with these settings in place of the environment's.
    ///
    /// # Errors
    /// Settings that cannot be used.
    pub fn bucket(place: &str, settings: &[(&str, &str)]) -> Result<Archive, ArchiveError> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Ok(Archive(Objects::Store(bucket::open(place, settings)?)))
    }

    /// The archive in this store, whose writes must be durable when they return. Of two writers one fails.
    pub fn over(store: Arc<dyn ObjectStore>) -> Archive {
        Archive(Objects::Store(store))
    }

    /// The names of all block files, ascending.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn block_files(&self) -> Result<Vec<String>, ArchiveError> {
        self.0.list(blocks::FOLDER).await
    }

    /// A block file as it stands there, by its name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn block_file(&self, name: &str) -> Result<Option<Bytes>, ArchiveError> {
        match blocks::is_name(name) {
            true => self.0.get(&format!("{}/{name}", blocks::FOLDER)).await,
            false => Ok(None),
        }
    }

    /// The list of erased items as it stands there; `None` where none was erased.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn erased(&self) -> Result<Option<Bytes>, ArchiveError> {
        self.0.get(erased::ERASED).await
    }

    /// The newest checkpoint of which everything is there; `None` before the first.
    ///
    /// # Errors
    /// Those of the store, and bytes that are no text.
    pub async fn checkpoint(&self) -> Result<Option<String>, ArchiveError> {
        let Some(bytes) = self.0.get(CHECKPOINT).await? else { return Ok(None) };
        let text = String::from_utf8(bytes.into()).map_err(|_| ArchiveError::damaged(CHECKPOINT, "it is no text"))?;
        Ok(Some(text))
    }

    /// The bytes of a tile of a log of `size` entries, cut from the full one where the partial one has gone; `None` where
    /// such a log has no such tile.
    ///
    /// # Errors
    /// Those of the store, and a wider tile that does not hold what its name says.
    pub async fn tile(&self, tile: Tile, size: u64) -> Result<Option<Bytes>, ArchiveError> {
        let Some(widest) = tile.at(size).filter(|widest| widest.width() >= tile.width()) else { return Ok(None) };
        for wider in [widest, tile.full(), tile] {
            let path = wider.to_string();
            if let Some(bytes) = self.0.get(&path).await? {
                let cut = tile.cut(&bytes).map(|cut| bytes.slice_ref(cut));
                return cut.map(Some).ok_or_else(|| ArchiveError::damaged(&path, "it is shorter than its name says"));
            }
        }
        Ok(None)
    }

    /// The narrower ones beside a partial tile, as they stand: earlier checkpoints ended with them. None of an archive that
    /// others serve, which gives the widest under every name.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn narrower(&self, tile: Tile) -> Result<Vec<(Tile, Bytes)>, ArchiveError> {
        let mut found = Vec::new();
        if tile.is_full() || matches!(self.0, Objects::Served(_)) {
            return Ok(found);
        }
        let folder = format!("{}.p", tile.full());
        for width in self.0.list(&folder).await? {
            let Ok(narrower) = format!("{folder}/{width}").parse::<Tile>() else { continue };
            if let Some(bytes) = self.0.get(&narrower.to_string()).await?.filter(|_| narrower.width() < tile.width()) {
                found.push((narrower, bytes));
            }
        }
        Ok(found)
    }

    /// The blocks from `height` on.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn blocks(&self, height: u64) -> Result<Blocks, ArchiveError> {
        Blocks::open(self.0.clone(), height).await
    }

    /// The one writer. What was written before is read through [`Writer::next_written`] first.
    ///
    /// # Errors
    /// Another process writes to this archive, or those of the store.
    pub async fn write(&self) -> Result<Writer, ArchiveError> {
        Writer::open(self.0.clone()).await
    }
}

/// Variables of this process, but those that are no text.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
