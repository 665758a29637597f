//! The query service: verification, provenance, deliveries, recalls, evidence and EPCIS queries, each answer with the
//! height it reflects.
//!
//! In scope: one view that follows the store ([`view`]), one file per resource ([`api`]), forwarding of posts to the
//! caller's ingest service.
//!
//! Out of scope: how facts fold and what a verdict is (`medtrace-timeline`), who may say what (`medtrace-registry`),
//! writing anything.

pub mod api;
pub mod app;
pub mod body;
pub mod config;
pub mod contents;
pub mod delivery;
pub mod item;
pub mod reach;
pub mod run;
pub mod view;

pub use config::Config;
