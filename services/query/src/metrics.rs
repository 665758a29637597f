//! The metrics of the query service; the doc comments are the help texts.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

type Labels<const N: usize> = [(&'static str, String); N];
type Timings = Family<Labels<1>, Histogram, fn() -> Histogram>;

/// Cheap to clone: every clone counts into the same.
#[derive(Clone)]
pub struct Metrics {
    requests: Family<Labels<2>, Counter>,
    answer: Timings,
    /// Height of the block that answers reflect; -1 before the first
    pub height: Gauge,
    /// Sealed and checkpointed blocks that answers do not reflect yet
    pub lag_blocks: Gauge,
    /// How long the first of those blocks has been waiting
    pub lag: Gauge<f64, AtomicU64>,
    /// Headers that the newest checkpoint covers
    pub checkpoint_size: Gauge,
    /// Open live streams
    pub live_clients: Gauge,
    /// Proofs that were made and did not hold: the store or the registry is damaged
    pub proofs_broken: Counter,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Metrics {
        let timing: fn() -> Histogram = || Histogram::new(exponential_buckets(0.0005, 2.0, 16));
        let metrics = Metrics {
            requests: Family::default(),
            answer: Family::new_with_constructor(timing),
            height: Gauge::default(),
            lag_blocks: Gauge::default(),
            lag: Gauge::default(),
            checkpoint_size: Gauge::default(),
            live_clients: Gauge::default(),
            proofs_broken: Counter::default(),
        };
        let into = registry.sub_registry_with_prefix("medtrace_query");
        into.register("requests", "HTTP requests answered, by route and status", metrics.requests.clone());
        let answer = metrics.answer.clone();
        into.register_with_unit("answer", "From request to answer, by route", Unit::Seconds, answer);
        into.register("height", "Height of the block that answers reflect", metrics.height.clone());
        into.register("lag_blocks", "Checkpointed blocks not reflected yet", metrics.lag_blocks.clone());
        let lag = metrics.lag.clone();
        into.register_with_unit("lag", "How long the first of those has been waiting", Unit::Seconds, lag);
        into.register("checkpoint_size", "Headers in the newest checkpoint", metrics.checkpoint_size.clone());
        into.register("live_clients", "Open live streams", metrics.live_clients.clone());
        into.register("proofs_broken", "Proofs that were made and did not hold", metrics.proofs_broken.clone());
        metrics
    }

    /// One request was answered.
    pub fn answered(&self, route: &str, status: u16, took: Duration) {
        self.requests.get_or_create(&[("route", route.to_owned()), ("status", status.to_string())]).inc();
        self.answer.get_or_create(&[("route", route.to_owned())]).observe(took.as_secs_f64());
    }
}
