//! Configuration of a witness, from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use medtrace_archive::Archive;
use medtrace_ledger::{Genesis, KeyName, Signer};
use medtrace_log::Cluster;
use medtrace_service::keys::{Keyring, Protection};
use medtrace_service::{ConfigError, Env};

use crate::logs::Logs;

/// Default of `MEDTRACE_NAME`.
const NAME: &str = "witness";
/// Default of `MEDTRACE_LISTEN`.
const LISTEN: &str = "127.0.0.1:7084";
/// Default of `MEDTRACE_ADMIN`.
const ADMIN: &str = "127.0.0.1:7184";

/// What a witness needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// `MEDTRACE_LISTEN`, default 127.0.0.1:7084: where logs ask. Needs no tokens: a checkpoint is signed.
    pub listen: SocketAddr,
    /// `MEDTRACE_ADMIN`, default 127.0.0.1:7184: health and metrics, without tokens; for operators' networks only.
    pub admin: SocketAddr,
    /// `MEDTRACE_DATA`: own folder, one process at a time. Whoever removes it makes the witness forget what it cosigned.
    pub data: PathBuf,
    /// `MEDTRACE_GENESIS`: the genesis note. Whoever controls it decides which chain is witnessed.
    pub genesis: Genesis,
    /// The log of the genesis and, from the file `MEDTRACE_LOGS` if it is set, further ones. Whoever controls it decides
    /// whose signatures are cosigned.
    pub logs: Logs,
    /// From `MEDTRACE_KEYS`, a folder: the keys named `MEDTRACE_NAME` (default `witness`). The first signs, what any of them
    /// cosigned before is believed. Whoever has one cosigns in this witness's name. They may be encrypted: see
    /// [`Protection::from_env`].
    pub keys: Vec<Signer>,
    /// `MEDTRACE_KAFKA`: bootstrap servers. Set, or an archive: a full witness of the genesis's log, which recomputes every
    /// block from there before it cosigns. Neither: it checks that each log only grows.
    pub kafka: Option<Cluster>,
    /// `MEDTRACE_ARCHIVE`: an archive of the genesis's log, a folder, a bucket, or `https://<query service>/log` of whoever
    /// serves one. Blocks are read from it as far as it goes, and from Kafka from there on if there is one.
    pub archive: Option<Archive>,
}

impl Config {
    /// Reads the environment; the genesis must verify and a private key of the witness's name be there.
    ///
    /// # Errors
    /// The variable that is wrong.
    pub fn read(env: &Env) -> Result<Config, ConfigError> {
        let (path, note) = env.file("MEDTRACE_GENESIS")?;
        let genesis = Genesis::parse(&note)
            .map_err(|error| ConfigError::new("MEDTRACE_GENESIS", format!("{}: {error}", path.display())))?;
        let mut logs = Logs::of(&genesis);
        if env.text("MEDTRACE_LOGS").is_some() {
            let (path, lines) = env.file("MEDTRACE_LOGS")?;
            let wrong = |reason| ConfigError::new("MEDTRACE_LOGS", format!("{}: {reason}", path.display()));
            logs.add_lines(&lines).map_err(wrong)?;
        }
        let name: KeyName = env.or("MEDTRACE_NAME", NAME)?;
        let wrong = |reason: String| ConfigError::new("MEDTRACE_KEYS", reason);
        let ring = Keyring::open(&env.folder("MEDTRACE_KEYS")?, Protection::from_env(env)?)
            .map_err(|error| wrong(error.to_string()))?;
        let mut keys = ring.of(&name);
        if keys.is_empty() {
            return Err(wrong(format!("no private key of the name {name}")));
        }
        // The one that the genesis names signs, wherever it stands.
        keys.sort_by_key(|key| !genesis.policy.keys().any(|known| *known == key.verifier()));
        let archive = env.text("MEDTRACE_ARCHIVE").map(Archive::open).transpose();
        Ok(Config {
            archive: archive.map_err(|error| ConfigError::new("MEDTRACE_ARCHIVE", error))?,
            listen: env.or("MEDTRACE_LISTEN", LISTEN)?,
            admin: env.or("MEDTRACE_ADMIN", ADMIN)?,
            data: env.own_folder("MEDTRACE_DATA")?,
            logs,
            keys,
            kafka: env.optional::<String>("MEDTRACE_KAFKA")?.map(Cluster::new),
            genesis,
        })
    }
}
