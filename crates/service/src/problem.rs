//! Errors at the HTTP edge: RFC 9457 problem+json, with the exception names of EPCIS 2.0 where one fits.
//!
//! ```text
//! {"type": "epcisException:ValidationException", "title": "Validation failed", "status": 400,
//!  "detail": "1 of 3 codes was refused; nothing was stored",
//!  "errors": [{"path": "/items/1/code", "code": "gs1.check-digit", "detail": "09506000134353 ends in 2, not 3"}]}
//! ```

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::linger::linger;

/// Media type of every error answer.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// What is kept of a foreign error text as `detail`, in bytes.
const FOREIGN_DETAIL_BYTES_MAX: usize = 2_000;
/// Seconds after which a client that was told 429 or 503 should try again.
const RETRY_AFTER_S: &str = "1";

/// What went wrong; fixes type, title and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Validation,
    QueryValidation,
    QueryParameter,
    SubscriptionControls,
    /// No token, or one that nobody knows.
    Unauthenticated,
    /// Known, but may not do this.
    Forbidden,
    NoSuchName,
    NoSuchResource,
    MethodNotAllowed,
    NotAcceptable,
    /// The body did not come in time.
    RequestTimeout,
    AlreadyExists,
    /// It does not follow from what holds now, e.g. a notice's revision.
    Conflict,
    /// It was there, and was taken away.
    Gone,
    CaptureLimitExceeded,
    QueryTooLarge,
    QueryTooComplex,
    UriTooLong,
    UnsupportedMediaType,
    /// Well formed, but what it claims does not hold.
    Unprocessable,
    /// A bounded queue is full: nothing was done.
    TooManyRequests,
    Implementation,
    NotImplemented,
    /// The outcome is unknown, or the service cannot do its work now: send the same again.
    Unavailable,
}

impl Kind {
    #[rustfmt::skip]
    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Kind::Validation => (400, "epcisException:ValidationException", "Validation failed"),
            Kind::QueryValidation => (400, "epcisException:QueryValidationException", "Query not valid"),
            Kind::QueryParameter => (400, "epcisException:QueryParameterException", "Query parameter not valid"),
            Kind::SubscriptionControls => (400, "epcisException:SubscriptionControlsException", "Subscription not valid"),
            Kind::Unauthenticated => (401, "epcisException:SecurityException", "Not authenticated"),
            Kind::Forbidden => (403, "epcisException:SecurityException", "Not entitled"),
            Kind::NoSuchName => (404, "epcisException:NoSuchNameException", "No such name"),
            Kind::NoSuchResource => (404, "epcisException:NoSuchResourceException", "No such resource"),
            Kind::MethodNotAllowed => (405, "about:blank", "Method not allowed"),
            Kind::NotAcceptable => (406, "epcisException:NotAcceptableException", "Not acceptable"),
            Kind::RequestTimeout => (408, "about:blank", "Request timeout"),
            Kind::AlreadyExists => (409, "epcisException:ResourceAlreadyExistsException", "Resource already exists"),
            Kind::Conflict => (409, "about:blank", "Conflict"),
            Kind::Gone => (410, "about:blank", "Gone"),
            Kind::CaptureLimitExceeded => (413, "epcisException:CaptureLimitExceededException", "Capture limit exceeded"),
            Kind::QueryTooLarge => (413, "epcisException:QueryTooLargeException", "Query result too large"),
            Kind::QueryTooComplex => (413, "epcisException:QueryTooComplexException", "Query too complex"),
            Kind::UriTooLong => (414, "epcisException:URITooLongException", "URI too long"),
            Kind::UnsupportedMediaType => (415, "epcisException:UnsupportedMediaTypeException", "Unsupported media type"),
            Kind::Unprocessable => (422, "about:blank", "Unprocessable content"),
            Kind::TooManyRequests => (429, "about:blank", "Too many requests"),
            Kind::Implementation => (500, "epcisException:ImplementationException", "Internal error"),
            Kind::NotImplemented => (501, "epcisException:ImplementationException", "Not implemented"),
            Kind::Unavailable => (503, "about:blank", "Unavailable"),
        }
    }

    pub const fn status(self) -> StatusCode {
        match StatusCode::from_u16(self.row().0) {
            Ok(status) => status,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A problem of this kind with its `detail`: a sentence that says what would be right.
    pub fn because(self, detail: impl Into<String>) -> Problem {
        let (status, name, title) = self.row();
        Problem { name: name.into(), title: title.into(), status, detail: detail.into(), errors: Vec::new() }
    }

    /// The kind that stands for a status which something else decided.
    fn of(status: StatusCode) -> Kind {
        match status.as_u16() {
            401 => Kind::Unauthenticated,
            403 => Kind::Forbidden,
            404 => Kind::NoSuchResource,
            405 => Kind::MethodNotAllowed,
            406 => Kind::NotAcceptable,
            408 => Kind::RequestTimeout,
            409 => Kind::Conflict,
            410 => Kind::Gone,
            413 => Kind::CaptureLimitExceeded,
            414 => Kind::UriTooLong,
            415 => Kind::UnsupportedMediaType,
            422 => Kind::Unprocessable,
            429 => Kind::TooManyRequests,
            501 => Kind::NotImplemented,
            502..=504 => Kind::Unavailable,
            400..=499 => Kind::Validation,
            _ => Kind::Implementation,
        }
    }
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the request, or empty for the whole.
    pub path: String,
    /// Stable name of the rule, e.g. `gs1.check-digit`.
    pub code: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{status} {title}: {detail}")]
pub struct Problem {
    #[serde(rename = "type")]
    pub name: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
}

impl Problem {
    /// Adds one violation.
    pub fn at(mut self, path: impl Into<String>, code: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(Violation { path: path.into(), code: code.into(), detail: detail.into() });
        self
    }

    pub fn with(mut self, errors: impl IntoIterator<Item = Violation>) -> Self {
        self.errors.extend(errors);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        match self.status {
            401 => drop(answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            429 | 503 => {
                drop(answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)))
            }
            _ => {}
        }
        answer
    }
}

/// Makes every error of a router a problem: unknown paths, other methods, and what extractors and layers refuse
/// (body limits, path and query parsing) as plain text. A client that is still sending gets to read it. Call it last.
pub fn everywhere(router: Router) -> Router {
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn(translate))
        .layer(middleware::from_fn(linger))
}

async fn no_such_path(uri: Uri) -> Problem {
    Kind::NoSuchResource.because(format!("nothing is served at {}", uri.path()))
}

async fn other_method(method: Method, uri: Uri) -> Problem {
    Kind::MethodNotAllowed.because(format!("{} does not answer {method}; see Allow", uri.path()))
}

async fn translate(request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    let status = answer.status();
    let (mut head, body) = answer.into_parts();
    let plain = match head.headers.get(header::CONTENT_TYPE) {
        None => true,
        Some(kind) => kind.as_bytes().starts_with(b"text/plain"),
    };
    if !(plain && (status.is_client_error() || status.is_server_error())) {
        return Response::from_parts(head, body);
    }
    let text = to_bytes(body, FOREIGN_DETAIL_BYTES_MAX).await.unwrap_or_default();
    let detail = match String::from_utf8_lossy(&text).into_owned() {
        empty if empty.is_empty() => status.canonical_reason().unwrap_or("refused").to_lowercase(),
        given => given,
    };
    let (named, body) =
        Problem { status: status.as_u16(), ..Kind::of(status).because(detail) }.into_response().into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(named.headers);
    Response::from_parts(head, Body::new(body))
}
