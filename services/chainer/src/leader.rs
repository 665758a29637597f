//! The leader's loop: what arrives is gathered, and cut when it is due, as long as the clock can be believed.

use std::time::Duration;

use medtrace_log::consumer::Ends;
use medtrace_log::topics::{self, NOTICES, SCAN_EVENTS, Topic};
use medtrace_log::{Cluster, LogError};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout_at};

use crate::clock::Reading;
use crate::commit::{Sealed, Sealer};
use crate::feed::{Feed, WAITING_KIB_NOTICES};
use crate::pending::Pending;
use crate::stop::Stop;
use crate::witnesses::Witnesses;
use crate::{CUT_EVERY_MS, Config, Metrics, Status};

/// Pause before a clock that is not the broker's is looked at again, milliseconds.
const CLOCK_PAUSE_MS: u64 = 1_000;
/// Bad records of one block that are named in the log of this process; the block names all.
const BAD_NAMED_MAX: usize = 10;
/// How often the lag is measured, milliseconds.
const LAG_EVERY_MS: u64 = 1_000;
/// How often the topics are looked at for new partitions, milliseconds.
const TOPICS_EVERY_MS: u64 = 30_000;
/// Longest wait before a cut for notices that stand in the log before its events, milliseconds. It is over within
/// moments, unless somebody has left offsets without a record at the topic's end (an aborted transaction).
const NOTICES_MS: u64 = 10_000;

/// Index of the feed of notices, and of events: in the order of the topics' names.
const OF_NOTICES: usize = 0;
const OF_EVENTS: usize = 1;

/// Seals what arrives.
pub(crate) struct Leader<'a> {
    pub config: &'a Config,
    pub metrics: &'a Metrics,
    pub status: &'a Status,
    pub sealer: Sealer,
    pub feeds: Vec<Feed>,
    pub topics: TopicsWatch,
    pub ends: Ends,
    pub pending: Pending,
    pub witnesses: Witnesses,
    /// End of the notices that was given up waiting for: no record stands before it.
    pub notices_end: u64,
    /// When what waits is cut.
    pub due: Instant,
    /// Nothing is sealed: this machine's clock is not the broker's.
    pub held: bool,
    /// A topic was made anew, and no gap notice has said so yet: notices are sealed, and nothing else.
    pub waits_for_gap: bool,
    /// Events of a record, in the last block.
    pub mean: f64,
}

