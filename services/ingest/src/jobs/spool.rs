//! The files of capture jobs. Every change is on disk before anybody is told.
//!
//! ```text
//! jobs/<id>/body        the document as received
//! jobs/<id>/records     the plan: for each submission   id[32] ‖ length u32 LE ‖ Kafka value
//! jobs/<id>/job.json    the stage; written last when a job is made, replaced by renaming
//! ```
//!
//! A folder without `job.json` was never acknowledged and is removed at start; `body` and `records` go when a job ends.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use medtrace_ledger::Hash;

use super::Job;
use crate::seal::Sealed;

const BODY: &str = "body";
const RECORDS: &str = "records";
const STATE: &str = "job.json";

/// The folder of all jobs.
pub(crate) struct Spool {
    folder: PathBuf,
}

impl Spool {
    /// Opens the folder, removes what was never acknowledged, and returns all jobs.
    pub fn open(folder: &Path) -> io::Result<(Spool, Vec<Job>)> {
        fs::create_dir_all(folder)?;
        let mut jobs = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match fs::read(path.join(STATE)) {
                Ok(bytes) => jobs.push(serde_json::from_slice(&bytes).map_err(|e| damaged(&path, e))?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir_all(&path)?,
                Err(error) => return Err(error),
            }
        }
        Ok((Spool { folder: folder.to_owned() }, jobs))
    }

    /// Puts a new job (or one that failed and is tried again) on disk.
    pub fn create(&self, job: &Job, body: &[u8]) -> io::Result<()> {
        let folder = self.folder.join(&job.id);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        write(&folder.join(BODY), body)?;
        self.save(job)?;
        sync(&self.folder)
    }

    /// Replaces the job's stage.
    pub fn save(&self, job: &Job) -> io::Result<()> {
        let folder = self.folder.join(&job.id);
        let fresh = folder.join("job.json.new");
        write(&fresh, &serde_json::to_vec(job)?)?;
        fs::rename(fresh, folder.join(STATE))?;
        sync(&folder)
    }

    pub fn body(&self, job: &Job) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(&job.id).join(BODY))
    }

    /// Fixes the submissions of a job. They count once the stage says so.
    pub fn plan(&self, job: &Job, records: &[Sealed]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(records.iter().map(|record| record.value.len() + 36).sum());
        for Sealed { id, value } in records {
            bytes.extend_from_slice(id.as_bytes());
            bytes.extend_from_slice(&u32::try_from(value.len()).map_err(io::Error::other)?.to_le_bytes());
            bytes.extend_from_slice(value);
        }
        write(&self.folder.join(&job.id).join(RECORDS), &bytes)
    }

    /// The fixed submissions of a job.
    pub fn records(&self, job: &Job) -> io::Result<Vec<Sealed>> {
        let path = self.folder.join(&job.id).join(RECORDS);
        let bytes = fs::read(&path)?;
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while !rest.is_empty() {
            let (record, after) = split(rest).ok_or_else(|| damaged(&path, "it ends within a record"))?;
            records.push(record);
            rest = after;
        }
        Ok(records)
    }

    /// Removes what a finished job does not need any more.
    pub fn clear(&self, job: &Job) {
        let folder = self.folder.join(&job.id);
        for name in [BODY, RECORDS] {
            let _ = fs::remove_file(folder.join(name));
        }
    }

    pub fn remove(&self, id: &str) {
        let _ = fs::remove_dir_all(self.folder.join(id));
    }
}

fn split(bytes: &[u8]) -> Option<(Sealed, &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<32>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((Sealed { id: Hash(*id), value: value.to_vec() }, rest))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("failed to read {}: {why}", path.display()))
}
