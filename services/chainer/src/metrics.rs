//! What an operator sees: one struct of metrics, and the state behind `/readyz`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use medtrace_ledger::KeyName;
use medtrace_service::admin::Readiness;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use serde_json::json;

use crate::clock::{Clock, together};

/// A chain that has not been cut for so long although records wait is not ready, seconds.
const LAG_READY_S: f64 = 5.0;
/// A chain whose time is so far ahead of this machine's clock is not ready, seconds: what honest clocks sign comes to be
/// too old for it.
const AHEAD_READY_S: f64 = 600.0;

/// A standby that has seen nothing published for so long is not ready, milliseconds: nobody leads (three heartbeats).
const FOLLOWED_READY_MS: u64 = 180_000;

/// Counted once for each block. Cheap to clone: every clone counts into the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Blocks sealed by this process
    pub blocks: Counter,
    /// Records sealed by this process
    pub records: Counter,
    /// Events and notices in the records sealed by this process
    pub events: Counter,
    /// Records that were sealed and named bad
    pub bad: Counter,
    /// Headers in the chain
    pub size: Gauge,
    /// Records in the log that are not sealed yet
    pub lag_records: Gauge,
    /// Events in the log that are not sealed yet; those not read yet counted by the mean of the last block
    pub lag_events: Gauge,
    /// Age of the oldest record that is not sealed yet, in milliseconds
    pub lag_ms: Gauge,
    /// Checkpoints that a witness has cosigned
    pub cosigned: Counter,
    /// Questions to a witness that brought no cosignature
    pub uncosigned: Counter,
    /// How far this machine's clock is ahead of the broker's, in milliseconds; negative: behind
    pub clock_ahead_ms: Gauge,
    /// Verifying the records of one block, added up over all workers
    pub verify: Histogram,
    /// Deriving a header, roots twice
    pub cut: Histogram,
    /// From a header to its committed and read back block
    pub commit: Histogram,
    /// From a committed block to its published checkpoint
    pub sign: Histogram,
}

impl Metrics {
    /// Registers everything under `chainer_`.
    pub fn register(registry: &mut Registry) -> Metrics {
        let times = || Histogram::new(exponential_buckets(0.000_5, 2.0, 14));
        let metrics = Metrics {
            blocks: Counter::default(),
            records: Counter::default(),
            events: Counter::default(),
            bad: Counter::default(),
            size: Gauge::default(),
            lag_records: Gauge::default(),
            lag_events: Gauge::default(),
            lag_ms: Gauge::default(),
            cosigned: Counter::default(),
            uncosigned: Counter::default(),
            clock_ahead_ms: Gauge::default(),
            verify: times(),
            cut: times(),
            commit: times(),
            sign: times(),
        };
        let Metrics { blocks, records, events, bad, size, lag_records, lag_events, lag_ms, clock_ahead_ms, .. } =
            metrics.clone();
        let into = registry.sub_registry_with_prefix("chainer");
        into.register("blocks", "Blocks sealed by this process", blocks);
        into.register("records", "Records sealed by this process", records);
        into.register("events", "Events and notices in the records sealed by this process", events);
        into.register("bad", "Records that were sealed and named bad", bad);
        into.register("size", "Headers in the chain", size);
        into.register("lag_records", "Records in the log that are not sealed yet", lag_records);
        into.register("lag_events", "Events in the log that are not sealed yet; unread ones estimated", lag_events);
        into.register("lag_milliseconds", "Age of the oldest record that is not sealed yet", lag_ms);
        let Metrics { cosigned, uncosigned, .. } = metrics.clone();
        into.register("cosigned", "Checkpoints that a witness has cosigned", cosigned);
        into.register("uncosigned", "Questions to a witness that brought no cosignature", uncosigned);
        let help = "How far the clock is ahead of the broker's; negative: behind. Beyond 60,000 nothing is sealed";
        into.register("clock_ahead_milliseconds", help, clock_ahead_ms);
        for (name, help, histogram) in [
            ("verify", "Verifying the records of one block, added up over all workers", &metrics.verify),
            ("cut", "Deriving a header, its roots twice", &metrics.cut),
            ("commit", "From a header to its committed and read back block", &metrics.commit),
            ("sign", "From a committed block to its published checkpoint", &metrics.sign),
        ] {
            into.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
        metrics
    }
}

/// What `/readyz` tells.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<Mutex<State>>);

#[derive(Clone, Debug, Default)]
struct State {
    doing: &'static str,
    leader: bool,
    size: u64,
    lag_records: u64,
    lag_events: u64,
    lag: Duration,
    ahead: Duration,
    /// Of this machine's clock, to the broker's.
    clock_ahead_ms: i64,
    /// While another leads: when it published the checkpoint that was followed last, Unix ms.
    followed_ms: Option<i64>,
    /// Which topic was made anew, while the gap notice is waited for.
    gap: Option<String>,
    /// By name: the headers it has cosigned, and what is wrong with it now.
    witnesses: BTreeMap<KeyName, (u64, Option<String>)>,
}

impl Status {
    /// Leads from here on, with so many headers.
    pub fn leads(&self, size: u64) {
        self.change(|state| {
            *state = State {
                doing: "sealing",
                leader: true,
                size,
                witnesses: std::mem::take(&mut state.witnesses),
                ..State::default()
            }
        });
    }

