//! What may leave Kafka: events of blocks that are archived, recomputed, under a published checkpoint, and old enough.
//!
//! Notices, headers and checkpoints stay: they are little, and every start of a chainer or an ingest service reads them. The
//! topics' own settings never remove anything, so nothing goes but on this word.
//!
//! ```text
//! block ─▶ its age is due, at most BUCKET_MS later ∧ its height < size of the archive's checkpoint
//!       ─▶ records of scan-events before the ends of its cuts are removed           repeated until Kafka says that it is done
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use medtrace_ledger::{Header, TopicUuid};
use medtrace_log::topics::SCAN_EVENTS;

/// Blocks of so long are removed together, milliseconds, which bounds what is remembered.
const BUCKET_MS: u64 = 3_600_000;

/// Offset before which records may go, by partition.
pub(crate) type Ends = BTreeMap<i32, u64>;

/// Remembers where the blocks of each hour end.
pub(crate) struct Retention {
    keep_ms: u64,
    bucket_ms: u64,
    /// The oldest first.
    waiting: VecDeque<Bucket>,
    /// May go, and is not known to have gone.
    due: Ends,
    /// The id under which the topic was cut last; all ends are of it.
    topic: Option<TopicUuid>,
}

struct Bucket {
    /// When it ends, Unix milliseconds.
    until_ms: u64,
    /// Headers up to and with its last one.
    size: u64,
    ends: Ends,
}

impl Retention {
    /// Records stay for so long after their block.
    pub fn new(keep: Duration) -> Retention {
        let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let bucket_ms = keep_ms.clamp(1, BUCKET_MS);
        Retention { keep_ms, bucket_ms, waiting: VecDeque::new(), due: Ends::new(), topic: None }
    }

    /// One more block is archived, or about to be; each follows the one before.
    pub fn sealed(&mut self, header: &Header) {
        let topic = header.cuts.iter().find(|cut| cut.topic.as_str() == SCAN_EVENTS).map(|cut| cut.uuid);
        if topic.is_some() && topic != self.topic {
            // The topic was made anew: what stood under the lost id has gone, and its offsets are others' now.
            self.topic = topic;
            self.due.clear();
            self.waiting.iter_mut().for_each(|bucket| bucket.ends.clear());
        }
        let until_ms = (header.time_ms / self.bucket_ms).saturating_add(1).saturating_mul(self.bucket_ms);
        if self.waiting.back().is_none_or(|last| last.until_ms < until_ms) {
            self.waiting.push_back(Bucket { until_ms, size: 0, ends: Ends::new() });
        }
        let Some(bucket) = self.waiting.back_mut() else { return };
        bucket.size = header.height + 1;
        let cuts = header.cuts.iter().filter(|cut| cut.topic.as_str() == SCAN_EVENTS);
        bucket.ends.extend(cuts.map(|cut| (cut.partition.cast_signed(), cut.to)));
    }

