//! Configuration of an ingest service, from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use medtrace_archive::Archive;
use medtrace_ledger::{Genesis, KeyName, PartyId};
use medtrace_log::Cluster;
use medtrace_service::keys::Protection;
use medtrace_service::{ConfigError, Env};

use crate::Service;

/// What an ingest process needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    pub service: Service,
    /// `MEDTRACE_NAME`, default the service's name: the party (role `service`) whose key signs the receipts, and the
    /// `NAME` of the keys `hosted:NAME` that it holds.
    pub name: PartyId,
    /// `MEDTRACE_LISTEN`: where clients post. Whoever can reach it still needs a token.
    pub listen: SocketAddr,
    /// `MEDTRACE_ADMIN`: health and metrics, without tokens; for operators' networks only.
    pub admin: SocketAddr,
    /// `MEDTRACE_KAFKA`: bootstrap servers. Whoever controls it decides which log is written, but can forge nothing.
    pub kafka: Cluster,
    /// `MEDTRACE_ARCHIVE`: an archive, from which notices are read that were sealed in a topic that was made anew since.
    pub archive: Option<Archive>,
    /// `MEDTRACE_GENESIS`: the genesis note. Whoever controls it decides which authority is believed.
    pub genesis: Genesis,
    /// `MEDTRACE_DATA`: this process's own folder; capture jobs are spooled under `jobs/`.
    pub data: PathBuf,
    /// `MEDTRACE_KEYS`: private keys, those of hosted parties and the service's own. Whoever reads it signs for them.
    pub keys: PathBuf,
    /// What opens those that are encrypted: see [`Protection::from_env`].
    pub protection: Protection,
    /// `MEDTRACE_TOKENS`: the tokens file. Whoever writes it speaks for any hosted party.
    pub tokens: PathBuf,
    /// `MEDTRACE_QUERY_URL`, default `http://127.0.0.1:7080`: asked how far the index goes, for capture jobs.
    pub query: String,
}

impl Config {
    /// Reads the environment; the genesis must verify.
    pub fn read(service: Service, env: &Env) -> Result<Config, ConfigError> {
        let (path, note) = env.file("MEDTRACE_GENESIS")?;
        let genesis = Genesis::parse(&note)
            .map_err(|e| ConfigError::new("MEDTRACE_GENESIS", format!("{}: {e}", path.display())))?;
        let archive = env.text("MEDTRACE_ARCHIVE").map(Archive::open).transpose();
        Ok(Config {
            service,
            name: env.or("MEDTRACE_NAME", service.name)?,
            listen: env.or("MEDTRACE_LISTEN", service.listen)?,
            admin: env.or("MEDTRACE_ADMIN", service.admin)?,
            kafka: Cluster::new(env.required::<String>("MEDTRACE_KAFKA")?),
            archive: archive.map_err(|error| ConfigError::new("MEDTRACE_ARCHIVE", error))?,
            genesis,
            data: env.own_folder("MEDTRACE_DATA")?,
            keys: env.folder("MEDTRACE_KEYS")?,
            protection: Protection::from_env(env)?,
            tokens: env.required("MEDTRACE_TOKENS")?,
            query: env.or("MEDTRACE_QUERY_URL", "http://127.0.0.1:7080")?,
        })
    }

    /// Name of the service's own key.
    pub fn key_name(&self) -> KeyName {
        self.name.clone().into()
    }
}
