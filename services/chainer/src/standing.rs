//! What this process has last sealed, in its own folder: written durably before the checkpoint is signed, so that a log
//! that was truncated or exchanged is noticed even where `checkpoints` went with it.
//!
//! ```text
//! medtrace/standing/v1
//! <size>                  number of headers
//! <base64 root>           of the header log at that size
//! <header>                the last one, whole
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use medtrace_ledger::block::Header;
use medtrace_ledger::hash::Hash;
use medtrace_service::files;

use crate::stop::Stop;

const FORMAT: &str = "medtrace/standing/v1";

/// The end of the chain as this process has sealed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub size: u64,
    pub root: Hash,
    pub header: Header,
}

/// The chainer's own folder: one process at a time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl Folder {
    /// Locks the folder; it must exist.
    pub fn open(path: &Path) -> Result<Folder, Stop> {
        let name = path.join("lock");
        let lock = File::create(&name).map_err(failed("make", &name))?;
        lock.try_lock().map_err(|error| failed("lock", &name)(error.into()))?;
        Ok(Folder { path: path.to_owned(), _lock: lock })
    }

    /// A name of its own that stays: the place in the lease's group.
    pub fn instance(&self) -> Result<String, Stop> {
        let name = self.path.join("instance");
        match fs::read_to_string(&name) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let instance = uuid::Uuid::new_v4().to_string();
                self.write("instance", &instance)?;
                Ok(instance)
            }
            Err(error) => Err(failed("read", &name)(error)),
        }
    }

    /// What was last sealed; `None` if nothing was.
    pub fn standing(&self) -> Result<Option<Standing>, Stop> {
        let name = self.path.join("standing");
        match fs::read_to_string(&name) {
            Ok(text) => match Standing::parse(&text) {
                Some(standing) => Ok(Some(standing)),
                None => Err(failed("read", &name)(io::Error::other("not in the form of a standing file"))),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &name)(error)),
        }
    }

    /// Durable when it returns.
    pub fn set_standing(&self, standing: &Standing) -> Result<(), Stop> {
        self.write("standing", &standing.text())
    }

    /// Replaces a file as a whole; on disk, with its name, when it returns.
    fn write(&self, name: &str, text: &str) -> Result<(), Stop> {
        let path = self.path.join(name);
        files::replace(&path, text.as_bytes(), 0o644).map_err(failed("write", &path))
    }
}

impl Standing {
    fn text(&self) -> String {
        format!("{FORMAT}\n{}\n{}\n{}", self.size, self.root, self.header.text())
    }

    fn parse(text: &str) -> Option<Standing> {
        let mut lines = text.splitn(4, '\n');
        let (format, size, root, header) = (lines.next()?, lines.next()?, lines.next()?, lines.next()?);
        let standing =
            Standing { size: size.parse().ok()?, root: root.parse().ok()?, header: Header::parse(header).ok()? };
        (format == FORMAT && standing.header.height.checked_add(1) == Some(standing.size)).then_some(standing)
    }
}

fn failed(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Stop {
    let doing = format!("{doing} {}", path.display());
    move |source| Stop::Folder { doing, source }
}
