//! The ClickHouse client of every process, set up from its environment.
//!
//! | variable | what | default |
//! |---|---|---|
//! | `MEDTRACE_CLICKHOUSE_URL` | `http://host:port`, no credentials in it | required |
//! | `MEDTRACE_CLICKHOUSE_USER` | | `default` |
//! | `MEDTRACE_CLICKHOUSE_PASSWORD` | | empty |
//! | `MEDTRACE_CLICKHOUSE_DATABASE` | | `medtrace` |

use std::fmt;
use std::net::IpAddr;

use clickhouse::{Client, Compression};
use medtrace_service::{ConfigError, Env};

/// The database unless configured.
pub const DATABASE_DEFAULT: &str = "medtrace";
/// The user of the embedded engine, and of a server unless configured.
pub const USER_DEFAULT: &str = "default";
/// Random bytes of an embedded engine's password; its text is twice as long.
const PASSWORD_BYTES: usize = 32;

/// Where the store is and who asks. Whoever controls it reads and writes every derived row (the log stays the truth).
#[derive(Clone, PartialEq, Eq)]
pub struct StoreConfig {
    pub url: String,
    pub user: String,
    pub password: String,
    pub database: String,
}

impl StoreConfig {
    /// Reads the variables above.
    pub fn read(env: &Env) -> Result<Self, ConfigError> {
        const URL: &str = "MEDTRACE_CLICKHOUSE_URL";
        let url: String = env.required(URL)?;
        let url = url.trim_end_matches('/').to_owned();
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
        if host.is_empty() || host.contains(['@', '/', '?']) {
            return Err(ConfigError::new(URL, format!("{url:?} is not http://host:port")));
        }
        Ok(Self {
            url,
            user: env.or("MEDTRACE_CLICKHOUSE_USER", USER_DEFAULT)?,
            password: env.text("MEDTRACE_CLICKHOUSE_PASSWORD").unwrap_or_default().to_owned(),
            database: env.or("MEDTRACE_CLICKHOUSE_DATABASE", DATABASE_DEFAULT)?,
        })
    }

    /// A client; clones share its connections. Inserts are written when they are acknowledged, not gathered first, and
    /// are compressed only when they leave this machine.
    pub fn client(&self) -> Client {
        Client::default()
            .with_url(&self.url)
            .with_user(&self.user)
            .with_password(&self.password)
            .with_database(&self.database)
            .with_compression(if self.is_loopback() { Compression::None } else { Compression::Lz4 })
            .with_setting("async_insert", "0")
            .with_product_info("medtrace", env!("CARGO_PKG_VERSION"))
    }

    fn is_loopback(&self) -> bool {
        let host = self.url.split_once("://").map_or(self.url.as_str(), |(_, host)| host);
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// A password for an engine: 32 random bytes in hexadecimal.
pub fn random_password() -> Result<String, getrandom::Error> {
    let mut bytes = [0; PASSWORD_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_environment() {
        let env = Env::of([("MEDTRACE_CLICKHOUSE_URL", "http://[::1]:8123/"), ("MEDTRACE_CLICKHOUSE_PASSWORD", "p")]);
        let config = StoreConfig::read(&env).unwrap();
        assert_eq!(
            config,
            StoreConfig {
                url: "http://[::1]:8123".into(),
                user: "default".into(),
                password: "p".into(),
                database: "medtrace".into(),
            }
        );
        assert!(config.is_loopback());
        assert!(!format!("{config:?}").contains("\"p\""));
    }

    #[test]
    fn refuses_what_is_no_base_url() {
        for url in ["", "127.0.0.1:8123", "http://", "http://user:password@host:1", "http://host:1/path"] {
            let error = StoreConfig::read(&Env::of([("MEDTRACE_CLICKHOUSE_URL", url)])).unwrap_err();
            assert_eq!(error.variable, "MEDTRACE_CLICKHOUSE_URL", "{url}");
        }
    }

    #[test]
    fn knows_loopback() {
        let loopback =
            |url: &str| StoreConfig::read(&Env::of([("MEDTRACE_CLICKHOUSE_URL", url)])).unwrap().is_loopback();
        assert!(loopback("http://localhost:1") && loopback("http://127.0.0.9"));
        assert!(!loopback("http://10.0.0.1:8123") && !loopback("https://clickhouse.example:8443"));
    }
}
