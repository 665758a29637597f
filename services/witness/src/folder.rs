//! The witness's own folder: what must outlive the process. One process at a time.
//!
//! ```text
//! lock                            held while the process runs
//! logs/<hex H(origin)>            the latest note cosigned of a log: the log's lines, then the own cosignature
//! alarms/<name>.json              see the alarms
//! ```

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use medtrace_ledger::checkpoint::verify_cosignature;
use medtrace_ledger::hash::hex;
use medtrace_ledger::{ForeignCheckpoint, Hash, VerifierKey, merkle};
use medtrace_service::files::{self, sync_folder};

/// Replaces a file as a whole, durable when it returns; handed in, so that tests can make it fail.
pub type Replace = Arc<dyn Fn(&Path, &[u8]) -> io::Result<()> + Send + Sync>;

/// Mode of every file: nothing here is secret, but nobody else writes it.
const FILE_MODE: u32 = 0o644;

/// As it is done in earnest.
pub fn replace() -> Replace {
    Arc::new(|path, bytes| files::replace(path, bytes, FILE_MODE))
}

/// The latest checkpoint of a log that was cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latest {
    pub size: u64,
    pub root: Hash,
    /// `None` if nothing was cosigned.
    pub note: Option<String>,
}

impl Latest {
    /// Of a log that was never cosigned: empty.
    pub fn nothing() -> Latest {
        Latest { size: 0, root: merkle::empty_root(), note: None }
    }
}

/// Why the folder cannot be used. The witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("failed to {doing} {path}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("failed to believe {path}: {reason}; find out what happened before anything is cosigned")]
    Broken { path: PathBuf, reason: String },
}

/// The folder, locked.
pub struct Folder {
    path: PathBuf,
    replace: Replace,
    _lock: File,
}

impl Folder {
    /// Makes what is missing and locks it.
    ///
    /// # Errors
    /// The system's own, and where another process has it.
    pub fn open(path: &Path, replace: Replace) -> Result<Folder, FolderError> {
        for folder in [path.to_owned(), path.join("logs"), path.join("alarms")] {
            fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        }
        sync_folder(path).map_err(failed("sync", path))?;
        let name = path.join("lock");
        let lock = File::create(&name).map_err(failed("make", &name))?;
        lock.try_lock().map_err(|error| failed("lock", &name)(error.into()))?;
        Ok(Folder { path: path.to_owned(), replace, _lock: lock })
    }

    /// What was last cosigned of a log, by one of `keys`.
    ///
    /// # Errors
    /// Where the file cannot be read, or is not what this witness wrote.
    pub fn latest(&self, origin: &str, keys: &[VerifierKey]) -> Result<Latest, FolderError> {
        let path = self.log(origin);
        let note = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Latest::nothing()),
            read => read.map_err(failed("read", &path))?,
        };
        // A write that was reported as failed may be there and not be durable: from here on it is told to others.
        File::open(&path).and_then(|file| file.sync_all()).map_err(failed("sync", &path))?;
        sync_folder(&self.path.join("logs")).map_err(failed("sync", &path))?;
        let broken = |reason: String| FolderError::Broken { path: path.clone(), reason };
        let checkpoint = ForeignCheckpoint::parse(&note).map_err(|error| broken(error.to_string()))?;
        let own = |line| keys.iter().any(|key| verify_cosignature(key, checkpoint.text(), line).is_some());
        if checkpoint.origin() != origin || !checkpoint.signatures().iter().any(own) {
            return Err(broken(format!("it is no checkpoint of {origin} that this witness cosigned")));
        }
        Ok(Latest { size: checkpoint.size(), root: checkpoint.root(), note: Some(note) })
    }

    /// Keeps the latest note of a log. Durable when it returns; where it fails, the former may be there or this.
    ///
    /// # Errors
    /// The system's own.
    pub fn keep(&self, origin: &str, note: &str) -> io::Result<()> {
        (self.replace)(&self.log(origin), note.as_bytes())
    }

    /// Every alarm's file.
    ///
    /// # Errors
    /// The system's own.
    pub fn alarms(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, FolderError> {
        let folder = self.path.join("alarms");
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed("read", &folder))? {
            let path = entry.map_err(failed("read", &folder))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let bytes = fs::read(&path).map_err(failed("read", &path))?;
                found.push((path, bytes));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Keeps a file about an alarm. Durable when it returns.
    ///
    /// # Errors
    /// The system's own.
    pub fn keep_alarm(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        (self.replace)(&self.path.join("alarms").join(name), bytes)
    }

    fn log(&self, origin: &str) -> PathBuf {
        self.path.join("logs").join(hex(Hash::of(origin).as_bytes()))
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Folder({})", self.path.display())
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    move |source| FolderError::Io { doing, path, source }
}
