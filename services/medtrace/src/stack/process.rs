//! One process of the stack while it runs: a medtrace binary, the ClickHouse endpoint, or the Kafka node.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Context;
use medtrace_log::embedded::{Child, Node, NodeSettings};
use medtrace_service::config::EXIT_CONFIG;
use nix::sys::signal::Signal;

/// What a process has to end after SIGTERM before SIGKILL, in milliseconds (a service's own grace is 10 s).
const STOP_MS_MAX: u64 = 15_000;

/// How to start a process.
#[derive(Debug, Clone)]
pub enum Launch {
    Program(Program),
    Kafka(NodeSettings),
}

/// A program, its arguments, and the variables that it gets besides this process's own.
#[derive(Debug, Clone)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Receives its output; appended.
    pub log: PathBuf,
    /// URL that answers 200 once it can do its work.
    pub ready: String,
}

/// A process that was started. Dropped, it is killed.
pub enum Running {
    Program(Child),
    Kafka(Node),
}

/// How a process ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its configuration is wrong: starting it again cannot help.
    pub misconfigured: bool,
    pub status: String,
}

impl Launch {
    /// Starts it. A Kafka node is ready when this returns, a program is not yet.
    pub async fn start(&self) -> anyhow::Result<Running> {
        match self {
            Launch::Kafka(settings) => Ok(Running::Kafka(Node::start(settings).await?)),
            Launch::Program(program) => program.start().map(Running::Program),
        }
    }

    /// URL to be asked until it answers 200; `None` where starting waits itself.
    pub fn ready(&self) -> Option<&str> {
        match self {
            Launch::Program(program) => Some(&program.ready),
            Launch::Kafka(_) => None,
        }
    }

    pub fn log(&self) -> &Path {
        match self {
            Launch::Program(program) => &program.log,
            Launch::Kafka(settings) => &settings.log,
        }
    }
}

impl Program {
    fn start(&self) -> anyhow::Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("failed to open {}", self.log.display()))?;
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("failed to share the log")?)
            .stderr(log);
        Child::spawn(command).with_context(|| format!("failed to start {}", self.path.display()))
    }
}

impl Running {
    pub fn pid(&self) -> u32 {
        match self {
            Running::Program(child) => child.pid(),
            Running::Kafka(node) => node.pid(),
        }
    }

    /// Resolves when it has ended. Cancelling loses nothing.
    pub async fn ended(&mut self) -> Ended {
        match self {
            Running::Program(child) => {
                let status = child.ended().await;
                Ended { misconfigured: status.code == Some(i32::from(EXIT_CONFIG)), status: status.text }
            }
            Running::Kafka(node) => Ended { misconfigured: false, status: node.ended().await },
        }
    }

    /// SIGTERM, then SIGKILL if it has not ended in time. False if it had to be killed.
    pub async fn stop(self) -> bool {
        let grace = Duration::from_millis(STOP_MS_MAX);
        match self {
            Running::Program(mut child) => {
                child.signal(Signal::SIGTERM);
                let ended = tokio::time::timeout(grace, child.ended()).await.is_ok();
                if !ended {
                    child.signal(Signal::SIGKILL);
                    child.ended().await;
                }
                ended
            }
            Running::Kafka(node) => {
                node.stop(grace).await;
                true
            }
        }
    }
}