    /// Has removed what is due at this time, of a log of which the archive's checkpoint covers so many headers: from the
    /// topic under this id, and no other. What was not done, or is not known to have been done, is due again.
    ///
    /// # Errors
    /// Those of whoever removes.
    pub async fn remove_due<E>(
        &mut self,
        now_ms: u64,
        published: u64,
        remove: impl AsyncFnOnce(TopicUuid, &Ends) -> Result<(), E>,
    ) -> Result<(), E> {
        let due = |bucket: &Bucket| bucket.until_ms.saturating_add(self.keep_ms) <= now_ms && bucket.size <= published;
        while self.waiting.front().is_some_and(due) {
            self.due.extend(self.waiting.pop_front().into_iter().flat_map(|bucket| bucket.ends));
        }
        if let Some(topic) = self.topic.filter(|_| !self.due.is_empty()) {
            remove(topic, &self.due).await?;
            self.due.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use medtrace_ledger::{Cut, Hash, TopicUuid};

    use super::*;

    const DAY_MS: u64 = 24 * BUCKET_MS;

    /// A block of one record of each partition, one an hour.
    fn header(height: u64) -> Header {
        let cut = |topic: &str, partition| Cut {
            topic: topic.parse().unwrap(),
            uuid: TopicUuid([1; 16]),
            partition,
            from: height,
            to: height + 1,
            records: 1,
            root: Hash::of(""),
        };
        Header {
            origin: "log.example/test".parse().unwrap(),
            height,
            time_ms: 1_000 * DAY_MS + height * BUCKET_MS,
            log_root: Hash::of(""),
            keys: (0, Hash::of("")),
            cuts: vec![cut("notices", 0), cut(SCAN_EVENTS, 0), cut(SCAN_EVENTS, 3)],
            bad: vec![],
        }
    }

    /// How a removal ends: the records are gone or not, and it is said or not.
    #[derive(Clone, Copy)]
    enum Ending {
        Done,
        NotDone,
        DoneButFailed,
    }

    #[tokio::test]
    async fn only_what_is_old_and_covered_goes_however_removing_ends() {
        use Ending::*;
        // Hours since the first block, headers that the checkpoint covers, how it ends; then where the log begins.
        let table = [
            (48, 100, Done, 0),
            (49, 0, Done, 0),
            (49, 1, NotDone, 0),
            (49, 1, DoneButFailed, 1),
            (49, 1, Done, 1),
            (60, 5, NotDone, 1),
            (61, 5, Done, 5),
            (61, 100, DoneButFailed, 13),
            (61, 100, Done, 13),
            (1_000, 50, Done, 50),
            (1_000, 100, NotDone, 50),
            (1_000, 100, Done, 100),
        ];
        let mut retention = Retention::new(Duration::from_millis(2 * DAY_MS));
        (0..100).for_each(|height| retention.sealed(&header(height)));
        let mut begins = Ends::new();
        for (hours, published, ending, expected) in table {
            let now_ms = 1_000 * DAY_MS + hours * BUCKET_MS;
            let removed = retention.remove_due(now_ms, published, async |_, ends: &Ends| {
                if !matches!(ending, NotDone) {
                    begins.extend(ends);
                }
                if matches!(ending, Done) { Ok(()) } else { Err(()) }
            });
            let _ = removed.await;
            let all = [(0, expected), (3, expected)].into_iter().filter(|(_, to)| *to > 0);
            assert_eq!(begins, all.collect::<Ends>(), "{hours} hours, {published} covered");
        }
    }

    #[tokio::test]
    async fn without_delay_a_block_is_due_at_once() {
        let mut retention = Retention::new(Duration::ZERO);
        retention.sealed(&header(7));
        let mut asked = Ends::new();
        let now_ms = header(7).time_ms + 1;
        let removed = retention.remove_due::<()>(now_ms, 8, async |_, ends: &Ends| {
            asked.clone_from(ends);
            Ok(())
        });
        removed.await.unwrap();
        assert_eq!(asked, Ends::from([(0, 8), (3, 8)]));
    }
    #[tokio::test]
    async fn of_a_topic_made_anew_nothing_goes_by_the_ends_of_the_lost_one() {
        let mut retention = Retention::new(Duration::ZERO);
        (0..9).for_each(|height| retention.sealed(&header(height)));
        let mut after = header(9);
        after.cuts = vec![Cut { uuid: TopicUuid([2; 16]), from: 0, to: 4, ..after.cuts[1].clone() }];
        retention.sealed(&after);
        let mut asked = None;
        let removed = retention.remove_due::<()>(u64::MAX / 2, 100, async |topic, ends: &Ends| {
            asked = Some((topic, ends.clone()));
            Ok(())
        });
        removed.await.unwrap();
        assert_eq!(asked, Some((TopicUuid([2; 16]), Ends::from([(0, 4)]))));
    }
}
