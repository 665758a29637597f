//! Blocks from an archive, from Kafka, or from both: what the archive holds from there, what follows from Kafka. Who needs
//! one topic only reads it from Kafka, and from the archive where the topic was made anew since.

use medtrace_log::sealed::{SealedBlock, SealedLog};
use medtrace_log::{Cluster, LogError};

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

/// Follows the blocks from a height on, with the records of one topic, or of all: from Kafka, as long as that has them.
pub struct Records {
    archive: Option<Archive>,
    cluster: Cluster,
    topic: Option<&'static str>,
    log: SealedLog,
    /// In the log's place, once a cut was under an id that its topic has no more.
    source: Option<Source>,
    next: u64,
}

impl Records {
    /// Starts with block `height`. The archive is opened where it is needed.
    ///
    /// # Errors
    /// Those of the log.
    pub async fn open(
        archive: Option<&Archive>,
        cluster: &Cluster,
        height: u64,
        topic: Option<&'static str>,
    ) -> Result<Records, LogError> {
        let log = SealedLog::open(cluster, height, topic).await?;
        let (archive, cluster) = (archive.cloned(), cluster.clone());
        Ok(Records { archive, cluster, topic, log, source: None, next: height })
    }

    /// The next block; waits until there is one. Cancelling it is as with [`SealedLog::next`].
    ///
    /// # Errors
    /// Those of the archive and of the log.
    pub async fn next(&mut self) -> Result<SealedBlock, ArchiveError> {
        let mut block = match &mut self.source {
            Some(source) => source.next().await?,
            None => match self.log.next().await {
                Err(LogError::MadeAnew { .. }) if self.archive.is_some() => {
                    let source = Source::open(self.archive.as_ref(), Some(&self.cluster), self.next).await?;
                    self.source.insert(source).next().await?
                }
                block => Some(block?),
            },
        }
        .ok_or_else(|| LogError::Broken("the log has no end".to_owned()))?;
        block.records.retain(|record| self.topic.is_none_or(|topic| record.topic == topic));
        self.next += 1;
        Ok(block)
    }
}
