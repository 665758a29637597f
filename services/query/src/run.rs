//! The process: routes, readiness, life.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, RawQuery};
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, options, post};
use medtrace_log::Cluster;
use medtrace_service::admin::{self, Readiness};
use medtrace_service::{Shutdown, life, problem};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::Config;
use crate::subscribe::clock::Clock;
use crate::{api, forward, requests};

/// A checkpointed block that waits for longer than this makes answers too old to be called ready, seconds.
const LAG_S_MAX: f64 = 30.0;
/// How often the gauges are set, milliseconds.
const GAUGES_MS: u64 = 1_000;

/// Every route of the service.
pub fn router(app: App) -> Router {
    let metrics = app.metrics.clone();
    let questions = Router::new()
        .route("/v1/positions", get(api::positions::positions))
        .route("/v1/verify", get(api::verify::get).post(api::verify::post))
        .route("/v1/masterdata", get(api::masterdata::get))
        .route("/v1/provenance", get(api::provenance::get))
        .route("/v1/deliveries", get(api::deliveries::list))
        .route("/v1/deliveries/{id}", get(api::deliveries::one))
        .route("/v1/deliveries/{id}/check", post(api::check::check))
        .route("/v1/reach", get(api::reach::get))
        .route("/v1/recalls", get(api::recalls::list))
        .route("/v1/recalls/{id}", get(api::recalls::one))
        .route("/v1/recalls/{id}/reach", get(api::recalls::reached))
        .route("/v1/recalls/{id}/acknowledgements", get(api::recalls::acknowledgements))
        .route("/v1/blocks", get(api::blocks::list))
        .route("/v1/blocks/{height}", get(api::blocks::one))
        .route("/v1/events", get(api::events::list))
        .route("/v1/events/{name}", get(api::events::one))
        .route("/v1/events/{name}/proof", get(api::events::proof))
        .route("/v1/duplicates", get(api::duplicates::list))
        .route("/v1/proofs", post(api::events::proofs))
        .route("/v1/live", get(api::live::live))
        .route("/v1/log/consistency", get(api::log::consistency).post(api::log::since))
        .route("/v1/log/missing", post(api::log::missing))
        .route("/log/checkpoint", get(api::log::checkpoint))
        .route("/log/genesis", get(api::log::genesis))
        .route("/log/tile/{*path}", get(api::log::tile))
        .route("/log/block/", get(api::log::block_files))
        .route("/log/block/{first}", get(api::log::block_file))
        .route("/log/erased", get(api::log::erased));
    let epcis = resources()
        .route("/events", get(api::epcis::list).merge(takes(COLLECTION)))
        .route("/events/{eventID}", get(api::epcis::one).merge(takes(READ)))
        .merge(queries())
        .layer(from_fn(api::epcis::versions));
    let bounded = questions
        .merge(epcis)
        .layer(DefaultBodyLimit::max(requests::QUESTION_BYTES_MAX))
        .layer(from_fn(requests::in_time));
    let forwarded = Router::new()
        .route("/capture", post(forward::forward).get(forward::forward).options(forward::options))
        .route("/capture/{id}", get(forward::forward).options(forward::options))
        .route("/events", post(forward::forward))
        .route("/v1/scans", post(forward::forward))
        .route("/v1/submissions", post(forward::forward))
        .route("/v1/notices", post(forward::forward));
    let view = app.view.clone();
    let known = bounded.merge(forwarded).layer(from_fn_with_state(view, requests::after_start));
    problem::everywhere(known.with_state(app)).layer(from_fn_with_state(metrics, requests::measure))
}

/// Methods of EPCIS resources.
const READ: &str = "GET, HEAD, OPTIONS";
const COLLECTION: &str = "GET, HEAD, POST, OPTIONS";
const REMOVABLE: &str = "GET, HEAD, DELETE, OPTIONS";

/// Says which methods a resource takes.
fn takes(allow: &'static str) -> MethodRouter<App> {
    options(move || async move { (StatusCode::NO_CONTENT, [(header::ALLOW, allow)]) })
}

