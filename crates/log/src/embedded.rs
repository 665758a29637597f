//! One Kafka node on this machine, as a child process: formatted on first start, ready when it answers, stopped by
//! SIGTERM. It ends when this process ends, however that happens.

mod child;
mod scratch;
mod three;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::Cluster;
pub use child::{Child, Ended};
pub use scratch::Scratch;
pub use three::Three;

/// Longest wait for a started node to answer, milliseconds. (Measured: 2 s; recovery of a large log takes longer.)
pub const START_MS: u64 = 60_000;
/// Bytes of the node's log shown when it does not come up.
const TAIL_BYTES: usize = 2_000;

const SERVER: &str = include_str!("../../../deploy/kafka/server.properties");
const CLUSTER: &str = include_str!("../../../deploy/kafka/cluster.properties");
const LOGGING: &str = include_str!("../../../deploy/kafka/log4j2.properties");

/// How to start the node.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// `java` (17 or later): a path or a name to be found in PATH.
    pub java: PathBuf,
    /// Folder of Kafka's jars.
    pub libs: PathBuf,
    /// Folder of the node's data and settings; made and formatted if it is empty. One node at a time.
    pub data: PathBuf,
    /// Client port on 127.0.0.1.
    pub port: u16,
    /// Controller port on 127.0.0.1. Must stay the same for the same data.
    pub controller_port: u16,
    /// File that receives the node's output; appended.
    pub log: PathBuf,
    /// Its place among three, unless it is alone.
    pub member: Option<Member>,
    /// Further lines of its settings, which go before the others.
    pub more: String,
}

/// A node's place in a cluster of three.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its number, from 1.
    pub node_id: usize,
    /// The same for all: base64 of 16 bytes.
    pub cluster_id: String,
    /// Number and controller address of each, as in `controller.quorum.voters`.
    pub voters: String,
}

/// Why the node does not run.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("find Kafka's jars in {}: fetch them with `make kafka`, or name their folder in MEDTRACE_KAFKA_LIBS", .0.display())]
    Libs(PathBuf),
    #[error("{doing}")]
    Io { doing: String, source: io::Error },
    #[error("format the node's data folder: {0}")]
    Format(String),
    #[error("start Kafka: it ended ({status}); its log ends:\n{tail}")]
    Ended { status: String, tail: String },
    #[error("start Kafka: no answer within {START_MS} ms; its log ends:\n{0}")]
    NotReady(String),
}

impl NodeError {
    fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> NodeError {
        let doing = doing.into();
        move |source| NodeError::Io { doing, source }
    }
}

/// A running node.
pub struct Node {
    child: Child,
    port: u16,
}

impl Node {
    /// Starts the node and waits until it answers a metadata request.
    pub async fn start(settings: &NodeSettings) -> Result<Node, NodeError> {
        let settings = settings.clone();
        let log = settings.log.clone();
        let port = settings.port;
        let child = crate::blocking(move || launch(&settings)).await?;
        let mut node = Node { child, port };
        let cluster = Cluster::new(node.bootstrap());
        tokio::select! {
            status = node.ended() => Err(NodeError::Ended { status, tail: tail(&log) }),
            answered = cluster.wait(Duration::from_millis(START_MS)) => match answered {
                Ok(()) => Ok(node),
                Err(_) => Err(NodeError::NotReady(tail(&log))),
            },
        }
    }

    /// For `MEDTRACE_KAFKA`.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Resolves when the process has ended, with what it ended with. Cancelling loses nothing.
    pub async fn ended(&mut self) -> String {
        self.child.ended().await.text
    }

    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    /// SIGTERM, then waits; SIGKILL after `grace`.
    pub async fn stop(mut self, grace: Duration) {
        self.child.signal(Signal::SIGTERM);
        if tokio::time::timeout(grace, self.child.ended()).await.is_err() {
            self.kill().await;
        }
    }

    /// SIGKILL, now: for tests of what happens then.
    pub async fn kill(mut self) {
        self.child.signal(Signal::SIGKILL);
        self.child.ended().await;
    }
}

/// The jars' folder: `MEDTRACE_KAFKA_LIBS`, or `deploy/kafka/libs` below the current folder or one above it.
pub fn libs() -> Result<PathBuf, NodeError> {
    let named = std::env::var_os("MEDTRACE_KAFKA_LIBS").map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().map(|dir| dir.join("deploy/kafka/libs")).find(|dir| dir.is_dir());
    let libs = named.or(found).unwrap_or_else(|| here.join("deploy/kafka/libs"));
    match holds_jars(&libs) {
        true => Ok(libs),
        false => Err(NodeError::Libs(libs)),
    }
}

fn holds_jars(libs: &Path) -> bool {
    let entries = fs::read_dir(libs).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("kafka_2.13-"))
}

fn launch(settings: &NodeSettings) -> Result<Child, NodeError> {
    if !holds_jars(&settings.libs) {
        return Err(NodeError::Libs(settings.libs.clone()));
    }
    let logs = settings.data.join("log");
    let server = settings.data.join("server.properties");
    let logging = settings.data.join("log4j2.properties");
    fs::create_dir_all(&logs).map_err(NodeError::io(format!("make {}", logs.display())))?;
    let member = settings
        .member
        .as_ref()
        .map(|member| CLUSTER.replace("{node_id}", &member.node_id.to_string()).replace("{voters}", &member.voters));
    let text = [SERVER, &member.unwrap_or_default(), &settings.more]
        .concat()
        .replace("{port}", &settings.port.to_string())
        .replace("{controller_port}", &settings.controller_port.to_string())
        .replace("{data}", &logs.display().to_string());
    fs::write(&server, text).map_err(NodeError::io(format!("write {}", server.display())))?;
    fs::write(&logging, LOGGING).map_err(NodeError::io(format!("write {}", logging.display())))?;
    if !logs.join("meta.properties").exists() {
        format(settings, &server, &logging)?;
    }
    let log = File::options().create(true).append(true).open(&settings.log);
    let log = log.map_err(NodeError::io(format!("open {}", settings.log.display())))?;
    let errors = log.try_clone().map_err(NodeError::io("write the node's log"))?;
    let mut node = java(settings, &logging);
    let heap = if settings.member.is_some() { "-Xmx384m" } else { "-Xmx512m" };
    node.args(["-Xms128m", heap, "kafka.Kafka"]).arg(&server).stdout(log).stderr(errors);
    Child::spawn(node).map_err(NodeError::io(format!("start {}", settings.java.display())))
}

fn java(settings: &NodeSettings, logging: &Path) -> Command {
    let mut java = Command::new(&settings.java);
    java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Dlog4j2.configurationFile={}", logging.display()))
        .arg("-cp")
        .arg(settings.libs.join("*"))
        .stdin(std::process::Stdio::null());
    java
}

fn format(settings: &NodeSettings, server: &Path, logging: &Path) -> Result<(), NodeError> {
    let tool = |arguments: &[&str]| {
        let mut command = java(settings, logging);
        command.arg("kafka.tools.StorageTool").args(arguments);
        let output = command.output().map_err(NodeError::io(format!("start {}", settings.java.display())))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(NodeError::Format(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        }
    };
    let id = match &settings.member {
        Some(member) => member.cluster_id.clone(),
        None => tool(&["random-uuid"])?,
    };
    tool(&["format", "-t", &id, "-c", &server.display().to_string()]).map(drop)
}

fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]).into_owned()
}
