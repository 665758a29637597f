//! Kafka's own producer on the same broker, in the same run, into a topic that is kept like the one of the events: what
//! the log alone takes.

use std::{path::Path, process::Stdio};

use anyhow::{Context, bail};
use medtrace_log::topics::{self, SCAN_EVENTS};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use serde::Serialize;
use tokio::process::Command;

use super::figures::median;
use crate::stack::kafka_libs;

/// The topic that is filled; it goes with the stack's folder.
const TOPIC: &str = "bench-producer";
/// Bytes that are sent in one run, about (300 MB), and the most records.
const RUN_BYTES: u64 = 300 << 20;
const RUN_RECORDS_MAX: u64 = 500_000;
/// Batches as the services' producers make them, and how long a batch waits.
const SETTINGS: [&str; 3] = ["acks=all", "batch.size=1048576", "linger.ms=5"];

/// What Kafka's producer came to.
#[derive(Debug, Clone, Serialize)]
pub struct Producer {
    /// What a record stands for.
    pub what: &'static str,
    pub record_bytes: usize,
    pub records: u64,
    pub median_per_s: f64,
    pub runs_per_s: Vec<f64>,
}

/// Runs `kafka.tools` ProducerPerformance so many times; `None` if its jar was not fetched.
pub async fn producer(
    what: &'static str,
    record_bytes: usize,
    repeats: usize,
    bootstrap: &str,
) -> anyhow::Result<Option<Producer>> {
    let libs = kafka_libs()?;
    if !has_tools(&libs) {
        return Ok(None);
    }
    make_topic(bootstrap).await?;
    let records = (RUN_BYTES / record_bytes.max(1) as u64).clamp(100, RUN_RECORDS_MAX);
    let mut runs_per_s = Vec::new();
    for _ in 0..repeats {
        runs_per_s.push(run(&libs, bootstrap, record_bytes, records).await?);
    }
    Ok(Some(Producer { what, record_bytes, records, median_per_s: median(runs_per_s.clone()), runs_per_s }))
}

fn has_tools(libs: &Path) -> bool {
    let entries = std::fs::read_dir(libs).into_iter().flatten().flatten();
    let version = |name: &str| name.strip_prefix("kafka-tools-").is_some_and(|rest| !rest.starts_with("api"));
    entries.into_iter().any(|entry| version(&entry.file_name().to_string_lossy()))
}

async fn make_topic(bootstrap: &str) -> anyhow::Result<()> {
    let like = topics::catalogue().iter().find(|topic| topic.name == SCAN_EVENTS).context("no topic of events")?;
    let settings = like.settings(1);
    let topic = NewTopic::new(TOPIC, like.partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().context("failed to reach Kafka")?;
    // It is there already in the second call.
    admin.create_topics([&topic], &AdminOptions::new()).await.context("failed to make a topic")?;
    Ok(())
}

async fn run(libs: &Path, bootstrap: &str, record_bytes: usize, records: u64) -> anyhow::Result<f64> {
    let output = Command::new("java")
        .args(["-Xmx512m", "-cp"])
        .arg(libs.join("*"))
        .args(["org.apache.kafka.tools.ProducerPerformance", "--topic", TOPIC, "--throughput", "-1"])
        .args(["--num-records", &records.to_string(), "--record-size", &record_bytes.to_string()])
        .arg("--producer-props")
        .arg(format!("bootstrap.servers={bootstrap}"))
        .args(SETTINGS)
        .args([format!("max.request.size={}", topics::MESSAGE_BYTES_MAX)])
        .stdin(Stdio::null())
        .output()
        .await
        .context("failed to start java")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().rev().find_map(records_per_s) {
        Some(rate) if output.status.success() => Ok(rate),
        _ => bail!("ProducerPerformance failed: {text}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Of `500000 records sent, 287356.3 records/sec (109.62 MB/sec), …`, the last such line, which sums up.
fn records_per_s(line: &str) -> Option<f64> {
    let (_, rest) = line.split_once(" records sent, ")?;
    rest.split_once(" records/sec")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_kafkas_producer_is_read() {
        let line = "100000 records sent, 45871.559633 records/sec (17.50 MB/sec), 312.40 ms avg latency, 501.00 ms max";
        assert_eq!(records_per_s(line), Some(45871.559633));
        assert_eq!(records_per_s("WARN nothing"), None);
    }
}
