//! The embedded engine behind its endpoint, asked by the `clickhouse` crate and by plain HTTP.

#![allow(clippy::unwrap_used, reason = "a panic is the failure")]

mod faults;
mod inserts;
mod migrations;
mod protocol;
mod support;
