//! Configuration of the chainer, from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use medtrace_archive::Archive;
use medtrace_ledger::policy::Witness;
use medtrace_ledger::{Genesis, Signer};
use medtrace_log::Cluster;
use medtrace_service::keys::{Keyring, Protection};
use medtrace_service::{ConfigError, Env};

use crate::clock::Clock;

/// Default of `MEDTRACE_ADMIN`.
const ADMIN: &str = "127.0.0.1:7185";
/// Default of `MEDTRACE_HEARTBEAT_S`.
const HEARTBEAT_S: u64 = 60;
/// Longest that it may be: a day.
const HEARTBEAT_S_MAX: u64 = 86_400;

/// What a chainer needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// `MEDTRACE_ADMIN`, default 127.0.0.1:7185: health and metrics, without tokens; for operators' networks only.
    pub admin: SocketAddr,
    /// `MEDTRACE_KAFKA`: bootstrap servers. Whoever controls it decides what is sealed, but can forge no signature.
    pub kafka: Cluster,
    /// `MEDTRACE_ARCHIVE`: an archive, from which notices are read that were sealed in a topic that was made anew since.
    pub archive: Option<Archive>,
    /// `MEDTRACE_GENESIS`: the genesis note. Whoever controls it decides whose keys are believed.
    pub genesis: Genesis,
    /// `MEDTRACE_DATA`: own folder, one process at a time. Whoever removes it takes away the memory of what was sealed.
    pub data: PathBuf,
    /// From `MEDTRACE_KEYS`, a folder: the key that the genesis names as the chainer's. Whoever has it signs for the chain.
    /// It may be encrypted: see [`Protection::from_env`].
    pub signer: Signer,
    /// The witnesses of the genesis that have an address, there or in `MEDTRACE_WITNESSES` (`name=url`, separated by spaces),
    /// which goes before. Whoever controls an address can keep a cosignature away, but forge none.
    pub witnesses: Vec<Witness>,
    /// `MEDTRACE_HEARTBEAT_S`, default 60: so often at least a checkpoint is published, whether the chain grows or not.
    pub heartbeat: Duration,
    /// This machine's.
    pub clock: Clock,
}

impl Config {
    /// Reads the environment; the genesis must verify and the chainer's private key be there.
    pub fn read(env: &Env) -> Result<Config, ConfigError> {
        let (path, note) = env.file("MEDTRACE_GENESIS")?;
        let genesis = Genesis::parse(&note)
            .map_err(|error| ConfigError::new("MEDTRACE_GENESIS", format!("{}: {error}", path.display())))?;
        let wrong = |reason: String| ConfigError::new("MEDTRACE_KEYS", reason);
        let keys = Keyring::open(&env.folder("MEDTRACE_KEYS")?, Protection::from_env(env)?)
            .map_err(|error| wrong(error.to_string()))?;
        let archive = env.text("MEDTRACE_ARCHIVE").map(Archive::open).transpose();
        let chainer = &genesis.policy.log;
        let signer = keys.of(&chainer.name).into_iter().find(|signer| signer.key.public() == chainer.public);
        let missing =
            || wrong(format!("no private key for {} {}, which the genesis names", chainer.name, chainer.public));
        Ok(Config {
            admin: env.or("MEDTRACE_ADMIN", ADMIN)?,
            kafka: Cluster::new(env.required::<String>("MEDTRACE_KAFKA")?),
            archive: archive.map_err(|error| ConfigError::new("MEDTRACE_ARCHIVE", error))?,
            data: env.own_folder("MEDTRACE_DATA")?,
            signer: signer.ok_or_else(missing)?,
            witnesses: witnesses(&genesis, env.text("MEDTRACE_WITNESSES").unwrap_or_default())?,
            genesis,
            heartbeat: heartbeat(env.or("MEDTRACE_HEARTBEAT_S", &HEARTBEAT_S.to_string())?)?,
            clock: Clock::default(),
        })
    }
}

fn heartbeat(seconds: u64) -> Result<Duration, ConfigError> {
    match (1..=HEARTBEAT_S_MAX).contains(&seconds) {
        true => Ok(Duration::from_secs(seconds)),
        false => {
            Err(ConfigError::new("MEDTRACE_HEARTBEAT_S", format!("{seconds} is not within 1 and {HEARTBEAT_S_MAX}")))
        }
    }
}

/// The witnesses that can be asked.
fn witnesses(genesis: &Genesis, addresses: &str) -> Result<Vec<Witness>, ConfigError> {
    let wrong = |reason: String| ConfigError::new("MEDTRACE_WITNESSES", reason);
    let mut witnesses = genesis.policy.witnesses.clone();
    for address in addresses.split_whitespace() {
        let (name, url) =
            address.split_once('=').ok_or_else(|| wrong(format!("{address:?} is not of the form name=url")))?;
        let witness = witnesses.iter_mut().find(|witness| witness.name.as_str() == name);
        let witness = witness.ok_or_else(|| wrong(format!("the genesis has no witness {name}")))?;
        witness.url = Some(url.to_owned());
    }
    witnesses.retain(|witness| witness.url.is_some());
    Ok(witnesses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_between_a_second_and_a_day() {
        assert_eq!(
            [0, 1, 86_400, 86_401, u64::MAX].map(|seconds| heartbeat(seconds).is_ok()),
            [false, true, true, false, false]
        );
    }
}
