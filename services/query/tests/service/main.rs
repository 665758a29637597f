//! The service over HTTP, on the real engine: a small chain is sealed, indexed by the indexer's own code, and asked.
//!
//! The engine's library is found through `MEDTRACE_CHDB` or under `deploy/clickhouse/node_modules`.
#![allow(clippy::unwrap_used)]

mod support;

mod archived;
mod controls;
mod deliveries;
mod ended;
mod epcis;
mod erasure;
mod evidence;
mod foreign;
mod forward;
mod fsck;
mod gap;
#[path = "../../../../tests/src/go.rs"]
mod go;
mod goods;
mod hashes;
mod live;
mod masterdata;
mod misconduct;
mod openapi;
mod parameters;
mod queries;
mod recalls;
mod receiver;
mod resources;
mod sockets;
mod story;
mod subscriber;
mod subscriptions;
mod suspect;
mod tls;
mod verify;
