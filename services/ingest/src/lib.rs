//! The ingest services: what factories, logistics firms and hospitals say, admitted, signed and put into the log.
//!
//! In scope: HTTP in ([`http`]), admission ([`admit`], pure), group commit ([`group`]), capture jobs ([`jobs`]), the view of
//! parties and keys that the chain gives ([`view`]). Three binaries over this one library, told apart by [`service`].
//!
//! Out of scope: what an event means and what follows from it (`medtrace-event`, `medtrace-timeline`), the rights
//! themselves (`medtrace-registry`), sealing into blocks (the chainer), every question (the query service).
//!
//! ```text
//! size → decode → identifiers → may this party say this → group or job → note → append ─ acknowledged ─▶ receipt
//! ```

pub mod admit;
mod config;
pub mod group;
pub mod http;
mod index;
pub mod jobs;
pub mod log;
mod metrics;
mod refused;
pub mod seal;
mod service;
pub mod view;
mod who;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use medtrace_ledger::{Genesis, KeyName, PartyId, SigningKey};
use medtrace_service::{
    ConfigError, Shutdown,
    admin::{self, Readiness},
    keys::{Keyring, Protection},
    life,
    tokens::Tokens,
};
use prometheus_client::registry::Registry as MetricsRegistry;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

pub use config::Config;
pub use metrics::Metrics;
pub use service::{DISTRIBUTOR, HOSPITAL, MANUFACTURER, SERVICES, Service};
pub use who::Pseudonyms;

use group::{Groups, Shared};
use jobs::{Index, Jobs};
use log::{AppendError, KafkaLog, Log};
use seal::{Consortium, Receipts};
use view::View;

/// Everything a request needs.
pub struct App {
    pub service: Service,
    pub consortium: Consortium,
    pub tokens: Tokens,
    pub pseudonyms: Pseudonyms,
    pub view: Arc<View>,
    pub groups: Groups,
    pub jobs: Jobs,
    pub metrics: Metrics,
    shared: Arc<Shared>,
    /// Bytes of bodies in memory that may still come.
    bodies: Arc<Semaphore>,
    /// Bytes of documents that may still arrive on disk.
    arriving: Arc<Semaphore>,
}

/// What stands at the edges of an [`App`]: the real things in a process, tables in tests.
pub struct Edges {
    pub log: Arc<dyn Log>,
    pub index: Arc<dyn Index>,
    /// Unix milliseconds.
    pub clock: fn() -> u64,
    /// Told when this process must end.
    pub fatal: Box<dyn Fn(AppendError) + Send + Sync>,
}

/// What an [`App`] is made from besides its edges.
pub struct Parts<'a> {
    pub service: Service,
    pub genesis: &'a Genesis,
    /// The service's own key.
    pub name: KeyName,
    pub tokens: &'a Path,
    pub keys: &'a Path,
    /// What opens keys that are encrypted.
    pub protection: Protection,
    pub data: &'a Path,
    pub view: Arc<View>,
}

impl App {
    /// Reads keys and tokens and goes on with spooled jobs.
    pub fn open(
        parts: Parts<'_>,
        edges: Edges,
        metrics: &mut MetricsRegistry,
        shutdown: Shutdown,
    ) -> anyhow::Result<App> {
        let Parts { service, genesis, name, tokens, keys, protection, data, view } = parts;
        let ring =
            Keyring::open(keys, protection.clone()).map(Arc::new).map_err(|e| ConfigError::new("MEDTRACE_KEYS", e))?;
        let pseudonyms =
            Pseudonyms::open(keys, &ring, &protection).map_err(|e| ConfigError::new("MEDTRACE_KEYS", e))?;
        let own = ring.of(&name).into_iter().next().ok_or_else(|| {
            ConfigError::new("MEDTRACE_KEYS", format!("{} holds no key {name} to sign receipts with", keys.display()))
        })?;
        let tokens = Tokens::open(tokens).map_err(|e| ConfigError::new("MEDTRACE_TOKENS", e))?;
        let consortium = Consortium::from(genesis);
        let metrics = Metrics::register(metrics);
        let hosted = {
            let view = view.clone();
            Box::new(move |party: &PartyId| valid_key(&ring, &view, party))
        };
        let shared = Arc::new(Shared {
            consortium: consortium.clone(),
            log: edges.log,
            receipts: Receipts { origin: consortium.origin.clone(), signer: own },
            hosted,
            clock: edges.clock,
            metrics: metrics.clone(),
            fatal: edges.fatal,
        });
        let jobs = Jobs::open(data, shared.clone(), service, view.clone(), edges.index, shutdown)
            .with_context(|| format!("failed to open the jobs in {}", data.display()))?;
        let groups = Groups::new(shared.clone());
        let [bodies, arriving] =
            [http::BODIES_BYTES_MAX, http::ARRIVING_BYTES_MAX].map(|bytes| Arc::new(Semaphore::new(bytes)));
        Ok(App { service, consortium, tokens, pseudonyms, view, groups, jobs, metrics, shared, bodies, arriving })
    }

