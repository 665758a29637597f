//! A witness to test with: as C2SP tlog-witness says, and as it should not be.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use medtrace_ledger::add_checkpoint::AddCheckpoint;
use medtrace_ledger::checkpoint::cosign;
use medtrace_ledger::foreign::ForeignCheckpoint;
use medtrace_ledger::merkle::verify_consistency;
use medtrace_ledger::policy::{Group, Policy, Threshold, Witness};
use medtrace_ledger::{Checkpoint, Genesis, Hash, KeyName, Signer};
use medtrace_log::Cluster;
use medtrace_log::consumer::{Follower, Isolation};
use medtrace_log::embedded::Child;
use medtrace_log::topics::CHECKPOINTS;
use medtrace_service::keys::{Protection, write};
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use super::{CHAINER, genesis, key, note_of};

/// Longest wait for a quorum.
const WAIT: Duration = Duration::from_secs(60);

/// How it behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// Takes the question and never answers.
    Silent,
    /// Says that what it has is no beginning of any log it is shown.
    Contradicts,
    /// Signs by a key that is not the witness's.
    Pretends,
    /// Gives a cosignature of long ago.
    Replays,
}

/// A witness on a port of its own; it ends when dropped, and its memory stays with `seen`.
pub struct Fake {
    pub name: String,
    pub url: String,
    pub seen: Arc<Mutex<(u64, Option<Hash>)>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub async fn start(name: &str, manner: Manner) -> Fake {
        Fake::start_at(name, manner, 0, Arc::default()).await
    }

    /// On a port that is known before, with what it has seen before.
    pub async fn start_at(name: &str, manner: Manner, port: u16, seen: Arc<Mutex<(u64, Option<Hash>)>>) -> Fake {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app =
            Router::new().route("/add-checkpoint", post(answer)).with_state((name.to_owned(), manner, seen.clone()));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Fake { name: name.to_owned(), url, seen, task }
    }

    pub fn size(&self) -> u64 {
        self.seen.lock().unwrap().0
    }
}

type Seen = (String, Manner, Arc<Mutex<(u64, Option<Hash>)>>);

