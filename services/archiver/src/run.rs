//! The archiver's life: recompute what is there, then follow.

use std::time::Duration;

use medtrace_log::topics;
use medtrace_service::Shutdown;
use tokio::time::{Instant, sleep_until};

use crate::feed::Feed;
use crate::keeper::Keeper;
use crate::stop::Stop;
use crate::{Config, GROUP_MS, Metrics, Status};

/// Longest wait for Kafka's answer before it is said that there is none, milliseconds.
const KAFKA_MS: u64 = 60_000;

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
    let mut keeper = Keeper::open(&config.archive, &config.genesis, |size| status.grew(size)).await?;
    status.does("reaching Kafka");
    while let Err(error) = config.kafka.wait(Duration::from_millis(KAFKA_MS)).await {
        tracing::warn!(error = %error, "Kafka does not answer yet");
    }
    topics::ensure(&config.kafka).await?;
    tracing::info!(size = keeper.size(), published = keeper.published(), "the archive recomputes; following");
    let mut feed = Feed::open(&config.kafka, &config.genesis, keeper.size());
    status.does("following");
    let mut due: Option<Instant> = None;
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
            checkpoint = feed.checkpoints.recv() => match checkpoint {
                Some(signed) => {
                    keeper.offer(signed?);
                    true
                }
                None => false,
            },
            block = feed.blocks.recv() => match block {
                Some(block) => {
                    metrics.kept(keeper.keep(block?).await?);
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
