//! The index as the query service tells of it: `GET /v1/positions`.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;

use crate::jobs::{Index, Positions};

/// Longest wait for an answer, in milliseconds.
const ANSWER_MS: u64 = 5_000;

/// The query service at its URL.
pub struct QueryIndex {
    client: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    height: Option<u64>,
    #[serde(default)]
    positions: Topics,
}

#[derive(Deserialize, Default)]
struct Topics {
    #[serde(rename = "scan-events", default)]
    scan_events: Vec<u64>,
}

impl QueryIndex {
    pub fn new(base: &str) -> reqwest::Result<QueryIndex> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(ANSWER_MS)).build()?;
        Ok(QueryIndex { client, url: format!("{}/v1/positions", base.trim_end_matches('/')) })
    }

    async fn ask(&self) -> reqwest::Result<Positions> {
        let answer: Answer = self.client.get(&self.url).send().await?.error_for_status()?.json().await?;
        Ok(Positions { height: answer.height, scan_events: answer.positions.scan_events })
    }
}

impl Index for QueryIndex {
    fn positions(&self) -> BoxFuture<'_, Result<Positions, String>> {
        Box::pin(async { self.ask().await.map_err(|error| error.to_string()) })
    }
}
