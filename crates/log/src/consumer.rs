//! Reading: exact ranges, following from an offset, the last record, the bounds. Always by manual assignment and with
//! bounded memory; never a silent jump: an offset before the log is [`LogError::Archived`], one beyond it
//! [`LogError::OutOfRange`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use crate::cluster::{DELIVERY_MS, REQUEST_MS};
use crate::quiet::Quiet;
use crate::{Cluster, LogError};

type Reader = StreamConsumer<Quiet>;

/// Pause before a partition that has no leader at the moment is asked for again, milliseconds.
const LEADER_PAUSE_MS: u64 = 50;
/// A record of a range that does not come for so long is looked for in the log's bounds, milliseconds.
const LOOK_MS: u64 = 1_000;

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
    consumer: Arc<Reader>,
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
        let consumer = open(cluster, isolation, false)?;
        for (partition, offset) in starts {
            let bounds = watermarks(&consumer, topic, *partition).await?;
            bounds.admit(topic, *partition, *offset)?;
        }
        assign(&consumer, topic, starts)?;
        Ok(Follower { consumer, topic: topic.to_owned() })
    }

    /// The next record of any of the partitions; in order within a partition. Waits until there is one; an unreachable
    /// broker is waited for. Cancelling loses nothing.
    pub async fn next(&self) -> Result<Message, LogError> {
        loop {
            match self.consumer.recv().await {
                Ok(message) => return Ok(Message::from(message)),
                Err(error) => passing(&self.topic, error)?,
            }
        }
    }
}

/// Reads exact offset ranges of one partition; going on where the last range ended needs no new seek.
pub struct RangeReader {
    consumer: Arc<Reader>,
    topic: String,
    partition: i32,
    /// Every record before this offset has been handed out; the consumer's next one is at or after it.
    at: Option<u64>,
    /// Read, but beyond the end of the last range.
    ahead: Option<Message>,
}

impl RangeReader {
    /// Does not wait for a broker.
    pub fn open(cluster: &Cluster, topic: &str, partition: i32, isolation: Isolation) -> Result<RangeReader, LogError> {
        let consumer = open(cluster, isolation, false)?;
        Ok(RangeReader { consumer, topic: topic.to_owned(), partition, at: None, ahead: None })
    }

    /// The records of `from..to`, in order, at most about `bytes_max` of values (at least one record), and the offset
    /// to go on from: `to` when the range is exhausted.
    ///
    /// `to` must be one past a record that is there, as the ends of cuts are. Offsets without a record within the range
    /// (transaction markers) are skipped.
    pub async fn read(&mut self, from: u64, to: u64, bytes_max: usize) -> Result<(Vec<Message>, u64), LogError> {
        if from >= to {
            return Ok((Vec::new(), to));
        }
        if self.at != Some(from) {
            self.seek(from, to).await?;
        }
        let mut messages = Vec::new();
        let mut bytes = 0;
        while bytes < bytes_max {
            let message = self.next().await?;
            if message.offset >= to {
                self.ahead = Some(message);
                self.at = Some(to);
                return Ok((messages, to));
            }
            let next = message.offset + 1;
            self.at = Some(next);
            bytes += message.value.len().max(1);
            messages.push(message);
            if next == to {
                break;
            }
        }
        Ok((messages, self.at.unwrap_or(to)))
    }

    async fn seek(&mut self, from: u64, to: u64) -> Result<(), LogError> {
        let bounds = watermarks(&self.consumer, &self.topic, self.partition).await?;
        bounds.admit(&self.topic, self.partition, from)?;
        bounds.admit(&self.topic, self.partition, to)?;
        self.ahead = None;
        assign(&self.consumer, &self.topic, &[(self.partition, from)])?;
        self.at = Some(from);
        Ok(())
    }

    async fn next(&mut self) -> Result<Message, LogError> {
        if let Some(message) = self.ahead.take() {
            return Ok(message);
        }
        let received = async {
            loop {
                match self.consumer.recv().await {
                    Ok(message) => return Ok(Message::from(message)),
                    Err(error) => passing(&self.topic, error)?,
                }
            }
        };
        let mut received = std::pin::pin!(received);
        let at = self.at.unwrap_or_default();
        let deadline = Instant::now() + Duration::from_millis(DELIVERY_MS);
        loop {
            if let Ok(received) = tokio::time::timeout(Duration::from_millis(LOOK_MS), &mut received).await {
                return received;
            }
            // Where the log ends here, nothing will come: it is shorter than it was.
            if let Ok(bounds) = watermarks(&self.consumer, &self.topic, self.partition).await {
                bounds.admit(&self.topic, self.partition, at + 1)?;
            }
            if Instant::now() >= deadline {
                let doing = format!("read {}/{} at {at}", self.topic, self.partition);
                return Err(LogError::Timeout { doing, waited_ms: DELIVERY_MS });
            }
        }
    }
}

/// Asks for bounds again and again. A client of its own: on the connection of one that reads, the broker answers only
/// after the fetch that waits there (up to 100 ms).
pub struct Ends {
    consumer: Arc<Reader>,
}

impl Ends {
    /// Does not wait for a broker. With [`Isolation::Committed`], `high` is the last stable offset.
    pub fn open(cluster: &Cluster, isolation: Isolation) -> Result<Ends, LogError> {
        Ok(Ends { consumer: open(cluster, isolation, false)? })
    }

