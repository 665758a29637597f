//! The one error type of reading and managing the log. Texts complete "failed to …"; the cause is in `source()`.

use medtrace_ledger::TopicUuid;
use rdkafka::error::KafkaError;

/// What went wrong between this process and the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `MEDTRACE_KAFKA` is missing or unusable, or a setting was refused by the client library. Bad configuration.
    #[error("use the Kafka settings: {0}")]
    Settings(String),
    /// The broker did not answer, or answered with an error. May be tried again.
    #[error("{doing}")]
    Kafka { doing: String, source: KafkaError },
    /// A topic is missing, or is not as `schemas/topics.toml` says. Needs an operator.
    #[error("use topic {topic}: {detail}")]
    Topic { topic: String, detail: String },
    /// The log ends before the offset asked for: it was truncated, or it is another log. Needs an operator.
    #[error("read {topic}/{partition} at {offset}: the log holds {low}..{high}")]
    OutOfRange { topic: String, partition: i32, offset: u64, low: u64, high: u64 },
    /// Older records were removed once they were archived. Needs the archive.
    #[error(
        "read {topic}/{partition} at {offset}: the log begins at {low}; what stood before is in the archive, \
         which MEDTRACE_ARCHIVE must name"
    )]
    Archived { topic: String, partition: i32, offset: u64, low: u64 },
    /// The topic was made anew since: these records stood under another id. Needs the archive.
    #[error(
        "read {topic} as it was under the id {lost}: it was made anew, and is {now}; what stood before is in the archive, \
         which MEDTRACE_ARCHIVE must name"
    )]
    MadeAnew { topic: String, lost: TopicUuid, now: TopicUuid },
    /// The bytes on the broker's disk do not match their checksum. Needs an operator.
    #[error("read {topic}: the log is damaged there")]
    Damaged { topic: String, source: KafkaError },
    /// What the log holds contradicts itself: tampering, or a fault of this program. Needs an operator.
    #[error("follow the sealed log: {0}")]
    Broken(String),
    /// Another process joined the lease's group under this process's name. This one must end.
    #[error("keep the place in the lease's group: another process has joined under the same name")]
    Replaced,
    /// No answer within the given time. May be tried again.
    #[error("{doing}: no answer within {waited_ms} ms")]
    Timeout { doing: String, waited_ms: u64 },
}

impl LogError {
    /// Whether nothing is wrong but the connection: the same may be tried again.
    pub fn passes(&self) -> bool {
        matches!(self, LogError::Kafka { .. } | LogError::Timeout { .. })
    }

    /// Whether it says something of what stands in the log, and not only of the connection to it.
    pub fn contradicts(&self) -> bool {
        use LogError::{Broken, Damaged, OutOfRange, Topic};
        matches!(self, Broken(_) | Damaged { .. } | OutOfRange { .. } | Topic { .. })
    }

    pub(crate) fn kafka(doing: impl Into<String>) -> impl FnOnce(KafkaError) -> LogError {
        let doing = doing.into();
        move |source| LogError::Kafka { doing, source }
    }
}
