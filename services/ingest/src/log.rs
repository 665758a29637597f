//! The edge to the log: one record in, where it stands out. Kafka in production, a table in tests.

use futures::future::BoxFuture;
use medtrace_ledger::{PartyId, TopicUuid, submission::SubmissionKind};
use medtrace_log::{
    Cluster, LogError,
    producer::{Producer, SendError},
    topics,
};

/// Where an acknowledged record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    pub uuid: TopicUuid,
    pub partition: u32,
    pub offset: u64,
}

/// What became of a record that was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// It is not in the log and will not be.
    #[error("failed to append: not done: {0}")]
    NotDone(String),
    /// It may or may not be there. The same bytes may be sent again: they count once.
    #[error("failed to append: outcome unknown: {0}")]
    Unknown(String),
    /// Outcome unknown, and this process can send nothing any more: it must end and start anew.
    #[error("failed to append: the producer is no longer usable: {0}")]
    Fatal(String),
}

/// The log as ingest needs it.
pub trait Log: Send + Sync + 'static {
    /// Appends one record to the topic of its kind, in the partition of its party. When it returns `Ok` the record is on
    /// every in-sync replica. May be called again with the same bytes after `Unknown`. Dropping the future does not take
    /// the record back.
    fn append<'a>(
        &'a self,
        kind: SubmissionKind,
        party: &'a PartyId,
        value: &'a [u8],
    ) -> BoxFuture<'a, Result<Placed, AppendError>>;
}

/// Kafka.
pub struct KafkaLog {
    producer: Producer,
    events: TopicUuid,
    notices: TopicUuid,
}

impl KafkaLog {
    /// Waits for the broker's answer about the topics.
    pub async fn open(cluster: &Cluster) -> Result<KafkaLog, LogError> {
        let found = topics::describe(cluster, &[topics::SCAN_EVENTS, topics::NOTICES]).await?;
        let uuid = |name: &str| found.iter().find(|topic| topic.name == name).map(|topic| topic.uuid);
        let missing = |name: &str| LogError::Topic { topic: name.to_owned(), detail: "is missing".to_owned() };
        Ok(KafkaLog {
            producer: Producer::open(cluster)?,
            events: uuid(topics::SCAN_EVENTS).ok_or_else(|| missing(topics::SCAN_EVENTS))?,
            notices: uuid(topics::NOTICES).ok_or_else(|| missing(topics::NOTICES))?,
        })
    }
}

impl Log for KafkaLog {
    fn append<'a>(
        &'a self,
        kind: SubmissionKind,
        party: &'a PartyId,
        value: &'a [u8],
    ) -> BoxFuture<'a, Result<Placed, AppendError>> {
        let uuid = match kind {
            SubmissionKind::Events => self.events,
            SubmissionKind::Notices => self.notices,
        };
        Box::pin(async move {
            let sent = self.producer.send(kind.topic(), None, party.as_str().as_bytes(), value).await;
            let placed = sent.map_err(outcome)?;
            Ok(Placed { uuid, partition: placed.partition.unsigned_abs(), offset: placed.offset })
        })
    }
}

fn outcome(error: SendError) -> AppendError {
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    match error {
        SendError::NotDone { .. } | SendError::Busy { .. } => AppendError::NotDone(cause),
        SendError::Unknown { .. } => AppendError::Unknown(cause),
        SendError::Fatal { .. } => AppendError::Fatal(cause),
    }
}
