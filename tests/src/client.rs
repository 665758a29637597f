//! HTTP as a test sees it: any status is an answer, and says itself when it is not the expected one.

use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

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

    /// Posts a body that may not be wanted: it is sent only once the server says `100 Continue` (RFC 9110, section
    /// 10.1.1), as clients of large bodies do.
    pub async fn post_if_wanted(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> anyhow::Result<Answer> {
        let asked = format!("POST {path}");
        let host = self.base.strip_prefix("http://").context("a base URL is http://HOST")?;
        let mut head = format!("{asked} HTTP/1.1\r\nhost: {host}\r\nexpect: 100-continue\r\nconnection: close\r\n");
        let token = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let token = token.as_deref().map(|token| ("authorization", token));
        for (name, value) in headers.iter().copied().chain(token) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let exchange = async {
            let mut server = TcpStream::connect(host).await?;
            server.write_all(head.as_bytes()).await?;
            let mut answer = Vec::new();
            while !answer.windows(4).any(|bytes| bytes == b"\r\n\r\n") && server.read_buf(&mut answer).await? > 0 {}
            if let Some(rest) = answer.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n") {
                answer = rest.to_vec();
                // Whoever changes its mind in the middle answers all the same.
                let _ = server.write_all(body).await;
            }
            let _ = server.read_to_end(&mut answer).await;
            anyhow::Ok(answer)
        };
        let answer = timeout(Duration::from_millis(ANSWER_MS_MAX), exchange).await.context("no answer in time")??;
        read_answer(asked, &answer)
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

/// A whole HTTP/1.1 answer whose body ends with the connection, or has a length.
fn read_answer(asked: String, bytes: &[u8]) -> anyhow::Result<Answer> {
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let end = end.with_context(|| format!("{asked} was not answered"))?;
    let head = std::str::from_utf8(&bytes[..end])?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let headers = head.lines().skip(1).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.parse::<HeaderName>().ok()?, value.trim().parse().ok()?))
    });
    let body = bytes[end + 4..].to_vec();
    let status = status.with_context(|| format!("{asked} was answered without a status"))?;
    Ok(Answer { asked, status, headers: headers.collect(), body })
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
