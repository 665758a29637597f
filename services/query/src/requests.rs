//! What every request goes through: its size and time are limited, it is counted, and a failure is logged once with its
//! cause.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use medtrace_service::{Kind, Problem};

use crate::metrics::Metrics;
use crate::view::View;

/// Longest path and query of a request, bytes.
pub const URI_BYTES_MAX: usize = 16 << 10;
/// Longest body of a question, bytes: 20,000 codes to check.
pub const QUESTION_BYTES_MAX: usize = 4 << 20;
/// How long a question may take, milliseconds.
pub const QUESTION_MS_MAX: u64 = 20_000;

tokio::task_local! {
    /// Why the request under way fails, for its one log line; never for the answer.
    static CAUSE: Arc<Mutex<Option<String>>>;
}

/// Remembers why the request under way fails.
pub fn because(cause: impl Into<String>) {
    let cause = cause.into();
    // Outside of a request there is no line to put it into.
    let kept = CAUSE.try_with(|kept| kept.lock().map(|mut kept| *kept = Some(cause.clone())).is_ok());
    if kept.is_err() {
        tracing::warn!(cause, "failed outside of a request");
    }
}

/// Counts, times and logs. The outermost layer.
pub async fn measure(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let cause = Arc::default();
    let length = uri.path_and_query().map_or(0, |text| text.as_str().len());
    let answer = match length > URI_BYTES_MAX {
        true => too_long(length).into_response(),
        false => CAUSE.scope(Arc::clone(&cause), next.run(request)).await,
    };
    let (status, took) = (answer.status().as_u16(), began.elapsed());
    metrics.answered(route.as_deref().unwrap_or("other"), status, took);
    if answer.status().is_server_error() {
        let cause = cause.lock().ok().and_then(|mut cause| cause.take()).unwrap_or_default();
        let took_ms = took.as_millis() as u64;
        tracing::warn!(%method, path = uri.path(), status, took_ms, cause, "a request failed");
    }
    answer
}

/// Refuses what a service that has just started would answer from an empty view: that a party or a pack is unknown.
pub async fn after_start(State(view): State<View>, request: Request, next: Next) -> Response {
    match view.has_caught_up() {
        true => next.run(request).await,
        false => {
            because("the view has not been read to its end");
            let detail = "this service has just started and does not know everything yet; nothing was done, ask again";
            Kind::Unavailable.because(detail).into_response()
        }
    }
}

/// Ends a question that takes too long.
pub async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(Duration::from_millis(QUESTION_MS_MAX), next.run(request));
    answered.await.unwrap_or_else(|_| {
        because("no answer in time");
        let detail = format!("no answer within {QUESTION_MS_MAX} ms; ask for less, or again");
        Kind::Unavailable.because(detail).into_response()
    })
}

fn too_long(length: usize) -> Problem {
    Kind::UriTooLong.because(format!("the address has {length} bytes; at most {URI_BYTES_MAX} are taken"))
}
