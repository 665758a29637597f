//! Writing atomically as the only writer of a name.

use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;

use crate::{Cluster, LogError};

/// What became of a transaction that did not commit.
#[derive(Debug, thiserror::Error)]
pub enum TransactionError {
    /// Aborted: nothing of it can be read by `read_committed`. May be tried again with the same producer.
    #[error("commit: aborted")]
    NotDone { source: KafkaError },
    /// Another producer has opened the same transactional id. This process must end.
    #[error("commit: another writer has taken over")]
    Fenced { source: KafkaError },
    /// It may or may not have been committed. This process must end; whoever starts next reads what is there.
    #[error("commit: outcome unknown")]
    Unknown { source: KafkaError },
}

/// One record of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub key: &'a [u8],
    pub value: &'a [u8],
}

/// A transactional producer. Its calls block: run them on a thread that may (`spawn_blocking`).
pub struct Transactions {
    producer: BaseProducer,
}

impl Transactions {
    /// Opens the id: shuts out whoever held it and waits until its open transaction is ended.
    pub fn open(cluster: &Cluster, id: &str) -> Result<Transactions, LogError> {
        let _ = (cluster, id);
        unimplemented!()
    }

    /// Writes all in one transaction. When it returns `Ok` they are committed and acknowledged by all in-sync replicas.
    pub fn commit(&mut self, writes: &[Write<'_>]) -> Result<(), TransactionError> {
        let _ = (writes, &self.producer);
        unimplemented!()
    }
}
