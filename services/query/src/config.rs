//! What the query service is told by its environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::tz::Offset;
use medtrace_archive::Archive;
use medtrace_ledger::Genesis;
use medtrace_service::{ConfigError, Env};
use medtrace_store::client::StoreConfig;

/// Whoever controls these decides which store is believed, where tokens are forwarded to, and what webhooks may reach.
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
    /// `MEDTRACE_ARCHIVE`: the archiver's archive, from which `/log/checkpoint` and tiles are served. Without one there are
    /// no tiles.
    pub archive: Option<Archive>,
    /// `MEDTRACE_TOKENS`: hashed bearer tokens, to know which ingest service a caller's posts belong to.
    pub tokens: PathBuf,
    /// `MEDTRACE_MANUFACTURER_URL`, `MEDTRACE_DISTRIBUTOR_URL`, `MEDTRACE_HOSPITAL_URL`: where posts are forwarded.
    pub ingest: IngestUrls,
    /// `MEDTRACE_UTC_OFFSET`: in which the day of an expiry ends, and schedules of subscriptions run. Default +08:00.
    pub utc_offset: UtcOffset,
    /// `MEDTRACE_DATA`: own folder, one process at a time: named queries and subscriptions with their secrets. Not derived:
    /// whoever removes it ends every subscription.
    pub data: PathBuf,
    /// `MEDTRACE_WEBHOOK_PRIVATE`: `allow` lets subscribers make this service call private addresses and plain HTTP. Default
    /// `refuse`.
    pub webhook_private: Private,
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

/// Whether webhooks may be in private networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    Allow,
    Refuse,
}

impl FromStr for Private {
    type Err = String;

    fn from_str(text: &str) -> Result<Private, String> {
        match text {
            "allow" => Ok(Private::Allow),
            "refuse" => Ok(Private::Refuse),
            _ => Err("it is allow or refuse".to_owned()),
        }
    }
}

/// Hours and minutes that the local clock is ahead of UTC: `+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcOffset(Offset);

impl UtcOffset {
    pub fn get(self) -> Offset {
        self.0
    }

    /// Days from 1970-01-01 to the local date at this instant.
    pub fn day(self, instant: jiff::Timestamp) -> i32 {
        (instant.as_second() + i64::from(self.0.seconds())).div_euclid(86_400) as i32
    }
}

impl FromStr for UtcOffset {
    type Err = String;

    fn from_str(text: &str) -> Result<UtcOffset, String> {
        let parsed = jiff::fmt::strtime::parse("%:z", text).ok().and_then(|parsed| parsed.offset());
        parsed.map(UtcOffset).ok_or_else(|| "an offset is written as +08:00".to_owned())
    }
}

impl Config {
    pub fn read(env: &Env) -> Result<Config, ConfigError> {
        let (_, genesis_note) = env.file("MEDTRACE_GENESIS")?;
        let archive = env.text("MEDTRACE_ARCHIVE").map(Archive::open).transpose();
        Ok(Config {
            store: StoreConfig::read(env)?,
            kafka: env.required("MEDTRACE_KAFKA")?,
            genesis: Genesis::parse(&genesis_note).map_err(|e| ConfigError::new("MEDTRACE_GENESIS", e))?,
            genesis_note,
            archive: archive.map_err(|error| ConfigError::new("MEDTRACE_ARCHIVE", error))?,
            tokens: env.required("MEDTRACE_TOKENS")?,
            ingest: IngestUrls {
                manufacturer: env.or("MEDTRACE_MANUFACTURER_URL", "http://127.0.0.1:7081")?,
                distributor: env.or("MEDTRACE_DISTRIBUTOR_URL", "http://127.0.0.1:7082")?,
                hospital: env.or("MEDTRACE_HOSPITAL_URL", "http://127.0.0.1:7083")?,
            },
            utc_offset: env.or("MEDTRACE_UTC_OFFSET", "+08:00")?,
            data: env.own_folder("MEDTRACE_DATA")?,
            webhook_private: env.or("MEDTRACE_WEBHOOK_PRIVATE", "refuse")?,
            listen: env.or("MEDTRACE_LISTEN", "127.0.0.1:7080")?,
            admin: env.or("MEDTRACE_ADMIN", "127.0.0.1:7180")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_local_midnight() {
        let at = |time: &str, offset: &str| {
            let days = offset.parse::<UtcOffset>().unwrap().day(time.parse().unwrap());
            jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap().to_string()
        };
        assert_eq!(at("2026-03-01T15:59:59Z", "+08:00"), "2026-03-01");
        assert_eq!(at("2026-03-01T16:00:00Z", "+08:00"), "2026-03-02");
        assert_eq!(at("2026-03-01T02:00:00Z", "-03:30"), "2026-02-28");
        assert_eq!(at("1969-12-31T23:00:00Z", "+00:00"), "1969-12-31");
        for wrong in ["", "8", "CST", "+08:00 "] {
            assert!(wrong.parse::<UtcOffset>().is_err(), "{wrong:?}");
        }
    }
}
