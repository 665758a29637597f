//! A steady load on the log, and when its blocks were sealed, as seen from outside.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use medtrace_chainer::verify_chain;
use medtrace_ledger::{Genesis, Hash};
use medtrace_log::Cluster;
use medtrace_log::consumer::{Follower, Isolation};
use medtrace_log::producer::{Producer, SendError};
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
    acknowledged: Arc<Mutex<Vec<Hash>>>,
    sealed: Arc<Mutex<Vec<Instant>>>,
    sending: JoinHandle<()>,
    watching: JoinHandle<()>,
}

impl Load {
    /// Starts; the sender's party must have been admitted.
    pub async fn start(cluster: &Cluster, genesis: &Genesis) -> Load {
        let (end, acknowledged, sealed) =
            (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<Hash>>>::default(), Arc::default());
        let producer = Producer::open(cluster).unwrap();
        let sending = tokio::spawn(send(producer, genesis.clone(), end.clone(), acknowledged.clone()));
        let blocks = Follower::open(cluster, BLOCKS, Isolation::Committed, &[(0, 0)]).await.unwrap();
        let watching = tokio::spawn(watch(blocks, Arc::clone(&sealed)));
        Load { end, acknowledged, sealed, sending, watching }
    }

    /// Records that were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// When the first block was seen that was sealed after some moment.
    pub fn sealed_after(&self, moment: Instant) -> Option<Instant> {
        let sealed = self.sealed.lock().unwrap();
        sealed.get(sealed.partition_point(|at| *at <= moment)).copied()
    }

    /// Ends the load; the hashes of the records that were acknowledged. Each is another record.
    pub async fn finish(self) -> Vec<Hash> {
        self.end.store(true, Ordering::Relaxed);
        self.sending.await.unwrap();
        self.watching.abort();
        std::mem::take(&mut self.acknowledged.lock().unwrap())
    }
}

async fn send(producer: Producer, genesis: Genesis, end: Arc<AtomicBool>, acknowledged: Arc<Mutex<Vec<Hash>>>) {
    let (mut ticks, mut number) = (interval(EVERY), 0);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !end.load(Ordering::Relaxed) {
        ticks.tick().await;
        let batch = (0..TOGETHER).map(|_| {
            number += 1;
            let draft = Draft { genesis: genesis.clone(), ..Draft::events("acme", [event(number)]) }.at(now_ms());
            let (producer, key) = (producer.clone(), number.to_string());
            async move {
                let value = draft.value();
                match producer.send(draft.kind.topic(), None, key.as_bytes(), &value).await {
                    Ok(_) => Some(Hash::of(value)),
                    // It may be in the log, once, or not.
                    Err(SendError::Unknown { .. }) => None,
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
        let sent = futures::future::join_all(batch).await;
        acknowledged.lock().unwrap().extend(sent.into_iter().flatten());
    }
}

async fn watch(blocks: Follower, sealed: Arc<Mutex<Vec<Instant>>>) {
    for height in 0.. {
        let (header, _) = read_header(&blocks.next().await.unwrap()).unwrap();
        assert_eq!(header.height, height, "each height once");
        sealed.lock().unwrap().push(Instant::now());
    }
}

/// Every acknowledged record is in the chain, and no record at all is in it twice.
pub async fn each_once(cluster: &Cluster, genesis: &Genesis, acknowledged: &[Hash]) {
    let mut seen: HashMap<Hash, u32> = HashMap::new();
    let count = |block: &medtrace_log::sealed::SealedBlock| {
        block.records.iter().for_each(|record| *seen.entry(Hash::of(&record.value)).or_default() += 1);
    };
    assert_eq!(verify_chain(cluster, genesis, count).await.unwrap().findings, []);
    let lost = acknowledged.iter().filter(|hash| !seen.contains_key(hash)).count();
    let doubled = seen.values().filter(|times| **times > 1).count();
    assert_eq!((lost, doubled), (0, 0), "lost and doubled of {}", acknowledged.len());
}
