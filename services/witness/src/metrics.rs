//! The metrics of a witness; the doc comments are the help texts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Cheap to clone: every clone counts into the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Cosignatures given
    pub cosigned: Counter,
    /// Checkpoints that were not cosigned, by HTTP status
    refused: Family<[(&'static str, String); 1], Counter>,
    /// Size of our log that was last cosigned
    pub size: Gauge,
    /// Headers of our log that were recomputed
    pub recomputed: Gauge,
    /// Times that reading Kafka had to be begun again
    pub retries: Counter,
    /// Alarms that stand
    pub alarms: Gauge,
}

impl Metrics {
    /// Registers everything under `witness_`.
    pub fn register(registry: &mut Registry) -> Metrics {
        let metrics = Metrics::default();
        let into = registry.sub_registry_with_prefix("witness");
        into.register("cosigned", "Cosignatures given", metrics.cosigned.clone());
        into.register("refused", "Checkpoints that were not cosigned, by HTTP status", metrics.refused.clone());
        into.register("size", "Size of our log that was last cosigned", metrics.size.clone());
        into.register("recomputed", "Headers of our log that were recomputed", metrics.recomputed.clone());
        into.register("retries", "Times that reading Kafka had to be begun again", metrics.retries.clone());
        into.register("alarms", "Alarms that stand", metrics.alarms.clone());
        metrics
    }

    /// A checkpoint was not cosigned.
    pub fn refused(&self, status: u16) {
        self.refused.get_or_create(&[("status", status.to_string())]).inc();
    }
}
