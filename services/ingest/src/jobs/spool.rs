//! The files of capture jobs. Every change is on disk before anybody is told.
//!
//! ```text
//! jobs/new-<random>/body   a document that is arriving
//! jobs/<id>/body           the document as received
//! jobs/<id>/items          while it is planned: the good events, see [`super::items`]
//! jobs/<id>/records        the plan: for each submission   id[32] ‖ leaf[32] ‖ length u32 LE ‖ Kafka value
//! jobs/<id>/placed         what the log has acknowledged, see [`super::placed`]
//! jobs/<id>/job.json       the stage; written last when a job is made, replaced by renaming
//! ```
//!
//! A folder becomes a job by being renamed to its id; what was not is removed at start. When a job ends, `job.json` and
//! `placed` stay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use medtrace_service::files;

use super::Job;

const BODY: &str = "body";
const ITEMS: &str = "items";
const RECORDS: &str = "records";
const PLACED: &str = "placed";
const STATE: &str = "job.json";
const ARRIVING: &str = "new-";
/// A document is its party's own business.
const FILE_MODE: u32 = 0o600;

/// The folder of all jobs.
pub(crate) struct Spool {
    folder: PathBuf,
}

/// A document that is arriving. Its file goes with it, unless it became a job.
pub struct Arrival {
    folder: PathBuf,
}

impl Arrival {
    /// The file of the document's bytes.
    pub fn body(&self) -> PathBuf {
        self.folder.join(BODY)
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        // What stays in spite of it is swept away at the next start.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Spool {
    /// Opens the folder, removes what was never acknowledged, and returns all jobs.
    pub fn open(folder: &Path) -> io::Result<(Spool, Vec<Job>)> {
        fs::create_dir_all(folder)?;
        let mut jobs = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(ARRIVING.as_bytes()) {
                fs::remove_dir_all(&path)?;
                continue;
            }
            match read(&path) {
                Ok(job) => jobs.push(job),
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir_all(&path)?,
                Err(error) => return Err(error),
            }
        }
        Ok((Spool { folder: folder.to_owned() }, jobs))
    }

    /// Makes room for a document.
    pub fn arrive(&self) -> io::Result<Arrival> {
        let arrival = Arrival { folder: self.folder.join(format!("{ARRIVING}{}", uuid::Uuid::new_v4())) };
        fs::create_dir(&arrival.folder)?;
        Ok(arrival)
    }

    /// Makes a document, whose bytes are on disk, a new job (or one that failed and is tried again).
    pub fn create(&self, job: &Job, arrival: &Arrival) -> io::Result<()> {
        replace(&arrival.folder, job)?;
        let folder = self.folder.join(&job.id);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        // From here on a restart finds the job.
        fs::rename(&arrival.folder, &folder)?;
        files::sync_folder(&self.folder)
    }

    /// Replaces the job's stage.
    pub fn save(&self, job: &Job) -> io::Result<()> {
        replace(&self.folder.join(&job.id), job)
    }

    /// The job as it was saved last.
    pub fn load(&self, id: &str) -> io::Result<Job> {
        read(&self.folder.join(id))
    }

    pub fn body(&self, id: &str) -> PathBuf {
        self.folder.join(id).join(BODY)
    }

    pub fn items(&self, id: &str) -> PathBuf {
        self.folder.join(id).join(ITEMS)
    }

    pub fn records(&self, id: &str) -> PathBuf {
        self.folder.join(id).join(RECORDS)
    }

    pub fn placed(&self, id: &str) -> PathBuf {
        self.folder.join(id).join(PLACED)
    }

    /// Removes what a finished job does not need any more.
    pub fn clear(&self, id: &str) {
        for path in [self.body(id), self.items(id), self.records(id)] {
            let _ = fs::remove_file(path);
        }
    }

    pub fn remove(&self, id: &str) {
        let _ = fs::remove_dir_all(self.folder.join(id));
    }
}

fn read(folder: &Path) -> io::Result<Job> {
    let path = folder.join(STATE);
    serde_json::from_slice(&fs::read(&path)?).map_err(|error| damaged(&path, error))
}

fn replace(folder: &Path, job: &Job) -> io::Result<()> {
    files::replace(&folder.join(STATE), &serde_json::to_vec(job)?, FILE_MODE)
}

pub(super) fn damaged(path: &Path, why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("failed to read {}: {why}", path.display()))
}
