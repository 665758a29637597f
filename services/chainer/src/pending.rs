//! Records that are inspected and wait for the next cut.

use std::collections::BTreeMap;
use std::time::Duration;

use medtrace_ledger::block::{BLOCK_BYTES_MAX, BLOCK_EVENTS_MAX};
use tokio::sync::OwnedSemaphorePermit;

use crate::chain::Part;
use crate::feed::{Fed, Feed};
use crate::inspect::Inspected;

/// The waiting records of all partitions. A partition is named by the index of its feed, in the order of the topics'
/// names, and its number.
#[derive(Default)]
pub(crate) struct Pending {
    queues: BTreeMap<(usize, u32), Queue>,
    weight: u64,
    /// Unpacked, as a block counts them.
    bytes: usize,
    records: u64,
    /// Time that workers have spent on what waits.
    verify: Duration,
}

#[derive(Default)]
struct Queue {
    records: Vec<Inspected>,
    /// When the broker took each, and its place in memory.
    held: Vec<(i64, OwnedSemaphorePermit)>,
}

impl Pending {
    pub fn add(&mut self, feed: usize, fed: Fed) {
        let Fed { partition, record, timestamp_ms, took, held } = fed;
        self.weight += u64::from(record.weight);
        self.bytes += record.bytes;
        self.records += 1;
        self.verify += took;
        let queue = self.queues.entry((feed, partition)).or_default();
        queue.records.push(record);
        queue.held.push((timestamp_ms, held));
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// More than one block will hardly take.
    pub fn is_full(&self) -> bool {
        let events = u64::from(BLOCK_EVENTS_MAX);
        self.weight >= events || self.records >= events || self.bytes >= BLOCK_BYTES_MAX
    }

    /// Events (and notices) that wait.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Records that wait.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether records of this feed wait.
    pub fn holds(&self, feed: usize) -> bool {
        self.queues.range((feed, 0)..=(feed, u32::MAX)).any(|(_, queue)| !queue.records.is_empty())
    }

    /// What the waiting records of this feed are counted as in memory, KiB.
    pub fn held_kib(&self, feed: usize) -> usize {
        let queues = self.queues.range((feed, 0)..=(feed, u32::MAX));
        queues.flat_map(|(_, queue)| &queue.held).map(|(_, held)| held.num_permits()).sum()
    }

    /// The offset after the last record that waits, if any does.
    pub fn read_to(&self, feed: usize, partition: u32) -> Option<u64> {
        self.queues.get(&(feed, partition))?.records.last().map(|record| record.offset + 1)
    }

    /// When the broker took the oldest, Unix ms.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.queues.values().filter_map(|queue| queue.held.first().map(|(timestamp_ms, _)| *timestamp_ms)).min()
    }

    /// The parts of the next block, ascending by topic and partition as the feeds do.
    pub fn parts<'a>(&'a self, feeds: &[Feed]) -> Vec<Part<'a>> {
        let part = |((feed, partition), queue): (&(usize, u32), &'a Queue)| {
            let Feed { name, topic, .. } = feeds.get(*feed)?;
            Some(Part { topic: name.clone(), uuid: topic.uuid, partition: *partition, records: &queue.records })
        };
        self.queues.iter().filter(|(_, queue)| !queue.records.is_empty()).filter_map(part).collect()
    }

    /// Drops what a block has taken of each part; returns the time that was spent on verifying it.
    pub fn sealed(&mut self, taken: &[usize]) -> Duration {
        let waiting = self.queues.values_mut().filter(|queue| !queue.records.is_empty());
        for (queue, taken) in waiting.zip(taken) {
            queue.held.drain(..taken);
            for record in queue.records.drain(..taken) {
                self.weight -= u64::from(record.weight);
                self.bytes -= record.bytes;
                self.records -= 1;
            }
        }
        std::mem::take(&mut self.verify)
    }
}
