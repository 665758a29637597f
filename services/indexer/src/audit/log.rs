//! The log, or an archive and the log, as a source of newer blocks.

use anyhow::Context;
use medtrace_archive::{Archive, Source};
use medtrace_log::Cluster;
use medtrace_log::consumer::{Isolation, last};
use medtrace_log::sealed::{SealedBlock, read_header};
use medtrace_log::topics::BLOCKS;

use super::Chain;

/// The sealed log of a cluster, of which an archive may hold the beginning.
pub struct LogChain {
    archive: Option<Archive>,
    cluster: Cluster,
    /// With the height that comes next.
    blocks: Option<(u64, Source)>,
}

impl LogChain {
    pub fn new(archive: Option<Archive>, cluster: Cluster) -> LogChain {
        LogChain { archive, cluster, blocks: None }
    }
}

impl Chain for LogChain {
    async fn size(&mut self) -> anyhow::Result<u64> {
        let newest = last(&self.cluster, BLOCKS, 0, Isolation::Committed).await.context("failed to read the log")?;
        newest.map_or(Ok(0), |message| Ok(read_header(&message)?.0.height + 1))
    }

    async fn block(&mut self, height: u64) -> anyhow::Result<SealedBlock> {
        let mut blocks = match self.blocks.take() {
            Some((next, blocks)) if next == height => blocks,
            _ => Source::open(self.archive.as_ref(), Some(&self.cluster), height).await?,
        };
        let block = blocks.next().await?.context("the log ends")?;
        self.blocks = Some((height + 1, blocks));
        Ok(block)
    }
}
