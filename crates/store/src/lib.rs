//! The store: ClickHouse, embedded on one machine or a cluster behind a URL.
//!
//! In scope:
//! - [`engine`]: the ClickHouse engine in this process, from a shared library loaded at run time;
//! - [`http`]: ClickHouse's own HTTP protocol in front of it, on loopback, so that the `clickhouse` crate is the only
//!   client whether the store is embedded or not;
//! - [`client`]: that client, set up from the environment with the settings that every writer and reader must have;
//! - [`migrate`]: the numbered files of `schemas/clickhouse/`, applied once each and recorded.
//!
//! Out of scope: what the tables mean (the indexer writes them, the query service reads them), building SQL, retrying.
//!
//! ```text
//!  clickhouse crate ──HTTP──▶ http ──one statement at a time──▶ engine: connection threads ──▶ libchdb.so ──▶ data folder
//!                   ──HTTP──▶ a ClickHouse server or cluster, when MEDTRACE_CLICKHOUSE_URL names one
//! ```
//!
//! What the embedded engine cannot do, so that nothing may depend on it:
//! - replicated and distributed tables (no Keeper, no interserver port);
//! - users, roles, quotas and row policies: whoever knows the password may do everything, so scoping a caller to its own
//!   rows is a predicate that the query service adds;
//! - sessions: a request with `session_id` is refused, and a `SET` or `USE` lasts for its own request only;
//! - external tables sent along with a query, and `INTO OUTFILE`;
//! - two processes on one data folder: the second is refused at start;
//! - ending a statement that computes without producing rows when its client goes away: give it `max_execution_time`.
//!
//! An insert is all or nothing up to `max_insert_block_size` rows (1,048,449), as on a server: a longer one is written
//! block by block, and a failure leaves the blocks before it. Every table's key makes the repetition harmless.

pub mod client;
pub mod engine;
pub mod exception;
pub mod http;
pub mod migrate;
pub mod read;
pub mod rows;
mod statement;
