//! The few things that are done with objects, each durable when it returns.

use std::fs::{self, File};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, UpdateVersion};

use crate::ArchiveError;
use crate::served::Served;

/// Objects below one folder, prefix or address.
#[derive(Clone, Debug)]
pub(crate) enum Objects {
    /// With the folder, where a lock can be held.
    Folder(Arc<dyn ObjectStore>, PathBuf),
    /// Writes to it are on condition of what stands there.
    Store(Arc<dyn ObjectStore>),
    /// To read only.
    Served(Served),
}

/// Keeps other writers out as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

/// An object that its one writer replaces, and what that writer knows of it.
#[derive(Debug)]
pub(crate) struct Slot {
    path: String,
    /// What stands there; empty: nothing.
    stands: Bytes,
    /// The store's word for it, once it is known.
    version: Option<UpdateVersion>,
}

impl Slot {
    /// An object that stood there so when it was read; empty: nothing did.
    pub fn new(path: String, stands: Bytes) -> Slot {
        Slot { path, stands, version: None }
    }
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
        Ok(Objects::Folder(store, folder))
    }

    fn store(&self, path: &str) -> Result<&Arc<dyn ObjectStore>, ArchiveError> {
        match self {
            Objects::Folder(store, _) | Objects::Store(store) => Ok(store),
            Objects::Served(_) => Err(ArchiveError::ReadOnly { path: path.to_owned() }),
        }
    }

    /// For one writer at a time.
    pub fn lock(&self) -> Result<Lock, ArchiveError> {
        let folder = match self {
            Objects::Folder(_, folder) => folder,
            Objects::Store(_) => return Ok(Lock { _file: None }),
            Objects::Served(_) => return Err(ArchiveError::ReadOnly { path: "lock".to_owned() }),
        };
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
        match self {
            Objects::Served(served) => served.get(path).await,
            _ => Ok(self.get_version(path).await?.map(|(bytes, _)| bytes)),
        }
    }

    async fn get_version(&self, path: &str) -> Result<Option<(Bytes, UpdateVersion)>, ArchiveError> {
        let got = async {
            let found = self.store(path)?.get(&Path::from(path)).await.map_err(failed("read", path))?;
            let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
            Ok((found.bytes().await.map_err(failed("read", path))?, version))
        };
        match got.await {
            Ok(found) => Ok(Some(found)),
            Err(ArchiveError::Store { source: Error::NotFound { .. }, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object that never changes. That the very same is there already is no failure.
    pub async fn create(&self, path: &str, bytes: Bytes) -> Result<(), ArchiveError> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store(path)?.put_opts(&Path::from(path), bytes.clone().into(), options).await {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. }) => match self.get(path).await? {
                Some(found) if found == bytes => Ok(()),
                _ => Err(ArchiveError::Differs { path: path.to_owned() }),
            },
            Err(source) => Err(failed("write", path)(source)),
        }
    }

    /// Makes or replaces an object as a whole. In a store, only what this writer left there is replaced; that the very same
    /// stands there already is no failure. May be tried again.
    pub async fn replace(&self, slot: &mut Slot, bytes: Bytes) -> Result<(), ArchiveError> {
        let path = slot.path.clone();
        let mode = match self {
            // The lock keeps others out.
            Objects::Folder(..) => PutMode::Overwrite,
            _ => match self.version_of(slot, &bytes).await? {
                Some(mode) => mode,
                None => return Ok(()),
            },
        };
        // What was begun may have been done, whatever is said.
        slot.version = None;
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.store(&path)?.put_opts(&Path::from(&*path), bytes.clone().into(), options).await {
            Ok(put) => slot.version = Some(put.into()),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                match self.get(&path).await? {
                    Some(found) if found == bytes => {}
                    _ => return Err(ArchiveError::Differs { path }),
                }
            }
            Err(source) => return Err(failed("write", &path)(source)),
        }
        slot.stands = bytes;
        Ok(())
    }

    /// On which condition the slot may be replaced; `None` if that was done already.
    async fn version_of(&self, slot: &mut Slot, bytes: &Bytes) -> Result<Option<PutMode>, ArchiveError> {
        if let Some(version) = slot.version.clone() {
            return Ok(Some(PutMode::Update(version)));
        }
        match self.get_version(&slot.path).await? {
            Some((found, version)) if found == *bytes => {
                (slot.stands, slot.version) = (found, Some(version));
                Ok(None)
            }
            None if slot.stands.is_empty() => Ok(Some(PutMode::Create)),
            Some((found, version)) if found == slot.stands => Ok(Some(PutMode::Update(version))),
            _ => Err(ArchiveError::Differs { path: slot.path.clone() }),
        }
    }

    /// Names below `folder`, without it, ascending.
    pub async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        if let Objects::Served(served) = self {
            return served.list(folder).await;
        }
        let prefix = Path::from(folder);
        let names = self.store(folder)?.list(Some(&prefix)).map_ok(|meta| {
            let name = meta.location.prefix_match(&prefix).map(|rest| rest.map(|part| part.as_ref().to_owned()));
            name.map(|rest| rest.collect::<Vec<_>>().join("/")).unwrap_or_default()
        });
        let mut names: Vec<String> = names.try_collect().await.map_err(failed("list", folder))?;
        names.sort();
        Ok(names)
    }

    /// Removes everything below `folder`.
    pub async fn remove(&self, folder: &str) -> Result<(), ArchiveError> {
        let store = self.store(folder)?;
        let paths = store.list(Some(&Path::from(folder))).map_ok(|meta| meta.location).boxed();
        store.delete_stream(paths).try_for_each(|_| async { Ok(()) }).await.map_err(failed("remove", folder))
    }
}

fn failed(doing: &'static str, path: &str) -> impl FnOnce(Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::Store { doing, path, source }
}
