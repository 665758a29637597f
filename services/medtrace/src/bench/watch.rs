//! When everything that was posted was sealed, and when it could be asked for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use medtrace_ledger::{Note, Receipt};
use medtrace_log::{
    Cluster,
    consumer::{Follower, Isolation},
    sealed::read_header,
    topics::{BLOCKS, SCAN_EVENTS},
};
use medtrace_service::Shutdown;
use tokio::time::sleep;

use crate::client::Client;

/// How often the index is asked how far it is, in milliseconds: what was queryable may have been so for that long.
pub const LOOK_MS: u64 = 5;
/// Longest wait for the index, in milliseconds.
const INDEXED_MS_MAX: u64 = 1_800_000;

/// The next offset of each partition of the events, at one moment.
type Reached = (Instant, BTreeMap<u32, u64>);

/// Follows the chain and the index.
pub struct Watch {
    histories: Arc<Mutex<Histories>>,
    stop: Shutdown,
}

#[derive(Default)]
struct Histories {
    sealed: Vec<Reached>,
    indexed: Vec<Reached>,
    /// Why one of them is not followed any more.
    broken: Option<String>,
}

/// Where a posted record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub partition: u32,
    pub offset: u64,
}

impl Place {
    /// As the first receipt of an answer says. The answer is not read any further: it has one receipt for each request.
    pub fn of(answer: &str) -> anyhow::Result<Place> {
        let (_, rest) = answer.split_once("\"receipt\":").context("the answer has no receipt")?;
        let text = serde_json::Deserializer::from_str(rest).into_iter::<String>().next();
        let note = Note::parse(&text.context("the receipt is missing")??).context("failed to read a receipt")?;
        let receipt = Receipt::parse(note.text()).context("failed to read a receipt")?;
        Ok(Place { partition: receipt.partition, offset: receipt.offset })
    }
}

impl Watch {
    pub async fn start(kafka: &str, query: &str) -> anyhow::Result<Watch> {
        let histories: Arc<Mutex<Histories>> = Arc::default();
        let stop = Shutdown::new();
        let blocks = Follower::open(&Cluster::new(kafka), BLOCKS, Isolation::Committed, &[(0, 0)]).await?;
        let query = Client::new(query, None)?;
        spawn(&histories, &stop, sealed(blocks, histories.clone()));
        spawn(&histories, &stop, indexed(query, histories.clone()));
        Ok(Watch { histories, stop })
    }

    /// Waits until all these can be asked for.
    pub async fn until_indexed(&self, places: &[Place]) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_millis(INDEXED_MS_MAX);
        while Instant::now() < deadline {
            {
                let histories = lock(&self.histories);
                if let Some(why) = &histories.broken {
                    bail!("{why}");
                }
                let last = histories.indexed.last().map(|(_, reached)| reached);
                if last.is_some_and(|reached| places.iter().all(|place| place.is_in(reached))) {
                    return Ok(());
                }
            }
            sleep(Duration::from_millis(LOOK_MS)).await;
        }
        bail!("what was posted is not indexed after {INDEXED_MS_MAX} ms")
    }

    /// When it was sealed.
    pub fn sealed(&self, place: Place) -> Option<Instant> {
        when(&lock(&self.histories).sealed, place)
    }

    /// When it could be asked for.
    pub fn indexed(&self, place: Place) -> Option<Instant> {
        when(&lock(&self.histories).indexed, place)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Place {
    fn is_in(self, reached: &BTreeMap<u32, u64>) -> bool {
        reached.get(&self.partition).is_some_and(|next| *next > self.offset)
    }
}

/// The first moment at which it was in: a history only grows.
fn when(history: &[Reached], place: Place) -> Option<Instant> {
    let at = history.partition_point(|(_, reached)| !place.is_in(reached));
    history.get(at).map(|(moment, _)| *moment)
}

fn spawn(
    histories: &Arc<Mutex<Histories>>,
    stop: &Shutdown,
    follow: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) {
    let (histories, stop) = (histories.clone(), stop.clone());
    tokio::spawn(async move {
        let ended = tokio::select! { ended = follow => ended, () = stop.cancelled() => return };
        lock(&histories).broken = ended.err().map(|error| format!("{error:#}"));
    });
}

async fn sealed(blocks: Follower, histories: Arc<Mutex<Histories>>) -> anyhow::Result<()> {
    let mut reached = BTreeMap::new();
    loop {
        let (header, _) = read_header(&blocks.next().await?)?;
        let before = reached.clone();
        let of_events = header.cuts.iter().filter(|cut| cut.topic.as_str() == SCAN_EVENTS);
        reached.extend(of_events.map(|cut| (cut.partition, cut.to)));
        if reached != before {
            lock(&histories).sealed.push((Instant::now(), reached.clone()));
        }
    }
}

async fn indexed(query: Client, histories: Arc<Mutex<Histories>>) -> anyhow::Result<()> {
    let mut before = BTreeMap::new();
    loop {
        let positions = query.get("/v1/positions", &[]).await?;
        let next = positions["positions"][SCAN_EVENTS].as_array().into_iter().flatten();
        let reached: BTreeMap<u32, u64> = (0..).zip(next.filter_map(serde_json::Value::as_u64)).collect();
        if reached != before {
            lock(&histories).indexed.push((Instant::now(), reached.clone()));
            before = reached;
        }
        sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

fn lock(histories: &Mutex<Histories>) -> MutexGuard<'_, Histories> {
    histories.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_in_from_the_first_moment_that_passes_it() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let history = [(at(1), [(0, 5)].into()), (at(2), [(0, 5), (1, 1)].into()), (at(3), [(0, 9), (1, 1)].into())];
        let place = |partition, offset| Place { partition, offset };
        assert_eq!(when(&history, place(0, 4)), Some(at(1)));
        assert_eq!(when(&history, place(0, 5)), Some(at(3)));
        assert_eq!(when(&history, place(1, 0)), Some(at(2)));
        assert_eq!(when(&history, place(0, 9)), None);
    }
}
