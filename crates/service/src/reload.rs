//! A file or folder that is read again when it has changed, checked by one `stat` at each use.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// What `stat` tells of a version: modification and change time, length, inode (files are replaced by renaming).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp([i64; 4], [u64; 2]);

pub(crate) fn stamp(path: &Path) -> std::io::Result<Stamp> {
    // The change time sees a mode that was changed, too.
    let times = |m: &fs::Metadata| [m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()];
    fs::metadata(path).map(|m| Stamp(times(&m), [m.len(), m.ino()]))
}

/// Reads a version; the former one is at hand, if there is one.
type Load<T, E> = dyn Fn(&Path, Option<&T>) -> Result<T, E> + Send + Sync;

pub(crate) struct Reloaded<T, E> {
    path: PathBuf,
    load: Box<Load<T, E>>,
    known: RwLock<(Option<Stamp>, Arc<T>)>,
}

impl<T, E: std::error::Error> Reloaded<T, E> {
    /// Reads it for the first time; later failures keep what was read before.
    pub fn open(
        path: &Path,
        load: impl Fn(&Path, Option<&T>) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        // The stamp is taken before reading: a change in between is seen at the next use.
        let stamp = stamp(path).ok();
        let value = Arc::new(load(path, None)?);
        Ok(Self { path: path.to_owned(), load: Box::new(load), known: RwLock::new((stamp, value)) })
    }

    /// The newest version that could be read.
    pub fn get(&self) -> Arc<T> {
        let seen = stamp(&self.path).ok();
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.0 == seen {
                return known.1.clone();
            }
        }
        self.read(seen)
    }

    /// As [`Self::get`], but reads even if nothing seems to have changed.
    pub fn get_anew(&self) -> Arc<T> {
        self.read(stamp(&self.path).ok())
    }

    fn read(&self, seen: Option<Stamp>) -> Arc<T> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match (self.load)(&self.path, Some(&known.1)) {
            Ok(value) => known.1 = Arc::new(value),
            Err(error) => {
                let path = self.path.display();
                tracing::error!(%path, %error, "what changed cannot be read; the former version stays");
            }
        }
        known.0 = seen;
        known.1.clone()
    }
}
