//! The real store, in a folder of its own.

use std::env;
use std::path::{Path, PathBuf};

use clickhouse::Client;
use medtrace_service::Shutdown;
use medtrace_store::client::StoreConfig;
use medtrace_store::http::{self, Credentials, EndpointConfig};
use tokio::net::TcpListener;

/// Where the engine's library is. Without it the test fails.
fn library() -> PathBuf {
    let installed = "../../deploy/clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";
    let path = env::var_os("MEDTRACE_CLICKHOUSE_LIBRARY")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(installed), PathBuf::from);
    assert!(path.is_file(), "the ClickHouse engine is not at {}: `make engines` fetches it", path.display());
    path
}

/// A folder that goes when the test has passed.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let path = env::temp_dir().join(format!("medtrace-indexer-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}

pub struct Engine {
    url: String,
    shutdown: Shutdown,
    ended: tokio::task::JoinHandle<()>,
}

impl Engine {
    pub async fn start(data: PathBuf) -> Engine {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = Shutdown::new();
        let endpoint = EndpointConfig {
            library: library(),
            data,
            listener,
            credentials: Credentials::new("default".to_owned(), "secret"),
            connections: 8,
        };
        let until = shutdown.clone().cancelled_owned();
        let ended = tokio::spawn(async move { http::run(endpoint, until).await.unwrap() });
        Engine { url, shutdown, ended }
    }

    pub fn client(&self, database: &str) -> Client {
        let (user, password) = ("default".to_owned(), "secret".to_owned());
        StoreConfig { url: self.url.clone(), user, password, database: database.to_owned() }.client()
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.ended.await.unwrap();
    }
}
