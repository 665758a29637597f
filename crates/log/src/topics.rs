//! The topics of the pipeline, from `schemas/topics.toml`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use medtrace_ledger::TopicUuid;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::types::RDKafkaErrorCode;
use serde::Deserialize;

use crate::cluster::REQUEST_MS;
use crate::quiet::Quiet;
use crate::{Cluster, LogError};

/// Signed submissions of events.
pub const SCAN_EVENTS: &str = "scan-events";
/// Signed submissions of notices, one partition.
pub const NOTICES: &str = "notices";
/// Block headers, one partition.
pub const BLOCKS: &str = "blocks";
/// Signed checkpoints, one partition.
pub const CHECKPOINTS: &str = "checkpoints";
/// Whoever holds its one partition leads. Its records only ask for the broker's time.
pub const CHAINER_LEASE: &str = "chainer-lease";

/// Most bytes of one message as the sealed topics take it (a record and its framing).
pub const MESSAGE_BYTES_MAX: usize = 5 << 20;

/// The file, as checked in.
const FILE: &str = include_str!("../../../schemas/topics.toml");

/// One topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub name: String,
    /// At least so many.
    pub partitions: i32,
    /// Never compacted, never expires.
    pub sealed: bool,
    /// Settings besides those of every sealed topic.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

/// One topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    /// A topic that was deleted and made again under the same name has another one.
    pub uuid: TopicUuid,
    pub partitions: i32,
    /// Of each partition, whether they run or not.
    pub replicas: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    defaults: Defaults,
    topic: Vec<Spec>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    replication: i32,
    min_insync_replicas: i32,
}

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| toml::from_str(FILE).expect("schemas/topics.toml is checked by a test"));

/// All topics, in the order of the file.
pub fn catalogue() -> &'static [Spec] {
    &CATALOGUE.topic
}

/// Creates what is missing and checks what is there; returns all topics in the order of the file. Safe to call from
/// several processes at once.
pub async fn ensure(cluster: &Cluster) -> Result<Vec<Topic>, LogError> {
    let admin = Arc::new(admin(cluster)?);
    let brokers = brokers(&admin).await?;
    let names: Vec<&str> = catalogue().iter().map(|spec| spec.name.as_str()).collect();
    let found = describe_some(&admin, &names).await?;
    let missing: Vec<&Spec> = catalogue().iter().zip(&found).filter(|(_, t)| t.is_none()).map(|(s, _)| s).collect();
    create(&admin, &missing, brokers).await?;
    let topics = found_all(&names, wait_for(&admin, &names).await?)?;
    for (spec, topic) in catalogue().iter().zip(&topics) {
        if topic.partitions < spec.partitions {
            let detail = format!("it has {} partitions, {} are needed", topic.partitions, spec.partitions);
            return Err(LogError::Topic { topic: spec.name.clone(), detail });
        }
    }
    check_settings(&admin, &topics).await?;
    Ok(topics)
}

/// Topics by name, with their ids, in the order asked for. A missing one is [`LogError::Topic`].
pub async fn describe(cluster: &Cluster, names: &[&str]) -> Result<Vec<Topic>, LogError> {
    let admin = Arc::new(admin(cluster)?);
    found_all(names, describe_some(&admin, names).await?)
}

pub(crate) type Admin = AdminClient<Quiet>;

pub(crate) fn admin(cluster: &Cluster) -> Result<Admin, LogError> {
    cluster.client().create_with_context(Quiet).map_err(|error| LogError::Settings(error.to_string()))
}

pub(crate) fn options() -> AdminOptions {
    let wait = Some(Duration::from_millis(REQUEST_MS));
    AdminOptions::new().request_timeout(wait).operation_timeout(wait)
}

async fn brokers(admin: &Arc<Admin>) -> Result<usize, LogError> {
    let admin = admin.clone();
    let ask = move || admin.inner().fetch_metadata(None, Duration::from_millis(REQUEST_MS));
    let metadata = crate::blocking(ask).await.map_err(LogError::kafka("read the cluster's metadata"))?;
    Ok(metadata.brokers().len())
}

async fn describe_some(admin: &Arc<Admin>, names: &[&str]) -> Result<Vec<Option<Topic>>, LogError> {
    let admin = admin.clone();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let ask = move || {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        crate::describe::describe(&admin, &names, Duration::from_millis(REQUEST_MS))
    };
    crate::blocking(ask).await.map_err(LogError::kafka("describe the topics"))
}

