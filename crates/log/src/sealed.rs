//! The sealed log, block by block: every header with the records it cuts, in the order of the cuts.
//!
//! Whoever derives anything (indexer, ingest's registry, audit) reads through here, so that all see the same records
//! in the same order. Nothing is verified: a reader that does not trust the log recomputes the roots.

use std::collections::BTreeMap;

use medtrace_ledger::{Bad, Cut, EventRef, Header, TopicUuid};

use crate::consumer::{Follower, Isolation, Message, RangeReader};
use crate::topics::{self, BLOCKS};
use crate::{Cluster, LogError};

/// Bytes of values asked for at once; a block holds at most 32 MiB, unpacked.
const READ_BYTES: usize = 4 << 20;
/// A block's record and the marker of its transaction: the record of height h stands at offset 2·h or later.
const OFFSETS_PER_BLOCK: u64 = 2;

/// One record of a sealed block.
#[derive(Clone, Debug)]
pub struct SealedRecord {
    /// Running number over the records of the block.
    pub ordinal: u32,
    pub topic: String,
    pub partition: i32,
    pub offset: u64,
    /// When the broker took it, ms since 1970-01-01 UTC.
    pub timestamp_ms: i64,
    pub value: Vec<u8>,
    /// Why it does not verify, from the header's `bad` line.
    pub bad: Option<String>,
}

/// One sealed block.
#[derive(Clone, Debug)]
pub struct SealedBlock {
    pub header: Header,
    /// The header as it stands in the log.
    pub text: String,
    pub records: Vec<SealedRecord>,
    /// What stands in the place of its items that came as their leaves alone. From Kafka none do.
    pub erased: BTreeMap<EventRef, Erased>,
}

/// What stands in the place of an erased item, by its notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The event: this item, or the one whose bytes this item repeated.
    pub of: EventRef,
    /// The notice.
    pub by: EventRef,
    /// The bytes of the replacement.
    pub replacement: Vec<u8>,
}

/// Follows the blocks from a height on.
pub struct SealedLog {
    cluster: Cluster,
    blocks: Follower,
    /// Only the records of this topic, if one is named.
    topic: Option<&'static str>,
    next_height: u64,
    /// A block has been read: from here on each follows the one before.
    begun: bool,
    readers: BTreeMap<(String, u32), RangeReader>,
    /// The ids of the topics that they read.
    ids: BTreeMap<String, TopicUuid>,
}

impl SealedLog {
    /// Starts with block `height`. With `topic`, records of other topics are left out.
    ///
    /// # Errors
    /// Those of the log; none for a height that is not there yet.
    pub async fn open(cluster: &Cluster, height: u64, topic: Option<&'static str>) -> Result<SealedLog, LogError> {
        let bounds = crate::consumer::bounds(cluster, BLOCKS, 1, Isolation::Committed).await?;
        let high = bounds.first().map_or(0, |b| b.high);
        let start = (height * OFFSETS_PER_BLOCK).min(high);
        let blocks = Follower::open(cluster, BLOCKS, Isolation::Committed, &[(0, start)]).await?;
        Ok(SealedLog {
            cluster: cluster.clone(),
            blocks,
            topic,
            next_height: height,
            begun: false,
            readers: BTreeMap::new(),
            ids: BTreeMap::new(),
        })
    }

    /// The next block with its records; waits until there is one. Cancelling it loses nothing only before a header
    /// has arrived, so a caller that cancels opens the log again.
    ///
    /// # Errors
    /// Those of the log; [`LogError::Broken`] where headers or cuts do not follow from each other, [`LogError::MadeAnew`]
    /// at a cut under an id that its topic has no more.
    pub async fn next(&mut self) -> Result<SealedBlock, LogError> {
        loop {
            let message = self.blocks.next().await?;
            let (header, text) = read_header(&message)?;
            if header.height < self.next_height && !self.begun {
                continue;
            }
            if header.height != self.next_height {
                return Err(broken(format!("block {} follows where block {} should", header.height, self.next_height)));
            }
            let mut records = Vec::new();
            let cuts: Vec<(Cut, u32)> = header.cuts_with_ordinals().map(|(cut, o)| (cut.clone(), o.start)).collect();
            for (cut, first) in cuts {
                if self.topic.is_none_or(|topic| topic == cut.topic.as_str()) {
                    self.read_cut(&header.bad, &cut, first, &mut records).await?;
                }
            }
            self.next_height += 1;
            self.begun = true;
            return Ok(SealedBlock { header, text, records, erased: BTreeMap::new() });
        }
    }

    /// A topic has the id of the cut. Under another one, the same offsets are other records.
    async fn stand_under(&mut self, cut: &Cut) -> Result<(), LogError> {
        let (topic, lost) = (cut.topic.as_str(), cut.uuid);
        if self.ids.get(topic) == Some(&lost) {
            return Ok(());
        }
        self.readers.retain(|(name, _), _| name != topic);
        for found in topics::describe(&self.cluster, &[topic]).await? {
            if found.uuid != lost {
                return Err(LogError::MadeAnew { topic: found.name, lost, now: found.uuid });
            }
            self.ids.insert(found.name, found.uuid);
        }
        Ok(())
    }

    async fn read_cut(
        &mut self,
        bad: &[Bad],
        cut: &Cut,
        first: u32,
        records: &mut Vec<SealedRecord>,
    ) -> Result<(), LogError> {
        self.stand_under(cut).await?;
        let key = (cut.topic.to_string(), cut.partition);
        if !self.readers.contains_key(&key) {
            let reader = RangeReader::open(&self.cluster, &key.0, cut.partition as i32, Isolation::Everything)?;
            self.readers.insert(key.clone(), reader);
        }
        let Some(reader) = self.readers.get_mut(&key) else { return Ok(()) };
        let mut from = cut.from;
        let mut ordinal = first;
        while from < cut.to {
            let (messages, next) = reader.read(from, cut.to, READ_BYTES).await?;
            for message in messages {
                let reason = bad.binary_search_by_key(&ordinal, |b| b.ordinal).ok().map(|n| bad[n].reason.to_string());
                records.push(SealedRecord {
                    ordinal,
                    topic: key.0.clone(),
                    partition: message.partition,
                    offset: message.offset,
                    timestamp_ms: message.timestamp_ms,
                    value: message.value,
                    bad: reason,
                });
                ordinal += 1;
            }
            from = next;
        }
        match ordinal - first == cut.records {
            true => Ok(()),
            false => Err(broken(format!(
                "{}/{} holds {} records at {}..{}, its cut counts {}",
                cut.topic,
                cut.partition,
                ordinal - first,
                cut.from,
                cut.to,
                cut.records
            ))),
        }
    }
}

/// The header that a record of `blocks` carries.
///
/// # Errors
/// [`LogError::Broken`] if it carries none.
pub fn read_header(message: &Message) -> Result<(Header, String), LogError> {
    let text = String::from_utf8(message.value.clone())
        .map_err(|_| broken(format!("the record at {BLOCKS}/0 {} is not a header", message.offset)))?;
    let header = Header::parse(&text)
        .map_err(|fault| broken(format!("the record at {BLOCKS}/0 {} is not a header: {fault}", message.offset)))?;
    Ok((header, text))
}

fn broken(detail: String) -> LogError {
    LogError::Broken(detail)
}
