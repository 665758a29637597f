//! Leaves of the header log, read again from `blocks`: what a consistency path to a witness is made of.

use medtrace_ledger::hash::Hash;
use medtrace_ledger::merkle::Frontier;
use medtrace_log::sealed::SealedLog;
use medtrace_log::topics::BLOCKS;
use medtrace_log::{Cluster, LogError};

/// The header log up to what a witness has, and a place to read on from.
pub(super) struct Headers {
    cluster: Cluster,
    /// What the witness has.
    pub at: Frontier,
    /// Read behind it.
    later: Vec<Hash>,
    /// Stands behind `later`.
    log: Option<SealedLog>,
}

impl Headers {
    pub fn new(cluster: &Cluster) -> Headers {
        Headers { cluster: cluster.clone(), at: Frontier::default(), later: Vec::new(), log: None }
    }

    /// Consistency path from what the witness has to `size` headers, all of which are in the log. Empty from nothing.
    pub async fn path(&mut self, size: u64) -> Result<Vec<Hash>, LogError> {
        if self.at.size() == 0 {
            return Ok(Vec::new());
        }
        self.read_to(size).await?;
        let later = usize::try_from(size.saturating_sub(self.at.size())).unwrap_or(usize::MAX);
        let path = self.later.get(..later).and_then(|later| self.at.consistency_path(later));
        path.ok_or_else(|| LogError::Broken(format!("there is no path from {} to {size} headers", self.at.size())))
    }

    /// The witness has `size` headers.
    pub async fn set(&mut self, size: u64) -> Result<(), LogError> {
        if size < self.at.size() {
            *self = Headers::new(&self.cluster);
        }
        self.read_to(size).await?;
        let passed = usize::try_from(size - self.at.size()).unwrap_or(usize::MAX).min(self.later.len());
        self.later.drain(..passed).for_each(|leaf| self.at.push(leaf));
        Ok(())
    }

    /// Cancelling loses only what has been read ahead.
    async fn read_to(&mut self, size: u64) -> Result<(), LogError> {
        let mut next = self.at.size() + self.later.len() as u64;
        if next >= size {
            return Ok(());
        }
        let mut log = match self.log.take() {
            Some(log) => log,
            // No cut is of this topic: headers alone.
            None => SealedLog::open(&self.cluster, next, Some(BLOCKS)).await?,
        };
        while next < size {
            self.later.push(log.next().await?.header.leaf());
            next += 1;
        }
        self.log = Some(log);
        Ok(())
    }
}
