//! The query service on a port of its own, over a chain.

use std::time::Duration;

use medtrace_query::Config;
use medtrace_query::app::App;
use medtrace_query::config::IngestUrls;
use medtrace_query::run::router;
use medtrace_service::Shutdown;
use medtrace_service::tokens::{Caller, mint};
use medtrace_store::client::StoreConfig;
use prometheus_client::registry::Registry;
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use super::chain::Chain;
use super::engine::{folder, store};

/// Longest wait for a block to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Service {
    pub chain: Chain,
    pub app: App,
    pub url: String,
    pub http: reqwest::Client,
    tokens: std::path::PathBuf,
    shutdown: Shutdown,
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
        let tokens = folder(&store.database).join("tokens.json");
        std::fs::write(&tokens, r#"{"tokens": []}"#).unwrap();
        let config = Config {
            store,
            kafka: "127.0.0.1:1".into(),
            genesis: chain.genesis.clone(),
            genesis_note: chain.genesis_note.clone(),
            tokens: tokens.clone(),
            ingest,
            utc_offset: "+08:00".parse().unwrap(),
            listen: ([127, 0, 0, 1], 0).into(),
            admin: ([127, 0, 0, 1], 0).into(),
        };
        let shutdown = Shutdown::new();
        let app = App::open(config, &mut Registry::default(), shutdown.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = router(app.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Service { chain, app, url, http, tokens, shutdown }
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
