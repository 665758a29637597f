//! The HTTP surface of an ingest service.
//!
//! ```text
//! POST /v1/scans                      scans.rs        POST /v1/submissions   signed.rs
//! POST /events                        events.rs       POST /v1/notices       signed.rs
//! POST /capture, GET /capture[/{id}]  capture.rs
//! ```
//!
//! Who calls is settled first (401), then how much is sent (413), then what.

mod capture;
mod events;
mod input;
mod scans;
mod signed;

use std::sync::Arc;

pub use capture::{ARRIVING_BYTES_MAX, CAPTURE_MS_MAX, CAPTURE_PAUSE_MS_MAX};
pub use input::{BODIES_BYTES_MAX, BODY_MS_MAX};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use medtrace_ledger::{PartyId, SigningKey};
use medtrace_registry::Registry;
use medtrace_service::{Problem, problem};

use crate::{
    App,
    admit::{Speaker, served},
    group::CommitError,
    jobs::{CAPTURE_BYTES_MAX, CAPTURE_EVENTS_MAX},
};

/// All routes, with problems everywhere.
pub fn router(app: Arc<App>) -> Router {
    let epcis = Router::new()
        .route("/capture", post(capture::post).get(capture::list).options(options))
        .route("/capture/{id}", get(capture::get).options(options))
        .route("/events", post(events::post).options(options))
        .layer(middleware::from_fn(epcis_headers));
    let own = Router::new()
        .route("/v1/scans", post(scans::post))
        .route("/v1/submissions", post(signed::submissions))
        .route("/v1/notices", post(signed::notices));
    let routes = epcis.merge(own).layer(middleware::from_fn_with_state(app.clone(), count)).with_state(app);
    problem::everywhere(routes)
}

/// What EPCIS 2.0 clients learn from every answer of these resources.
async fn epcis_headers(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    answer.headers_mut().extend(limits());
    answer
}

fn limits() -> HeaderMap {
    HeaderMap::from_iter(
        [
            ("gs1-epcis-version", "2.0.0".to_owned()),
            ("gs1-cbv-version", "2.0.0".to_owned()),
            ("gs1-epcis-capture-limit", CAPTURE_EVENTS_MAX.to_string()),
            ("gs1-epcis-capture-file-size-limit", CAPTURE_BYTES_MAX.to_string()),
            ("gs1-vendor-version", concat!("medtrace/", env!("CARGO_PKG_VERSION")).to_owned()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((header::HeaderName::from_static(name), HeaderValue::try_from(value).ok()?))),
    )
}

async fn options() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [(header::ALLOW, "GET, POST, OPTIONS")])
}

async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let answer = next.run(request).await;
    app.metrics.answered(path.as_deref().unwrap_or("other"), answer.status().as_u16());
    answer
}

/// The registry and the key with which a party's own words are judged and signed here: one version of both for the whole
/// of a request.
pub(crate) struct Hosted {
    pub registry: Arc<Registry>,
    pub key: SigningKey,
    pub party: PartyId,
    pub now_ms: u64,
}

impl Hosted {
    /// For events: the party must be one that this service serves.
    pub fn for_events(app: &App, party: &PartyId) -> Result<Hosted, Problem> {
        served(app.service, &app.view.registry(), party)?;
        Hosted::for_notices(app, party)
    }

    pub fn for_notices(app: &App, party: &PartyId) -> Result<Hosted, Problem> {
        let key = app.hosted_key(party).ok_or(CommitError::NoKey)?;
        Ok(Hosted { registry: app.view.registry(), key, party: party.clone(), now_ms: app.now_ms() })
    }

    pub fn speaker(&self) -> Speaker<'_> {
        Speaker { registry: &self.registry, party: &self.party, key: self.key.public(), now_ms: self.now_ms }
    }
}
