//! What every handler has at hand, and how its failures are answered.

use std::sync::Arc;

use anyhow::Context;
use clickhouse::Client;
use clickhouse::error::Error;
use medtrace_service::client::machine_tls;
use medtrace_service::tokens::Tokens;
use medtrace_service::{ConfigError, Kind, Problem, Shutdown};
use medtrace_store::read::TooMuch;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use crate::api::socket::SOCKETS_MAX;
use crate::callers::Callers;
use crate::checkpoints::Checkpoints;
use crate::config::{Config, Private};
use crate::forward::Forward;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::proof::Keys;
use crate::requests;
use crate::subscribe::address::Guard;
use crate::subscribe::book::Book;
use crate::subscribe::clock::Clock;
use crate::subscribe::feed::{READERS_MAX, Source};
use crate::subscribe::send::Sender;
use crate::subscribe::worker::{DELIVERIES_AT_ONCE, RETRIES_AT_ONCE, Tools};
use crate::view::View;

/// How long one statement may run in the store, seconds: it does not notice that nobody waits any more.
const STATEMENT_S_MAX: &str = "10";

/// The query service, shared by all requests.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub client: Client,
    pub view: View,
    /// What the chainer has signed.
    pub checkpoints: Checkpoints,
    /// The keys of the block that was last proven.
    pub keys: Keys,
    pub live: Live,
    /// Who may call.
    pub callers: Arc<Callers>,
    pub forward: Forward,
    pub metrics: Metrics,
    /// Named queries and subscriptions.
    pub book: Book,
    /// Room for WebSockets.
    pub sockets: Arc<Semaphore>,
    pub shutdown: Shutdown,
}

impl App {
    /// Starts to follow the store. Checkpoints come from whoever follows their topic.
    /// Subscriptions run by this clock.
    pub fn open(config: Config, metrics: &mut Registry, clock: Clock, shutdown: Shutdown) -> anyhow::Result<App> {
        let tokens = Tokens::open(&config.tokens).map_err(|e| ConfigError::new("MEDTRACE_TOKENS", e))?;
        let client = config.store.client().with_setting("max_execution_time", STATEMENT_S_MAX);
        let view = View::follow(client.clone(), &config.genesis, shutdown.clone());
        let callers = Arc::new(Callers::new(tokens, view.clone()));
        let forward = Forward::open(config.ingest.clone()).context("failed to set up forwarding")?;
        let metrics = Metrics::register(metrics);
        let guard = Guard::new(config.webhook_private == Private::Allow);
        let tools = Tools {
            source: Source {
                client: client.clone(),
                view: view.clone(),
                clock,
                offset: config.utc_offset,
                readers: Semaphore::new(READERS_MAX),
            },
            sender: Sender::new(guard, machine_tls().context("failed to set up webhooks")?),
            callers: callers.clone(),
            metrics: metrics.clone(),
            healthy: Semaphore::new(DELIVERIES_AT_ONCE),
            retrying: Semaphore::new(RETRIES_AT_ONCE),
        };
        let book = Book::open(&config.data, tools, shutdown.clone());
        let book = book.map_err(|reason| ConfigError::new("MEDTRACE_DATA", reason))?;
        Ok(App {
            checkpoints: Checkpoints::new(config.genesis.clone(), &config.data),
            keys: Keys::default(),
            live: Live::new(client.clone(), view.clone(), shutdown.clone()),
            callers,
            forward,
            metrics,
            book,
            sockets: Arc::new(Semaphore::new(SOCKETS_MAX)),
            shutdown,
            config: Arc::new(config),
            client,
            view,
        })
    }
}

/// The store did not answer: nothing was asked of it that could be wrong, so the same question may be asked again. Unless
/// it asks for too much.
pub fn store_failed(error: clickhouse::error::Error) -> Problem {
    if let Error::Other(other) = &error
        && let Some(too_much) = other.downcast_ref::<TooMuch>()
    {
        return Kind::QueryTooLarge.because(format!("{too_much}; ask for less"));
    }
    requests::because(format!("{:#}", anyhow::Error::from(error)));
    Kind::Unavailable.because("the store did not answer; ask again")
}

/// A thread panicked while it held the registry or the header log.
pub fn poisoned<T>(_: T) -> Problem {
    Kind::Implementation.because("the view is broken; the service must be started again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_not_answered_with_ask_again() {
        let problem = store_failed(TooMuch("more than 200000 facts for one question".to_owned()).into());
        assert_eq!((problem.status, &*problem.name), (413, "epcisException:QueryTooLargeException"));
        assert_eq!(problem.detail, "more than 200000 facts for one question; ask for less");
        assert_eq!(store_failed(Error::TimedOut).status, 503);
    }
}
