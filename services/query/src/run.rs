//! The process: routes, readiness, life.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use medtrace_service::admin::{self, Readiness};
use medtrace_service::{Shutdown, life, problem};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::TcpListener;

use crate::api;
use crate::app::App;
use crate::config::Config;
use crate::view::View;

/// Every route of the service.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/v1/positions", get(api::positions::positions))
        .route("/v1/verify", get(api::verify::get).post(api::verify::post))
        .route("/v1/provenance", get(api::provenance::get))
        .route("/v1/deliveries", get(api::deliveries::list))
        .route("/v1/deliveries/{id}", get(api::deliveries::one))
        .route("/v1/deliveries/{id}/check", post(api::check::check))
        .route("/v1/reach", get(api::reach::get))
        .route("/v1/recalls", get(api::recalls::list))
        .route("/v1/recalls/{id}", get(api::recalls::one))
        .route("/v1/recalls/{id}/reach", get(api::recalls::reached))
        .route("/v1/recalls/{id}/acknowledgements", get(api::recalls::acknowledgements))
        .with_state(app);
    problem::everywhere(routes)
}

/// Serves until the shutdown.
pub async fn run(
    listener: TcpListener,
    admin_listener: TcpListener,
    config: Config,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let client = config.store.client();
    let view = View::follow(client.clone(), &config.genesis, shutdown.clone());
    let app = App { config: Arc::new(config), client, view: view.clone() };
    let ready = move || {
        let snapshot = view.now();
        Readiness::new(snapshot.alive, json!({ "height": snapshot.height }))
    };
    tokio::try_join!(
        life::serve(listener, router(app), shutdown.clone()),
        admin::serve(admin_listener, Registry::default(), ready, shutdown),
    )?;
    Ok(())
}

/// Binds both ports and runs.
pub async fn main(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let listener = life::bind("public", config.listen).await?;
    let admin_listener = life::bind("admin", config.admin).await?;
    run(listener, admin_listener, config, shutdown).await
}
