//! The metrics of the query service; the doc comments are the help texts.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::subscribe::record::Subscription;

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
    /// Attempts to deliver to webhooks, by outcome
    deliveries: Family<Labels<1>, Counter>,
    /// Webhook subscriptions, by state
    subscriptions: Family<Labels<1>, Gauge>,
    /// Blocks that the slowest living subscription has not been told of
    subscriptions_behind: Gauge,
    /// Open WebSockets
    pub sockets: Gauge,
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
            deliveries: Family::default(),
            subscriptions: Family::default(),
            subscriptions_behind: Gauge::default(),
            sockets: Gauge::default(),
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
        into.register("deliveries", "Attempts to deliver to webhooks, by outcome", metrics.deliveries.clone());
        into.register("subscriptions", "Webhook subscriptions, by state", metrics.subscriptions.clone());
        let behind = metrics.subscriptions_behind.clone();
        into.register("subscriptions_behind", "Blocks that the slowest living subscription was not told of", behind);
        into.register("sockets", "Open WebSockets", metrics.sockets.clone());
        into.register("proofs_broken", "Proofs that were made and did not hold", metrics.proofs_broken.clone());
        metrics
    }

    /// One attempt to deliver has ended.
    pub fn delivered(&self, acknowledged: bool) {
        let outcome = if acknowledged { "acknowledged" } else { "failed" };
        self.deliveries.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    /// How the subscriptions stand.
    pub fn subscribed(&self, all: &[Subscription], height: Option<u64>) {
        let of = |state: fn(&Subscription) -> bool| all.iter().filter(|one| state(one)).count() as i64;
        for (state, count) in [
            ("active", of(|one| one.trouble.is_none())),
            ("retrying", of(|one| one.trouble.is_some() && !one.is_dead())),
            ("dead", of(Subscription::is_dead)),
        ] {
            self.subscriptions.get_or_create(&[("state", state.to_owned())]).set(count);
        }
        let living = all.iter().filter(|one| !one.is_dead());
        let behind = living.map(|one| one.behind(height)).max().unwrap_or(0);
        self.subscriptions_behind.set(behind.cast_signed());
    }

    /// One request was answered.
    pub fn answered(&self, route: &str, status: u16, took: Duration) {
        self.requests.get_or_create(&[("route", route.to_owned()), ("status", status.to_string())]).inc();
        self.answer.get_or_create(&[("route", route.to_owned())]).observe(took.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epcis::form::Spelling;
    use crate::subscribe::record::{At, Controls, Progress, Trouble};

    fn subscription(told: u64, next_ms: Option<Option<u64>>) -> Subscription {
        let trouble = |next_ms| Trouble { since_ms: 0, failures: 1, error: String::new(), next_ms };
        Subscription {
            id: "1".into(),
            query: "all".into(),
            party: "hospital".into(),
            token: None,
            dest: "https://receiver.example/".into(),
            signature_token: None,
            spelling: Spelling::Sealed,
            controls: Controls { schedule: None, report_if_empty: false, initial_record_us: None },
            created_ms: 0,
            notified_ms: None,
            progress: Progress { after: Some(At::end_of(told)), ..Progress::default() },
            trouble: next_ms.map(trouble),
        }
    }

    #[test]
    fn subscriptions_are_counted_by_how_they_stand() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.delivered(true);
        metrics.delivered(false);
        metrics.subscribed(
            &[subscription(9, None), subscription(7, Some(Some(5))), subscription(2, Some(None))],
            Some(10),
        );
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "medtrace_query_deliveries_total{outcome=\"acknowledged\"} 1",
            "medtrace_query_deliveries_total{outcome=\"failed\"} 1",
            "medtrace_query_subscriptions{state=\"active\"} 1",
            "medtrace_query_subscriptions{state=\"retrying\"} 1",
            "medtrace_query_subscriptions{state=\"dead\"} 1",
            // The dead one does not count.
            "medtrace_query_subscriptions_behind 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
