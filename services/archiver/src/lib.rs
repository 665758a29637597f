//! The archiver: keeps everything that was sealed where it outlives Kafka, and publishes the header log as tiles.
//!
//! In scope: following blocks and checkpoints, recomputing every block before it is kept, the order of what is written; the
//! audit of an archive by itself; and, if it is told so, removing from Kafka what is archived and old.
//!
//! Out of scope: the archive's formats (`medtrace-archive`), how a block is recomputed (`medtrace-chainer`), serving the
//! tiles (query).
//!
//! ```text
//! blocks ──────▶ recompute ──▶ block files ──┐  at most once in GROUP_MS, each step durable before the next
//! checkpoints ─▶ verify ─────────────────────┴▶ root equal? ─▶ tiles ─▶ checkpoint: the commit point
//! start: read and recompute the whole archive ─▶ its checkpoint is of this chain ─▶ follow from where it ends
//! ```
//!
//! A block that does not recompute, and a checkpoint that is of another chain, end the process: nothing is kept after them.
//! A start costs what verifying everything costs, a signature a submission most of all.

mod audit;
mod config;
mod erase;
mod feed;
mod keeper;
mod metrics;
mod retention;
mod run;
mod stop;

pub use audit::verify_archive;
pub use config::Config;
pub use metrics::{Metrics, Status};
pub use run::run;
pub use stop::Stop;

/// Longest time that what has arrived waits for more to be written with it, milliseconds.
pub const GROUP_MS: u64 = 500;
