//! The log: Apache Kafka as medtrace uses it.
//!
//! In scope: the topics and their settings ([`topics`]), the record that carries one signed submission ([`record`],
//! [`frame`]), producing with known outcomes ([`producer`], [`transactions`]), reading exact ranges and following
//! ([`consumer`]), removing what is archived ([`trim`]), one leader ([`lease`]), and one Kafka node as a child process ([`embedded`]).
//!
//! Out of scope: what a note says and whether it is true (medtrace-ledger), what a notice does (medtrace-registry),
//! and any decision about what is sealed (the chainer).
//!
//! Errors: every call returns [`LogError`] (or, where the outcome matters more than the cause, an error that says
//! whether the thing was done). None retries by itself beyond what librdkafka does inside its timeouts, but for the moment
//! in which a partition has no leader.

pub mod cluster;
pub mod consumer;
mod describe;
pub mod embedded;
mod erase;
pub mod error;
pub mod frame;
pub mod lease;
pub mod producer;
mod quiet;
pub mod record;
pub mod sealed;
pub mod topics;
pub mod transactions;
pub mod trim;

pub use cluster::Cluster;
pub use error::LogError;

/// Most bytes of one record's value (the topics take [`topics::MESSAGE_BYTES_MAX`], so that keys and framing fit).
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// Runs a call of the client library that blocks.
pub(crate) async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(call).await {
        Ok(value) => value,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}
