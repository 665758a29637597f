//! Producing one record and knowing what became of it.

use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::quiet::Quiet;
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
    inner: FutureProducer<Quiet>,
}

impl Producer {
    /// Does not wait for a broker.
    pub fn open(cluster: &Cluster) -> Result<Producer, LogError> {
        let inner =
            cluster.producer().create_with_context(Quiet).map_err(|error| LogError::Settings(error.to_string()))?;
        Ok(Producer { inner })
    }

    /// Sends one record to the partition of its key, or to the given one. Resolves when every in-sync replica has it,
    /// or after at most [`crate::cluster::DELIVERY_MS`]. Records of one key are queued in the order of the calls, before
    /// the first await. Dropping the future does not take the record back.
    pub async fn send(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: &[u8],
        value: &[u8],
    ) -> Result<Placed, SendError> {
        let mut record = FutureRecord::to(topic).key(key).payload(value);
        record.partition = partition;
        let report = self.inner.send_result(record).map_err(|(error, _)| self.refused(topic, error))?;
        match report.await {
            Ok(Ok(delivery)) => placed(topic, delivery.partition, delivery.offset),
            Ok(Err((error, _))) => Err(self.undelivered(topic, error)),
            Err(_) => Err(SendError::Unknown { topic: topic.to_owned(), source: KafkaError::Canceled }),
        }
    }

    /// Waits until nothing is in flight any more. For shutdown.
    pub async fn drain(&self, within: Duration) -> Result<(), LogError> {
        let inner = self.inner.clone();
        crate::blocking(move || inner.flush(within)).await.map_err(LogError::kafka("send what is queued"))
    }

    /// An error of the call itself: nothing was queued.
    fn refused(&self, topic: &str, source: KafkaError) -> SendError {
        let topic = topic.to_owned();
        match source.rdkafka_error_code() {
            Some(Code::QueueFull) => SendError::Busy { topic },
            Some(Code::Fatal) => SendError::Fatal { topic, source },
            _ => SendError::NotDone { topic, source },
        }
    }

    /// An error of a delivery report. Whatever is not surely "not done" is unknown.
    fn undelivered(&self, topic: &str, source: KafkaError) -> SendError {
        let topic = topic.to_owned();
        if self.inner.client().fatal_error().is_some() {
            return SendError::Fatal { topic, source };
        }
        match source.rdkafka_error_code() {
            Some(
                Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::UnknownTopic | Code::UnknownPartition,
            ) => SendError::NotDone { topic, source },
            Some(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed | Code::InvalidTopic) => {
                SendError::NotDone { topic, source }
            }
            _ => SendError::Unknown { topic, source },
        }
    }
}

/// Where a delivery report says that a record stands. A broker that had it already, from an attempt whose answer was lost,
/// may not know where: then it is in the log, and nobody can say which one it is.
fn placed(topic: &str, partition: i32, offset: i64) -> Result<Placed, SendError> {
    match u64::try_from(offset) {
        Ok(offset) => Ok(Placed { partition, offset }),
        Err(_) => {
            Err(SendError::Unknown { topic: topic.to_owned(), source: KafkaError::MessageProduction(Code::NoOffset) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_stands_nobody_knows_where_is_not_acknowledged() {
        assert_eq!(placed("notices", 3, 7).unwrap(), Placed { partition: 3, offset: 7 });
        // RD_KAFKA_OFFSET_INVALID
        assert!(matches!(placed("notices", 3, -1001), Err(SendError::Unknown { .. })));
    }
}
