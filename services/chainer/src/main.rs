//! The chainer's process: see the library.

use std::process::ExitCode;

use medtrace_chainer::{Config, Metrics, Status, run};
use medtrace_service::{Shutdown, admin, life};
use prometheus_client::registry::Registry;

fn main() -> ExitCode {
    life::main("chainer", Config::read, work)
}

async fn work(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let mut registry = Registry::default();
    let (metrics, status) = (Metrics::register(&mut registry), Status::default());
    let listener = life::bind("admin", config.admin).await?;
    let asked = status.clone();
    let serving = admin::serve(listener, registry, move || asked.readiness(), shutdown.clone());
    let sealing = run(&config, &metrics, &status, shutdown);
    tokio::try_join!(serving, async { Ok(sealing.await?) })?;
    Ok(())
}