async fn answer(State((name, manner, seen)): State<Seen>, body: String) -> Response {
    let question = AddCheckpoint::parse(&body).unwrap();
    let asked = ForeignCheckpoint::parse(&question.note).unwrap();
    match manner {
        Manner::Honest | Manner::Pretends | Manner::Replays => {}
        Manner::Silent => std::future::pending().await,
        Manner::Contradicts if question.old_size == 0 => return conflict(1),
        Manner::Contradicts => return StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    }
    assert!(asked.signed_by(&[genesis().policy.log]).is_some(), "who asks shows the log's signature");
    let mut seen = seen.lock().unwrap();
    if question.old_size != seen.0 {
        return conflict(seen.0);
    }
    let follows = match (seen.0, seen.1) {
        (0, _) => question.proof.is_empty(),
        (size, Some(root)) => verify_consistency(size, asked.size(), &question.proof, root, asked.root()),
        _ => false,
    };
    if !follows {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    *seen = (asked.size(), Some(asked.root()));
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (signer, time_s) = match manner {
        Manner::Pretends => (Signer { key: key("somebody"), ..signer(&name) }, now_s),
        Manner::Replays => (signer(&name), now_s - 3_600),
        _ => (signer(&name), now_s),
    };
    format!("{}\n", cosign(&signer, asked.text(), time_s).unwrap()).into_response()
}

fn conflict(size: u64) -> Response {
    (StatusCode::CONFLICT, [(CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
}

pub fn signer(name: &str) -> Signer {
    Signer::new(name.parse::<KeyName>().unwrap(), key(name))
}

/// The genesis with these witnesses (names and addresses), of which so many must cosign.
pub fn witnessed(witnesses: &[(&str, &str)], quorum: usize) -> Genesis {
    let name = |name: &str| name.parse::<KeyName>().unwrap();
    let witness = |(of, url): &(&str, &str)| {
        let key = signer(of).verifier();
        Witness { name: name(of), key, url: Some((*url).to_owned()) }
    };
    let members = witnesses.iter().map(|(of, _)| name(of)).collect();
    let group = Group { name: name("quorum"), threshold: Threshold::Count(quorum), members };
    let policy = Policy {
        witnesses: witnesses.iter().map(witness).collect(),
        groups: vec![group],
        quorum: Some(name("quorum")),
        ..genesis().policy
    };
    Genesis { policy, ..genesis() }
}

/// The first checkpoint of at least `size` headers whose quorum is reached; how many have cosigned it.
pub async fn cosigned(cluster: &Cluster, genesis: &Genesis, size: u64) -> (Checkpoint, usize) {
    let checkpoints = Follower::open(cluster, CHECKPOINTS, Isolation::Committed, &[(0, 0)]).await.unwrap();
    let found = async {
        loop {
            let note = String::from_utf8(checkpoints.next().await.unwrap().value).unwrap();
            let (checkpoint, cosignatures) = Checkpoint::open(&note, genesis).unwrap();
            let names = cosignatures.iter().map(|cosignature| cosignature.witness.clone()).collect();
            if checkpoint.size >= size && genesis.policy.is_met(&names) {
                return (checkpoint, names.len());
            }
        }
    };
    tokio::time::timeout(WAIT, found).await.expect("a quorum")
}

/// The witness's own process: a full one, which recomputes every block from Kafka.
pub struct Process {
    pub name: String,
    pub url: String,
    folder: PathBuf,
    bootstrap: String,
    child: Option<Child>,
}

impl Process {
    /// On a free port, not started yet; `None` if its binary is not built beside the chainer's.
    pub fn new(below: &Path, cluster: &Cluster) -> Option<Process> {
        binary().is_file().then(|| {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}", free.local_addr().unwrap());
            let (name, folder) = ("w1.example".to_owned(), below.join("witness"));
            Process { name, url, folder, bootstrap: cluster.bootstrap().to_owned(), child: None }
        })
    }

    /// Starts it, again or for the first time; returns when it answers.
    pub async fn start(&mut self, genesis: &Genesis) {
        let [keys, data] = ["keys", "data"].map(|name| self.folder.join(name));
        fs::create_dir_all(&keys).unwrap();
        fs::create_dir_all(&data).unwrap();
        fs::write(self.folder.join("genesis.note"), note_of(genesis)).unwrap();
        if !keys.join("witness.key").exists() {
            write(&keys.join("witness.key"), &signer(&self.name), &Protection::default()).unwrap();
        }
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut command = Command::new(binary());
        command
            .env("MEDTRACE_KAFKA", &self.bootstrap)
            .env("MEDTRACE_GENESIS", self.folder.join("genesis.note"))
            .env("MEDTRACE_KEYS", &keys)
            .env("MEDTRACE_NAME", &self.name)
            .env("MEDTRACE_DATA", &data)
            .env("MEDTRACE_LISTEN", self.url.trim_start_matches("http://"))
            .env("MEDTRACE_ADMIN", "127.0.0.1:0")
            .stderr(log);
        self.child = Some(Child::spawn(command).unwrap());
        self.until("its answer", async || reqwest::get(format!("{}/alarms", self.url)).await.is_ok()).await;
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.signal(Signal::SIGKILL);
            child.ended().await;
        }
    }

    /// Resolves when it has cosigned so many headers; it must have no alarm.
    pub async fn has_seen(&self, size: u64) {
        let text = async |path: String| reqwest::get(path).await.unwrap().text().await.unwrap();
        let checkpoint = format!("{}/checkpoint?origin={CHAINER}", self.url);
        self.until("its cosignature", async || {
            let note = text(checkpoint.clone()).await;
            note.lines().nth(1).and_then(|line| line.parse::<u64>().ok()) == Some(size)
        })
        .await;
        assert_eq!(text(format!("{}/alarms", self.url)).await, r#"{"alarms":[]}"#);
    }

    /// Shows it a checkpoint, of which it has the size already: the status it answers.
    pub async fn shown(&self, size: u64, note: &str) -> u16 {
        let question = AddCheckpoint { old_size: size, proof: Vec::new(), note: note.to_owned() };
        let asked = reqwest::Client::new().post(format!("{}/add-checkpoint", self.url)).body(question.to_string());
        asked.send().await.unwrap().status().as_u16()
    }

    /// Its evidence of a fork at this size.
    pub fn fork(&self, size: u64) -> String {
        let files = fs::read_dir(self.folder.join("data/alarms")).unwrap().map(|file| file.unwrap().path());
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&format!("fork-{size}-")) && name.ends_with(".fork")
        };
        fs::read_to_string(files.into_iter().find(named).expect("a fork")).unwrap()
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !is_so().await {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap();
            assert!(Instant::now() < deadline, "the witness: waited for {what}: {}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn binary() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_chainer")).with_file_name("witness")
}
