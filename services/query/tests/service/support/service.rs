//! The query service on a port of its own, over a chain.

use std::time::Duration;

use medtrace_query::Config;
use medtrace_query::app::App;
use medtrace_query::config::{IngestUrls, Private};
use medtrace_query::run::router;
use medtrace_query::subscribe::clock::Clock;
use medtrace_service::tokens::{Caller, mint};
use medtrace_service::{ConfigError, Shutdown};
use medtrace_store::client::StoreConfig;
use prometheus_client::registry::Registry;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::chain::{Chain, START_MS};
use super::engine::{folder, store};

/// Longest wait for a block to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

const NO_TOKENS: &str = r#"{"tokens": []}"#;

pub struct Service {
    pub chain: Chain,
    pub app: App,
    pub url: String,
    pub http: reqwest::Client,
    tokens: std::path::PathBuf,
    shutdown: Shutdown,
    config: Config,
    /// The time by which subscriptions run, Unix milliseconds.
    pub time: watch::Sender<u64>,
}

impl Service {
    /// Over an empty chain.
    pub async fn start() -> Service {
        Service::start_with(IngestUrls {
            manufacturer: nowhere().await,
            distributor: nowhere().await,
            hospital: nowhere().await,
        })
        .await
    }

    /// Over a store that is away.
    pub async fn start_blind() -> Service {
        let away = StoreConfig { url: nowhere().await, ..store().await };
        let ingest = nowhere().await;
        let urls = IngestUrls { manufacturer: ingest.clone(), distributor: ingest.clone(), hospital: ingest };
        Service::start_over(away, urls).await
    }

    pub async fn start_with(ingest: IngestUrls) -> Service {
        let service = Service::start_over(store().await, ingest).await;
        service.app.view.changes().wait_for(|now| now.caught_up).await.expect("the view follows");
        service
    }

    async fn start_over(store: StoreConfig, ingest: IngestUrls) -> Service {
        let chain = Chain::new(store.client());
        let database = store.database.clone();
        let tokens = folder(&database).join("tokens.json");
        std::fs::write(&tokens, NO_TOKENS).unwrap();
        let config = Config {
            store,
            kafka: "127.0.0.1:1".into(),
            genesis: chain.genesis.clone(),
            genesis_note: chain.genesis_note.clone(),
            archive: None,
            tokens: tokens.clone(),
            ingest,
            utc_offset: "+08:00".parse().unwrap(),
            data: folder(&database).join("data"),
            webhook_private: Private::Allow,
            listen: ([127, 0, 0, 1], 0).into(),
            admin: ([127, 0, 0, 1], 0).into(),
        };
        Service::run(chain, config, watch::Sender::new(START_MS)).await
    }

    async fn run(chain: Chain, config: Config, time: watch::Sender<u64>) -> Service {
        let shutdown = Shutdown::new();
        let clock = Clock::manual(time.subscribe());
        let app = App::open(config.clone(), &mut Registry::default(), clock, shutdown.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = router(app.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Service { chain, app, url, http, tokens: config.tokens.clone(), shutdown, config, time }
    }

    /// Ends it, lets something happen meanwhile, and starts another over the same chain and folder.
    pub async fn restart(mut self, change: impl FnOnce(&mut Config)) -> Service {
        self.shutdown.cancel();
        self.app.book.end().await;
        let (mut config, time) = (self.config.clone(), self.time.clone());
        change(&mut config);
        let empty = Chain::new(config.store.client());
        let chain = std::mem::replace(&mut self.chain, empty);
        let service = Service::run(chain, config, time).await;
        service.app.view.changes().wait_for(|now| now.caught_up).await.expect("the view follows");
        service
    }

    /// Ends it, and why another cannot start over the same folder.
    pub async fn refuses_to_start(self) -> ConfigError {
        self.shutdown.cancel();
        self.app.book.end().await;
        let started = App::open(self.config.clone(), &mut Registry::default(), Clock::real(), Shutdown::new());
        started.err().expect("it starts").downcast().unwrap()
    }

    /// Waits until answers reflect this block, and its checkpoint is known.
    pub async fn reflects(&self, height: u64) {
        self.app.view.at_least(height, PATIENCE).await.expect("the view follows");
        self.app.checkpoints.offer(&self.chain.checkpoint()).unwrap();
    }

    /// A new token of a party.
    pub fn token(&self, party: &str) -> String {
        let caller = Caller { party: party.into(), operator: "op".into(), device: "dev".into() };
        mint(&self.tokens, &caller, 0).unwrap()
    }

    /// Takes all tokens out of the file.
    pub fn revoke_tokens(&self) {
        std::fs::write(&self.tokens, NO_TOKENS).unwrap();
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    /// The JSON of an answer with this status.
    pub async fn json(&self, status: u16, path: &str) -> Value {
        answered(status, self.get(path).send().await.unwrap()).await
    }

    /// The text of an answer with this status.
    pub async fn text(&self, status: u16, path: &str) -> String {
        let answer = self.get(path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        answer.text().await.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// The JSON of an answer; errors must be problems.
pub async fn answered(status: u16, answer: Response) -> Value {
    let (found, url) = (answer.status().as_u16(), answer.url().clone());
    let media_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    let text = answer.text().await.unwrap();
    assert_eq!(found, status, "{url}: {text}");
    if status >= 400 {
        assert_eq!(media_type.as_deref(), Some("application/problem+json"), "{url}");
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
}

/// An address at which nobody listens.
async fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
