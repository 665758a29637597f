//! From start to ordered end: the whole `main` of a service is one call of [`main`].
//!
//! ```text
//! config wrong            one line on stderr, exit 78
//! SIGTERM or SIGINT       the shutdown token is cancelled; the work has SHUTDOWN_GRACE_MS to return; exit 0
//! the grace has passed    exit 1
//! a second signal         exit 1 at once
//! the work fails          one error line with its causes, exit 1
//! ```

use std::{
    future::{Future, IntoFuture},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    Shutdown,
    config::{ConfigError, EXIT_CONFIG, Env},
    logging,
};

/// What the work has to come to an end after the first signal, in milliseconds.
pub const SHUTDOWN_GRACE_MS: u64 = 10_000;
/// What open HTTP requests have to be answered after the shutdown began, in milliseconds.
pub const HTTP_GRACE_MS: u64 = 5_000;

/// Reads the configuration, starts logging and the runtime, does the work until it ends or a signal comes.
///
/// `work` gets the configuration and the shutdown token; it returns soon after the token is cancelled. A
/// [`ConfigError`] anywhere among its error's causes ends the process like a wrong variable does.
pub fn main<C, W>(
    process: &'static str,
    read: impl FnOnce(&Env) -> Result<C, ConfigError>,
    work: impl FnOnce(C, Shutdown) -> W,
) -> ExitCode
where
    W: Future<Output = anyhow::Result<()>>,
{
    let env = Env::real();
    let config = match logging::start(&env).and_then(|()| read(&env)) {
        Ok(config) => config,
        Err(wrong) => return misconfigured(process, &wrong),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(process, &error.into()),
    };
    let outcome = runtime.block_on(async {
        let shutdown = Shutdown::new();
        let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(obey(signals, shutdown.clone()));
        within_grace(work(config, shutdown.clone()), shutdown).await
    });
    // Blocking threads (file reads, native clients) must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(100));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.chain().find_map(|cause| cause.downcast_ref::<ConfigError>()) {
            Some(wrong) => misconfigured(process, wrong),
            None => failed(process, &error),
        },
    }
}

/// Binds and writes the one fixed line that tests and scripts read: message `listening`, `port` = `what`
/// (`public`, `admin` …), `listening` = the address really bound.
pub async fn bind(what: &'static str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address} ({what})"))?;
    tracing::info!(port = what, listening = %listener.local_addr()?, "listening");
    Ok(listener)
}

/// Serves until the shutdown, then lets open requests end for [`HTTP_GRACE_MS`].
pub async fn serve(listener: TcpListener, router: Router, shutdown: Shutdown) -> anyhow::Result<()> {
    let begun = shutdown.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    tokio::select! {
        ended = server.into_future() => ended.context("failed to serve HTTP"),
        // An idle keep-alive or an endless stream is cut rather than waited for.
        () = async { begun.cancelled().await; tokio::time::sleep(Duration::from_millis(HTTP_GRACE_MS)).await } => Ok(()),
    }
}

/// Cancels the token at the first signal and ends the process at the second.
async fn obey((mut terminate, mut interrupt): (Signal, Signal), shutdown: Shutdown) {
    for second in [false, true] {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        if second {
            tracing::error!("ended at once by a second signal");
            std::process::exit(1);
        }
        tracing::info!("shutting down");
        shutdown.cancel();
    }
}

async fn within_grace(work: impl Future<Output = anyhow::Result<()>>, shutdown: Shutdown) -> anyhow::Result<()> {
    tokio::select! {
        ended = work => ended,
        () = async { shutdown.cancelled().await; tokio::time::sleep(Duration::from_millis(SHUTDOWN_GRACE_MS)).await } =>
            anyhow::bail!("failed to end within {SHUTDOWN_GRACE_MS} ms"),
    }
}

fn misconfigured(process: &str, wrong: &ConfigError) -> ExitCode {
    eprintln!("{process}: bad configuration: {wrong}");
    ExitCode::from(EXIT_CONFIG)
}

fn failed(process: &str, error: &anyhow::Error) -> ExitCode {
    tracing::error!(process, error = format!("{error:#}"), "process ended by an error");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_ignores_the_shutdown_is_ended() {
        let shutdown = Shutdown::new();
        shutdown.cancel();
        let error = within_grace(std::future::pending(), shutdown).await.unwrap_err();
        assert_eq!(error.to_string(), "failed to end within 10000 ms");
    }

    #[tokio::test]
    async fn a_server_ends_with_the_token_and_was_bound_to_a_real_port() {
        let listener = bind("test", ([127, 0, 0, 1], 0).into()).await.unwrap();
        assert_ne!(listener.local_addr().unwrap().port(), 0);
        let shutdown = Shutdown::new();
        let served = tokio::spawn(serve(listener, Router::new(), shutdown.clone()));
        shutdown.cancel();
        served.await.unwrap().unwrap();
    }
}
