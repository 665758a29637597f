//! How far the indexer is: metrics, and whether it is ready.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use medtrace_ledger::Header;
use medtrace_service::admin::Readiness;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use serde_json::json;

/// Behind by more than this, answers are too old to be called ready, seconds.
const LAG_SECONDS_MAX: f64 = 30.0;

/// Every metric of the indexer; the doc comments are the help texts.
#[derive(Clone)]
pub struct Metrics {
    /// Blocks whose rows are in the store.
    pub blocks: Counter,
    /// Events whose rows are in the store.
    pub events: Counter,
    /// Facts written.
    pub facts: Counter,
    /// Records of the log that are sealed and not yet in the store.
    pub lag_records: Gauge,
    /// Age of the oldest sealed block that is not yet in the store.
    pub lag: Gauge<f64, AtomicU64>,
    /// From block to rows, for one batch of blocks.
    pub derive: Histogram,
    /// From rows to acknowledged inserts, for one batch.
    pub insert: Histogram,
    /// Commit of the keyed state, for one batch.
    pub commit: Histogram,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Metrics {
        let timing = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let metrics = Metrics {
            blocks: Counter::default(),
            events: Counter::default(),
            facts: Counter::default(),
            lag_records: Gauge::default(),
            lag: Gauge::default(),
            derive: timing(),
            insert: timing(),
            commit: timing(),
        };
        let registry = registry.sub_registry_with_prefix("medtrace_indexer");
        registry.register("blocks", "Blocks whose rows are in the store", metrics.blocks.clone());
        registry.register("events", "Events whose rows are in the store", metrics.events.clone());
        registry.register("facts", "Facts written", metrics.facts.clone());
        registry.register("lag_records", "Sealed records not yet in the store", metrics.lag_records.clone());
        registry.register_with_unit(
            "lag",
            "Age of the oldest block not yet in the store",
            Unit::Seconds,
            metrics.lag.clone(),
        );
        registry.register_with_unit("derive", "From blocks to rows, a batch", Unit::Seconds, metrics.derive.clone());
        registry.register_with_unit(
            "insert",
            "From rows to acknowledged inserts, a batch",
            Unit::Seconds,
            metrics.insert.clone(),
        );
        registry.register_with_unit(
            "commit",
            "Commit of the keyed state, a batch",
            Unit::Seconds,
            metrics.commit.clone(),
        );
        metrics
    }
}

/// What `/readyz` tells.
#[derive(Clone, Default)]
pub struct Status(Arc<Mutex<Progress>>);

#[derive(Clone, Default)]
struct Progress {
    /// When this turn began, ms since 1970-01-01 UTC: another value after everything was dropped.
    begun_ms: u64,
    /// Next height to be indexed; `None` until the start is over.
    next: Option<u64>,
    /// Records up to there, over all partitions.
    records: u64,
    /// The newest header of the log: next height, records, and its time.
    sealed: Option<(u64, u64, u64)>,
    error: Option<String>,
}

impl Status {
    /// Everything before is forgotten.
    pub fn begin(&self) {
        self.update(|p| {
            *p = Progress { begun_ms: now_ms().max(p.begun_ms + 1), sealed: p.sealed, ..Progress::default() }
        });
    }

    /// When this turn began, ms since 1970-01-01 UTC.
    pub fn begun_ms(&self) -> u64 {
        self.0.lock().map_or(0, |p| p.begun_ms)
    }

    /// The newest block in the store.
    pub fn height(&self) -> Option<u64> {
        self.0.lock().ok().and_then(|p| p.next)?.checked_sub(1)
    }

    pub fn indexed(&self, next: u64, header: Option<&Header>) {
        self.update(|p| {
            p.next = Some(next);
            p.error = None;
            if let Some(header) = header {
                p.records = p.records.max(records_up_to(header));
            }
        });
    }

    pub fn sealed(&self, header: &Header) {
        self.update(|p| p.sealed = Some((header.height + 1, records_up_to(header), header.time_ms)));
    }

    /// The store or the log cannot be reached; the work goes on when they can.
    pub fn hindered(&self, error: String) {
        self.update(|p| p.error = Some(error));
    }

    /// (records, seconds) behind the newest sealed block.
    pub fn lag(&self) -> (u64, f64) {
        let progress = self.0.lock().map(|p| p.clone()).unwrap_or_default();
        let (Some(next), Some((sealed, records, time_ms))) = (progress.next, progress.sealed) else { return (0, 0.0) };
        if next >= sealed {
            return (0, 0.0);
        }
        (records.saturating_sub(progress.records), now_ms().saturating_sub(time_ms) as f64 / 1000.0)
    }

    pub fn readiness(&self) -> Readiness {
        let progress = self.0.lock().map(|p| p.clone()).unwrap_or_default();
        let (lag_records, lag_seconds) = self.lag();
        let ready = progress.next.is_some() && progress.error.is_none() && lag_seconds <= LAG_SECONDS_MAX;
        let height = self.height();
        let sealed = progress.sealed.map(|(next, ..)| next - 1);
        let details = json!({
            "begun_ms": progress.begun_ms,
            "height": height,
            "sealed_height": sealed,
            "lag_records": lag_records,
            "lag_seconds": lag_seconds,
            "error": progress.error,
        });
        Readiness::new(ready, details)
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        if let Ok(mut progress) = self.0.lock() {
            change(&mut progress);
        }
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

/// Only partitions that advanced stand in a header, so this is a lower bound; lags are shown, nothing depends on them.
fn records_up_to(header: &Header) -> u64 {
    header.cuts.iter().map(|cut| cut.to).sum()
}
