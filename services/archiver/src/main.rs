//! The archiver's process: see the library.

use std::process::ExitCode;
use std::sync::Arc;

use medtrace_archiver::{Config, Metrics, Status, run};
use medtrace_service::{Shutdown, admin, life};
use prometheus_client::registry::Registry;

fn main() -> ExitCode {
    life::main("archiver", Config::read, work)
}

async fn work(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    let (metrics, status) = (Metrics::register(&mut registry), Arc::new(Status::default()));
    let listener = life::bind("admin", config.admin).await?;
    let asked = status.clone();
    let serving = admin::serve(listener, registry, move || asked.readiness(), shutdown.clone());
    let keeping = run(&config, &metrics, &status, shutdown);
    tokio::try_join!(serving, async { Ok(keeping.await?) })?;
    Ok(())
}
