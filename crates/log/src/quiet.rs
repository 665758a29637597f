//! What librdkafka says goes to this process's log, at the level it deserves: it reconnects by itself, so what it calls
//! an error is mostly news. Errors that matter come back from the calls.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel as Level;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// The context of every client of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: Level, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tell(&error, reason);
    }
}

impl ConsumerContext for Quiet {}

pub(crate) fn log(level: Level, facility: &str, message: &str) {
    match level {
        Level::Emerg | Level::Alert | Level::Critical => tracing::error!(facility, "librdkafka: {message}"),
        _ => tracing::debug!(facility, "librdkafka: {message}"),
    }
}

pub(crate) fn tell(error: &KafkaError, reason: &str) {
    // The end of a partition is asked for, and no error.
    if !matches!(error, KafkaError::PartitionEOF(_)) {
        tracing::debug!(error = %error, "librdkafka: {reason}");
    }
}
