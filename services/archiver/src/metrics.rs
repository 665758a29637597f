//! What an operator sees: one struct of metrics, and the state behind `/readyz`.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use medtrace_service::admin::Readiness;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::json;

/// An archive that has been behind the newest checkpoint for so long is not ready, seconds.
const LAG_READY_S: f64 = 30.0;

/// Counted once for each block. Cheap to clone: every clone counts into the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Blocks archived by this process
    pub blocks: Counter,
    /// Records archived by this process
    pub records: Counter,
    /// Blocks in the archive
    pub size: Gauge,
    /// Headers that the archive's checkpoint covers
    pub published: Gauge,
    /// Headers that the newest known checkpoint covers
    pub signed: Gauge,
}

impl Metrics {
    /// Registers everything under `archiver_`.
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics::default();
        let Metrics { blocks, records, size, published, signed } = metrics.clone();
        let into = registry.sub_registry_with_prefix("archiver");
        into.register("blocks", "Blocks archived by this process", blocks);
        into.register("records", "Records archived by this process", records);
        into.register("size", "Blocks in the archive", size);
        into.register("published", "Headers that the archive's checkpoint covers", published);
        into.register("signed", "Headers that the newest known checkpoint covers", signed);
        metrics
    }

    pub(crate) fn kept(&self, records: usize) {
        self.blocks.inc();
        self.records.inc_by(records as u64);
    }

    pub(crate) fn stands(&self, size: u64, published: u64, signed: u64) {
        self.size.set(size.cast_signed());
        self.published.set(published.cast_signed());
        self.signed.set(signed.cast_signed());
    }
}

/// What `/readyz` tells.
#[derive(Debug, Default)]
pub struct Status(Mutex<State>);

#[derive(Clone, Debug, Default)]
struct State {
    doing: &'static str,
    following: bool,
    size: u64,
    published: u64,
    signed: u64,
    /// Since when the archive has been behind the newest checkpoint.
    behind: Option<Instant>,
}

impl Status {
    pub(crate) fn does(&self, doing: &'static str) {
        self.change(|state| (state.doing, state.following) = (doing, doing == "following"));
    }

    /// So many blocks of the archive are recomputed.
    pub(crate) fn grew(&self, size: u64) {
        self.change(|state| state.size = size);
    }

    pub(crate) fn stands(&self, size: u64, published: u64, signed: u64) {
        self.change(|state| {
            (state.size, state.published, state.signed) = (size, published, signed);
            state.behind = (published < signed).then(|| state.behind.unwrap_or_else(Instant::now));
        });
    }

    /// Ready: follows, and keeps up with the checkpoints.
    pub fn readiness(&self) -> Readiness {
        let state = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let lag = state.behind.map_or(Duration::ZERO, |since| since.elapsed()).as_secs_f64();
        let details = json!({
            "doing": state.doing,
            "size": state.size,
            "published": state.published,
            "signed": state.signed,
            "lag_seconds": lag,
        });
        Readiness::new(state.following && lag < LAG_READY_S, details)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_while_it_follows_and_keeps_up() {
        let status = Status::default();
        assert!(!status.readiness().ready);
        status.does("following");
        status.stands(7, 3, 9);
        let readiness = status.readiness();
        assert!(readiness.ready);
        assert_eq!((&readiness.details["size"], &readiness.details["signed"]), (&7.into(), &9.into()));
        status.change(|state| state.behind = Instant::now().checked_sub(Duration::from_secs(31)));
        assert!(!status.readiness().ready);
        status.stands(9, 9, 9);
        assert!(status.readiness().ready);
    }
}