    /// Leads, but seals notices only: this topic was made anew, and no gap notice says so yet.
    pub fn waits_for_gap(&self, gap: &str) {
        self.change(|state| (state.doing, state.gap) = ("waiting for a gap notice", Some(gap.to_owned())));
    }

    /// Does not lead, but is doing this.
    pub fn does(&self, doing: &'static str) {
        self.change(|state| *state = State { doing, leader: false, gap: None, ..state.clone() });
    }

    /// Another leads; what it published at that time (Unix ms) has been followed.
    pub fn follows(&self, size: u64, published_ms: i64) {
        self.change(|state| (state.size, state.followed_ms) = (size, Some(published_ms)));
    }

    /// A witness has cosigned so many headers; what is wrong with it, if something is.
    pub fn witnessed(&self, witness: &KeyName, size: u64, wrong: Option<String>) {
        self.change(|state| drop(state.witnesses.insert(witness.clone(), (size, wrong))));
    }

    /// How far the clock is ahead of the broker's, milliseconds.
    pub fn clock_is_ahead(&self, ahead_ms: i64) {
        self.change(|state| state.clock_ahead_ms = ahead_ms);
    }

    /// The chain has grown.
    pub fn grew(&self, size: u64) {
        self.change(|state| state.size = size);
    }

    /// How far behind the log's end the chain is.
    pub fn lags(&self, records: u64, events: u64, lag: Duration) {
        self.change(|state| (state.lag_records, state.lag_events, state.lag) = (records, events, lag));
    }

    /// How far the chain's time is ahead of the clock.
    pub fn is_ahead(&self, ahead: Duration) {
        self.change(|state| state.ahead = ahead);
    }

    /// Ready: leads, keeps up, and its time is that of the clock, which is the broker's; or follows somebody who leads.
    pub fn readiness(&self) -> Readiness {
        self.readiness_at(Clock::default().now_ms())
    }

    fn readiness_at(&self, now_ms: u64) -> Readiness {
        let state = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let (lag, ahead) = (state.lag.as_secs_f64(), state.ahead.as_secs_f64());
        let followed_ms = state.followed_ms.map(|ms| now_ms.saturating_sub(ms.unsigned_abs()));
        let seals = state.gap.is_none() && together(state.clock_ahead_ms);
        let leads = seals && lag < LAG_READY_S && ahead <= AHEAD_READY_S;
        let follows = followed_ms.is_some_and(|ms| ms <= FOLLOWED_READY_MS);
        let witnesses = state.witnesses.iter().map(|(name, (size, wrong))| {
            json!({"name": name.as_str(), "cosigned": size, "behind": state.size.saturating_sub(*size), "wrong": wrong})
        });
        let witnesses: Vec<_> = witnesses.collect();
        let details = json!({
            "doing": state.doing,
            "leader": state.leader,
            "size": state.size,
            "lag_records": state.lag_records,
            "lag_events": state.lag_events,
            "lag_seconds": lag,
            "ahead_seconds": ahead,
            "clock_ahead_ms": state.clock_ahead_ms,
            "followed_ms_ago": followed_ms,
            "gap": state.gap,
            "witnesses": witnesses,
        });
        Readiness::new(if state.leader { leads } else { follows }, details)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_is_ready_while_it_keeps_up_and_its_time_is_the_clocks() {
        let status = Status::default();
        assert!(!status.readiness().ready);
        status.leads(3);
        assert!(status.readiness().ready);
        status.lags(10, 100, Duration::from_secs(6));
        assert!(!status.readiness().ready);
        status.lags(0, 0, Duration::ZERO);
        status.waits_for_gap("topic scan-events");
        let readiness = status.readiness();
        assert_eq!((readiness.ready, &readiness.details["gap"]), (false, &json!("topic scan-events")));
        status.leads(3);
        for (seconds, ready) in [(600, true), (601, false)] {
            status.is_ahead(Duration::from_secs(seconds));
            let readiness = status.readiness();
            assert_eq!((readiness.ready, readiness.details["ahead_seconds"].as_f64()), (ready, Some(seconds as f64)));
        }
        status.is_ahead(Duration::ZERO);
        for (clock_ahead_ms, ready) in [(60_000, true), (-60_001, false)] {
            status.clock_is_ahead(clock_ahead_ms);
            assert_eq!(status.readiness().ready, ready);
        }
    }

    #[test]
    fn a_standby_is_ready_while_somebody_leads() {
        let status = Status::default();
        status.does("waiting for the lease");
        assert!(!status.readiness_at(0).ready);
        status.follows(7, 1_000_000);
        for (now_ms, ready) in [(999_000, true), (1_180_000, true), (1_180_001, false)] {
            assert_eq!(status.readiness_at(now_ms).ready, ready, "{now_ms}");
        }
        assert_eq!(status.readiness_at(0).details["size"], 7);
    }
}
