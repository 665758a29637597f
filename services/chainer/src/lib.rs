//! The chainer: verifies what stands in the log, cuts it into blocks, and signs the chain of their headers.
//!
//! In scope: what a block seals ([`inspect`], [`chain`]: pure, no clock and no Kafka), and the shell around it: reading
//! the log with bounded memory ([`feed`]), finding the end of the chain and refusing another one ([`recover`]), the one
//! commit point ([`commit`]), what is asked of the world outside ([`outside`]), leadership ([`lead`]), and the same
//! questions asked of each block of a whole chain ([`verify`], [`audit`]).
//!
//! Out of scope: what an event says and whether its party may say it (indexer), cosignatures (witness), derived tables.
//!
//! ```text
//! scan-events ─┐  inspect (parallel)        derive              commit               conclude
//! notices ─────┴─▶ leaf, signature, root ─▶ keys, cuts, bad ─▶ blocks, one ─▶ read back, append, standing file (fsync),
//!                  of each record           header             transaction    sign ─▶ checkpoints
//! standby: follow what is signed, and wait for the lease ─▶ lead
//! lead: read blocks to their end ─▶ compare with the standing file and with checkpoints, recompute what nobody has signed
//!       ─▶ conclude what is not yet ─▶ seal, as long as the clock is the broker's
//! ```
//!
//! A process that ends anywhere is started again and goes through both; that is all the recovery there is. One that loses
//! the lease ends.

pub mod audit;
pub mod chain;
mod clock;
pub mod commit;
mod config;
mod erased;
pub mod feed;
mod gap;
pub mod inspect;
mod lead;
mod leader;
mod metrics;
pub mod outside;
mod pending;
pub mod recover;
mod room;
mod standby;
mod standing;
mod stop;
mod takeover;
pub mod verify;
mod witnesses;

pub use audit::{Finding, Report, verify_chain, verify_chain_from};
pub use clock::{Clock, Reading};
pub use config::Config;
pub use gap::{NoGap, find_gap};
pub use lead::run;
pub use metrics::{Metrics, Status};
pub use standing::Standing;
pub use stop::Stop;
pub use takeover::take_over;

/// Time between two cuts while records keep arriving, milliseconds. After a pause the first record is cut at once.
pub const CUT_EVERY_MS: u64 = 200;
