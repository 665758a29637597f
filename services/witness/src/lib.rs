//! A witness: cosigns the checkpoints of logs as C2SP's tlog-witness has it, each log in one history that only grows. Given
//! the log's Kafka or an archive of it, also over HTTP, it is a *full* witness of it: it recomputes every block from the records
//! and cosigns nothing else.
//!
//! In scope: the promise and what keeps it over crashes ([`cosigner`], [`folder`]), following and recomputing ([`follow`],
//! [`recomputed`]), alarms with both sides ([`alarms`], [`evidence`]), HTTP ([`api`]).
//!
//! Out of scope: how a block follows from its records (`medtrace_chainer::verify`), asking several witnesses and counting
//! their cosignatures (chainer), what an event means.

pub mod alarms;
pub mod api;
mod config;
pub mod cosigner;
pub mod evidence;
pub mod folder;
pub mod follow;
pub mod logs;
mod metrics;
pub mod recomputed;
pub mod refusal;
pub mod run;

pub use alarms::{Alarm, Alarms, Finding};
pub use config::Config;
pub use cosigner::{Cosigner, Signed};
pub use logs::Logs;
pub use metrics::Metrics;
pub use refusal::Refusal;
pub use run::Witness;
