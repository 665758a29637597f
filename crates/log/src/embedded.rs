//! One Kafka node on this machine, as a child process: formatted on first start, ready when it answers, stopped by
//! SIGTERM. It ends when this process ends, however that happens.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How to start the node.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// `java` (17 or later): a path or a name to be found in PATH.
    pub java: PathBuf,
    /// Folder of Kafka's jars.
    pub libs: PathBuf,
    /// Folder of the node's data; made and formatted if it is empty. One node at a time.
    pub data: PathBuf,
    /// Client port on 127.0.0.1.
    pub port: u16,
    /// Controller port on 127.0.0.1.
    pub controller_port: u16,
    /// File that receives the node's output; appended.
    pub log: PathBuf,
}

/// Why the node does not run.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error("find Kafka's jars in {}: {hint}", .libs.display())]
    Libs { libs: PathBuf, hint: String },
    #[error("{doing}")]
    Io { doing: String, source: std::io::Error },
    #[error("format the node's data folder: {0}")]
    Format(String),
    #[error("start Kafka: it ended ({status}); the end of its log:\n{tail}")]
    Ended { status: String, tail: String },
    #[error("start Kafka: no answer within {0:?}")]
    NotReady(Duration),
}

/// A running node.
pub struct Node {}

impl Node {
    /// Starts the node and waits until it answers a metadata request.
    pub async fn start(settings: &NodeSettings) -> Result<Node, NodeError> {
        let _ = settings;
        unimplemented!()
    }

    /// For `MEDTRACE_KAFKA`.
    pub fn bootstrap(&self) -> String {
        unimplemented!()
    }

    pub fn pid(&self) -> u32 {
        unimplemented!()
    }

    /// Resolves when the process has ended, with what it ended with.
    pub async fn ended(&mut self) -> String {
        unimplemented!()
    }

    /// SIGTERM, then waits; SIGKILL after `grace`.
    pub async fn stop(self, grace: Duration) {
        let _ = grace;
        unimplemented!()
    }

    /// SIGKILL, now: for tests of what happens then.
    pub async fn kill(self) {
        unimplemented!()
    }
}

/// The jars' folder: `MEDTRACE_KAFKA_LIBS`, or `deploy/kafka/libs` below the current folder or one above it.
pub fn libs() -> Result<PathBuf, NodeError> {
    unimplemented!()
}

/// A node on free ports in a temporary folder that goes with it. For tests.
pub struct Scratch {
    pub node: Node,
    _dir: PathBuf,
}

impl Scratch {
    /// Starts one with all topics created.
    pub async fn start() -> Scratch {
        unimplemented!()
    }

    pub fn cluster(&self) -> crate::Cluster {
        unimplemented!()
    }

    pub fn dir(&self) -> &Path {
        &self._dir
    }
}
