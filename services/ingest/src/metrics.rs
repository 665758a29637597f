//! The metrics of an ingest service; the doc comments are the help texts.

use std::time::Duration;

use medtrace_ledger::submission::SubmissionKind;
use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

type Labels<const N: usize> = [(&'static str, String); N];

/// Cheap to clone: every clone counts into the same.
#[derive(Clone)]
pub struct Metrics {
    requests: Family<Labels<2>, Counter>,
    submissions: Family<Labels<1>, Counter>,
    items: Family<Labels<1>, Counter>,
    record_bytes: Family<Labels<1>, Counter>,
    group_requests: Histogram,
    append: Histogram,
    /// Capture jobs that are running.
    pub jobs_running: Gauge,
    /// Height of the last block whose notices are applied.
    pub height: Gauge,
}

impl Metrics {
    /// Registers everything under `ingest_`.
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics {
            requests: Family::default(),
            submissions: Family::default(),
            items: Family::default(),
            record_bytes: Family::default(),
            group_requests: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            append: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            jobs_running: Gauge::default(),
            height: Gauge::default(),
        };
        let into = registry.sub_registry_with_prefix("ingest");
        into.register("requests", "HTTP requests answered, by path and status", metrics.requests.clone());
        into.register("submissions", "Submissions acknowledged by the log, by topic", metrics.submissions.clone());
        into.register("items", "Items of acknowledged submissions, by topic", metrics.items.clone());
        into.register("record_bytes", "Bytes of acknowledged records, by topic", metrics.record_bytes.clone());
        into.register("group_requests", "Requests that shared a submission", metrics.group_requests.clone());
        into.register_with_unit(
            "append",
            "From sending a record to its acknowledgement",
            Unit::Seconds,
            metrics.append.clone(),
        );
        into.register("jobs_running", "Capture jobs that are running", metrics.jobs_running.clone());
        into.register("height", "Height of the last block whose notices are applied", metrics.height.clone());
        metrics
    }

    /// One request was answered.
    pub fn answered(&self, path: &str, status: u16) {
        let labels = [("path", path.to_owned()), ("status", status.to_string())];
        self.requests.get_or_create(&labels).inc();
    }

    /// One record was acknowledged.
    pub fn appended(&self, kind: SubmissionKind, requests: usize, items: usize, bytes: usize, took: Duration) {
        let topic = [("topic", kind.topic().to_owned())];
        self.submissions.get_or_create(&topic).inc();
        self.items.get_or_create(&topic).inc_by(items as u64);
        self.record_bytes.get_or_create(&topic).inc_by(bytes as u64);
        self.group_requests.observe(requests as f64);
        self.append.observe(took.as_secs_f64());
    }
}