/// EPCIS's top-level resources, three addresses each.
fn resources() -> Router<App> {
    use api::resources::{events_of, list, one};
    api::resources::names().fold(Router::new(), |router, name| {
        let all = get(move |app, headers, RawQuery(query)| list(app, headers, name, query));
        let one = get(move |app, headers, Path(value)| one(app, headers, name, value));
        let events = get(move |app, headers, Path(value), RawQuery(query)| events_of(app, headers, name, value, query));
        router
            .route(&format!("/{name}"), all.merge(takes(READ)))
            .route(&format!("/{name}/{{value}}"), one.merge(takes(READ)))
            .route(&format!("/{name}/{{value}}/events"), events.merge(takes(READ)))
    })
}

/// Named queries and subscriptions to them.
fn queries() -> Router<App> {
    use api::{queries, subscriptions};
    Router::new()
        .route("/queries", get(queries::list).post(queries::create).merge(takes(COLLECTION)))
        .route("/queries/{name}", get(queries::one).delete(queries::delete).merge(takes(REMOVABLE)))
        .route("/queries/{name}/events", get(queries::events).merge(takes(READ)))
        .route(
            "/queries/{name}/subscriptions",
            get(subscriptions::list).post(subscriptions::create).merge(takes(COLLECTION)),
        )
        .route(
            "/queries/{name}/subscriptions/{id}",
            get(subscriptions::one).delete(subscriptions::delete).merge(takes(REMOVABLE)),
        )
        .route("/queries/{name}/subscriptions/{id}/resume", post(subscriptions::resume))
        .layer(DefaultBodyLimit::max(queries::BODY_BYTES_MAX))
}

/// Serves until the shutdown.
pub async fn run(
    listener: TcpListener,
    admin_listener: TcpListener,
    config: Config,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let cluster = Cluster::new(config.kafka.clone());
    let mut metrics = Registry::default();
    let app = App::open(config, &mut metrics, Clock::real(), shutdown.clone())?;
    tokio::spawn(app.checkpoints.clone().follow(cluster, shutdown.clone()));
    tokio::spawn(watch_lag(app.clone(), shutdown.clone()));
    let ready = {
        let app = app.clone();
        move || readiness(&app)
    };
    let book = app.book.clone();
    tokio::try_join!(
        life::serve(listener, router(app), shutdown.clone()),
        admin::serve(admin_listener, metrics, ready, shutdown),
    )?;
    book.end().await;
    Ok(())
}

/// Whether questions are answered, and how old the answers are. A proof also needs a checkpoint.
pub fn readiness(app: &App) -> Readiness {
    let snapshot = app.view.now();
    let (lag_blocks, lag_seconds) = lag(app);
    let forked = app.checkpoints.forked();
    let ready = snapshot.alive
        && snapshot.caught_up
        && app.checkpoints.followed()
        && forked.is_none()
        && lag_seconds <= LAG_S_MAX;
    let details = json!({
        "height": snapshot.height,
        "store": snapshot.alive,
        "checkpoints": app.checkpoints.followed(),
        "checkpoint_size": app.checkpoints.newest().map(|checkpoint| checkpoint.size),
        "forked": forked,
        "lag_blocks": lag_blocks,
        "lag_seconds": lag_seconds,
    });
    Readiness::new(ready, details)
}

/// Checkpointed blocks that answers do not reflect yet, and for how many seconds the first of them has been waiting.
fn lag(app: &App) -> (u64, f64) {
    let headers = app.view.now().height.map_or(0, |height| height + 1);
    let sealed = app.checkpoints.newest().map_or(0, |checkpoint| checkpoint.size);
    let waiting = app.checkpoints.waiting(headers).unwrap_or_default();
    (sealed.saturating_sub(headers), waiting.as_secs_f64())
}

async fn watch_lag(app: App, shutdown: Shutdown) {
    while !shutdown.is_cancelled() {
        let (blocks, seconds) = lag(&app);
        let metrics = &app.metrics;
        metrics.height.set(app.view.now().height.map_or(-1, u64::cast_signed));
        metrics.lag_blocks.set(blocks.cast_signed());
        metrics.lag.set(seconds);
        metrics.subscribed(&app.book.every_subscription(), app.view.now().height);
        metrics.checkpoint_size.set(app.checkpoints.newest().map_or(0, |checkpoint| checkpoint.size.cast_signed()));
        tokio::time::sleep(Duration::from_millis(GAUGES_MS)).await;
    }
}

/// Binds both ports and runs.
pub async fn main(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let listener = life::bind("public", config.listen).await?;
    let admin_listener = life::bind("admin", config.admin).await?;
    run(listener, admin_listener, config, shutdown).await
}