    fn now_ms(&self) -> u64 {
        (self.shared.clock)()
    }

    fn hosted_key(&self, party: &PartyId) -> Option<SigningKey> {
        (self.shared.hosted)(party)
    }

    /// For `/readyz`: parties are judged by the chain's present, nothing has stopped following it, and its clock is ours.
    pub fn readiness(&self) -> Readiness {
        let mut details = self.view.details();
        let ahead_ms = self.view.ahead_ms(self.now_ms());
        details["jobs_running"] = self.jobs.running().into();
        details["ahead_seconds"] = ahead_ms.map_or(0, |ahead_ms| ahead_ms / 1_000).into();
        self.metrics.height.set(self.view.height().map_or(-1, u64::cast_signed));
        Readiness::new(self.view.caught_up() && ahead_ms.is_none(), details)
    }
}

/// The party's first key in the folder that the chain holds valid at this moment.
fn valid_key(ring: &Keyring, view: &View, party: &PartyId) -> Option<SigningKey> {
    let registry = view.registry();
    let valid = |key: &SigningKey| registry.now().key_valid(party, &key.public());
    ring.of(&party.clone().into()).into_iter().map(|signer| signer.key).find(valid)
}

/// Binds, then runs until the shutdown: what the three binaries do.
pub async fn main(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let admin = life::bind("admin", config.admin).await?;
    let public = life::bind("public", config.listen).await?;
    run(public, admin, config, shutdown).await
}

/// Serves on bound listeners until the shutdown, or until something happens after which this process must not go on.
pub async fn run(public: TcpListener, admin: TcpListener, config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let view = Arc::new(View::new(&config.genesis));
    let (tell_fatal, mut fatal) = mpsc::channel(1);
    let edges = Edges {
        log: Arc::new(KafkaLog::open(&config.kafka).await?),
        index: Arc::new(index::QueryIndex::new(&config.query)?),
        clock: medtrace_service::unix_ms,
        fatal: Box::new(move |error| drop(tell_fatal.try_send(error))),
    };
    let parts = Parts {
        service: config.service,
        genesis: &config.genesis,
        name: config.key_name(),
        tokens: &config.tokens,
        keys: &config.keys,
        protection: config.protection.clone(),
        data: &config.data,
        view: view.clone(),
    };
    let mut metrics = MetricsRegistry::default();
    let app = Arc::new(App::open(parts, edges, &mut metrics, shutdown.clone())?);
    let ready = app.clone();
    let served = async {
        tokio::try_join!(
            life::serve(public, http::router(app.clone()), shutdown.clone()),
            admin::serve(admin, metrics, move || ready.readiness(), shutdown.clone()),
            view::follow(&config.kafka, config.archive.as_ref(), &view, shutdown.clone()),
        )?;
        // What was taken is carried out before the process ends.
        app.groups.drain().await;
        anyhow::Ok(())
    };
    tokio::select! {
        ended = served => ended,
        Some(error) = fatal.recv() => Err(error.into()),
    }
}