fn found_all(names: &[&str], found: Vec<Option<Topic>>) -> Result<Vec<Topic>, LogError> {
    let present = |(name, topic): (&&str, Option<Topic>)| {
        topic
            .ok_or_else(|| LogError::Topic { topic: (*name).to_owned(), detail: "the cluster does not have it".into() })
    };
    names.iter().zip(found).map(present).collect()
}

/// A created topic becomes visible on all brokers within moments.
async fn wait_for(admin: &Arc<Admin>, names: &[&str]) -> Result<Vec<Option<Topic>>, LogError> {
    let deadline = tokio::time::Instant::now() + Duration::from_millis(REQUEST_MS);
    loop {
        let found = describe_some(admin, names).await?;
        if found.iter().all(Option::is_some) || tokio::time::Instant::now() >= deadline {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn create(admin: &Admin, specs: &[&Spec], brokers: usize) -> Result<(), LogError> {
    if specs.is_empty() {
        return Ok(());
    }
    let replication = CATALOGUE.defaults.replication.min(i32::try_from(brokers).unwrap_or(i32::MAX)).max(1);
    let settings: Vec<_> = specs.iter().map(|spec| spec.settings(usize::try_from(replication).unwrap_or(1))).collect();
    let topics: Vec<NewTopic<'_>> = specs
        .iter()
        .zip(&settings)
        .map(|(spec, settings)| {
            let topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(replication));
            settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        })
        .collect();
    let made = admin.create_topics(&topics, &options()).await.map_err(LogError::kafka("create the topics"))?;
    for outcome in made {
        match outcome {
            // Another process was quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(LogError::Topic { topic, detail: format!("it cannot be created: {code}") });
            }
        }
    }
    Ok(())
}

/// The settings depend on how many replicas a topic has, not on how many brokers happen to run.
async fn check_settings(admin: &Admin, topics: &[Topic]) -> Result<(), LogError> {
    let resources: Vec<_> = catalogue().iter().map(|spec| ResourceSpecifier::Topic(&spec.name)).collect();
    let answers =
        admin.describe_configs(&resources, &options()).await.map_err(LogError::kafka("read the topics' settings"))?;
    for ((spec, topic), answer) in catalogue().iter().zip(topics).zip(answers) {
        let fault = |detail| LogError::Topic { topic: spec.name.clone(), detail };
        let answer = answer.map_err(|code| fault(format!("its settings cannot be read: {code}")))?;
        for (name, wanted) in spec.settings(topic.replicas) {
            let found = answer.get(&name).and_then(|entry| entry.value.clone()).unwrap_or_default();
            if found != wanted {
                return Err(fault(format!("{name} is {found}, must be {wanted}")));
            }
        }
    }
    Ok(())
}

impl Spec {
    /// The settings it has with so many replicas.
    pub fn settings(&self, replicas: usize) -> BTreeMap<String, String> {
        let mut settings = self.config.clone();
        let mut set = |name: &str, value: &str| drop(settings.insert(name.to_owned(), value.to_owned()));
        let in_sync = if replicas >= 3 { CATALOGUE.defaults.min_insync_replicas } else { 1 };
        set("min.insync.replicas", &in_sync.to_string());
        set("unclean.leader.election.enable", "false");
        if self.sealed {
            set("cleanup.policy", "delete");
            set("retention.ms", "-1");
            set("retention.bytes", "-1");
            set("max.message.bytes", &MESSAGE_BYTES_MAX.to_string());
            set("message.timestamp.type", "LogAppendTime");
            set("compression.type", "producer");
            if replicas == 1 {
                // Kafka acknowledges before it flushes; with one replica that would be too early.
                set("flush.messages", "1");
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_every_topic_of_the_code() {
        let names: Vec<_> = catalogue().iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, [SCAN_EVENTS, NOTICES, BLOCKS, CHECKPOINTS, CHAINER_LEASE]);
        for spec in catalogue() {
            assert_eq!(spec.partitions == 1, spec.name != SCAN_EVENTS, "{} has one order for all", spec.name);
            assert_eq!(spec.sealed, spec.name != CHAINER_LEASE, "{}", spec.name);
        }
    }

    #[test]
    fn a_sealed_topic_never_loses_a_record() {
        let one = catalogue()[0].settings(1);
        for (name, value) in [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")] {
            assert_eq!(one[name], value);
        }
        assert_eq!((&*one["flush.messages"], &*one["min.insync.replicas"]), ("1", "1"));
        let three = catalogue()[0].settings(3);
        assert_eq!((three.get("flush.messages"), &*three["min.insync.replicas"]), (None, "2"));
    }
}
