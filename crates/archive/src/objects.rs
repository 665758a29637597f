//! The few things that are done with objects, each durable when it returns.

use std::fs::{self, File};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use crate::ArchiveError;

/// Objects below one folder or prefix.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Where a lock can be held.
    folder: Option<PathBuf>,
}

/// Keeps other writers out as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Objects {
    pub fn folder(folder: &FilePath) -> Result<Objects, ArchiveError> {
        let place = |reason: String| ArchiveError::Place { place: folder.display().to_string(), reason };
        if !folder.is_dir() {
            return Err(place("it is no folder".to_owned()));
        }
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| place(error.to_string()))?;
        let store = Arc::new(store.with_fsync(true).with_automatic_cleanup(true));
        let folder = fs::canonicalize(folder).map_err(|error| place(error.to_string()))?;
        Ok(Objects { store, folder: Some(folder) })
    }

    pub fn over(store: Arc<dyn ObjectStore>) -> Objects {
        Objects { store, folder: None }
    }

    /// For one writer at a time.
    pub fn lock(&self) -> Result<Lock, ArchiveError> {
        let Some(folder) = &self.folder else { return Ok(Lock { _file: None }) };
        let place = |error: std::io::Error| ArchiveError::Place {
            place: folder.display().to_string(),
            reason: error.to_string(),
        };
        let file = File::create(folder.join("lock")).map_err(place)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: Some(file) }),
            Err(fs::TryLockError::WouldBlock) => Err(ArchiveError::Locked),
            Err(fs::TryLockError::Error(error)) => Err(place(error)),
        }
    }

    /// The object's bytes; `None` if it is not there.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>, ArchiveError> {
        let got = match self.store.get(&Path::from(path)).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(failed("read", path)(source)),
        }
    }

    /// Makes an object that never changes. That the very same is there already is no failure.
    pub async fn create(&self, path: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&Path::from(path), bytes.clone().into(), options).await {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. }) => match self.get(path).await? {
                Some(found) if found == bytes => Ok(()),
                _ => Err(ArchiveError::Differs { path: path.to_owned() }),
            },
            Err(source) => Err(failed("write", path)(source)),
        }
    }

    /// Makes or replaces an object as a whole.
    pub async fn replace(&self, path: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        self.store.put(&Path::from(path), bytes.into()).await.map(drop).map_err(failed("write", path))
    }

    /// Names below `folder`, without it, ascending.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        let prefix = Path::from(folder);
        let names = self.store.list(Some(&prefix)).map_ok(|meta| {
            let name = meta.location.prefix_match(&prefix).map(|rest| rest.map(|part| part.as_ref().to_owned()));
            name.map(|rest| rest.collect::<Vec<_>>().join("/")).unwrap_or_default()
        });
        let mut names: Vec<String> = names.try_collect().await.map_err(failed("list", folder))?;
        names.sort();
        Ok(names)
    }

    /// Removes everything below `folder`.
    pub async fn remove(&self, folder: &str) -> Result<(), ArchiveError> {
        let paths = self.store.list(Some(&Path::from(folder))).map_ok(|meta| meta.location).boxed();
        self.store.delete_stream(paths).try_for_each(|_| async { Ok(()) }).await.map_err(failed("remove", folder))
    }
}

fn failed(doing: &'static str, path: &str) -> impl FnOnce(Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::Store { doing, path, source }
}
