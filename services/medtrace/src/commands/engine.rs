//! `medtrace engine`: the embedded engines as processes of their own; started by the supervisor, not by people.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Subcommand;
use medtrace_service::{ConfigError, Env, Shutdown, life};
use medtrace_store::{
    client::USER_DEFAULT,
    engine::CONNECTIONS_DEFAULT,
    http::{self, Credentials, EndpointConfig},
};

use crate::stack::clickhouse_library;

#[derive(Debug, Subcommand)]
pub enum Engine {
    /// ClickHouse's HTTP protocol on loopback, in front of the embedded engine; configured by the environment
    Clickhouse,
}

/// What the endpoint needs to know.
struct Config {
    /// `MEDTRACE_LISTEN`: a loopback address.
    listen: SocketAddr,
    /// `MEDTRACE_DATA`: the engine's own folder.
    data: PathBuf,
    /// `MEDTRACE_CLICKHOUSE_USER`, `_PASSWORD`: whoever has them may do everything with the store.
    user: String,
    password: String,
    /// `MEDTRACE_CLICKHOUSE_LIBRARY`: path of `libchdb.so`; whoever controls it runs code here.
    library: PathBuf,
}

impl Engine {
    /// The whole `main` of the process.
    pub fn main(self) -> ExitCode {
        match self {
            Engine::Clickhouse => life::main("clickhouse", Config::read, clickhouse),
        }
    }
}

impl Config {
    fn read(env: &Env) -> Result<Config, ConfigError> {
        Ok(Config {
            listen: env.required("MEDTRACE_LISTEN")?,
            data: env.own_folder("MEDTRACE_DATA")?,
            user: env.or("MEDTRACE_CLICKHOUSE_USER", USER_DEFAULT)?,
            password: env.required("MEDTRACE_CLICKHOUSE_PASSWORD")?,
            library: clickhouse_library(env)?,
        })
    }
}

async fn clickhouse(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let endpoint = EndpointConfig {
        library: config.library,
        data: config.data,
        listener: life::bind("public", config.listen).await?,
        credentials: Credentials::new(config.user, &config.password),
        connections: CONNECTIONS_DEFAULT,
    };
    Ok(http::run(endpoint, shutdown.cancelled_owned()).await?)
}
