//! The process: what is wired to what, readiness, life.

use std::sync::Arc;
use std::time::Duration;

use medtrace_ledger::vkey::KeyUse;
use medtrace_service::admin::{self, Readiness};
use medtrace_service::{Shutdown, life};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::alarms::Alarms;
use crate::api::{App, REQUESTS_MAX, router};
use crate::config::Config;
use crate::cosigner::Cosigner;
use crate::folder::{Folder, FolderError, Replace, replace};
use crate::follow::Following;
use crate::metrics::Metrics;
use crate::recomputed::Recomputed;

/// How often alarms that could not be written are tried again, milliseconds.
const KEEP_MS: u64 = 5_000;

/// A witness before it serves: what was kept is taken up, the folder is locked.
pub struct Witness {
    pub app: App,
    following: Option<Following>,
    registry: Registry,
}

impl Witness {
    /// Opens the folder.
    ///
    /// # Errors
    /// Where it is another process's, or does not hold what a witness wrote.
    pub fn open(config: Config, replace: Replace) -> Result<Witness, FolderError> {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let folder = Arc::new(Folder::open(&config.data, replace)?);
        let alarms = Arc::new(Alarms::open(folder.clone(), config.genesis.clone())?);
        let cosigner = Arc::new(Cosigner::open(folder, config.logs, &config.keys)?);
        let own = config.genesis.origin.to_string();
        metrics.size.set(cosigner.latest(&own).map_or(0, |latest| latest.size.cast_signed()));
        let full = config.kafka.is_some() || config.archive.is_some();
        let following = full.then(|| Following {
            cluster: config.kafka,
            archive: config.archive,
            recomputed: Arc::new(Recomputed::new(own.clone(), alarms.clone())),
            genesis: config.genesis,
            cosigner: cosigner.clone(),
            alarms: alarms.clone(),
            metrics: metrics.clone(),
        });
        let full = following.as_ref().map(|following| (own.clone(), following.recomputed.clone()));
        let room = Arc::new(Semaphore::new(REQUESTS_MAX));
        Ok(Witness { app: App { cosigner, alarms, full, own, metrics, room }, following, registry })
    }

    /// Serves and follows until the shutdown.
    ///
    /// # Errors
    /// Where a listener fails.
    pub async fn run(self, listener: TcpListener, admin: TcpListener, shutdown: Shutdown) -> anyhow::Result<()> {
        let Witness { app, following, registry } = self;
        tracing::info!(
            vkey = app.cosigner.verifier().vkey(KeyUse::Cosignature),
            full = following.is_some(),
            "witnessing"
        );
        let (asked, until) = (app.clone(), shutdown.clone());
        let following = async move {
            match following {
                Some(following) => following.run(until).await,
                None => until.cancelled_owned().await,
            }
            Ok(())
        };
        tokio::try_join!(
            life::serve(listener, router(app.clone()), shutdown.clone()),
            admin::serve(admin, registry, move || readiness(&asked), shutdown.clone()),
            following,
            watch_alarms(app, shutdown.clone()),
        )?;
        Ok(())
    }
}

/// Ready: has found nothing wrong and, if it is a full witness, has recomputed what the log signs.
pub fn readiness(app: &App) -> Readiness {
    let (alarms, size) = (app.alarms.count(), app.cosigner.latest(&app.own).map(|latest| latest.size));
    let recomputed = app.full.as_ref().map(|(_, recomputed)| recomputed);
    let ahead = recomputed.and_then(|recomputed| recomputed.ahead());
    let details = json!({
        "alarms": alarms,
        "size": size,
        "recomputed": recomputed.map(|recomputed| recomputed.size()),
        "signed_beyond": ahead.map(|(size, _)| size),
        "signed_beyond_seconds": ahead.map(|(_, since_s)| since_s),
    });
    Readiness::new(alarms == 0 && recomputed.is_none_or(|recomputed| recomputed.is_ready()), details)
}

async fn watch_alarms(app: App, shutdown: Shutdown) -> anyhow::Result<()> {
    while !shutdown.is_cancelled() {
        app.metrics.alarms.set(i64::try_from(app.alarms.count()).unwrap_or(i64::MAX));
        let alarms = app.alarms.clone();
        tokio::task::spawn_blocking(move || alarms.keep()).await?;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = sleep(Duration::from_millis(KEEP_MS)) => {}
        }
    }
    Ok(())
}

/// Binds both ports and runs.
///
/// # Errors
/// Where the folder or a port cannot be used.
pub async fn main(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let (listen, admin) = (config.listen, config.admin);
    let witness = Witness::open(config, replace())?;
    let listener = life::bind("public", listen).await?;
    let admin = life::bind("admin", admin).await?;
    witness.run(listener, admin, shutdown).await
}
