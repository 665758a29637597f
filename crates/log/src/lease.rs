//! One leader: whoever is assigned the one partition of a lease topic by its consumer group.
//!
//! A lease only keeps candidates from disturbing one another. It may be held for a moment by two at once (a leader that is
//! cut off or paused learns late that another has taken its place), so what a leader writes is guarded by a transactional
//! id as well.
//!
//! Whoever holds it keeps it: a candidate that joins or leaves takes nothing away (cooperative assignment, sticky).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::sync::watch;

use crate::{Cluster, LogError, quiet};

/// A leader that is not heard of for so long has lost its place, milliseconds. The brokers must allow it: their
/// `group.min.session.timeout.ms` is 6000 unless it is set.
pub const SESSION_MS: u64 = 2_000;
/// So often it is heard of, milliseconds; and so late a candidate learns that the place is free.
const HEARTBEAT_MS: u64 = 300;
/// How often the waiting thread looks whether it should end, milliseconds.
const POLL_MS: u64 = 20;

/// A place in the queue for leadership; given up when dropped.
pub struct Lease {
    held: watch::Receiver<bool>,
    end: Arc<AtomicBool>,
    /// The brokers do not take the session's length.
    refused: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lease {
    /// Joins the group. `instance` names this process across restarts: started again after a kill it takes its place
    /// back at once, others wait for the session to lapse. Must be called within a Tokio runtime.
    pub fn join(cluster: &Cluster, topic: &str, instance: &str) -> Result<Lease, LogError> {
        let (told, held) = watch::channel(false);
        let mut config = cluster.reader();
        config
            .set("group.id", topic)
            .set("group.instance.id", instance)
            .set("session.timeout.ms", SESSION_MS.to_string())
            .set("heartbeat.interval.ms", HEARTBEAT_MS.to_string())
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("auto.offset.reset", "latest");
        let consumer: BaseConsumer<Told> =
            config.create_with_context(Told(told)).map_err(|error| LogError::Settings(error.to_string()))?;
        consumer.subscribe(&[topic]).map_err(LogError::kafka(format!("join the group {topic}")))?;
        let end = Arc::new(AtomicBool::new(false));
        let refused = Arc::new(AtomicBool::new(false));
        let (ended, refuses) = (end.clone(), refused.clone());
        let thread = std::thread::Builder::new()
            .name("lease".into())
            .spawn(move || attend(&consumer, &ended, &refuses))
            .map_err(|error| LogError::Settings(error.to_string()))?;
        Ok(Lease { held, end, refused, thread: Some(thread) })
    }

    /// Resolves when this process leads. An error says that it never will. Cancelling loses nothing.
    ///
    /// # Errors
    /// [`LogError::Replaced`] if another process has joined under the same `instance` and taken its place,
    /// [`LogError::Settings`] if the brokers do not allow so short a session.
    pub async fn acquired(&mut self) -> Result<(), LogError> {
        match self.held.wait_for(|held| *held).await {
            Ok(_) => Ok(()),
            Err(_) if self.refused.load(Ordering::Relaxed) => Err(LogError::Settings(format!(
                "the brokers' group.min.session.timeout.ms must be at most {SESSION_MS}"
            ))),
            Err(_) => Err(LogError::Replaced),
        }
    }

    /// Resolves when leadership is lost. Cancelling loses nothing.
    pub async fn lost(&mut self) {
        // An error means that the attending thread has ended: lost as well.
        let _ = self.held.wait_for(|held| !*held).await;
    }

    pub fn is_held(&self) -> bool {
        *self.held.borrow()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook; there is nothing to add.
            let _ = thread.join();
        }
    }
}

fn attend(consumer: &BaseConsumer<Told>, end: &AtomicBool, refused: &AtomicBool) {
    while !end.load(Ordering::Relaxed) {
        if let Some(Err(error)) = consumer.poll(Duration::from_millis(POLL_MS)) {
            tracing::debug!(error = %error, "the lease's group reports an error");
            if error.rdkafka_error_code() == Some(Code::InvalidSessionTimeout) {
                refused.store(true, Ordering::Relaxed);
                break;
            }
            // Another process with the same instance name has taken the place; this one will not get it back.
            if consumer.client().fatal_error().is_some() {
                tracing::error!(error = %error, "lease lost for good: another process runs under the same name");
                break;
            }
        }
    }
    consumer.context().0.send_replace(false);
}

/// Tells whether the partition is held.
struct Told(watch::Sender<bool>);

impl ClientContext for Told {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        quiet::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        quiet::tell(&error, reason);
    }
}

impl ConsumerContext for Told {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(_) = rebalance {
            self.0.send_replace(false);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // What is assigned is what comes to be held now: nothing, for whoever holds it already.
        if let Rebalance::Assign(partitions) = rebalance
            && partitions.count() > 0
        {
            self.0.send_replace(true);
        }
    }

    fn commit_callback(&self, _: Result<(), KafkaError>, _: &rdkafka::TopicPartitionList) {}
}
