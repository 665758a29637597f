//! HTTP as a test sees it: any status is an answer, and says itself when it is not the expected one.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{Method, header::HeaderMap};
use serde_json::Value;

/// Longest wait for one answer, in milliseconds.
const ANSWER_MS_MAX: u64 = 60_000;

/// A client of one service, with or without a token.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    token: Option<String>,
}

/// An answer of any status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `POST /v1/scans`, to name it when it is not what was expected.
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(base: &str, token: Option<&str>) -> anyhow::Result<Client> {
        let http = reqwest::Client::builder().timeout(Duration::from_millis(ANSWER_MS_MAX)).build()?;
        Ok(Client { http, base: base.to_owned(), token: token.map(str::to_owned) })
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, |request| request.query(query)).await
    }

    /// A good answer's JSON.
    pub async fn ask(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        self.get(path, query).await?.good()
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.post_bytes(path, "application/json", body.to_string().into_bytes()).await
    }

    pub async fn post_bytes(&self, path: &str, media_type: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, |request| request.header("content-type", media_type).body(body)).await
    }

    /// Any request, for those that no method above makes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        with: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> anyhow::Result<Answer> {
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let failed = || format!("failed to send {asked} to {}", self.base);
        let answer = with(request).send().await.with_context(failed)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.with_context(failed)?.to_vec();
        Ok(Answer { asked, status, headers, body })
    }

    /// The body of a stream, as it comes.
    pub async fn stream(&self, path: &str, last_event_id: Option<&str>) -> anyhow::Result<reqwest::Response> {
        // Without a total timeout: the stream stays open.
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.base));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Ok(request.send().await?.error_for_status()?)
    }
}

impl Answer {
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("{} answered no JSON: {}", self.asked, self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of a 2xx; anything else is an error that shows the answer.
    pub fn good(&self) -> anyhow::Result<Value> {
        match self.status {
            200..=299 => self.json(),
            status => bail!("{} answered {status}: {}", self.asked, self.text()),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// One line a violation, `code path`, in the order given; to be compared with a table.
    pub fn violations(&self) -> Vec<String> {
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let word = |violation: &Value, name: &str| violation[name].as_str().unwrap_or_default().to_owned();
        let errors = problem["errors"].as_array().into_iter().flatten();
        errors.map(|violation| format!("{} {}", word(violation, "code"), word(violation, "path"))).collect()
    }
}
