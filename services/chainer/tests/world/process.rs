//! The chainer's process on a scratch Kafka.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use medtrace_chainer::{Report, verify_chain};
use medtrace_ledger::Genesis;
use medtrace_log::Cluster;
use medtrace_log::consumer::{Isolation, bounds};
use medtrace_log::embedded::{Child, Ended, Scratch};
use medtrace_log::producer::Producer;
use medtrace_log::topics::{NOTICES, SCAN_EVENTS};
use medtrace_service::keys;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{admission, chainer, genesis, note_of, send};

/// Longest wait for anything in these tests.
const WAIT: Duration = Duration::from_secs(60);

/// A chainer's folder, from which it can be started again and again.
pub struct Site {
    pub cluster: Cluster,
    pub folder: PathBuf,
    /// Further settings.
    pub settings: Vec<(&'static str, String)>,
}

/// A running chainer.
pub struct Running {
    child: Child,
    log: PathBuf,
    /// Bytes of the log before this start.
    from: usize,
}

impl Site {
    /// A folder `name` beside Kafka's, with genesis and key.
    pub fn new(kafka: &Scratch, name: &str) -> Site {
        Site::of(kafka, name, &genesis())
    }

    /// The same of another genesis by the same authority.
    pub fn of(kafka: &Scratch, name: &str, genesis: &Genesis) -> Site {
        Site::at(kafka.cluster(), kafka.folder(), name, genesis)
    }

    /// A folder `name` below another.
    pub fn at(cluster: Cluster, below: &Path, name: &str, genesis: &Genesis) -> Site {
        let folder = below.join(name);
        fs::create_dir_all(folder.join("keys")).unwrap();
        fs::create_dir_all(folder.join("data")).unwrap();
        fs::write(folder.join("genesis.note"), note_of(genesis)).unwrap();
        keys::write(&folder.join("keys/chainer.key"), &chainer(), &keys::Protection::default()).unwrap();
        Site { cluster, folder, settings: Vec::new() }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Site {
        self.settings.push((name, value.to_owned()));
        self
    }

    /// Starts it; when it leads, a first notice is sent.
    pub async fn begin(&self, producer: &Producer) -> Running {
        let mut running = self.start();
        running.ready().await;
        send(producer, &admission("acme")).await;
        running
    }

    pub fn start(&self) -> Running {
        let log = self.folder.join("log");
        let from = fs::metadata(&log).map_or(0, |meta| usize::try_from(meta.len()).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_chainer"));
        command
            .env("MEDTRACE_KAFKA", self.cluster.bootstrap())
            .env("MEDTRACE_GENESIS", self.folder.join("genesis.note"))
            .env("MEDTRACE_KEYS", self.folder.join("keys"))
            .env("MEDTRACE_DATA", self.folder.join("data"))
            .env("MEDTRACE_ADMIN", "127.0.0.1:0")
            .envs(self.settings.iter().map(|(name, value)| (*name, value)))
            .stderr(File::options().create(true).append(true).open(&log).unwrap());
        Running { child: Child::spawn(command).unwrap(), log, from }
    }
}

impl Site {
    /// Starts it, to be started again whenever it ends.
    pub fn keep(&self) -> Kept<'_> {
        self.keep_on(self.start())
    }

    /// The same of one that runs.
    pub fn keep_on(&self, running: Running) -> Kept<'_> {
        Kept { site: self, running }
    }
}

/// A chainer that is started again when it has ended, as a supervisor does.
pub struct Kept<'a> {
    site: &'a Site,
    running: Running,
}

