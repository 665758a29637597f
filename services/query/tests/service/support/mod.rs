//! What the tests stand on: an engine, a chain, a service.

pub mod chain;
pub mod engine;
pub mod service;
