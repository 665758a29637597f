//! What arrives: blocks from the archive, from Kafka or from both, read ahead of what is derived.

use std::time::Duration;

use medtrace_archive::{ArchiveError, Source};
use medtrace_log::sealed::SealedBlock;
use medtrace_service::Shutdown;
use tokio::sync::mpsc;

use crate::Config;
use crate::run::wait;

/// How often the end of an archive without Kafka is looked at, milliseconds.
const ARCHIVE_MS: u64 = 1_000;

/// Reads from this height on, and opens the log again after whatever passes.
pub(crate) async fn read(
    config: Config,
    mut height: u64,
    blocks: mpsc::Sender<SealedBlock>,
    shutdown: Shutdown,
) -> Result<(), ArchiveError> {
    loop {
        match read_from(&config, &mut height, &blocks, &shutdown).await {
            Ok(()) => return Ok(()),
            Err(error) if error.passes() => {
                tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "the log will be opened again");
                if !wait(&shutdown).await {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read_from(
    config: &Config,
    height: &mut u64,
    blocks: &mpsc::Sender<SealedBlock>,
    shutdown: &Shutdown,
) -> Result<(), ArchiveError> {
    let mut source = Source::open(config.archive.as_ref(), config.cluster.as_ref(), *height).await?;
    loop {
        let block = tokio::select! {
            block = source.next() => block?,
            () = shutdown.cancelled() => return Ok(()),
        };
        let Some(block) = block else {
            // The end of an archive alone, which may grow.
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(ARCHIVE_MS)) => continue,
                () = shutdown.cancelled() => return Ok(()),
            }
        };
        *height = block.header.height + 1;
        if blocks.send(block).await.is_err() {
            return Ok(());
        }
    }
}
