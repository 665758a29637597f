//! Which port is whose: fixed offsets from one base, so that `--ports BASE` moves them all.
//!
//! ```text
//! BASE +0 query   +1 manufacturer   +2 distributor   +3 hospital   +4 witness
//!     +12 Kafka  +13 its controller                               7092, 7093
//!     +43 ClickHouse                                              7123
//!    +100 the admin port of whoever has a public one; +105 chainer, +106 indexer,        7180 …
//!         +107 archiver
//! ```
//!
//! `--ports 0` picks a block of [`BLOCK_PORTS`] that no other stack of this user holds and of which every port is free.
//! The blocks lie below the range from which Linux takes the ports of outgoing connections, so that nothing takes the port
//! of a process that is just being restarted.

use std::{
    collections::BTreeMap,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::bail;
use medtrace_service::ConfigError;

/// The processes that are medtrace's own, in the order in which they start.
pub const PROCESSES: [&str; 8] =
    ["chainer", WITNESS, "archiver", "indexer", "manufacturer", "distributor", "hospital", "query"];
/// The stack's own witness; also its name in the policy of the genesis.
pub const WITNESS: &str = "witness";
/// The three ingest services.
pub const INGEST: [&str; 3] = ["manufacturer", "distributor", "hospital"];

/// Base of all ports if nothing else is said.
pub const DEFAULT_BASE: u16 = 7080;
/// Ports between the bases of two stacks.
const BLOCK_PORTS: u16 = 128;
/// First base that is picked.
const BLOCKS_FROM: u16 = 10_240;
/// Where Linux's range for outgoing connections begins (ip_local_port_range).
const BLOCKS_TO: u16 = 32_768;
const KAFKA: u16 = 12;
const KAFKA_CONTROLLER: u16 = 13;
const CLICKHOUSE: u16 = 43;
const ADMIN: u16 = 100;
const CHAINER: u16 = 5;
const INDEXER: u16 = 6;
const ARCHIVER: u16 = 7;

/// All ports of one stack; a block that was picked stays reserved while this lives.
#[derive(Debug)]
pub struct Ports {
    base: u16,
    _reserved: Option<File>,
}

impl Ports {
    /// All ports relative to `base` (as [`parse_base`] takes it); 0 picks a free block.
    pub fn from_base(base: u16) -> anyhow::Result<Ports> {
        if base == 0 {
            return Ports::pick();
        }
        let ports = Ports { base, _reserved: None };
        match ports.taken() {
            None => Ok(ports),
            Some((port, whose)) => bail!(ConfigError::new(
                "--ports",
                format!("port {port} ({whose}) is in use; stop what uses it or give another base (0 picks one)")
            )),
        }
    }

    fn pick() -> anyhow::Result<Ports> {
        let blocks = (BLOCKS_TO - BLOCKS_FROM) / BLOCK_PORTS;
        // Start somewhere else each time, so that stacks that start together rarely try the same block.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let first = (since_1970.subsec_nanos() ^ std::process::id()) % u32::from(blocks);
        for n in 0..blocks {
            let block = (first as u16 + n) % blocks;
            let base = BLOCKS_FROM + block * BLOCK_PORTS;
            let path = std::env::temp_dir().join(format!("medtrace-ports-{base}.lock"));
            // A lock file that cannot be opened is another user's.
            let Ok(file) = File::create(&path) else { continue };
            if file.try_lock().is_err() {
                continue;
            }
            let ports = Ports { base, _reserved: Some(file) };
            if ports.taken().is_none() {
                return Ok(ports);
            }
        }
        bail!("no block of {BLOCK_PORTS} free ports between {BLOCKS_FROM} and {BLOCKS_TO}")
    }

    pub fn base(&self) -> u16 {
        self.base
    }

    pub fn kafka(&self) -> u16 {
        self.base + KAFKA
    }

    pub fn kafka_controller(&self) -> u16 {
        self.base + KAFKA_CONTROLLER
    }

    pub fn clickhouse(&self) -> u16 {
        self.base + CLICKHOUSE
    }

    /// Public port of a process that has one.
    pub fn public(&self, process: &str) -> Option<u16> {
        let offset = match process {
            "query" => 0,
            "manufacturer" => 1,
            "distributor" => 2,
            "hospital" => 3,
            WITNESS => 4,
            _ => return None,
        };
        Some(self.base + offset)
    }

    /// Admin port of one of [`PROCESSES`].
    pub fn admin(&self, process: &str) -> Option<u16> {
        match process {
            "chainer" => Some(self.base + ADMIN + CHAINER),
            "indexer" => Some(self.base + ADMIN + INDEXER),
            "archiver" => Some(self.base + ADMIN + ARCHIVER),
            other => self.public(other).map(|port| port + ADMIN),
        }
    }

    /// The first port that something else listens on, and whose it should be.
    fn taken(&self) -> Option<(u16, String)> {
        let engines = [
            (self.kafka(), "kafka".to_owned()),
            (self.kafka_controller(), "kafka's controller".to_owned()),
            (self.clickhouse(), "clickhouse".to_owned()),
        ];
        let own = PROCESSES.iter().flat_map(|name| {
            let public = self.public(name).map(|port| (port, (*name).to_owned()));
            let admin = self.admin(name).map(|port| (port, format!("{name}, admin")));
            public.into_iter().chain(admin)
        });
        let mut all = engines.into_iter().chain(own);
        all.find(|(port, _)| TcpListener::bind(loopback(*port)).is_err())
    }
}

/// Admin URLs of [`PROCESSES`] by name, for a stack with this base.
pub fn admin_urls(base: u16) -> BTreeMap<String, String> {
    let ports = Ports { base, _reserved: None };
    let url = |process: &&str| Some(((*process).to_owned(), url(ports.admin(process)?)));
    PROCESSES.iter().filter_map(url).collect()
}

/// `127.0.0.1:port`.
pub fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// `http://127.0.0.1:port`.
pub fn url(port: u16) -> String {
    format!("http://{}", loopback(port))
}

/// What [`Ports::from_base`] needs of the command line: `--ports`.
pub fn parse_base(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(base) if base == 0 || (1024..=u16::MAX - BLOCK_PORTS).contains(&base) => Ok(base),
        _ => Err("a base is 0 (pick free ports) or 1024 to 65407".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_default_ports_are_those_of_the_manual() {
        let ports = Ports { base: DEFAULT_BASE, _reserved: None };
        let public = ["query", "manufacturer", "distributor", "hospital"].map(|name| ports.public(name));
        assert_eq!(public, [Some(7080), Some(7081), Some(7082), Some(7083)]);
        assert_eq!((ports.kafka(), ports.clickhouse()), (7092, 7123));
        assert_eq!(ports.admin("query"), Some(7180));
        assert_eq!(ports.admin("chainer"), Some(7185));
        assert_eq!(ports.admin("archiver"), Some(7187));
        assert_eq!(ports.public("chainer"), None);
    }

    #[test]
    fn stacks_side_by_side_get_blocks_of_their_own_and_a_taken_port_is_named() {
        let stacks: Vec<Ports> = (0..3).map(|_| Ports::from_base(0).unwrap()).collect();
        let bases: HashSet<u16> = stacks.iter().map(Ports::base).collect();
        assert_eq!(bases.len(), 3);

        let held = TcpListener::bind(loopback(stacks[0].clickhouse())).unwrap();
        let error = Ports::from_base(stacks[0].base()).unwrap_err();
        let port = held.local_addr().unwrap().port();
        assert!(error.to_string().contains(&format!("port {port} (clickhouse) is in use")));
    }
}
