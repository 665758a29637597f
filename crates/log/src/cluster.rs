//! Where Kafka is, and the client settings of every process, each with its reason.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::LogError;
use crate::quiet::Quiet;
use crate::topics::MESSAGE_BYTES_MAX;

/// Longest wait for one answer of a broker, milliseconds.
pub const REQUEST_MS: u64 = 10_000;
/// After this long without acknowledgement a delivery counts as unknown, milliseconds. A killed broker is back
/// within about 6 s, so a restart is waited out and not reported.
pub const DELIVERY_MS: u64 = 30_000;
/// Longest wait for one step of a transaction, and after which the broker aborts an abandoned one, milliseconds.
pub const TRANSACTION_MS: u64 = 20_000;
/// Read-ahead of one consumer, KiB.
const QUEUED_KIB: u32 = 16 << 10;
/// Pause before more is fetched into a read-ahead that was full, milliseconds.
const QUEUE_PAUSE_MS: u32 = 5;
/// Most bytes of one fetch answer over all partitions.
const FETCH_BYTES: usize = 16 << 20;

/// A Kafka cluster by its bootstrap servers (`host:port,…`). Cheap to clone.
///
/// Whoever controls this value decides which log is read and written, but can neither forge nor silently change what
/// stands in it: notes, blocks and checkpoints are signed.
#[derive(Clone, Debug)]
pub struct Cluster {
    bootstrap: String,
}

impl Cluster {
    pub fn new(bootstrap: impl Into<String>) -> Cluster {
        Cluster { bootstrap: bootstrap.into() }
    }

    /// From `MEDTRACE_KAFKA`.
    pub fn from_env() -> Result<Cluster, LogError> {
        match std::env::var("MEDTRACE_KAFKA") {
            Ok(servers) if !servers.trim().is_empty() => Ok(Cluster::new(servers.trim())),
            _ => {
                Err(LogError::Settings("MEDTRACE_KAFKA must name the bootstrap servers, such as 127.0.0.1:9092".into()))
            }
        }
    }

    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Waits until a broker answers a metadata request.
    pub async fn wait(&self, within: Duration) -> Result<(), LogError> {
        let consumer: BaseConsumer<Quiet> =
            self.reader().create_with_context(Quiet).map_err(|error| LogError::Settings(error.to_string()))?;
        let waited_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let timeout = || LogError::Timeout { doing: format!("reach Kafka at {}", self.bootstrap), waited_ms };
        crate::blocking(move || {
            let deadline = Instant::now() + within;
            loop {
                match consumer.fetch_metadata(None, Duration::from_millis(500)) {
                    Ok(metadata) if !metadata.brokers().is_empty() => return Some(()),
                    _ if Instant::now() >= deadline => return None,
                    _ => {}
                }
            }
        })
        .await
        .ok_or_else(timeout)
    }

    /// What all clients share.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "medtrace")
            // Loopback and data centre: find a restarted broker again within half a second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            .set("socket.nagle.disable", "true")
            .set("receive.message.max.bytes", (FETCH_BYTES + MESSAGE_BYTES_MAX + (1 << 20)).to_string())
            .set("topic.metadata.refresh.interval.ms", "60000");
        config
    }

    /// Idempotent production: what is acknowledged is on every in-sync replica, once and in order.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", DELIVERY_MS.to_string())
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            // The submission is the batch (group commit), so nothing is gained by waiting for more.
            .set("linger.ms", "0")
            // Bodies are one zstd frame already, notes and salts do not compress.
            .set("compression.type", "none")
            // The partition of a key as every Kafka client computes it, so that others may produce too.
            .set("partitioner", "murmur2_random")
            .set("queue.buffering.max.kbytes", (64 << 10).to_string());
        config
    }

    /// One writer by name: whoever opens the same id later shuts this one out.
    pub(crate) fn transactional(&self, id: &str) -> ClientConfig {
        let mut config = self.producer();
        config
            .set("transactional.id", id)
            // The broker aborts an abandoned transaction after this time; until then read_committed readers wait.
            .set("transaction.timeout.ms", TRANSACTION_MS.to_string())
            .set("message.timeout.ms", TRANSACTION_MS.to_string());
        config
    }

    /// Reading by manual assignment: no group, no stored offsets, no silent jump.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", "medtrace-unused")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            .set("check.crcs", "true")
            // Answer as soon as there is one record; otherwise keep the request open.
            .set("fetch.min.bytes", "1")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            .set("fetch.max.bytes", FETCH_BYTES.to_string())
            // Bounds memory whatever the backlog; how many records that is does not matter.
            .set("queued.max.messages.kbytes", QUEUED_KIB.to_string())
            .set("queued.min.messages", "100000")
            // A full read-ahead is looked at again after this time (librdkafka's own is a second, which a reader of a
            // backlog would wait for after every 16 MiB).
            .set("fetch.queue.backoff.ms", QUEUE_PAUSE_MS.to_string());
        config
    }
}
