//! The ClickHouse engine in this process: a bounded pool of connections, each on a thread of its own.
//!
//! [`Engine::open`] loads the library and boots the engine on a data folder; [`Engine::shutdown`] waits for the running
//! statements, closes every connection and stops the engine. Without that the library crashes when the process exits.
//! Only one engine can be open, once, in the life of a process, and only one process can have a data folder open.

mod library;
mod pool;
mod session;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

pub use self::library::{Chunk, Progress};
pub use self::pool::Engine;
use crate::exception::{Code, Exception};
pub use crate::statement::Joining;

/// Connections of the pool unless configured: as many statements run at once. Each costs a thread and about 1 MB.
pub const CONNECTIONS_DEFAULT: usize = 32;
/// Statements that may wait for a connection; one more is refused with TOO_MANY_SIMULTANEOUS_QUERIES.
pub const WAITING_MAX: usize = 1_024;
/// Stack of a connection's thread, bytes: the parser and analyzer recurse on it, and are used to a server's 8 MiB.
pub const STACK_BYTES: usize = 8 << 20;
/// Blocks of an answer that wait for a slow reader before the engine does.
pub const ANSWER_CHUNKS_MAX: usize = 2;
/// Pieces of an insert that wait for the engine before the writer does.
pub const INPUT_PIECES_MAX: usize = 4;
/// How long a reader may take nothing, or a writer send nothing, before its statement is cancelled.
pub const IDLE: Duration = Duration::from_secs(30);
/// Bytes (uncompressed) of an answer whose format cannot be sent in pieces (JSON, Parquet …).
pub const WHOLE_ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Named values for `{name:Type}`, as text escaped like a TabSeparated value.
pub type Parameters = BTreeMap<String, String>;

/// Where and how the engine runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Path of `libchdb.so`.
    pub library: PathBuf,
    /// The data folder; created if missing, locked while open.
    pub data: PathBuf,
    /// Statements at once, at least 1.
    pub connections: usize,
}

/// Why the engine did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library is missing or is not what this crate expects.
    #[error("failed to load the ClickHouse engine from {path}; `npm ci` in deploy/clickhouse fetches it")]
    Load {
        /// The configured path.
        path: PathBuf,
        /// What the loader said.
        source: libloading::Error,
    },
    /// The data folder cannot be made, or the settings file in it not be written.
    #[error("failed to prepare the data folder {path}")]
    Folder {
        /// The configured path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine refused: most often another process has this data folder open. It says why on stderr.
    #[error("failed to open the data folder with the engine (is another process using it?)")]
    Connect,
    /// An engine was opened before in this process.
    #[error("failed to open a second engine: a process can have one, once")]
    Opened,
    /// Statements were still running after the grace period, even cancelled.
    #[error("failed to stop the engine: {0} statements still running")]
    Busy(usize),
    /// A thread could not be started.
    #[error("failed to start a thread for a connection")]
    Thread(#[source] std::io::Error),
}

/// A statement and everything that its session must have.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    /// SQL; an insert's ends before its `FORMAT` clause.
    pub text: Vec<u8>,
    /// Output format for a query that names none; input format of an insert.
    pub format: String,
    /// Values for `{name:Type}`.
    pub parameters: Parameters,
    /// Settings for this statement only.
    pub settings: BTreeMap<String, String>,
    /// Current database; empty means `default`.
    pub database: String,
}

/// How an answer leaves the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// At its end, in one piece.
    Whole,
    /// Block by block, joined as its format wants.
    Streamed(Joining),
}

/// A running query whose first block is there.
pub struct Answer {
    first: Option<Chunk>,
    rest: mpsc::Receiver<Output>,
    ended: bool,
}

/// What a connection's thread says of a query. An answer that ends without `End` is not whole.
enum Output {
    Block(Chunk),
    Failed(Exception),
    End,
}

impl Answer {
    /// The next block, `None` after the last. Dropping the answer instead cancels the query.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Exception> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.ended {
            return Ok(None);
        }
        match self.rest.recv().await {
            Some(Output::Block(chunk)) => Ok(Some(chunk)),
            Some(Output::Failed(exception)) => Err(exception),
            Some(Output::End) => {
                self.ended = true;
                Ok(None)
            }
            None => Err(Exception::new(Code::Aborted, "The answer was cut off")),
        }
    }
}

/// One piece of an insert's rows. The sender hanging up without [`Input::End`] cancels the insert.
#[derive(Debug)]
pub enum Input {
    /// Bytes in the input format, cut anywhere.
    Rows(Bytes),
    /// That was all: commit.
    End,
}

impl Engine {
    /// Runs a query. Fails with the engine's exception if that comes before the first block; later it is in the answer.
    pub async fn query(&self, statement: Statement, delivery: Delivery) -> Result<Answer, Exception> {
        let (sender, rest) = mpsc::channel(ANSWER_CHUNKS_MAX);
        self.spawn(move |session| session.query(&statement, delivery, &sender)).await?;
        let mut answer = Answer { first: None, rest, ended: false };
        answer.first = answer.next().await?;
        Ok(answer)
    }

    /// Runs an insert that takes its rows from `input`; once this returns they are on disk.
    pub async fn insert(&self, statement: Statement, input: mpsc::Receiver<Input>) -> Result<Progress, Exception> {
        let (sender, outcome) = oneshot::channel();
        self.spawn(move |session| {
            // The caller may have gone: the rows are committed all the same, as they were complete.
            let _ = sender.send(session.insert(&statement, input));
        })
        .await?;
        outcome.await.unwrap_or_else(|_| Err(Exception::new(Code::Aborted, "The engine is shutting down")))
    }
}
