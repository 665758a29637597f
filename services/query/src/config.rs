//! What the query service is told by its environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use medtrace_ledger::Genesis;
use medtrace_service::{ConfigError, Env};
use medtrace_store::client::StoreConfig;

/// Whoever controls these decides which store is believed, and where tokens are forwarded to.
#[derive(Debug, Clone)]
pub struct Config {
    /// `MEDTRACE_CLICKHOUSE_URL`, `_USER`, `_PASSWORD`, `_DATABASE`.
    pub store: StoreConfig,
    /// `MEDTRACE_KAFKA`: bootstrap servers, for checkpoints.
    pub kafka: String,
    /// `MEDTRACE_GENESIS`: path of the genesis note; its signatures are checked.
    pub genesis: Genesis,
    /// The note as it is served at `/log/genesis`.
    pub genesis_note: String,
    /// `MEDTRACE_TOKENS`: hashed bearer tokens, to know which ingest service a caller's posts belong to.
    pub tokens: PathBuf,
    /// `MEDTRACE_MANUFACTURER_URL`, `MEDTRACE_DISTRIBUTOR_URL`, `MEDTRACE_HOSPITAL_URL`: where posts are forwarded.
    pub ingest: IngestUrls,
    /// `MEDTRACE_LISTEN`. Default 127.0.0.1:7080.
    pub listen: SocketAddr,
    /// `MEDTRACE_ADMIN`: `/livez`, `/readyz`, `/metrics`. Default 127.0.0.1:7180.
    pub admin: SocketAddr,
}

/// Base URLs of the ingest services.
#[derive(Debug, Clone)]
pub struct IngestUrls {
    pub manufacturer: String,
    pub distributor: String,
    pub hospital: String,
}

impl Config {
    pub fn read(env: &Env) -> Result<Config, ConfigError> {
        let (_, genesis_note) = env.file("MEDTRACE_GENESIS")?;
        Ok(Config {
            store: StoreConfig::read(env)?,
            kafka: env.required("MEDTRACE_KAFKA")?,
            genesis: Genesis::parse(&genesis_note).map_err(|e| ConfigError::new("MEDTRACE_GENESIS", e))?,
            genesis_note,
            tokens: env.required("MEDTRACE_TOKENS")?,
            ingest: IngestUrls {
                manufacturer: env.or("MEDTRACE_MANUFACTURER_URL", "http://127.0.0.1:7081")?,
                distributor: env.or("MEDTRACE_DISTRIBUTOR_URL", "http://127.0.0.1:7082")?,
                hospital: env.or("MEDTRACE_HOSPITAL_URL", "http://127.0.0.1:7083")?,
            },
            listen: env.or("MEDTRACE_LISTEN", "127.0.0.1:7080")?,
            admin: env.or("MEDTRACE_ADMIN", "127.0.0.1:7180")?,
        })
    }
}
