//! What every handler has at hand, and how its failures are answered.

use std::sync::Arc;

use clickhouse::Client;
use medtrace_service::{Kind, Problem};

use crate::config::Config;
use crate::view::View;

/// The query service, shared by all requests.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub client: Client,
    pub view: View,
}

/// The store did not answer: nothing was asked of it that could be wrong, so the same question may be asked again.
pub fn store_failed(error: clickhouse::error::Error) -> Problem {
    tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "the store did not answer");
    Kind::Unavailable.because("the store did not answer; ask again")
}