    /// The bounds of partitions `0..partitions` now.
    pub async fn of(&self, topic: &str, partitions: i32) -> Result<Vec<Bounds>, LogError> {
        let mut all = Vec::new();
        for partition in 0..partitions {
            all.push(watermarks(&self.consumer, topic, partition).await?);
        }
        Ok(all)
    }
}

/// The bounds of partitions `0..partitions`, asked once.
pub async fn bounds(
    cluster: &Cluster,
    topic: &str,
    partitions: i32,
    isolation: Isolation,
) -> Result<Vec<Bounds>, LogError> {
    Ends::open(cluster, isolation)?.of(topic, partitions).await
}

/// The last record of a partition, if it has any. Reads backwards in growing steps, as a transaction's marker or an
/// aborted record may stand behind it.
pub async fn last(
    cluster: &Cluster,
    topic: &str,
    partition: i32,
    isolation: Isolation,
) -> Result<Option<Message>, LogError> {
    let consumer = open(cluster, isolation, true)?;
    let Bounds { low, high } = watermarks(&consumer, topic, partition).await?;
    if high == low {
        return Ok(None);
    }
    let mut back = 2;
    loop {
        let from = high.saturating_sub(back).max(low);
        assign(&consumer, topic, &[(partition, from)])?;
        let found = last_before_end(&consumer, topic, partition, from).await?;
        if found.is_some() || from == low {
            return Ok(found);
        }
        back *= 8;
    }
}

async fn last_before_end(
    consumer: &Reader,
    topic: &str,
    partition: i32,
    from: u64,
) -> Result<Option<Message>, LogError> {
    let to_end = async {
        let mut last = None;
        loop {
            match consumer.recv().await {
                Ok(message) => last = Some(Message::from(message)),
                Err(KafkaError::PartitionEOF(_)) => return Ok(last),
                Err(error) => passing(topic, error)?,
            }
        }
    };
    match tokio::time::timeout(Duration::from_millis(DELIVERY_MS), to_end).await {
        Ok(last) => last,
        Err(_) => Err(LogError::Timeout {
            doing: format!("read {topic}/{partition} from {from} to its end"),
            waited_ms: DELIVERY_MS,
        }),
    }
}

impl Bounds {
    fn admit(&self, topic: &str, partition: i32, offset: u64) -> Result<(), LogError> {
        match (self.low..=self.high).contains(&offset) {
            true => Ok(()),
            false => {
                let (topic, Bounds { low, high }) = (topic.to_owned(), *self);
                match offset < low {
                    true => Err(LogError::Archived { topic, partition, offset, low }),
                    false => Err(LogError::OutOfRange { topic, partition, offset, low, high }),
                }
            }
        }
    }
}

impl From<BorrowedMessage<'_>> for Message {
    fn from(message: BorrowedMessage<'_>) -> Message {
        Message {
            partition: message.partition(),
            offset: u64::try_from(message.offset()).unwrap_or_default(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().unwrap_or_default().to_vec(),
        }
    }
}

fn open(cluster: &Cluster, isolation: Isolation, tell_end: bool) -> Result<Arc<Reader>, LogError> {
    let mut config = cluster.reader();
    let level = match isolation {
        Isolation::Everything => "read_uncommitted",
        Isolation::Committed => "read_committed",
    };
    config.set("isolation.level", level).set("enable.partition.eof", tell_end.to_string());
    config.create_with_context(Quiet).map(Arc::new).map_err(|error| LogError::Settings(error.to_string()))
}

fn assign(consumer: &Reader, topic: &str, starts: &[(i32, u64)]) -> Result<(), LogError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in starts {
        let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
        list.add_partition_offset(topic, *partition, offset).map_err(LogError::kafka(format!("read {topic}")))?;
    }
    consumer.assign(&list).map_err(LogError::kafka(format!("read {topic}")))
}

async fn watermarks(consumer: &Arc<Reader>, topic: &str, partition: i32) -> Result<Bounds, LogError> {
    let deadline = Instant::now() + Duration::from_millis(REQUEST_MS);
    loop {
        let (asked, name) = (consumer.clone(), topic.to_owned());
        let ask = move || asked.fetch_watermarks(&name, partition, Duration::from_millis(REQUEST_MS));
        let error = match crate::blocking(ask).await {
            Ok((low, high)) => {
                let offset = |offset| u64::try_from(offset).unwrap_or_default();
                return Ok(Bounds { low: offset(low), high: offset(high) });
            }
            Err(error) => error,
        };
        match error.rdkafka_error_code() {
            Some(Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition) => {
                let detail = format!("the cluster has no partition {partition} of it");
                return Err(LogError::Topic { topic: topic.to_owned(), detail });
            }
            // A broker that has just started answers before it leads its partitions.
            Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(LEADER_PAUSE_MS)).await;
            }
            _ => return Err(LogError::kafka(format!("read the bounds of {topic}/{partition}"))(error)),
        }
    }
}

/// Errors after which the consumer goes on by itself (a broker that is away) pass; the others are the caller's.
fn passing(topic: &str, error: KafkaError) -> Result<(), LogError> {
    match error.rdkafka_error_code() {
        Some(Code::BadMessage | Code::InvalidMessage) => {
            Err(LogError::Damaged { topic: topic.to_owned(), source: error })
        }
        Some(
            Code::AutoOffsetReset
            | Code::OffsetOutOfRange
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::TopicAuthorizationFailed
            | Code::Fatal,
        ) => Err(LogError::kafka(format!("read {topic}"))(error)),
        _ => {
            tracing::debug!(topic, error = %error, "reading goes on after an error");
            Ok(())
        }
    }
}
