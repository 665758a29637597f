//! The life of a medtrace process: what all services do alike, so that a service is config, wiring and one loop.
//!
//! In scope: configuration from the environment ([`config`]), one log format ([`logging`]), start, signals and ordered
//! end ([`life`]), the admin port ([`admin`]), problem+json answers ([`problem`]), bearer tokens ([`tokens`]),
//! private-key files ([`keys`]), requests to others with TLS ([`client`]) and small files that must outlive the process ([`files`]).
//!
//! Out of scope: anything a service does for its users; Kafka and ClickHouse (crates `log` and `store`); what a token's
//! party may say (crate `registry`).

pub mod admin;
pub mod client;
pub mod config;
pub mod files;
pub mod keys;
pub mod life;
mod linger;
pub mod logging;
pub mod problem;
mod reload;
pub mod tokens;

pub use config::{ConfigError, Env};
pub use problem::{Kind, Problem};
/// Cancelled once the process should end: on SIGTERM, on SIGINT, or by a test.
pub use tokio_util::sync::CancellationToken as Shutdown;

/// This machine's clock, Unix milliseconds.
pub fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
