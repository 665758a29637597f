//! The topics of the pipeline, from `schemas/topics.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use medtrace_ledger::TopicUuid;
use serde::Deserialize;

use crate::cluster::REQUEST_MS;
use crate::{Cluster, LogError};

/// Signed submissions of events.
pub const SCAN_EVENTS: &str = "scan-events";
/// Signed submissions of notices, one partition.
pub const NOTICES: &str = "notices";
/// Block headers, one partition.
pub const BLOCKS: &str = "blocks";
/// Signed checkpoints, one partition.
pub const CHECKPOINTS: &str = "checkpoints";
/// Whoever holds its one partition leads; no records.
pub const CHAINER_LEASE: &str = "chainer-lease";

/// Most bytes of one message as the sealed topics take it.
pub const MESSAGE_BYTES_MAX: usize = 5 << 20;

/// One topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub name: String,
    /// At least so many.
    pub partitions: i32,
    /// Never compacted, never expires.
    pub sealed: bool,
    config: BTreeMap<String, String>,
}

/// One topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub uuid: TopicUuid,
    pub partitions: i32,
}

/// All topics, in the order of the file.
pub fn catalogue() -> &'static [Spec] {
    unimplemented!()
}

/// Creates what is missing and checks what is there. Safe to call from several processes at once.
pub async fn ensure(cluster: &Cluster) -> Result<Vec<Topic>, LogError> {
    let _ = cluster;
    unimplemented!()
}

/// Topics by name, with their ids, in the order asked for. A missing one is [`LogError::Topic`].
pub async fn describe(cluster: &Cluster, names: &[&str]) -> Result<Vec<Topic>, LogError> {
    let _ = (cluster, names);
    unimplemented!()
}
