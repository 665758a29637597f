//! The audit of the derived rows: every row of every table, derived again from the log and compared.
//!
//! In scope: what each table must hold ([`Expected`], derived block by block into a keyed state of its own), and the
//! comparison with what it holds ([`compare`]).
//!
//! Out of scope: whether the log itself is sound (the chainer's `verify_chain`, which shows each block as it goes).
//!
//! ```text
//! log ─▶ verify_chain ─▶ each block ─▶ Expected::take ─▶ table ‖ key → row        on disk, however long the chain
//! store ─▶ SELECT … FINAL, streamed ─▶ equal: struck off · else: named             what is left is missing
//! ```
//!
//! The indexer may go on meanwhile: a row that a newer block made what it is is looked at again when that block has been
//! derived here too.

mod compare;
mod difference;
mod expected;
mod log;

pub use compare::{Chain, NAMED_MAX, Report, compare};
pub use difference::{Column, Difference, What};
pub use expected::{Auditor, Expected};
pub use log::LogChain;
