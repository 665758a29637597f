//! How far the indexer is: metrics, and whether it is ready.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use medtrace_ledger::Header;
use medtrace_service::admin::Readiness;
use medtrace_service::unix_ms;
use medtrace_store::rows::BlockRow;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use serde_json::json;

use crate::derive::Rows;

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
    /// Events of the log that are sealed and not yet in the store; estimated by the mean of the last batch.
    pub lag_events: Gauge,
    /// Age of the oldest sealed block that is not yet in the store.
    pub lag: Gauge<f64, AtomicU64>,
    /// From block to rows, for one batch of blocks.
    pub derive: Histogram,
    /// From rows to acknowledged inserts, for one batch.
    pub insert: Histogram,
    /// Commit of the keyed state, for one batch.
    pub commit: Histogram,
    /// Events whose hash is in the store.
    pub hashed: Counter,
    /// Events that say what an earlier one said.
    pub duplicates: Counter,
}

impl Metrics {
    pub fn register(registry: &mut Registry) -> Metrics {
        let timing = || Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let metrics = Metrics {
            blocks: Counter::default(),
            events: Counter::default(),
            facts: Counter::default(),
            lag_records: Gauge::default(),
            lag_events: Gauge::default(),
            lag: Gauge::default(),
            derive: timing(),
            insert: timing(),
            commit: timing(),
            hashed: Counter::default(),
            duplicates: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("medtrace_indexer");
        registry.register("blocks", "Blocks whose rows are in the store", metrics.blocks.clone());
        registry.register("events", "Events whose rows are in the store", metrics.events.clone());
        registry.register("facts", "Facts written", metrics.facts.clone());
        registry.register("hashed", "Events whose hash is in the store", metrics.hashed.clone());
        registry.register("duplicates", "Events that say what an earlier one said", metrics.duplicates.clone());
        registry.register("lag_records", "Sealed records not yet in the store", metrics.lag_records.clone());
        registry.register("lag_events", "Sealed events not yet in the store; estimated", metrics.lag_events.clone());
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
    /// Events of a record, in the last batch.
    mean: Option<f64>,
    /// The newest header of the log: next height, records, and its time.
    sealed: Option<(u64, u64, u64)>,
    error: Option<String>,
    /// The log does not even reach what is indexed.
    short: Option<String>,
}

/// How far behind the newest sealed block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    pub records: u64,
    /// Estimated: a header does not count them.
    pub events: u64,
    pub seconds: f64,
}

impl Status {
    /// Everything before is forgotten.
    pub fn begin(&self) {
        self.update(|p| {
            *p = Progress { begun_ms: unix_ms().max(p.begun_ms + 1), sealed: p.sealed, ..Progress::default() }
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

    /// Next height to be indexed; 0 until the start is over.
    pub fn next(&self) -> u64 {
        self.0.lock().map_or(0, |p| p.next.unwrap_or_default())
    }

    /// Everything before `next` is in the store; with the last header of a batch, and its rows.
    pub fn indexed(&self, next: u64, batch: Option<(&Header, &Rows)>) {
        self.update(|p| {
            p.next = Some(next);
            p.error = None;
            if let Some((header, rows)) = batch {
                let sum = |count: fn(&BlockRow) -> u32| rows.blocks.iter().map(count).map(f64::from).sum::<f64>();
                p.records = p.records.max(records_up_to(header));
                p.mean = Some(sum(|block| block.events + block.notices) / sum(|block| block.submissions).max(1.0));
            }
        });
    }

    /// The newest header of the log, looked for after everything before `indexed` was in the store.
    pub fn sealed(&self, indexed: u64, header: Option<&Header>) {
        let held = header.map_or(0, |header| header.height + 1);
        self.update(|p| {
            p.sealed = header.map(|header| (held, records_up_to(header), header.time_ms)).or(p.sealed);
            p.short = (held < indexed).then(|| {
                format!("{indexed} blocks are indexed, the log holds {held}: it is not the log that they came from")
            });
        });
    }

    /// The store or the log cannot be reached; the work goes on when they can.
    pub fn hindered(&self, error: String) {
        self.update(|p| p.error = Some(error));
    }

    /// How far behind the newest sealed block.
    pub fn lag(&self) -> Lag {
        let progress = self.0.lock().map(|p| p.clone()).unwrap_or_default();
        match (progress.next, progress.sealed) {
            (Some(next), Some((sealed, records, time_ms))) if next < sealed => {
                let records = records.saturating_sub(progress.records);
                let events = (records as f64 * progress.mean.unwrap_or(1.0)) as u64;
                Lag { records, events, seconds: unix_ms().saturating_sub(time_ms) as f64 / 1000.0 }
            }
            _ => Lag::default(),
        }
    }

    pub fn readiness(&self) -> Readiness {
        let progress = self.0.lock().map(|p| p.clone()).unwrap_or_default();
        let lag = self.lag();
        let error = progress.error.or(progress.short);
        let ready = progress.next.is_some() && error.is_none() && lag.seconds <= LAG_SECONDS_MAX;
        let height = self.height();
        let sealed = progress.sealed.map(|(next, ..)| next - 1);
        let details = json!({
            "begun_ms": progress.begun_ms,
            "height": height,
            "sealed_height": sealed,
            "lag_records": lag.records,
            "lag_events": lag.events,
            "lag_seconds": lag.seconds,
            "error": error,
        });
        Readiness::new(ready, details)
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        if let Ok(mut progress) = self.0.lock() {
            change(&mut progress);
        }
    }
}

/// Only partitions that advanced stand in a header, so this is a lower bound; lags are shown, nothing depends on them.
fn records_up_to(header: &Header) -> u64 {
    header.cuts.iter().map(|cut| cut.to).sum()
}

#[cfg(test)]
mod tests {
    use medtrace_ledger::{Cut, Hash, TopicUuid};

    use super::*;

    fn header(height: u64, to: u64) -> Header {
        let cut = Cut {
            topic: "scan-events".parse().unwrap(),
            uuid: TopicUuid([1; 16]),
            partition: 0,
            from: 0,
            to,
            records: 1,
            root: Hash::default(),
        };
        Header {
            origin: "county.example/log".parse().unwrap(),
            height,
            log_root: Hash::default(),
            time_ms: unix_ms(),
            keys: (0, Hash::default()),
            cuts: vec![cut],
            bad: vec![],
        }
    }

    /// One block of so many records and events.
    fn rows(submissions: u32, events: u32) -> Rows {
        let block = BlockRow {
            height: 0,
            time_ms: 0,
            header: String::new(),
            leaf: [0; 32],
            submissions,
            events,
            notices: 0,
            positions: vec![],
        };
        Rows { blocks: vec![block], ..Rows::default() }
    }

    #[test]
    fn lag_is_told_in_records_events_and_seconds() {
        let status = Status::default();
        status.indexed(1, Some((&header(0, 10), &rows(10, 5_000))));
        status.sealed(1, Some(&header(3, 14)));
        let Lag { records, events, seconds } = status.lag();
        assert_eq!((records, events), (4, 2_000));
        assert!((0.0..5.0).contains(&seconds));
        assert!(status.readiness().ready);
        assert_eq!(status.readiness().details["lag_events"], 2_000);
    }

    #[test]
    fn a_log_that_ends_before_what_is_indexed_is_another_one() {
        let status = Status::default();
        status.indexed(3, None);
        for (held, end) in [(2, Some(header(1, 1))), (0, None)] {
            status.sealed(3, end.as_ref());
            let readiness = status.readiness();
            let error = readiness.details["error"].as_str().unwrap_or_default().to_owned();
            assert!(
                !readiness.ready && error.contains(&format!("3 blocks are indexed, the log holds {held}")),
                "{error}"
            );
        }
        // Indexed after the look began: nothing is said.
        status.sealed(2, Some(&header(1, 1)));
        assert!(status.readiness().ready);
    }
}
