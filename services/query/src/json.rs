//! A JSON body: I-JSON, so that it means one thing, and what does not fit is refused with its path.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use medtrace_event::Json;
use medtrace_event::json::pointer;
use medtrace_service::{Kind, Problem};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

/// As axum's `Json`, but every refusal is a problem that says where.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        let essence = media_type(request.headers());
        if !["application/json", "application/ld+json"].contains(&essence.as_str()) {
            return Err(Kind::UnsupportedMediaType.because(format!("send application/json, not {essence:?}")));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|refused| match refused.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Kind::CaptureLimitExceeded.because(refused.body_text()),
            _ => Kind::Validation.because(refused.body_text()),
        })?;
        read(&bytes).map(Body)
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let json = Json::parse(bytes).map_err(|fault| invalid(&fault.path, fault.code, fault.detail.to_string()))?;
    serde_path_to_error::deserialize(serde_json::Value::from(&json)).map_err(|error| {
        let path: String = error.path().iter().map(step).collect();
        invalid(&path, "malformed", error.into_inner().to_string())
    })
}

/// A member that cannot be taken.
pub fn invalid(path: &str, code: &str, detail: String) -> Problem {
    Kind::Validation.because(detail.clone()).at(path, code, detail)
}

fn step(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => pointer(key),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Ask {
        #[allow(dead_code)]
        codes: Vec<String>,
    }

    #[test]
    fn what_does_not_fit_says_where() {
        let at = |body: &str| {
            let problem = read::<Ask>(body.as_bytes()).unwrap_err();
            (problem.status, problem.errors[0].code.clone(), problem.errors[0].path.clone())
        };
        assert_eq!(at(r#"{"codes": ["a", 7]}"#), (400, "malformed".to_owned(), "/codes/1".to_owned()));
        assert_eq!(at(r#"{"codes": [], "x": 1}"#), (400, "malformed".to_owned(), "/x".to_owned()));
        assert_eq!(at(r#"{"codes": [], "codes": []}"#), (400, "duplicate-member".to_owned(), "/codes".to_owned()));
    }
}
