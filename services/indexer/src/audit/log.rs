//! The log as a source of newer blocks.

use anyhow::Context;
use medtrace_log::Cluster;
use medtrace_log::consumer::{Isolation, last};
use medtrace_log::sealed::{SealedBlock, SealedLog, read_header};
use medtrace_log::topics::BLOCKS;

use super::Chain;

/// The sealed log of a cluster.
pub struct LogChain {
    cluster: Cluster,
    /// With the height that comes next.
    log: Option<(u64, SealedLog)>,
}

impl LogChain {
    pub fn new(cluster: Cluster) -> LogChain {
        LogChain { cluster, log: None }
    }
}

impl Chain for LogChain {
    async fn size(&mut self) -> anyhow::Result<u64> {
        let newest = last(&self.cluster, BLOCKS, 0, Isolation::Committed).await.context("failed to read the log")?;
        newest.map_or(Ok(0), |message| Ok(read_header(&message)?.0.height + 1))
    }

    async fn block(&mut self, height: u64) -> anyhow::Result<SealedBlock> {
        let mut log = match self.log.take() {
            Some((next, log)) if next == height => log,
            _ => SealedLog::open(&self.cluster, height, None).await?,
        };
        let block = log.next().await?;
        self.log = Some((height + 1, log));
        Ok(block)
    }
}