impl Leader<'_> {
    /// Until its topics change, or something is wrong.
    pub async fn work(mut self) -> Result<&'static str, Stop> {
        self.tell_witnesses();
        let mut lag = interval(Duration::from_millis(LAG_EVERY_MS));
        lag.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let full = self.pending.is_full() && !self.held && !self.waits_for_gap;
            let due = if full { Instant::now() } else { self.due };
            let heartbeat = self.sealer.published + self.config.heartbeat;
            let [notices, events] = &mut self.feeds[..] else { return Ok("there are no feeds") };
            // The clocks first, so that a steady stream of records does not keep them waiting.
            tokio::select! {
                biased;
                () = sleep_until(due), if !self.pending.is_empty() => {
                    self.cut().await?;
                    if self.waits_for_gap != self.finds_a_gap() {
                        return Ok("a gap notice is in force");
                    }
                }
                () = sleep_until(heartbeat) => {
                    self.sealer.publish().await?;
                    self.tell_witnesses();
                }
                cosigned = self.witnesses.next() => self.sealer.publish_cosigned(&cosigned).await?,
                _ = lag.tick() => self.measure().await?,
                changed = self.topics.changed() => return changed.map(|()| "the topics have changed"),
                fed = notices.next() => self.pending.add(OF_NOTICES, fed?),
                fed = events.next() => self.pending.add(OF_EVENTS, fed?),
            }
        }
    }

    /// Seals one block of what waits.
    async fn cut(&mut self) -> Result<(), Stop> {
        if self.waits_for_gap && !self.pending.holds(OF_NOTICES) {
            self.due = Instant::now() + Duration::from_millis(CUT_EVERY_MS);
            return Ok(());
        }
        let Some(clock_ms) = self.clock().await? else {
            self.due = Instant::now() + Duration::from_millis(CLOCK_PAUSE_MS);
            return Ok(());
        };
        let caught_up = !self.pending.holds(OF_EVENTS) || self.catch_up_with_notices().await?;
        self.due = Instant::now() + Duration::from_millis(CUT_EVERY_MS);
        let mut parts = self.pending.parts(&self.feeds);
        if !caught_up || self.waits_for_gap {
            // More notices than memory holds: they are sealed first, and the events wait.
            parts.retain(|part| part.topic == self.feeds[OF_NOTICES].name);
        }
        let Sealed { header, taken, cut, commit, sign } = self.sealer.seal(clock_ms, &parts).await?;
        if parts.iter().zip(&taken).any(|(part, taken)| part.records.len() > *taken) {
            // The block was full: what it left waits no longer.
            self.due = Instant::now();
        }
        self.tell_witnesses();
        let events = self.pending.weight();
        let verify = self.pending.sealed(&taken);
        let events = events - self.pending.weight();
        let records = header.records();
        self.mean = events as f64 / f64::from(records.max(1));

        let metrics = self.metrics;
        metrics.blocks.inc();
        metrics.records.inc_by(records.into());
        metrics.events.inc_by(events);
        metrics.bad.inc_by(header.bad.len() as u64);
        metrics.size.set(self.sealer.chain.size().cast_signed());
        for (histogram, took) in
            [(&metrics.verify, verify), (&metrics.cut, cut), (&metrics.commit, commit), (&metrics.sign, sign)]
        {
            histogram.observe(took.as_secs_f64());
        }
        self.status.grew(self.sealer.chain.size());
        for bad in header.bad.iter().take(BAD_NAMED_MAX) {
            let (height, topic, reason) = (header.height, bad.topic.as_str(), bad.reason.as_str());
            tracing::warn!(height, topic, partition = bad.partition, ordinal = bad.ordinal, reason, "a record is bad");
        }
        tracing::debug!(height = header.height, records, events, "sealed");
        Ok(())
    }

    /// Whether what is read stands under another id than the chain is cut from.
    fn finds_a_gap(&self) -> bool {
        self.feeds.iter().any(|feed| self.sealer.chain.uuid(&feed.name).is_some_and(|id| id != feed.topic.uuid))
    }

    fn tell_witnesses(&mut self) {
        if let Some(note) = &self.sealer.checkpoint {
            self.witnesses.tell(self.sealer.chain.size(), note.clone());
        }
    }

    /// This machine's time, if it is the broker's as well.
    async fn clock(&mut self) -> Result<Option<u64>, Stop> {
        let reading = self.sealer.time(self.config.clock).await?;
        let (Reading { now_ms, ahead_ms }, agrees) = (reading, reading.agrees());
        if agrees == self.held {
            match agrees {
                true => tracing::info!(ahead_ms, "sealing goes on: the clock is the broker's again"),
                false => tracing::error!(ahead_ms, "nothing is sealed: this clock and the broker's are apart"),
            }
        }
        self.held = !agrees;
        self.metrics.clock_ahead_ms.set(ahead_ms);
        self.status.clock_is_ahead(ahead_ms);
        Ok(agrees.then_some(now_ms))
    }

    /// A key's notice stands in the log before the events it signs, but in another partition: what was acknowledged
    /// before the events that wait is read before they are judged. False if there is more than memory holds.
    async fn catch_up_with_notices(&mut self) -> Result<bool, Stop> {
        let deadline = Instant::now() + Duration::from_millis(NOTICES_MS);
        let end = self.feeds[OF_NOTICES].ends(&self.ends).await?.first().copied().unwrap_or_default();
        while self.read_to(OF_NOTICES, 0) < end && self.notices_end < end {
            if self.pending.held_kib(OF_NOTICES) >= WAITING_KIB_NOTICES {
                return Ok(false);
            }
            match timeout_at(deadline, self.feeds[OF_NOTICES].next()).await {
                Ok(fed) => self.pending.add(OF_NOTICES, fed?),
                Err(_) => {
                    tracing::warn!(end, "the end of the notices holds no record; sealing goes on without it");
                    self.notices_end = end;
                }
            }
        }
        Ok(true)
    }

    fn read_to(&self, feed: usize, partition: u32) -> u64 {
        let Feed { name, topic, .. } = &self.feeds[feed];
        let sealed = self.sealer.chain.next_offset(name, topic.uuid, partition);
        self.pending.read_to(feed, partition).unwrap_or(sealed)
    }

    async fn measure(&mut self) -> Result<(), Stop> {
        let (now_ms, mut unsealed) = (self.config.clock.now_ms(), 0);
        for feed in &self.feeds {
            for (partition, end) in (0..).zip(feed.ends(&self.ends).await?) {
                unsealed += end.saturating_sub(self.sealer.chain.next_offset(&feed.name, feed.topic.uuid, partition));
            }
        }
        let unread = unsealed.saturating_sub(self.pending.records());
        let events = self.pending.weight() + (unread as f64 * self.mean) as u64;
        let age = self.pending.oldest_ms().map_or(0, |oldest| now_ms.saturating_sub(oldest.unsigned_abs()));
        self.metrics.lag_records.set(unsealed.cast_signed());
        self.metrics.lag_events.set(events.cast_signed());
        self.metrics.lag_ms.set(age.cast_signed());
        self.status.lags(unsealed, events, Duration::from_millis(age));
        // Time never goes back: a block that was sealed by a clock gone wrong dates all that follow.
        self.status.is_ahead(Duration::from_millis(self.sealer.chain.time_ms().saturating_sub(now_ms)));
        Ok(())
    }
}

/// Looks beside the loop for partitions that were added or a topic that was made anew.
pub(crate) struct TopicsWatch(JoinHandle<Result<(), Stop>>);

impl TopicsWatch {
    pub fn start(cluster: Cluster, known: Vec<Topic>) -> TopicsWatch {
        TopicsWatch(tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(TOPICS_EVERY_MS)).await;
                if topics::describe(&cluster, &[NOTICES, SCAN_EVENTS]).await? != known {
                    return Ok(());
                }
            }
        }))
    }

    /// Resolves when the topics have changed or cannot be looked at. Cancelling loses nothing.
    async fn changed(&mut self) -> Result<(), Stop> {
        match (&mut self.0).await {
            Ok(changed) => changed,
            Err(error) => Err(LogError::Broken(error.to_string()).into()),
        }
    }
}

impl Drop for TopicsWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
