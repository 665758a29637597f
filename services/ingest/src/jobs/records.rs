//! The plan of a job: its submissions, whose bytes are fixed.
//!
//! ```text
//! id[32] ‖ leaf[32] ‖ length u32 LE ‖ Kafka value      for each submission, in order
//! ```

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use medtrace_ledger::Hash;
use medtrace_log::RECORD_BYTES_MAX;
use tokio::io::{AsyncReadExt, BufReader};

use super::spool::damaged;
use crate::seal::{Sealed, Stamp};

/// Writes one record after the other.
pub(super) struct Writer(BufWriter<File>);

impl Writer {
    pub fn create(path: &Path) -> io::Result<Writer> {
        Ok(Writer(BufWriter::new(File::create(path)?)))
    }

    pub fn add(&mut self, Sealed { stamp, value }: &Sealed) -> io::Result<()> {
        let length = u32::try_from(value.len()).map_err(io::Error::other)?;
        self.0.write_all(stamp.id.as_bytes())?;
        self.0.write_all(stamp.leaf.as_bytes())?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(value)
    }

    /// All records are on disk when it returns.
    pub fn finish(self) -> io::Result<()> {
        self.0.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

/// Reads one record after the other.
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<tokio::fs::File>,
}

impl Reader {
    pub async fn open(path: &Path) -> io::Result<Reader> {
        Ok(Reader { path: path.to_owned(), file: BufReader::new(tokio::fs::File::open(path).await?) })
    }

    /// The next record. One that is missing or cut off is an error: the plan is on disk whole before it counts.
    pub async fn next(&mut self) -> io::Result<Sealed> {
        let (mut id, mut leaf, mut length) = ([0; 32], [0; 32], [0; 4]);
        self.file.read_exact(&mut id).await?;
        self.file.read_exact(&mut leaf).await?;
        self.file.read_exact(&mut length).await?;
        let length = u32::from_le_bytes(length) as usize;
        if length > RECORD_BYTES_MAX {
            return Err(damaged(&self.path, format!("a record of {length} bytes")));
        }
        let mut value = vec![0; length];
        self.file.read_exact(&mut value).await?;
        Ok(Sealed { stamp: Stamp { id: Hash(id), leaf: Hash(leaf) }, value })
    }
}
