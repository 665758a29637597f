//! One row: a request and its exact answer.

use medtrace_tests::Client;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::world::World;

pub const VALIDATION: &str = "epcisException:ValidationException";
pub const SECURITY: &str = "epcisException:SecurityException";
pub const LIMIT: &str = "epcisException:CaptureLimitExceededException";
pub const PARAMETER: &str = "epcisException:QueryParameterException";
pub const NO_RESOURCE: &str = "epcisException:NoSuchResourceException";
pub const NO_NAME: &str = "epcisException:NoSuchNameException";
/// Of what EPCIS has no name for.
pub const BLANK: &str = "about:blank";

/// What is shown of an answer that is not the expected one, in characters.
const SHOWN_CHARS: usize = 600;
/// Longer bodies are sent only if they are wanted, in bytes.
const LARGE_BYTES: usize = 64 << 10;

/// With whose token a request comes.
#[derive(Debug, Clone)]
pub enum Who {
    Nobody,
    Party(&'static str),
    /// This very token.
    Token(String),
}

/// A request with the answer that it must get.
#[derive(Debug, Clone)]
pub struct Row {
    what: &'static str,
    who: Who,
    /// A process with a public port.
    at: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    kind: &'static str,
    /// `code path` of each violation.
    violations: Vec<&'static str>,
}

impl Row {
    /// A question that nobody in particular asks.
    pub fn get(what: &'static str, path: &str) -> Row {
        Row {
            what,
            who: Who::Nobody,
            at: "query",
            method: Method::GET,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            status: 0,
            kind: "",
            violations: Vec::new(),
        }
    }

    /// JSON that the factory posts.
    pub fn post(what: &'static str, path: &str, body: &Value) -> Row {
        Row::bytes(what, path, body.to_string())
    }

    /// Bytes that the factory posts.
    pub fn bytes(what: &'static str, path: &str, body: impl Into<Vec<u8>>) -> Row {
        let row = Row { who: Who::Party("factory"), method: Method::POST, body: body.into(), ..Row::get(what, path) };
        row.header("content-type", "application/json")
    }

    pub fn by(mut self, party: &'static str) -> Row {
        self.who = Who::Party(party);
        self
    }

    pub fn by_whom(mut self, who: Who) -> Row {
        self.who = who;
        self
    }

    pub fn at(mut self, process: &'static str) -> Row {
        self.at = process;
        self
    }

    pub fn method(mut self, method: Method) -> Row {
        self.method = method;
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Row {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    /// The exact answer.
    pub fn gets(mut self, status: u16, kind: &'static str, violations: &[&'static str]) -> Row {
        (self.status, self.kind, self.violations) = (status, kind, violations.to_vec());
        self
    }

    /// 400: it breaks the standard, a code's own rules, or ours.
    pub fn invalid(self, violations: &[&'static str]) -> Row {
        self.gets(400, VALIDATION, violations)
    }

    /// 403: not this party's to say.
    pub fn forbidden(self, violations: &[&'static str]) -> Row {
        self.gets(403, SECURITY, violations)
    }

    /// 413: more than is taken at once.
    pub fn too_much(self, violations: &[&'static str]) -> Row {
        self.gets(413, LIMIT, violations)
    }

    /// 400: a question's parameters.
    pub fn wrong_parameter(self, violations: &[&'static str]) -> Row {
        self.gets(400, PARAMETER, violations)
    }

    pub fn not_there(self) -> Row {
        self.gets(404, NO_RESOURCE, &[])
    }

    /// Sends it; what differs from the table, as a line for people.
    pub async fn judge(&self, world: &World) -> anyhow::Result<Option<String>> {
        let token = match &self.who {
            Who::Nobody => None,
            Who::Party(party) => Some(world.token(party)?),
            Who::Token(token) => Some(token.clone()),
        };
        let client = Client::new(&world.url(self.at)?, token.as_deref())?;
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = match self.body.len() > LARGE_BYTES {
            true => client.post_if_wanted(&self.path, &headers, &self.body).await?,
            false => {
                let with = |request: RequestBuilder| {
                    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
                    request.body(self.body.clone())
                };
                client.send(self.method.clone(), &self.path, with).await?
            }
        };
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let kind = problem["type"].as_str().unwrap_or("no problem");
        let found = (answer.status, kind, answer.violations());
        let expected = (self.status, self.kind, self.violations.iter().map(|v| (*v).to_owned()).collect());
        let is_problem = answer.header("content-type") == Some("application/problem+json")
            && problem["status"] == answer.status
            && problem["detail"].as_str().is_some_and(|detail| !detail.is_empty());
        let differs = found != expected || !is_problem;
        let shown: String = answer.text().chars().take(SHOWN_CHARS).collect();
        Ok(differs.then(|| format!("{}:\n  expected {expected:?}\n  found    {found:?}\n  {shown}", self.what)))
    }
}
