//! The admin port: `/livez` (the process runs), `/readyz` (it can do its work now, and how far behind it is),
//! `/metrics` (OpenMetrics text). For operators' networks only: no tokens.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text, registry::Registry};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::{Shutdown, life, problem};

/// What `/readyz` answers: 200 or 503 and `{"ready": bool, …details}`.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    /// The service can do its work now.
    pub ready: bool,
    /// Why not, and how far behind: names with units, e.g. `{"lag_events": 12, "lag_seconds": 0.4}`.
    pub details: Map<String, Value>,
}

impl Readiness {
    /// `details` is an object; anything else is shown under `details`.
    pub fn new(ready: bool, details: Value) -> Self {
        let details = match details {
            Value::Object(details) => details,
            Value::Null => Map::new(),
            other => Map::from_iter([("details".to_owned(), other)]),
        };
        Self { ready, details }
    }
}

type Ask = dyn Fn() -> Readiness + Send + Sync;

#[derive(Clone)]
struct Admin {
    ready: Arc<Ask>,
    metrics: Arc<Registry>,
}

/// The three routes. `ready` is asked at every `/readyz`: it reads what the service already knows and does not block.
pub fn router(metrics: Registry, ready: impl Fn() -> Readiness + Send + Sync + 'static) -> Router {
    let admin = Admin { ready: Arc::new(ready), metrics: Arc::new(metrics) };
    let routes = Router::new()
        .route("/livez", get(|| async { Json(json!({"live": true})) }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .with_state(admin);
    problem::everywhere(routes)
}

/// [`router`] on its listener, until the shutdown.
pub async fn serve(
    listener: TcpListener,
    metrics: Registry,
    ready: impl Fn() -> Readiness + Send + Sync + 'static,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    life::serve(listener, router(metrics, ready), shutdown).await
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let Readiness { ready, mut details } = (admin.ready)();
    details.insert("ready".to_owned(), ready.into());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // Not a problem+json: the answer has the same shape in both states.
    (status, Json(details)).into_response()
}

async fn scrape(State(admin): State<Admin>) -> Result<impl IntoResponse, problem::Problem> {
    let mut page = String::new();
    text::encode(&mut page, &admin.metrics)
        .map_err(|_| problem::Kind::Implementation.because("failed to encode the metrics"))?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], page))
}
