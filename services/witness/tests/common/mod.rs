//! Logs to witness, made here, and a witness to ask.
#![allow(dead_code, clippy::unwrap_used)]

pub mod chain;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use medtrace_ledger::genesis::Quorum;
use medtrace_ledger::merkle::{Tree, leaf_hash};
use medtrace_ledger::note::sign_note;
use medtrace_ledger::policy::{Policy, Witness as Named};
use medtrace_ledger::vkey::KeyUse;
use medtrace_ledger::{AddCheckpoint, Genesis, Hash, KeyName, Signer, SigningKey};
use medtrace_log::Cluster;
use medtrace_service::Shutdown;
use medtrace_witness::folder::{Replace, replace};
use medtrace_witness::{Config, Logs, Witness};

pub const AUTHORITY: &str = "authority";
pub const ORIGIN: &str = "county.example/log";
pub const WITNESS: &str = "regulator.example/witness";
/// A log that is not ours.
pub const OTHER: &str = "other.example/log";

pub fn signer(name: &str) -> Signer {
    Signer::new(name.parse::<KeyName>().unwrap(), SigningKey::from_seed(&Hash::of(name).0))
}

pub fn genesis() -> Genesis {
    Genesis {
        origin: ORIGIN.parse().unwrap(),
        time_ms: 1_772_400_000_000,
        authority: Quorum { threshold: 1, keys: vec![signer(AUTHORITY).verifier()] },
        policy: Policy {
            witnesses: vec![Named { name: WITNESS.parse().unwrap(), key: signer(WITNESS).verifier(), url: None }],
            quorum: Some(WITNESS.parse().unwrap()),
            ..Policy::alone(signer(ORIGIN).verifier())
        },
    }
}

pub fn genesis_note() -> String {
    genesis().sign(&[signer(AUTHORITY)]).unwrap()
}

/// A log of leaves that a test makes up, with a history of its own.
#[derive(Clone)]
pub struct Log {
    pub signer: Signer,
    pub tree: Tree,
}

impl Log {
    /// `size` leaves; those from `forked` on differ between logs of other `history`.
    pub fn new(origin: &str, size: u64, forked: u64, history: &str) -> Log {
        let leaf = |n: u64| leaf_hash(format!("{n} {}", if n < forked { "" } else { history }).as_bytes());
        Log { signer: signer(origin), tree: (0..size).map(leaf).collect() }
    }

    pub fn root(&self, size: u64) -> Hash {
        self.tree.root_at(size).unwrap()
    }

    pub fn text(&self, size: u64) -> String {
        format!("{}\n{size}\n{}\n", self.signer.name, self.root(size))
    }

    pub fn note(&self, size: u64) -> String {
        sign_note(self.text(size), std::slice::from_ref(&self.signer)).unwrap().to_string()
    }

    /// Asks for a cosignature as an honest client that knows the old size does.
    pub fn ask(&self, old_size: u64, size: u64) -> AddCheckpoint {
        let proof = self.tree.consistency_path(old_size, size).unwrap_or_default();
        AddCheckpoint { old_size, proof, note: self.note(size) }
    }
}

/// A folder that goes with the test.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("medtrace-witness-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn logs() -> Logs {
    let mut logs = Logs::of(&genesis());
    let other = signer(OTHER).verifier().vkey(KeyUse::Ed25519);
    logs.add_lines(&format!("# neighbours\n\nlog {other} https://{OTHER}\n")).unwrap();
    logs
}

pub fn config(data: &Path, kafka: Option<Cluster>) -> Config {
    let local = "127.0.0.1:0".parse().unwrap();
    let (genesis, keys, data) = (genesis(), vec![signer(WITNESS)], data.to_owned());
    Config { listen: local, admin: local, data, genesis, logs: logs(), keys, kafka, archive: None }
}

/// A service that runs in this process, on a thread of its own as it does in its own process.
pub struct Running {
    shutdown: Shutdown,
    thread: std::thread::JoinHandle<()>,
}

impl Running {
    pub fn start<F: Future<Output = ()>>(run: impl FnOnce(Shutdown) -> F + Send + 'static) -> Running {
        let shutdown = Shutdown::new();
        let until = shutdown.clone();
        let thread = std::thread::spawn(move || tokio::runtime::Runtime::new().unwrap().block_on(run(until)));
        Running { shutdown, thread }
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        tokio::task::spawn_blocking(|| self.thread.join().unwrap()).await.unwrap();
    }
}

/// A witness that runs in this process.
pub struct Served {
    pub url: String,
    pub admin: String,
    running: Running,
}

impl Served {
    pub async fn start(data: &Path, kafka: Option<Cluster>) -> Served {
        Served::start_with(data, kafka, replace()).await
    }

    pub async fn start_with(data: &Path, kafka: Option<Cluster>, replace: Replace) -> Served {
        Served::start_on("127.0.0.1:0", data, kafka, replace).await
    }

    pub async fn start_on(listen: &str, data: &Path, kafka: Option<Cluster>, replace: Replace) -> Served {
        Served::of(Witness::open(config(data, kafka), replace).unwrap(), listen).await
    }

    pub async fn of(witness: Witness, listen: &str) -> Served {
        let listen = listen.to_owned();
        let (tell, told) = tokio::sync::oneshot::channel();
        let running = Running::start(async move |until| {
            let bind = tokio::net::TcpListener::bind;
            let (listener, admin) = (bind(listen).await.unwrap(), bind("127.0.0.1:0".to_owned()).await.unwrap());
            tell.send([&listener, &admin].map(|bound| format!("http://{}", bound.local_addr().unwrap()))).unwrap();
            witness.run(listener, admin, until).await.unwrap();
        });
        let [url, admin] = told.await.unwrap();
        Served { url, admin, running }
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }

    pub async fn post(&self, body: impl ToString) -> Answer {
        let url = format!("{}/add-checkpoint", self.url);
        Answer::of(reqwest::Client::new().post(url).body(body.to_string()).send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(reqwest::get(format!("{}{path}", self.url)).await.unwrap()).await
    }

    pub async fn readyz(&self) -> Answer {
        Answer::of(reqwest::get(format!("{}/readyz", self.admin)).await.unwrap()).await
    }

    pub async fn metrics(&self) -> String {
        reqwest::get(format!("{}/metrics", self.admin)).await.unwrap().text().await.unwrap()
    }

    pub async fn alarms(&self) -> Vec<serde_json::Value> {
        let all: serde_json::Value = serde_json::from_str(&self.get("/alarms").await.body).unwrap();
        all["alarms"].as_array().unwrap().clone()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub retry_after: Option<String>,
    pub body: String,
}

impl Answer {
    async fn of(answer: reqwest::Response) -> Answer {
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        let (status, retry_after) = (answer.status().as_u16(), header("retry-after"));
        let kind = header("content-type").unwrap_or_default();
        Answer { status, kind, retry_after, body: answer.text().await.unwrap() }
    }
}
