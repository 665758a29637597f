//! Producing one record and knowing what became of it.

use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;

use crate::{Cluster, LogError};

/// Where an acknowledged record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub partition: i32,
    pub offset: u64,
}

/// A record that was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It is not in the log and will not be: refused before anything was sent.
    #[error("send to {topic}: not done")]
    NotDone { topic: String, source: KafkaError },
    /// The local queue is full: not done; try again after other records have been acknowledged.
    #[error("send to {topic}: the queue is full")]
    Busy { topic: String },
    /// It may or may not be in the log. Sending the same bytes again is safe where replays are counted once.
    #[error("send to {topic}: outcome unknown")]
    Unknown { topic: String, source: KafkaError },
    /// The producer can no longer promise order and once-ness: this process must end and start anew. Outcome unknown.
    #[error("send to {topic}: the producer is no longer usable")]
    Fatal { topic: String, source: KafkaError },
}

/// An idempotent producer, acks=all. Cheap to clone; shared by all tasks of a process.
#[derive(Clone)]
pub struct Producer {
    inner: FutureProducer,
}

impl Producer {
    /// Does not wait for a broker.
    pub fn open(cluster: &Cluster) -> Result<Producer, LogError> {
        let _ = cluster;
        unimplemented!()
    }

    /// Sends one record to the partition of its key, or to the given one. Resolves when every in-sync replica has it,
    /// or after at most [`crate::cluster::DELIVERY_MS`]. Dropping the future does not take the record back.
    pub async fn send(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: &[u8],
        value: &[u8],
    ) -> Result<Placed, SendError> {
        let _ = (topic, partition, key, value, &self.inner);
        unimplemented!()
    }

    /// Waits until nothing is in flight any more. For shutdown.
    pub async fn drain(&self, within: std::time::Duration) -> Result<(), LogError> {
        let _ = within;
        unimplemented!()
    }
}
