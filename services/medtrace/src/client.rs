//! The HTTP client of the services: one base URL, an optional bearer token, problem+json as errors.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use medtrace_service::Problem;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use tokio::{fs::File, time::sleep};

/// Longest wait for one answer, in milliseconds.
const ANSWER_MS_MAX: u64 = 60_000;
/// Longest wait for the answer to a file, in milliseconds: as long as a document of 256 MiB may take.
const FILE_MS_MAX: u64 = 3_900_000;
/// Longest wait for a connection, in milliseconds.
const CONNECT_MS_MAX: u64 = 5_000;
/// How often a request whose outcome is unknown, or for which there was no room, is sent again.
const REPEATS_MAX: u32 = 5;
/// Pause before the first repetition, in milliseconds; each further one is twice as long.
const REPEAT_PAUSE_MS: u64 = 250;

/// A client of one service.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// A body that can be sent again unchanged.
#[derive(Debug, Clone)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub media_type: &'static str,
}

impl Body {
    pub fn json(value: &Value) -> Body {
        Body { bytes: value.to_string().into_bytes(), media_type: "application/json" }
    }
}

/// Where the bytes of a body are.
enum Sent<'a> {
    Bytes(&'a [u8]),
    File(&'a Path),
}

impl Sent<'_> {
    async fn put_into(&self, request: RequestBuilder) -> anyhow::Result<RequestBuilder> {
        let path = match self {
            Sent::Bytes(bytes) => return Ok(request.body(bytes.to_vec())),
            Sent::File(path) => path,
        };
        let file = File::open(path).await.with_context(|| format!("failed to open {}", path.display()))?;
        let length = file.metadata().await?.len();
        let request = request.timeout(Duration::from_millis(FILE_MS_MAX));
        Ok(request.header(header::CONTENT_LENGTH, length).body(file))
    }
}

impl Client {
    pub fn new(base: &str, token: Option<String>) -> anyhow::Result<Client> {
        let http = reqwest::Client::builder()
            // Plain HTTP: a proxy of the environment would read the tokens.
            .no_proxy()
            .timeout(Duration::from_millis(ANSWER_MS_MAX))
            .connect_timeout(Duration::from_millis(CONNECT_MS_MAX))
            .build()
            .context("failed to set up HTTP")?;
        Ok(Client { http, base: base.trim_end_matches('/').to_owned(), token })
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let answer = self.send(self.request(Method::GET, path).query(query)).await?;
        accepted(answer).await?.json().await.context("failed to read the answer as JSON")
    }

    /// The answer with its headers, its body not read.
    pub async fn answer(&self, path: &str) -> anyhow::Result<Response> {
        accepted(self.send(self.request(Method::GET, path)).await?).await
    }

    /// As [`Client::get`]; `None` if there is no such thing (404).
    pub async fn find(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Option<Value>> {
        let answer = self.send(self.request(Method::GET, path).query(query)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = accepted(answer).await?;
        answer.json().await.map(Some).context("failed to read the answer as JSON")
    }

    /// An answer of text, and its status even if that is an error: the caller decides.
    pub async fn text(&self, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let answer = self.send(self.request(Method::GET, path)).await?;
        let status = answer.status();
        Ok((status, answer.text().await.context("failed to read the answer")?))
    }

    /// As [`Client::text`], of a question that is posted.
    pub async fn text_of(&self, path: &str, question: &Value) -> anyhow::Result<(StatusCode, String)> {
        let answer = self.send(self.request(Method::POST, path).json(question)).await?;
        let status = answer.status();
        Ok((status, answer.text().await.context("failed to read the answer")?))
    }

    pub async fn post_json(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.post(path, &Body::json(body)).await?;
        answer.json().await.context("failed to read the answer as JSON")
    }

    /// Posts a body whose repetition is harmless: after 429 and 503, and after a lost answer, the same bytes again.
    pub async fn post(&self, path: &str, body: &Body) -> anyhow::Result<Response> {
        self.repeated(path, Sent::Bytes(&body.bytes), body.media_type).await
    }

    /// The same with a file, which is sent as it is read.
    pub async fn post_file(&self, path: &str, file: &Path, media_type: &str) -> anyhow::Result<Response> {
        self.repeated(path, Sent::File(file), media_type).await
    }

    async fn repeated(&self, path: &str, sent: Sent<'_>, media_type: &str) -> anyhow::Result<Response> {
        let mut pause = Duration::from_millis(REPEAT_PAUSE_MS);
        for repeats in 0.. {
            let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, media_type);
            let answer = self.send(sent.put_into(request).await?).await;
            let again = match &answer {
                Ok(answer) => {
                    matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
                }
                Err(_) => true,
            };
            if !again || repeats == REPEATS_MAX {
                return accepted(answer?).await;
            }
            sleep(pause).await;
            pause *= 2;
        }
        bail!("failed to send to {path}")
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let asked = || format!("failed to reach {} (is it up? see MEDTRACE_URL)", self.base);
        request.send().await.with_context(asked)
    }
}

/// The answer if it is a success, else its problem.
async fn accepted(answer: Response) -> anyhow::Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.bytes().await.unwrap_or_default();
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Err(problem.into()),
        Err(_) => bail!("{status}: {}", String::from_utf8_lossy(&body)),
    }
}

/// The lines that a person needs to see of an error: its causes, and of a problem each violation.
pub fn explain(error: &anyhow::Error) -> Vec<String> {
    let mut lines = vec![format!("{error:#}")];
    if let Some(problem) = error.chain().find_map(|cause| cause.downcast_ref::<Problem>()) {
        let line = |violation: &medtrace_service::problem::Violation| {
            let path = if violation.path.is_empty() { "whole" } else { &violation.path };
            format!("  {path}: {} ({})", violation.detail, violation.code)
        };
        lines.extend(problem.errors.iter().map(line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use medtrace_service::Kind;

    #[test]
    fn a_problem_shows_each_violation() {
        let problem =
            Kind::Validation.because("1 code refused").at("/items/0/code", "gs1.check-digit", "ends in 2, not 3");
        assert_eq!(
            explain(&anyhow::Error::from(problem).context("failed to post scans.json")),
            [
                "failed to post scans.json: 400 Validation failed: 1 code refused",
                "  /items/0/code: ends in 2, not 3 (gs1.check-digit)"
            ]
        );
    }
}
