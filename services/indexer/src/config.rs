//! What the indexer is told by its environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use medtrace_archive::Archive;
use medtrace_ledger::Genesis;
use medtrace_log::Cluster;
use medtrace_service::{ConfigError, Env};
use medtrace_store::client::StoreConfig;

/// Whoever controls these decides which log is believed and where its rows go.
#[derive(Debug, Clone)]
pub struct Config {
    /// `MEDTRACE_KAFKA`. May be left out where there is an archive: then everything is derived from that alone.
    pub cluster: Option<Cluster>,
    /// `MEDTRACE_ARCHIVE`: an archive, from which blocks are read as far as it goes; the others from Kafka. For a Kafka that
    /// does not hold all records any more. Without it, all from Kafka.
    pub archive: Option<Archive>,
    /// `MEDTRACE_CLICKHOUSE_URL`, `_USER`, `_PASSWORD`, `_DATABASE`.
    pub store: StoreConfig,
    /// `MEDTRACE_GENESIS`: the genesis note; its signatures are checked.
    pub genesis: Genesis,
    /// `MEDTRACE_DATA`: the folder of the keyed state. May be deleted: it is derived again.
    pub data: PathBuf,
    /// `MEDTRACE_ADMIN`: address of `/livez`, `/readyz`, `/metrics`. Default 127.0.0.1:7185.
    pub admin: SocketAddr,
}

impl Config {
    pub fn read(env: &Env) -> Result<Config, ConfigError> {
        let (_, note) = env.file("MEDTRACE_GENESIS")?;
        let archive = env.text("MEDTRACE_ARCHIVE").map(Archive::open).transpose();
        let kafka = match &archive {
            Ok(Some(_)) => env.optional::<String>("MEDTRACE_KAFKA")?,
            _ => Some(env.required::<String>("MEDTRACE_KAFKA")?),
        };
        Ok(Config {
            cluster: kafka.map(Cluster::new),
            archive: archive.map_err(|error| ConfigError::new("MEDTRACE_ARCHIVE", error))?,
            store: StoreConfig::read(env)?,
            genesis: Genesis::parse(&note).map_err(|e| ConfigError::new("MEDTRACE_GENESIS", e))?,
            data: env.own_folder("MEDTRACE_DATA")?,
            admin: env.or("MEDTRACE_ADMIN", "127.0.0.1:7185")?,
        })
    }
}
