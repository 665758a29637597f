//! Who may say what: a pure state machine over notices, in the order of the log.
//!
//! In scope: the notices ([`Notice`]: parties, keys, products, places, delegations, recalls, acknowledgements, erasures,
//! gaps), what they add up to as of any height ([`Registry`], [`At`]), and the rights of a party over an event ([`rights::may`],
//! one small file per role).
//!
//! Out of scope: signatures (the caller has verified them; here it is judged whether their keys may speak), where notices
//! are stored, who holds which goods (`medtrace-timeline`), and whether an error declaration comes from the original
//! party (the indexer knows the original). No clock: time is the position in the chain.
//!
//! ```text
//! notice ─▶ Notice::parse ─▶ Registry::check ─▶ Effect or Refusal          ingest, before anything is written
//!        └▶ Notice::parse ─▶ Registry::apply ─▶ Effect or Refusal          chainer, indexer: sealed and in order
//! event  ─▶ rights::may(registry.at(height), party, key, event)            ingest refuses, the indexer flags
//! ```

mod coverage;
mod history;
mod judge;
mod keys;
pub mod limits;
pub mod notice;
mod refusal;
mod registry;
pub mod rights;
mod sealed;
mod view;

pub use coverage::{Coverage, Covered};
pub use history::Recorded;
pub use keys::{KeyLife, Revocation};
pub use notice::{Notice, Role};
pub use refusal::Refusal;
pub use registry::{Effect, Erased, Position, RecallState, RecallStatus, Registry, Subject};
pub use rights::{Right, may};
pub use sealed::Applied;
pub use view::At;
