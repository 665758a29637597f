//! What a chainer asks of the world outside of it, from taking the log over to a signed checkpoint: the log, its own
//! folder, the witnesses. One real implementation; a model test puts a world of its own in its place.

use std::future::Future;
use std::sync::Arc;

use medtrace_archive::{ArchiveError, Records as SealedRecords};
use medtrace_ledger::KeyName;
use medtrace_log::consumer::{Follower, Isolation, Message, last};
use medtrace_log::sealed::SealedBlock;
use medtrace_log::topics::{self, BLOCKS, NOTICES, SCAN_EVENTS, Topic};
use medtrace_log::transactions::{TransactionError, Transactions, Write};
use medtrace_log::{Cluster, LogError};

use crate::Config;
use crate::commit::TRANSACTIONAL_ID;
use crate::recover::Published;
use crate::standing::{Folder, Standing};
use crate::stop::Stop;
use crate::witnesses::ask;

/// Keys and values of the records of one transaction.
pub type Records = Arc<Vec<(String, String)>>;

/// The log as the leader sees it, its folder, and the witnesses.
pub trait Outside: Send + Sync {
    type Writer: Writer;
    type Headers: Headers;
    type Blocks: Blocks;

    /// Shuts out whoever wrote before. When it returns, what the log holds stays its end until this writer adds to it.
    /// May be repeated; each time shuts out the writers before.
    fn writer(&self) -> impl Future<Output = Result<Self::Writer, LogError>> + Send;

    /// The last committed record of `blocks` or `checkpoints`. May be repeated.
    fn last(&self, topic: &'static str) -> impl Future<Output = Result<Option<Message>, LogError>> + Send;

    /// The committed records of `blocks` from an offset on. May be repeated.
    fn headers(&self, from: u64) -> impl Future<Output = Result<Self::Headers, LogError>> + Send;

    /// The sealed blocks from a height on, with the records of all topics or of one. May be repeated.
    fn blocks(
        &self,
        height: u64,
        topic: Option<&'static str>,
    ) -> impl Future<Output = Result<Self::Blocks, LogError>> + Send;

    /// The topics that are sealed, as they are now. May be repeated.
    fn topics(&self) -> impl Future<Output = Result<Vec<Topic>, LogError>> + Send;

    /// Asks every witness what it has cosigned; the names of those that agree with what was published. May be repeated.
    fn ask_witnesses(&self, published: Option<&Published>) -> impl Future<Output = Result<Vec<KeyName>, Stop>> + Send;

    /// Puts the end of the chain into the own folder; durable when it returns. After an error it is there or not.
    fn remember(&self, standing: &Standing) -> Result<(), Stop>;
}

/// The only writer of `blocks` and `checkpoints`, until another is opened.
pub trait Writer: Send {
    /// Writes the records to partition 0 in one transaction, all or none; durable when it returns. The broker's time when
    /// it took the last. May be repeated after [`TransactionError::NotDone`] only.
    fn commit(
        &mut self,
        topic: &'static str,
        records: Records,
    ) -> impl Future<Output = Result<Option<i64>, TransactionError>> + Send;
}

/// Follows the records of `blocks`.
pub trait Headers: Send {
    /// Waits for the next. Cancelling loses nothing.
    fn next(&mut self) -> impl Future<Output = Result<Message, LogError>> + Send;
}

/// Follows the sealed blocks.
pub trait Blocks: Send {
    /// Waits for the next. Cancelling loses nothing.
    fn next(&mut self) -> impl Future<Output = Result<SealedBlock, ArchiveError>> + Send;
}

/// Kafka, a folder of this machine's, and witnesses behind HTTP.
#[derive(Clone)]
pub struct Machine {
    config: Arc<Config>,
    folder: Arc<Folder>,
}

impl Machine {
    pub(crate) fn new(config: &Config, folder: Arc<Folder>) -> Machine {
        Machine { config: Arc::new(config.clone()), folder }
    }

    fn cluster(&self) -> &Cluster {
        &self.config.kafka
    }
}

impl Outside for Machine {
    type Writer = Transacting;
    type Headers = Follower;
    type Blocks = SealedRecords;

    async fn writer(&self) -> Result<Transacting, LogError> {
        let cluster = self.cluster().clone();
        let opening = tokio::task::spawn_blocking(move || Transactions::open(&cluster, TRANSACTIONAL_ID));
        let opened = opening.await.map_err(|error| LogError::Broken(error.to_string()))??;
        Ok(Transacting(Some(opened)))
    }

    async fn last(&self, topic: &'static str) -> Result<Option<Message>, LogError> {
        last(self.cluster(), topic, 0, Isolation::Committed).await
    }

    async fn headers(&self, from: u64) -> Result<Follower, LogError> {
        Follower::open(self.cluster(), BLOCKS, Isolation::Committed, &[(0, from)]).await
    }

    async fn blocks(&self, height: u64, topic: Option<&'static str>) -> Result<SealedRecords, LogError> {
        SealedRecords::open(self.config.archive.as_ref(), self.cluster(), height, topic).await
    }

    async fn topics(&self) -> Result<Vec<Topic>, LogError> {
        topics::describe(self.cluster(), &[NOTICES, SCAN_EVENTS]).await
    }

    async fn ask_witnesses(&self, published: Option<&Published>) -> Result<Vec<KeyName>, Stop> {
        ask(&self.config, published).await
    }

    fn remember(&self, standing: &Standing) -> Result<(), Stop> {
        self.folder.set_standing(standing)
    }
}

/// A transactional producer; taken while a transaction runs on a thread that may block.
pub struct Transacting(Option<Transactions>);

impl Writer for Transacting {
    async fn commit(&mut self, topic: &'static str, records: Records) -> Result<Option<i64>, TransactionError> {
        let mut transactions = self.0.take().ok_or(TransactionError::Ended)?;
        let work = move || {
            let mut writes = Vec::with_capacity(records.len());
            for (key, value) in records.iter() {
                writes.push(Write { topic, partition: 0, key: key.as_bytes(), value: value.as_bytes() });
            }
            let outcome = transactions.commit(&writes);
            (transactions, outcome)
        };
        let (transactions, outcome) = tokio::task::spawn_blocking(work).await.map_err(|_| TransactionError::Ended)?;
        self.0 = Some(transactions);
        outcome
    }
}

impl Headers for Follower {
    async fn next(&mut self) -> Result<Message, LogError> {
        Follower::next(self).await
    }
}

impl Blocks for SealedRecords {
    async fn next(&mut self) -> Result<SealedBlock, ArchiveError> {
        SealedRecords::next(self).await
    }
}