impl Kept<'_> {
    /// Starts it if it has ended.
    pub fn revive(&mut self) {
        if self.running.child.has_ended() {
            self.running = self.site.start();
        }
    }

    /// SIGKILL; it stays dead until it is revived.
    pub async fn die(&mut self) {
        self.running.child.signal(Signal::SIGKILL);
        self.running.child.ended().await;
    }

    /// Resolves when it follows another's chain.
    pub async fn follows(&mut self) {
        let deadline = Instant::now() + WAIT;
        while self.asked().await.is_none_or(|ready| ready["leader"] != false || ready["size"].as_u64() < Some(1)) {
            assert!(Instant::now() < deadline, "it does not follow: {}", self.log());
            self.revive();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Resolves when it leads and is ready.
    pub async fn leads(&mut self) {
        self.told(|status, ready| status == 200 && ready["leader"] == true).await;
    }

    /// Resolves when it is not ready because it waits for a gap notice; what `/readyz` says.
    pub async fn waits_for_gap(&mut self) -> Value {
        self.told(|status, ready| status == 503 && ready["gap"].is_string()).await
    }

    /// Resolves when `/readyz` tells this.
    async fn told(&mut self, wanted: impl Fn(u16, &Value) -> bool) -> Value {
        let deadline = Instant::now() + WAIT;
        loop {
            match self.running.state().await {
                Some((status, ready)) if wanted(status, &ready) => return ready,
                _ => assert!(Instant::now() < deadline, "{}", self.log()),
            }
            self.revive();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What `/readyz` says, if it answers that it is ready.
    pub async fn asked(&self) -> Option<Value> {
        self.running.asked().await
    }

    pub fn log(&self) -> String {
        self.running.log()
    }

    pub async fn kill(self) {
        self.running.kill().await;
    }
}

/// Waits until one leads; which. Who has ended is started again, as a supervisor does.
pub async fn leader(chainers: &mut [Kept<'_>; 2]) -> usize {
    let deadline = Instant::now() + WAIT;
    loop {
        for (which, chainer) in chainers.iter_mut().enumerate() {
            chainer.revive();
            if chainer.asked().await.is_some_and(|ready| ready["leader"] == true) {
                return which;
            }
        }
        assert!(Instant::now() < deadline, "nobody leads: {}\n{}", chainers[0].log(), chainers[1].log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Running {
    /// What this start has logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()[self.from..]).into_owned()
    }

    /// Resolves when it leads and `/readyz` answers 200; its body.
    pub async fn ready(&mut self) -> Value {
        self.is(|ready| ready["leader"] == true).await
    }

    /// Resolves when it follows another's chain of that size, ready to take over; what `/readyz` says.
    pub async fn following(&mut self, size: u64) -> Value {
        self.is(|ready| ready["leader"] == false && ready["size"].as_u64() >= Some(size)).await
    }

    async fn is(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + WAIT;
        loop {
            if let Some(ready) = self.asked().await.filter(&wanted) {
                return ready;
            }
            let again = tokio::time::timeout(Duration::from_millis(20), self.child.ended()).await;
            assert!(again.is_err(), "it ended: {}", self.log());
            assert!(Instant::now() < deadline, "it is not ready: {}", self.log());
        }
    }

    /// What `/readyz` says, if it answers that it is ready.
    async fn asked(&self) -> Option<Value> {
        self.state().await.filter(|(status, _)| *status == 200).map(|(_, ready)| ready)
    }

    /// The status and what `/readyz` says.
    async fn state(&self) -> Option<(u16, Value)> {
        let answer = reqwest::get(format!("http://{}/readyz", self.address()?)).await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    }

    pub async fn metrics(&self) -> String {
        reqwest::get(format!("http://{}/metrics", self.address().unwrap())).await.unwrap().text().await.unwrap()
    }

    fn address(&self) -> Option<String> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("\"listening\""))?;
        let line: Value = serde_json::from_str(line).ok()?;
        Some(line["listening"].as_str()?.to_owned())
    }

    /// Resolves when it has logged this.
    pub async fn says(&mut self, text: &str) {
        let deadline = Instant::now() + WAIT;
        while !self.log().contains(text) {
            let again = tokio::time::timeout(Duration::from_millis(20), self.child.ended()).await;
            assert!(again.is_err() && Instant::now() < deadline, "it does not say {text}: {}", self.log());
        }
    }

    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    pub async fn kill(mut self) {
        self.child.signal(Signal::SIGKILL);
        self.child.ended().await;
    }

    pub async fn stop(mut self) -> Ended {
        self.child.signal(Signal::SIGTERM);
        self.ended().await
    }

    pub async fn ended(&mut self) -> Ended {
        tokio::time::timeout(WAIT, self.child.ended()).await.unwrap_or_else(|_| panic!("it runs on: {}", self.log()))
    }
}

pub async fn all_sealed(cluster: &Cluster) -> Report {
    all_sealed_of(cluster, &genesis()).await
}

/// Re-verifies the whole chain again and again until it has sealed everything that stands in the log now.
pub async fn all_sealed_of(cluster: &Cluster, genesis: &Genesis) -> Report {
    let mut standing = 0;
    for (topic, partitions) in [(NOTICES, 1), (SCAN_EVENTS, 4)] {
        let all = bounds(cluster, topic, partitions, Isolation::Everything).await.unwrap();
        standing += all.iter().map(|bounds| bounds.high).sum::<u64>();
    }
    let deadline = Instant::now() + WAIT;
    loop {
        let report = verify_chain(cluster, genesis, |_| {}).await.unwrap();
        // A checkpoint follows its block within moments; every other finding is one.
        assert_eq!(report.findings, []);
        let published = report.published == report.blocks;
        if report.records >= standing && published {
            assert_eq!(report.records, standing, "nothing is sealed twice");
            return report;
        }
        assert!(Instant::now() < deadline, "{} of {standing} records are sealed: {report:?}", report.records);
    }
}
