//! A steady load on the log, and when its blocks were sealed, as seen from outside.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use medtrace_ledger::Genesis;
use medtrace_log::Cluster;
use medtrace_log::consumer::{Follower, Isolation};
use medtrace_log::producer::Producer;
use medtrace_log::sealed::read_header;
use medtrace_log::topics::BLOCKS;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::{Draft, event, now_ms};

/// Records that are sent at once, and how often.
const TOGETHER: u64 = 8;
const EVERY: Duration = Duration::from_millis(50);

/// Somebody sends, somebody watches the blocks.
pub struct Load {
    end: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    sealed: Arc<Mutex<Vec<Instant>>>,
    sending: JoinHandle<()>,
    watching: JoinHandle<()>,
}

impl Load {
    /// Starts; the sender's party must have been admitted.
    pub async fn start(cluster: &Cluster, genesis: &Genesis) -> Load {
        let (end, acknowledged, sealed) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::default());
        let producer = Producer::open(cluster).unwrap();
        let sending = tokio::spawn(send(producer, genesis.clone(), end.clone(), acknowledged.clone()));
        let blocks = Follower::open(cluster, BLOCKS, Isolation::Committed, &[(0, 0)]).await.unwrap();
        let watching = tokio::spawn(watch(blocks, Arc::clone(&sealed)));
        Load { end, acknowledged, sealed, sending, watching }
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// When the first block was seen that was sealed after some moment.
    pub fn sealed_after(&self, moment: Instant) -> Option<Instant> {
        let sealed = self.sealed.lock().unwrap();
        sealed.get(sealed.partition_point(|at| *at <= moment)).copied()
    }

    /// Ends the load; how many records were acknowledged.
    pub async fn finish(self) -> u64 {
        self.end.store(true, Ordering::Relaxed);
        self.sending.await.unwrap();
        self.watching.abort();
        self.acknowledged.load(Ordering::Relaxed)
    }
}

async fn send(producer: Producer, genesis: Genesis, end: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) {
    let (mut ticks, mut number) = (interval(EVERY), 0);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !end.load(Ordering::Relaxed) {
        ticks.tick().await;
        let batch = (0..TOGETHER).map(|_| {
            number += 1;
            let draft = Draft { genesis: genesis.clone(), ..Draft::events("acme", [event(number)]) }.at(now_ms());
            let (producer, key) = (producer.clone(), number.to_string());
            async move {
                producer.send(draft.kind.topic(), None, key.as_bytes(), &draft.value()).await.unwrap();
            }
        });
        acknowledged.fetch_add(futures::future::join_all(batch).await.len() as u64, Ordering::Relaxed);
    }
}

async fn watch(blocks: Follower, sealed: Arc<Mutex<Vec<Instant>>>) {
    for height in 0.. {
        let (header, _) = read_header(&blocks.next().await.unwrap()).unwrap();
        assert_eq!(header.height, height, "each height once");
        sealed.lock().unwrap().push(Instant::now());
    }
}
