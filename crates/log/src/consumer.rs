//! Reading: exact ranges, following from an offset, the last record, the bounds. Always by manual assignment and with
//! bounded memory; never a silent jump (an offset that the log does not hold is [`LogError::OutOfRange`]).

use rdkafka::consumer::StreamConsumer;

use crate::{Cluster, LogError};

/// One record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub partition: i32,
    pub offset: u64,
    /// Milliseconds since 1970, by the broker's clock (sealed topics).
    pub timestamp_ms: i64,
    pub key: Vec<u8>,
    /// Empty if the record has none.
    pub value: Vec<u8>,
}

/// The offsets a partition holds: `low..high`; `high` is where the next record will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub low: u64,
    pub high: u64,
}

/// Which records of transactions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Every record as it stands. For `scan-events` and `notices`: what is in the log is sealed, so that nobody's
    /// open transaction can hold up the chain.
    Everything,
    /// Only what is committed. For `blocks` and `checkpoints`.
    Committed,
}

/// Follows one or more partitions of one topic from given offsets on.
pub struct Follower {
    consumer: StreamConsumer,
    topic: String,
}

impl Follower {
    /// Starts at `(partition, offset)` each. Fails at once if an offset is not within the partition's bounds.
    pub async fn open(
        cluster: &Cluster,
        topic: &str,
        isolation: Isolation,
        starts: &[(i32, u64)],
    ) -> Result<Follower, LogError> {
        let _ = (cluster, topic, isolation, starts);
        unimplemented!()
    }

    /// The next record of any of the partitions; in order within a partition. Waits until there is one; an unreachable
    /// broker is waited for. Cancelling loses nothing.
    pub async fn next(&self) -> Result<Message, LogError> {
        let _ = (&self.consumer, &self.topic);
        unimplemented!()
    }
}

/// Reads exact offset ranges of one partition; going on where the last range ended needs no new seek.
pub struct RangeReader {
    consumer: StreamConsumer,
    topic: String,
    partition: i32,
    /// Where the consumer stands.
    at: Option<u64>,
}

impl RangeReader {
    pub fn open(
        cluster: &Cluster,
        topic: &str,
        partition: i32,
        isolation: Isolation,
    ) -> Result<RangeReader, LogError> {
        let _ = (cluster, topic, partition, isolation);
        unimplemented!()
    }

    /// The records of `from..to`, in order, at most about `bytes_max` of values (at least one record). Returns them
    /// and the offset to go on from: `to` when the range is exhausted. Offsets without a record (transaction markers)
    /// are skipped. The log must hold the whole range.
    pub async fn read(&mut self, from: u64, to: u64, bytes_max: usize) -> Result<(Vec<Message>, u64), LogError> {
        let _ = (from, to, bytes_max, &self.consumer, &self.topic, self.partition, &mut self.at);
        unimplemented!()
    }
}

/// The bounds of each of the given partitions. With [`Isolation::Committed`], `high` is the last stable offset.
pub async fn bounds(
    cluster: &Cluster,
    topic: &str,
    partitions: i32,
    isolation: Isolation,
) -> Result<Vec<Bounds>, LogError> {
    let _ = (cluster, topic, partitions, isolation);
    unimplemented!()
}

/// The last record of a partition, if it has any.
pub async fn last(
    cluster: &Cluster,
    topic: &str,
    partition: i32,
    isolation: Isolation,
) -> Result<Option<Message>, LogError> {
    let _ = (cluster, topic, partition, isolation);
    unimplemented!()
}
