//! The query service: verification, provenance, deliveries, recalls, evidence and EPCIS queries, each answer with the
//! height it reflects.
//!
//! In scope: one view that follows the store ([`view`]), one file per resource ([`api`]), proofs ([`mod@proof`]), EPCIS
//! queries ([`epcis`]), named queries and subscriptions to them ([`named`], [`subscribe`]), the live stream ([`live`]),
//! forwarding of posts to the caller's ingest service ([`forward`]).
//!
//! Out of scope: how facts fold and what a verdict is (`medtrace-timeline`), who may say what (`medtrace-registry`),
//! writing anything but what was subscribed to.

pub mod api;
pub mod app;
pub mod body;
pub mod callers;
pub mod checkpoints;
pub mod config;
pub mod contents;
pub mod delivery;
pub mod epcis;
pub mod events;
pub mod evidence;
pub mod expected;
pub mod forward;
pub mod hashes;
pub mod item;
pub mod json;
pub mod judge;
pub mod kept;
pub mod live;
pub mod master;
pub mod metrics;
pub mod named;
pub mod params;
pub mod proof;
pub mod reach;
pub mod requests;
pub mod run;
pub mod subscribe;
pub mod suspect;
pub mod token;
pub mod view;

pub use config::Config;
