//! Kills, each with the proof that the process died with its hands full.
//!
//! ```text
//! ingest service, query, ClickHouse    a request that was unanswered at the kill never got a good answer
//! Kafka                                requests were unanswered at the kill
//! chainer                              records acknowledged before the kill were not sealed after it
//! indexer                              blocks sealed before the kill were not in the store after it
//! ```
//!
//! What is measured after the kill may be late (the process is being started again), which can only hide work.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use medtrace_log::{
    Cluster,
    consumer::{Follower, Isolation, last},
    sealed::read_header,
    topics::{BLOCKS, SCAN_EVENTS},
};

use super::{EventId, Flight, count::Store};
use crate::{
    Stack,
    wait::{START_MS, until},
};

/// Everything that is killed.
pub const TARGETS: [Target; 8] = [
    Target { process: "manufacturer", work: Work::Requests },
    Target { process: "distributor", work: Work::Requests },
    Target { process: "hospital", work: Work::Requests },
    Target { process: "query", work: Work::Requests },
    Target { process: "clickhouse", work: Work::Requests },
    Target { process: "kafka", work: Work::Appends },
    Target { process: "chainer", work: Work::Records },
    Target { process: "indexer", work: Work::Blocks },
];

/// A process that is killed, and what its work in flight is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub process: &'static str,
    work: Work,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Requests,
    Appends,
    Records,
    Blocks,
}

/// One kill.
#[derive(Debug, Clone)]
pub struct Strike {
    pub target: Target,
    /// Requests without an answer at the kill.
    pub unanswered: usize,
    /// What they were about that never got a good answer.
    pub lost: Vec<EventId>,
    /// Records (chainer) or blocks (indexer) that were to be worked on.
    pub behind: u64,
}

impl Strike {
    /// The process died at work.
    pub fn is_proven(&self) -> bool {
        match self.target.work {
            Work::Requests => !self.lost.is_empty(),
            Work::Appends => self.unanswered > 0,
            Work::Records | Work::Blocks => self.behind > 0,
        }
    }
}

/// How far the chain is.
#[derive(Debug, Clone, Default)]
struct Sealed {
    /// Headers.
    size: u64,
    /// The next offset of each partition of the events.
    next: BTreeMap<usize, u64>,
}

/// Kills processes of a stack.
pub struct Killer<'a> {
    stack: &'a Stack,
    cluster: Cluster,
    store: Store,
    /// By process.
    flights: BTreeMap<&'static str, Flight>,
    reached: Arc<Mutex<BTreeMap<usize, u64>>>,
    sealed: Arc<Mutex<Sealed>>,
}

impl<'a> Killer<'a> {
    /// `flights` by process, `reached` as the lanes know it.
    pub async fn new(
        stack: &'a Stack,
        flights: BTreeMap<&'static str, Flight>,
        reached: Arc<Mutex<BTreeMap<usize, u64>>>,
    ) -> anyhow::Result<Killer<'a>> {
        let endpoints = stack.endpoints()?;
        let cluster = Cluster::new(endpoints.kafka.clone());
        let sealed = Arc::<Mutex<Sealed>>::default();
        let blocks = Follower::open(&cluster, BLOCKS, Isolation::Committed, &[(0, 0)]).await?;
        tokio::spawn(follow(blocks, sealed.clone()));
        Ok(Killer { stack, cluster, store: Store::new(endpoints)?, flights, reached, sealed })
    }

    /// Waits until the process has work in flight, kills it, and waits until it is started again.
    pub async fn kill(&self, target: Target) -> anyhow::Result<Strike> {
        let Target { process, work } = target;
        let flights: Vec<&Flight> = match process {
            "kafka" => self.flights.iter().filter(|(name, _)| **name != "query").map(|(_, flight)| flight).collect(),
            "clickhouse" => self.flights.get("query").into_iter().collect(),
            _ => self.flights.get(process).into_iter().collect(),
        };
        let busy = async || {
            let busy = match work {
                Work::Requests | Work::Appends => flights.iter().any(|flight| flight.open() > 0),
                Work::Records => self.unsealed() > 0,
                Work::Blocks => {
                    // The store may be coming back from a kill of its own.
                    let indexed = self.store.next_height().await.ok();
                    indexed.is_some_and(|indexed| lock(&self.sealed).size > indexed)
                }
            };
            Ok(busy.then_some(()))
        };
        until(&format!("{process} to have work"), START_MS, busy).await?;

        let (reached, size) = (lock(&self.reached).clone(), lock(&self.sealed).size);
        let mut unanswered = 0;
        // It may be away at this moment because another kill has brought it down too.
        let killed = async || {
            unanswered = flights.iter().map(|flight| flight.watch()).sum();
            Ok(self.stack.sigkill(process).ok())
        };
        let killed = until(&format!("{process} to be there to be killed"), START_MS, killed).await?;
        let behind = match work {
            Work::Requests | Work::Appends => 0,
            Work::Records => {
                self.followed().await?;
                missing(&reached, &lock(&self.sealed).next)
            }
            Work::Blocks => {
                let indexed = async || Ok(self.store.next_height().await.ok());
                size.saturating_sub(until("the store to say how far it is", START_MS, indexed).await?)
            }
        };
        self.stack.until_restarted(process, killed).await?;
        let mut lost = Vec::new();
        if work == Work::Requests {
            for flight in &flights {
                let settled = async || Ok(flight.lost());
                let about = until("the requests of a killed process to end", START_MS, settled).await?;
                lost.extend(about.into_iter().map(EventId::unpacked));
            }
        }
        Ok(Strike { target, unanswered, lost, behind })
    }

    /// Records that were acknowledged and are not known to be sealed.
    fn unsealed(&self) -> u64 {
        missing(&lock(&self.reached), &lock(&self.sealed).next)
    }

    /// Waits until everything that is sealed now has been followed.
    async fn followed(&self) -> anyhow::Result<()> {
        let end = last(&self.cluster, BLOCKS, 0, Isolation::Committed).await?.context("there are no blocks")?;
        let height = read_header(&end)?.0.height;
        let there = async || Ok((lock(&self.sealed).size > height).then_some(()));
        until("the blocks to be followed", START_MS, there).await
    }
}

async fn follow(blocks: Follower, sealed: Arc<Mutex<Sealed>>) -> anyhow::Result<()> {
    loop {
        let (header, _) = read_header(&blocks.next().await?)?;
        let mut sealed = lock(&sealed);
        sealed.size = header.height + 1;
        for cut in header.cuts.iter().filter(|cut| cut.topic.as_str() == SCAN_EVENTS) {
            sealed.next.insert(cut.partition as usize, cut.to);
        }
    }
}

fn missing(reached: &BTreeMap<usize, u64>, next: &BTreeMap<usize, u64>) -> u64 {
    let of = |(partition, reached): (&usize, &u64)| reached.saturating_sub(next.get(partition).copied().unwrap_or(0));
    reached.iter().map(of).sum()
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
