//! Which processes a stack has, and what each is told: the environment of every process in one place.
//!
//! ```text
//! kafka ┐
//!       ├─▶ topics ─▶ chainer, witness ─▶ archiver, indexer ─▶ manufacturer, distributor, hospital ─▶ query
//! clickhouse ┘
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use medtrace_ledger::Origin;
use medtrace_log::embedded::NodeSettings;

use super::{
    Layout, Settings,
    deployed::kafka_libs,
    endpoints::Endpoints,
    founding::{genesis, witness_name},
    ports::{INGEST, PROCESSES, Ports, WITNESS, admin_urls, loopback, url},
    process::{Launch, Program},
};

/// The only user of the embedded ClickHouse.
const CLICKHOUSE_USER: &str = "default";
/// The database of all tables.
const CLICKHOUSE_DATABASE: &str = "medtrace";

/// Everything about a stack that is known before it starts.
pub struct Plan {
    pub layout: Layout,
    pub ports: Ports,
    pub endpoints: Endpoints,
    /// Kafka and ClickHouse are this stack's own processes.
    pub own_kafka: bool,
    pub own_clickhouse: bool,
    /// Archived events are removed from Kafka.
    removing: bool,
    binaries: PathBuf,
    password: String,
    origin: Origin,
}

impl Plan {
    /// Decides from the settings and this process's environment. The folder is laid out already.
    pub fn new(settings: &Settings, layout: Layout, ports: Ports) -> anyhow::Result<Plan> {
        let outside = &settings.outside;
        let public = |process| ports.public(process).map(url).unwrap_or_default();
        let password_file = layout.password();
        let endpoints = Endpoints {
            query: public("query"),
            manufacturer: public("manufacturer"),
            distributor: public("distributor"),
            hospital: public("hospital"),
            witness: public(WITNESS),
            kafka: match &outside.kafka {
                Some(servers) => servers.clone(),
                None => loopback(ports.kafka()).to_string(),
            },
            clickhouse: match &outside.clickhouse_url {
                Some(url) => url.clone(),
                None => url(ports.clickhouse()),
            },
            clickhouse_user: match (&outside.clickhouse_url, &outside.clickhouse_user) {
                (Some(_), Some(user)) => user.clone(),
                _ => CLICKHOUSE_USER.to_owned(),
            },
            clickhouse_password_file: password_file.clone(),
            clickhouse_database: match (&outside.clickhouse_url, &outside.clickhouse_database) {
                (Some(_), Some(database)) => database.clone(),
                _ => CLICKHOUSE_DATABASE.to_owned(),
            },
            genesis: layout.genesis(),
            tokens: layout.tokens(),
            token_folder: layout.token_folder(),
            archive: layout.archive(),
            logs: layout.logs(),
            admin: admin_urls(ports.base()),
            pids: [("medtrace".to_owned(), std::process::id())].into(),
        };
        let password = match &outside.clickhouse_url {
            Some(_) => outside.clickhouse_password.clone().unwrap_or_default(),
            None => fs::read_to_string(&password_file).context("failed to read ClickHouse's password")?,
        };
        Ok(Plan {
            own_kafka: outside.kafka.is_none(),
            own_clickhouse: outside.clickhouse_url.is_none(),
            removing: std::env::var_os("MEDTRACE_RETENTION_DAYS").is_some(),
            binaries: binaries()?,
            ports,
            origin: genesis(&layout)?.origin,
            layout,
            endpoints,
            password,
        })
    }

    pub fn kafka(&self) -> anyhow::Result<Launch> {
        Ok(Launch::Kafka(NodeSettings {
            java: "java".into(),
            libs: kafka_libs()?,
            data: self.layout.own("kafka"),
            port: self.ports.kafka(),
            controller_port: self.ports.kafka_controller(),
            log: self.layout.log("kafka"),
            member: None,
            more: String::new(),
        }))
    }

