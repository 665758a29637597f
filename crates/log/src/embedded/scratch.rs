//! A node for tests.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use medtrace_ledger::TopicUuid;
use nix::sys::signal::Signal;

use super::{Node, NodeError, NodeSettings, libs};
use crate::cluster::REQUEST_MS;
use crate::{Cluster, topics};

/// A node on free ports, with all topics, in a temporary folder that goes with it. For tests; needs the jars and java.
pub struct Scratch {
    // Dropped in this order: the node ends before its folder goes.
    node: Option<Node>,
    settings: NodeSettings,
    _folder: Folder,
}

impl Scratch {
    /// Panics with the reason if it cannot: a test has no use for less.
    pub async fn start() -> Scratch {
        let folder = Folder::new();
        let [port, controller_port] = free_ports();
        let settings = NodeSettings {
            java: "java".into(),
            libs: libs().unwrap_or_else(|error| panic!("{error}")),
            data: folder.0.join("kafka"),
            port,
            controller_port,
            log: folder.0.join("kafka.log"),
            member: None,
            more: String::new(),
        };
        let mut scratch = Scratch { node: None, settings, _folder: folder };
        scratch.restart().await.unwrap_or_else(|error| panic!("{error}"));
        topics::ensure(&scratch.cluster()).await.unwrap_or_else(|error| panic!("{error}"));
        scratch
    }

    pub fn cluster(&self) -> Cluster {
        Cluster::new(format!("127.0.0.1:{}", self.settings.port))
    }

    /// The folder that goes with it, for other files of the test.
    pub fn folder(&self) -> &Path {
        &self._folder.0
    }

    /// SIGKILL of the node; its data stays.
    pub async fn kill(&mut self) {
        if let Some(node) = self.node.take() {
            node.kill().await;
        }
    }

    /// Orderly end of the node; its data stays.
    pub async fn stop(&mut self) {
        if let Some(node) = self.node.take() {
            node.stop(Duration::from_secs(30)).await;
        }
    }

    /// A signal to the node, such as SIGSTOP.
    pub fn signal(&self, signal: Signal) {
        if let Some(node) = &self.node {
            node.signal(signal);
        }
    }

    /// As [`Scratch::restart`], from now on with further lines of settings, which go before.
    pub async fn restart_with(&mut self, more: &str) -> Result<(), NodeError> {
        more.clone_into(&mut self.settings.more);
        self.restart().await
    }

    /// A topic loses what it holds and is made anew: deleted, which our nodes forbid and this one is told to allow, and made
    /// again. Its ids before and after.
    pub async fn make_anew(&mut self, topic: &str) -> (TopicUuid, TopicUuid) {
        let cluster = self.cluster();
        let id = async || {
            let found = topics::describe(&cluster, &[topic]).await;
            found.ok().and_then(|found| found.first().map(|topic| topic.uuid))
        };
        let before = id().await.unwrap_or_else(|| panic!("there is no {topic}"));
        self.stop().await;
        self.restart_with("delete.topic.enable=true\n").await.unwrap_or_else(|error| panic!("{error}"));
        let admin = topics::admin(&cluster).unwrap_or_else(|error| panic!("{error}"));
        let deleted = admin.delete_topics(&[topic], &topics::options()).await;
        assert!(matches!(deleted.as_deref(), Ok([Ok(_)])), "{deleted:?}");
        let deadline = Instant::now() + Duration::from_millis(REQUEST_MS);
        loop {
            // Whoever finds it missing makes it again: a process that starts, or this one.
            let made = topics::ensure(&cluster).await;
            match id().await.filter(|id| made.is_ok() && *id != before) {
                Some(after) => return (before, after),
                None => assert!(Instant::now() < deadline, "{topic} was not made anew: {made:?}"),
            }
        }
    }

    /// Starts the node again after [`Scratch::kill`] or [`Scratch::stop`], with the same ports and data.
    pub async fn restart(&mut self) -> Result<(), NodeError> {
        self.kill().await;
        self.node = Some(Node::start(&self.settings).await?);
        Ok(())
    }
}

/// A temporary folder that is removed when dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("medtrace-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's cleaning of its temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Ports that were free a moment ago; all are held until all are known.
pub(super) fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}")));
    held.map(|listener| listener.local_addr().map_or(0, |address| address.port()))
}
