//! Blocks from an archive, from Kafka, or from both: what the archive holds from there, what follows from Kafka.

use medtrace_log::Cluster;
use medtrace_log::sealed::{SealedBlock, SealedLog};

use crate::{Archive, ArchiveError, Blocks};

/// Follows the blocks from a height on.
pub struct Source {
    archive: Option<Blocks>,
    cluster: Option<Cluster>,
    log: Option<SealedLog>,
    next: u64,
}

impl Source {
    /// Starts with block `height`. The archive is read to its end first.
    ///
    /// # Errors
    /// Those of the archive.
    pub async fn open(
        archive: Option<&Archive>,
        cluster: Option<&Cluster>,
        height: u64,
    ) -> Result<Source, ArchiveError> {
        let archive = match archive {
            Some(archive) => Some(archive.blocks(height).await?),
            None => None,
        };
        Ok(Source { archive, cluster: cluster.cloned(), log: None, next: height })
    }

    /// The next block. Waits for it where there is a log; `None` at the end of an archive alone. Cancelling it loses
    /// nothing only before a block has arrived, so a caller that cancels opens the source again.
    ///
    /// # Errors
    /// Those of the archive and of the log.
    pub async fn next(&mut self) -> Result<Option<SealedBlock>, ArchiveError> {
        if let Some(blocks) = &mut self.archive {
            while let Some(block) = blocks.next().await? {
                if block.header.height == self.next {
                    self.next += 1;
                    return Ok(Some(block));
                }
            }
            if self.cluster.is_some() {
                self.archive = None;
            }
        }
        let Some(cluster) = &self.cluster else { return Ok(None) };
        let log = match &mut self.log {
            Some(log) => log,
            None => self.log.insert(SealedLog::open(cluster, self.next, None).await?),
        };
        let block = log.next().await?;
        self.next += 1;
        Ok(Some(block))
    }
}
