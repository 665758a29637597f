//! `endpoints.json`: where a running stack listens, which files belong to it, and its process ids.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// What `endpoints.json` holds. Paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// Base URL for clients.
    pub query: String,
    pub manufacturer: String,
    pub distributor: String,
    pub hospital: String,
    #[serde(default)]
    pub witness: String,
    /// Bootstrap servers.
    pub kafka: String,
    /// Base URL of ClickHouse's HTTP port.
    pub clickhouse: String,
    pub clickhouse_user: String,
    /// File with the password of the embedded ClickHouse; that of an outside one is its operator's.
    pub clickhouse_password_file: PathBuf,
    pub clickhouse_database: String,
    /// The genesis note.
    pub genesis: PathBuf,
    /// Tokens file of the services (hashes).
    pub tokens: PathBuf,
    /// Folder of tokens that were made here: `<party>.token`.
    pub token_folder: PathBuf,
    /// Folder of the archive.
    #[serde(default)]
    pub archive: PathBuf,
    /// Folder of logs: `<process>.log`.
    pub logs: PathBuf,
    /// Base URLs of the admin ports by process.
    pub admin: BTreeMap<String, String>,
    /// Process ids by process, those of the embedded engines (`kafka`, `clickhouse`) and the supervisor's among them.
    /// The file is replaced whenever one changes.
    pub pids: BTreeMap<String, u32>,
}

impl Endpoints {
    pub fn read(path: &Path) -> anyhow::Result<Endpoints> {
        let text = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("failed to read {}", path.display()))
    }

    /// Replaces the file in one step; readers never see half of it.
    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let fresh = path.with_extension("json.new");
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        options
            .open(&fresh)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&fresh, path))
            .with_context(|| format!("failed to write {}", path.display()))
    }
}

/// The endpoints of the stack that this process runs: keeps the file in step with the process ids.
#[derive(Debug)]
pub struct Board {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    endpoints: Endpoints,
    /// The file is there from when everything is ready until the stop.
    published: bool,
}

impl Board {
    pub fn new(path: PathBuf, endpoints: Endpoints) -> Board {
        // What a killed supervisor left behind would send clients astray.
        let _ = fs::remove_file(&path);
        Board { path, state: Mutex::new(State { endpoints, published: false }) }
    }

    pub fn endpoints(&self) -> Endpoints {
        self.lock().endpoints.clone()
    }

    pub fn publish(&self) -> anyhow::Result<()> {
        let mut state = self.lock();
        state.published = true;
        state.endpoints.write(&self.path)
    }

    pub fn withdraw(&self) {
        self.lock().published = false;
        let _ = fs::remove_file(&self.path);
    }

    /// A process runs under this id now, or (`None`) does not run.
    pub fn pid(&self, process: &str, pid: Option<u32>) {
        let mut state = self.lock();
        match pid {
            Some(pid) => state.endpoints.pids.insert(process.to_owned(), pid),
            None => state.endpoints.pids.remove(process),
        };
        if state.published
            && let Err(error) = state.endpoints.write(&self.path)
        {
            tracing::error!(error = format!("{error:#}"), "endpoints.json is out of date");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
