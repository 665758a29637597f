//! The indexer: sealed blocks become facts, timelines and rows.
//!
//! In scope: deriving rows from blocks ([`derive`]), the keyed state that holds each thing's timeline ([`keyed`]),
//! writing rows so that every repetition is harmless ([`mod@write`]), taking
//! erased items out of them ([`mod@erase`]), event hashes and suspected duplicates ([`hashes`]), the loop and its order of durability ([`run`]),
//! beginning again from nothing ([`rebuild`]), comparing every row with what the log gives ([`audit`]).
//!
//! Out of scope: what a fact is and how facts fold (`medtrace-timeline`), who may say what (`medtrace-registry`),
//! answering questions (the query service).

pub mod audit;
pub mod config;
pub mod derive;
pub mod erase;
mod feed;
pub mod hashes;
pub mod keyed;
pub mod rebuild;
pub mod run;
pub mod status;
pub mod tables;
pub mod write;

pub use config::Config;
