//! The chainer: verifies what stands in the log, cuts it into blocks, and signs the chain of their headers.
//!
//! In scope: what a block seals ([`inspect`], [`chain`]: pure, no clock and no Kafka), and the shell around it: reading
//! the log with bounded memory ([`feed`]), finding the end of the chain and refusing another one ([`recover`]), the one
//! commit point ([`commit`]), leadership ([`lead`]), and the same questions asked of a whole chain ([`audit`]).
//!
//! Out of scope: what an event says and whether its party may say it (indexer), cosignatures (witness), derived tables.
//!
//! ```text
//! scan-events ─┐  inspect (parallel)        derive              commit               conclude
//! notices ─────┴─▶ leaf, signature, root ─▶ keys, cuts, bad ─▶ blocks, one ─▶ read back, append, standing file (fsync),
//!                  of each record           header             transaction    sign ─▶ checkpoints
//! start: read blocks to their end ─▶ compare with the standing file and with checkpoints ─▶ conclude what is not yet ─▶
//! ```
//!
//! A process that ends anywhere is started again and goes through `start`; that is all the recovery there is.

pub mod audit;
pub mod chain;
pub mod commit;
mod config;
pub mod feed;
pub mod inspect;
mod lead;
mod metrics;
mod pending;
pub mod recover;
mod room;
mod standing;
mod stop;

pub use audit::{Finding, Report, verify_chain};
pub use config::Config;
pub use lead::run;
pub use metrics::{Metrics, Status};
pub use stop::Stop;

/// Time between two cuts while records keep arriving, milliseconds. After a pause the first record is cut at once.
pub const CUT_EVERY_MS: u64 = 200;