    /// The endpoint of the embedded ClickHouse: a subcommand of this very tool.
    pub fn clickhouse(&self) -> Launch {
        Launch::Program(Program {
            path: self.binaries.join("medtrace"),
            arguments: vec!["engine".into(), "clickhouse".into()],
            environment: vec![
                ("MEDTRACE_DATA".into(), text(&self.layout.own("clickhouse"))),
                ("MEDTRACE_LISTEN".into(), loopback(self.ports.clickhouse()).to_string()),
                ("MEDTRACE_CLICKHOUSE_USER".into(), self.endpoints.clickhouse_user.clone()),
                ("MEDTRACE_CLICKHOUSE_PASSWORD".into(), self.password.clone()),
            ],
            log: self.layout.log("clickhouse"),
            ready: format!("{}/ping", self.endpoints.clickhouse),
        })
    }

    /// One of [`PROCESSES`].
    pub fn service(&self, process: &str) -> Launch {
        let Endpoints { clickhouse_user, clickhouse_database, .. } = &self.endpoints;
        let mut environment = vec![
            ("MEDTRACE_DATA", text(&self.layout.own(process))),
            ("MEDTRACE_KEYS", text(&self.layout.keys(process))),
            ("MEDTRACE_GENESIS", text(&self.layout.genesis())),
            ("MEDTRACE_KAFKA", self.endpoints.kafka.clone()),
        ];
        if let Some(port) = self.ports.admin(process) {
            environment.push(("MEDTRACE_ADMIN", loopback(port).to_string()));
        }
        if let Some(port) = self.ports.public(process) {
            environment.push(("MEDTRACE_LISTEN", loopback(port).to_string()));
            environment.push(("MEDTRACE_TOKENS", text(&self.layout.tokens())));
        }
        if matches!(process, "indexer" | "query") {
            environment.push(("MEDTRACE_CLICKHOUSE_URL", self.endpoints.clickhouse.clone()));
            environment.push(("MEDTRACE_CLICKHOUSE_USER", clickhouse_user.clone()));
            environment.push(("MEDTRACE_CLICKHOUSE_PASSWORD", self.password.clone()));
            environment.push(("MEDTRACE_CLICKHOUSE_DATABASE", clickhouse_database.clone()));
        }
        if process == WITNESS {
            environment.push(("MEDTRACE_NAME", witness_name(&self.origin)));
        }
        if process == "chainer" {
            environment.push(("MEDTRACE_WITNESSES", format!("{WITNESS}={}", self.endpoints.witness)));
        }
        // Where Kafka does not keep everything, who reads from the first block on reads the archive.
        let from_archive = self.removing && ["indexer", WITNESS].contains(&process);
        if matches!(process, "archiver" | "query") || from_archive {
            environment.push(("MEDTRACE_ARCHIVE", text(&self.layout.archive())));
        }
        if INGEST.contains(&process) {
            environment.push(("MEDTRACE_QUERY_URL", self.endpoints.query.clone()));
        }
        if process == "query" {
            environment.push(("MEDTRACE_MANUFACTURER_URL", self.endpoints.manufacturer.clone()));
            environment.push(("MEDTRACE_DISTRIBUTOR_URL", self.endpoints.distributor.clone()));
            environment.push(("MEDTRACE_HOSPITAL_URL", self.endpoints.hospital.clone()));
        }
        let admin = self.endpoints.admin.get(process).map_or("", String::as_str);
        // A witness that has raised an alarm stays unready for ever; what it saw must be looked into with everything else up.
        let probe = if process == WITNESS { "livez" } else { "readyz" };
        Launch::Program(Program {
            path: self.binaries.join(process),
            arguments: Vec::new(),
            environment: environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            log: self.layout.log(process),
            ready: format!("{admin}/{probe}"),
        })
    }
}

/// The folder of the running executable: all binaries of one build lie side by side.
fn binaries() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("failed to find the running executable")?;
    let folder = this.parent().map(Path::to_owned).unwrap_or_default();
    for binary in PROCESSES.into_iter().chain(["medtrace"]) {
        let binary = folder.join(binary);
        anyhow::ensure!(binary.is_file(), "{} is missing; build the whole workspace", binary.display());
    }
    Ok(folder)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
