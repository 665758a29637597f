//! Reading a sealed topic ahead of the cuts, inspected in parallel, in order, with bounded memory.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use medtrace_ledger::{SubmissionKind, TopicName};
use medtrace_log::consumer::{Ends, Follower, Isolation, Message};
use medtrace_log::record::Record;
use medtrace_log::topics::Topic;
use medtrace_log::{Cluster, LogError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::chain::Chain;
use crate::inspect::{Consortium, Inspected, inspect};

/// Records read and not yet sealed, KiB unpacked, of `scan-events` (a block and a half) and of `notices`. Of notices the
/// unpacked bytes are kept, of events only while they are inspected.
const AHEAD_KIB_EVENTS: u32 = 48 << 10;
const AHEAD_KIB_NOTICES: u32 = 16 << 10;
/// So many KiB of notices may wait for a cut; then there is room for one more of any size (8 MiB: note, salts, frame).
pub(crate) const WAITING_KIB_NOTICES: usize = 6 << 10;
/// Records that a worker is given at a time, if so many are there: handing over costs more than a small one.
pub(crate) const BATCH_RECORDS: usize = 32;
/// Batches inspected and not yet taken by the loop.
const QUEUE_BATCHES: usize = 32;

/// One record, inspected, with what the shell needs to know of it.
#[derive(Debug)]
pub struct Fed {
    pub partition: u32,
    pub record: Inspected,
    /// When the broker took it, Unix ms.
    pub timestamp_ms: i64,
    /// What the inspection took.
    pub took: Duration,
    /// Its place in memory, given back when dropped.
    pub held: OwnedSemaphorePermit,
}

/// The records of one topic from the end of the chain on.
pub struct Feed {
    pub name: TopicName,
    pub topic: Topic,
    batches: mpsc::Receiver<Result<Vec<Fed>, LogError>>,
    /// What is left of the last batch.
    batch: VecDeque<Fed>,
    task: tokio::task::JoinHandle<()>,
}

impl Feed {
    /// Starts reading where the chain ends. Fails if the log does not reach that far.
    pub async fn open(
        cluster: &Cluster,
        kind: SubmissionKind,
        topic: Topic,
        chain: &Chain,
        consortium: Arc<Consortium>,
    ) -> Result<Feed, LogError> {
        let name: TopicName = topic
            .name
            .parse()
            .map_err(|_| LogError::Topic { topic: topic.name.clone(), detail: "its name is not a topic's".into() })?;
        let starts: Vec<_> = (0..topic.partitions)
            .map(|partition| (partition, chain.next_offset(&name, topic.uuid, partition.cast_unsigned())))
            .collect();
        let follower = Follower::open(cluster, &topic.name, Isolation::Everything, &starts).await?;
        let (sender, batches) = mpsc::channel(QUEUE_BATCHES);
        let task = tokio::spawn(read(follower, kind, consortium, sender));
        Ok(Feed { name, topic, batches, batch: VecDeque::new(), task })
    }

    /// The next record. Cancelling loses nothing.
    pub async fn next(&mut self) -> Result<Fed, LogError> {
        loop {
            if let Some(record) = self.batch.pop_front() {
                return Ok(record);
            }
            match self.batches.recv().await {
                Some(batch) => self.batch = batch?.into(),
                None => return Err(LogError::Broken(format!("reading of {} has ended", self.topic.name))),
            }
        }
    }

    /// Where each partition's next record will stand.
    pub async fn ends(&self, ends: &Ends) -> Result<Vec<u64>, LogError> {
        let bounds = ends.of(&self.topic.name, self.topic.partitions).await?;
        Ok(bounds.into_iter().map(|bounds| bounds.high).collect())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Workers beside the loop: one for each core.
pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

type Read = (Message, OwnedSemaphorePermit);

async fn read(
    follower: Follower,
    kind: SubmissionKind,
    consortium: Arc<Consortium>,
    sender: mpsc::Sender<Result<Vec<Fed>, LogError>>,
) {
    let kib = match kind {
        SubmissionKind::Events => AHEAD_KIB_EVENTS,
        SubmissionKind::Notices => AHEAD_KIB_NOTICES,
    };
    let room = Arc::new(Semaphore::new(kib as usize));
    let messages = stream::unfold((follower, room), |(follower, room)| async move {
        let next = async {
            let message = follower.next().await?;
            let kib = u32::try_from(Record::declared_bytes(&message.value) >> 10).unwrap_or(u32::MAX).saturating_add(1);
            let held = room.clone().acquire_many_owned(kib).await;
            Ok((message, held.map_err(|_| LogError::Broken("memory is no longer counted".into()))?))
        };
        let next: Result<Read, LogError> = next.await;
        Some((next, (follower, room)))
    });
    let batches = messages.ready_chunks(BATCH_RECORDS);
    let inspected = batches.map(|batch| inspect_aside(kind, consortium.clone(), batch)).buffered(workers());
    let mut inspected = std::pin::pin!(inspected);
    while let Some(batch) = inspected.next().await {
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            return;
        }
    }
}

/// A batch that was not read to its end is lost whole: whoever goes on reads it again from the end of the chain.
async fn inspect_aside(
    kind: SubmissionKind,
    consortium: Arc<Consortium>,
    batch: Vec<Result<Read, LogError>>,
) -> Result<Vec<Fed>, LogError> {
    let batch: Vec<Read> = batch.into_iter().collect::<Result<_, _>>()?;
    let fed = move |(message, held): Read| {
        let started = Instant::now();
        let record = inspect(kind, &consortium, message.offset, message.value);
        let (partition, timestamp_ms) = (message.partition.cast_unsigned(), message.timestamp_ms);
        Fed { partition, record, timestamp_ms, took: started.elapsed(), held }
    };
    let worker = tokio::task::spawn_blocking(move || batch.into_iter().map(fed).collect());
    worker.await.map_err(|error| LogError::Broken(format!("a record could not be inspected: {error}")))
}
