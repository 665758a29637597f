//! The chain as a stranger verifies it over HTTP: every header against all before it, and the newest checkpoint against
//! the headers. Called after every step of a test, it goes on where it stopped.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use medtrace_ledger::{Checkpoint, Genesis, Hash, Header, merkle::Frontier};

use crate::{
    Client,
    wait::{SOON_MS, until},
};

/// What has been verified so far.
pub struct Chain {
    genesis: Genesis,
    log: Frontier,
    /// Root of the header log by its size.
    roots: Vec<Hash>,
    time_ms: u64,
    /// Next offset by topic and partition.
    next: BTreeMap<(String, u32), u64>,
    /// Records that the chain names bad, as `<height> <ordinal> <reason>`.
    pub bad: Vec<String>,
}

impl Chain {
    pub async fn new(query: &Client) -> anyhow::Result<Chain> {
        let genesis = Genesis::parse(&query.get("/log/genesis", &[]).await?.text())?;
        Ok(Chain {
            roots: vec![genesis.hash()],
            genesis,
            log: Frontier::default(),
            time_ms: 0,
            next: BTreeMap::new(),
            bad: Vec::new(),
        })
    }

    /// Verifies everything that is new up to the newest checkpoint; the number of blocks that it covers.
    pub async fn verify(&mut self, query: &Client) -> anyhow::Result<u64> {
        let note = query.get("/log/checkpoint", &[]).await?.text();
        let (checkpoint, _) = Checkpoint::open(&note, &self.genesis).context("the checkpoint does not hold")?;
        let indexed = async || Ok((query.height().await? + 1 >= checkpoint.size).then_some(()));
        until("the checkpoint's blocks to be indexed", SOON_MS, indexed).await?;
        while self.log.size() < checkpoint.size {
            self.take(query).await?;
        }
        let root = usize::try_from(checkpoint.size).ok().and_then(|size| self.roots.get(size));
        ensure!(root == Some(&checkpoint.root), "the checkpoint of {} blocks has another root", checkpoint.size);
        Ok(checkpoint.size)
    }

    async fn take(&mut self, query: &Client) -> anyhow::Result<()> {
        let height = self.log.size();
        let block = query.ask(&format!("/v1/blocks/{height}"), &[]).await?;
        let header = Header::parse(block["header"].as_str().context("a block has its header")?)?;
        ensure!(header.height == height && header.origin == self.genesis.origin, "block {height} is another's");
        ensure!(Some(&header.log_root) == self.roots.last(), "block {height} does not follow from those before it");
        ensure!(header.time_ms >= self.time_ms, "block {height} is older than the one before it");
        for cut in &header.cuts {
            let next = self.next.entry((cut.topic.to_string(), cut.partition)).or_insert(0);
            ensure!(cut.from == *next, "block {height} cuts {} from {}, not from {next}", cut.topic, cut.from);
            *next = cut.to;
        }
        let named = header.bad.iter().map(|bad| format!("{height} {} {}", bad.ordinal, bad.reason));
        self.bad.extend(named);
        self.time_ms = header.time_ms;
        self.log.push(header.leaf());
        self.roots.push(self.log.root());
        Ok(())
    }
}
