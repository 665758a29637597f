//! The archiver's life: recompute what is there, then follow.

use std::time::Duration;

use medtrace_ledger::Header;
use medtrace_log::topics::SCAN_EVENTS;
use medtrace_log::{Cluster, LogError, topics, trim};
use medtrace_service::client::with_causes;
use medtrace_service::{Shutdown, unix_ms};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::feed::Feed;
use crate::keeper::Keeper;
use crate::retention::{Ends, Retention};
use crate::stop::Stop;
use crate::{Config, GROUP_MS, Metrics, Status};

/// Longest wait for Kafka's answer before it is said that there is none, milliseconds.
const KAFKA_MS: u64 = 60_000;
/// How often it is looked whether something may be removed from Kafka, milliseconds.
const REMOVE_MS: u64 = 1_000;

/// Runs until the shutdown or until something is wrong.
pub async fn run(config: &Config, metrics: &Metrics, status: &Status, shutdown: Shutdown) -> Result<(), Stop> {
    tokio::select! {
        kept = keep(config, metrics, status) => kept,
        // Whatever was not committed is done again by the next start.
        () = shutdown.cancelled() => Ok(()),
    }
}

async fn keep(config: &Config, metrics: &Metrics, status: &Status) -> Result<(), Stop> {
    status.does("reading the archive");
    let mut retention = config.retention.map(Retention::new);
    let read = |header: &Header| {
        status.grew(header.height + 1);
        retention.iter_mut().for_each(|retention| retention.sealed(header));
    };
    let mut keeper = Keeper::open(&config.archive, &config.genesis, read).await?;
    status.does("reaching Kafka");
    while let Err(error) = config.kafka.wait(Duration::from_millis(KAFKA_MS)).await {
        tracing::warn!(error = %error, "Kafka does not answer yet");
    }
    topics::ensure(&config.kafka).await?;
    tracing::info!(size = keeper.size(), published = keeper.published(), "the archive recomputes; following");
    let mut feed = Feed::open(&config.kafka, &config.genesis, keeper.size());
    status.does("following");
    let mut due: Option<Instant> = None;
    let mut removing = interval(Duration::from_millis(REMOVE_MS));
    removing.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        metrics.stands(keeper.size(), keeper.published(), keeper.signed());
        status.stands(keeper.size(), keeper.published(), keeper.signed());
        let arrived = tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                keeper.commit().await?;
                due = None;
                continue;
            }
            _ = removing.tick(), if retention.is_some() => {
                if let Some(retention) = &mut retention {
                    remove(&config.kafka, retention, keeper.published()).await;
                }
                continue;
            }
            checkpoint = feed.checkpoints.recv() => match checkpoint {
                Some(signed) => {
                    keeper.offer(signed?);
                    true
                }
                None => false,
            },
            block = feed.blocks.recv() => match block {
                Some(block) => {
                    let block = block?;
                    let header = block.header.clone();
                    metrics.kept(keeper.keep(block).await?);
                    retention.iter_mut().for_each(|retention| retention.sealed(&header));
                    true
                }
                None => false,
            },
        };
        if !arrived {
            return Ok(()); // A feed ends without an error only when the runtime does.
        }
        due.get_or_insert_with(|| Instant::now() + Duration::from_millis(GROUP_MS));
    }
}

/// Removes from Kafka what may go. That it cannot be done now stops nothing: it is tried again.
async fn remove(kafka: &Cluster, retention: &mut Retention, published: u64) {
    let removed = retention.remove_due(unix_ms(), published, async |topic, ends: &Ends| {
        let now = topics::describe(kafka, &[SCAN_EVENTS]).await?;
        if now.iter().any(|now| now.uuid != topic) {
            let detail = format!("it was made anew; what is archived was cut from {topic}");
            return Err(LogError::Topic { topic: SCAN_EVENTS.to_owned(), detail });
        }
        trim::remove_before(kafka, SCAN_EVENTS, ends).await?;
        tracing::info!(before = format!("{ends:?}"), "archived events were removed from Kafka");
        Ok::<_, LogError>(())
    });
    if let Err(error) = removed.await {
        tracing::warn!(error = with_causes(&error), "archived events cannot be removed from Kafka at the moment");
    }
}
