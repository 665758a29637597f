//! Witnesses that others wrote, as processes: `litewitness` and `omniwitness`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use medtrace_ledger::hash::base64;
use medtrace_ledger::merkle::empty_root;
use medtrace_ledger::vkey::KeyUse;
use medtrace_ledger::{Hash, Signer};
use medtrace_log::embedded::Child;
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use super::agent;
use super::go;
use super::world::{CHAINER, chainer};

const TORCHWOOD: &str = "v0.9.0";
const LITEWITNESS: &str = "filippo.io/torchwood/cmd/litewitness";
const OMNIWITNESS: &str = "github.com/transparency-dev/witness/cmd/omniwitness";
const OMNIWITNESS_VERSION: &str = "v0.0.0-20260720115447-2e1c6971d19e";
/// Longest wait for one to listen.
const WAIT: Duration = Duration::from_secs(30);

/// A witness's folder, key and port, from which it can be started again and again.
pub struct Foreign {
    pub signer: Signer,
    pub url: String,
    port: u16,
    folder: PathBuf,
    program: PathBuf,
    arguments: Vec<String>,
    running: Option<Child>,
    _agent: Option<JoinHandle<()>>,
}

/// Tells litewitness of a log: database, origin, root of nothing, verifier key. (Its own tool for that needs more modules.)
const ADD_LOG: &str = "
import sqlite3, sys
database, origin, root, key = sys.argv[1:]
with sqlite3.connect(database) as at:
    at.execute('CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)')
    at.execute('CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))')
    at.execute('INSERT INTO log VALUES (?, 0, ?)', (origin, root))
    at.execute('INSERT INTO key VALUES (?, ?)', (origin, key))
";

/// Torchwood's, which is told of our log; `None` where it cannot be built.
pub fn litewitness(folder: &Path, signer: Signer) -> Option<Foreign> {
    let program = go::tool(env!("CARGO_TARGET_TMPDIR"), LITEWITNESS, TORCHWOOD)?;
    fs::create_dir_all(folder).unwrap();
    let (vkey, nothing) = (chainer().verifier().vkey(KeyUse::Ed25519), empty_root().to_string());
    let mut python = Command::new("python3");
    python.args(["-c", ADD_LOG, "db", CHAINER, &nothing, &vkey]).current_dir(folder);
    let Ok(told) = python.output() else {
        eprintln!("skipped: litewitness is told of a log by Python, which is not installed");
        return None;
    };
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    // A socket's path has at most about a hundred characters.
    let socket = std::env::temp_dir().join(format!("medtrace-agent-{}", std::process::id()));
    let _ = fs::remove_file(&socket);
    let agent = agent::serve(&socket, signer.key.clone());
    let fingerprint = medtrace_ledger::hash::hex(&Hash::of(signer.key.public().as_bytes()).0);
    let arguments = ["-db", "db", "-name", signer.name.as_str(), "-key", &fingerprint, "-ssh-agent"];
    let arguments = arguments.into_iter().chain([socket.to_str().unwrap()]).map(str::to_owned).collect();
    let mut foreign = Foreign::at(folder, program, signer, arguments, Some(agent));
    foreign.listen("-listen");
    Some(foreign)
}

/// Transparency-dev's; `None` where it cannot be built.
pub fn omniwitness(folder: &Path, signer: Signer) -> Option<Foreign> {
    let program = go::tool(env!("CARGO_TARGET_TMPDIR"), OMNIWITNESS, OMNIWITNESS_VERSION)?;
    fs::create_dir_all(folder).unwrap();
    let vkey = chainer().verifier().vkey(KeyUse::Ed25519);
    let logs = format!("Logs:\n  - Origin: {CHAINER}\n    URL: https://{CHAINER}\n    PublicKey: {vkey}\n");
    fs::write(folder.join("logs.yaml"), logs).unwrap();
    let id = u32::from_be_bytes(signer.verifier().key_id());
    let seed = base64(&[&[KeyUse::Ed25519 as u8][..], &signer.key.seed().unwrap()[..]].concat());
    fs::write(folder.join("key"), format!("PRIVATE+KEY+{}+{id:08x}+{seed}", signer.name)).unwrap();
    let arguments = ["--private_key_path=key", "--additional_logs=logs.yaml", "--db_file=db", "--metrics_listen="];
    let arguments = arguments.into_iter().chain(["--logtostderr"]).map(str::to_owned).collect();
    let mut foreign = Foreign::at(folder, program, signer, arguments, None);
    foreign.listen("--listen");
    Some(foreign)
}

impl Foreign {
    fn at(
        folder: &Path,
        program: PathBuf,
        signer: Signer,
        arguments: Vec<String>,
        agent: Option<JoinHandle<()>>,
    ) -> Foreign {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let (url, folder) = (format!("http://127.0.0.1:{port}"), folder.to_owned());
        Foreign { signer, url, port, folder, program, arguments, running: None, _agent: agent }
    }

    fn listen(&mut self, flag: &str) {
        self.arguments.extend([flag.to_owned(), format!("127.0.0.1:{}", self.port)]);
    }

    /// Starts it, and waits until it listens.
    pub async fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).stderr(log);
        self.running = Some(Child::spawn(command).unwrap());
        let deadline = Instant::now() + WAIT;
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(Instant::now() < deadline, "it does not listen: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn kill(&mut self) {
        let mut running = self.running.take().unwrap();
        running.signal(Signal::SIGKILL);
        running.ended().await;
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}
