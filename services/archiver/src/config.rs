//! Configuration of the archiver, from the environment.

use std::net::SocketAddr;
use std::time::Duration;

use medtrace_archive::Archive;
use medtrace_ledger::Genesis;
use medtrace_log::Cluster;
use medtrace_service::{ConfigError, Env};

/// Default of `MEDTRACE_ADMIN`.
const ADMIN: &str = "127.0.0.1:7187";
const DAY_S: u64 = 24 * 3_600;

/// What an archiver needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// `MEDTRACE_ADMIN`, default 127.0.0.1:7187: health and metrics, without tokens; for operators' networks only.
    pub admin: SocketAddr,
    /// `MEDTRACE_KAFKA`: bootstrap servers. Whoever controls it can withhold blocks, but have none kept that are not true.
    pub kafka: Cluster,
    /// `MEDTRACE_GENESIS`: the genesis note. Whoever controls it decides whose keys are believed.
    pub genesis: Genesis,
    /// `MEDTRACE_ARCHIVE`: a folder that exists. Whoever removes it takes away what Kafka may have forgotten.
    pub archive: Archive,
    /// `MEDTRACE_RETENTION_DAYS`: so long after their block events stay in Kafka; then they are removed from there, if the
    /// archive's checkpoint covers them. Not set: nothing is ever removed. Whoever controls it, and the archive's place, can
    /// leave the events in one place only.
    pub retention: Option<Duration>,
}

impl Config {
    /// Reads the environment; the genesis must verify and the archive be there.
    pub fn read(env: &Env) -> Result<Config, ConfigError> {
        let (path, note) = env.file("MEDTRACE_GENESIS")?;
        let genesis = Genesis::parse(&note)
            .map_err(|error| ConfigError::new("MEDTRACE_GENESIS", format!("{}: {error}", path.display())))?;
        let place = env.required::<String>("MEDTRACE_ARCHIVE")?;
        Ok(Config {
            admin: env.or("MEDTRACE_ADMIN", ADMIN)?,
            kafka: Cluster::new(env.required::<String>("MEDTRACE_KAFKA")?),
            genesis,
            archive: Archive::open(&place).map_err(|error| ConfigError::new("MEDTRACE_ARCHIVE", error))?,
            retention: env
                .optional::<u64>("MEDTRACE_RETENTION_DAYS")?
                .map(|days| Duration::from_secs(days.saturating_mul(DAY_S))),
        })
    }
}
