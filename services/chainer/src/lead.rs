//! The chainer's life: wait for the lease, find the end of the chain, seal until the lease or the process ends.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use medtrace_ledger::SubmissionKind;
use medtrace_log::consumer::{Ends, Follower, Isolation};
use medtrace_log::lease::Lease;
use medtrace_log::topics::{self, BLOCKS, CHAINER_LEASE, NOTICES, SCAN_EVENTS, Topic};
use medtrace_log::transactions::Transactions;
use medtrace_log::{Cluster, LogError};
use medtrace_service::Shutdown;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout_at};

use crate::commit::{Sealed, Sealer, TRANSACTIONAL_ID};
use crate::feed::{Feed, WAITING_KIB_NOTICES};
use crate::inspect::Consortium;
use crate::pending::Pending;
use crate::recover::{recover, same_topics};
use crate::standing::Folder;
use crate::stop::Stop;
use crate::{CUT_EVERY_MS, Config, Metrics, Status};

/// Pause before the log is tried again, milliseconds.
const RETRY_MS: u64 = 500;
/// How often the lag is measured, milliseconds.
const LAG_EVERY_MS: u64 = 1_000;
/// How often the topics are looked at for new partitions, milliseconds.
const TOPICS_EVERY_MS: u64 = 30_000;
/// Longest wait before a cut for notices that stand in the log before its events, milliseconds. It is over within
/// moments, unless somebody has left offsets without a record at the topic's end (an aborted transaction).
const NOTICES_MS: u64 = 10_000;

/// Runs until the shutdown or until something is wrong.
pub async fn run(config: &Config, metrics: &Metrics, status: &Status, shutdown: Shutdown) -> Result<(), Stop> {
    let folder = Arc::new(Folder::open(&config.data)?);
    let instance = folder.instance()?;
    status.does("reaching Kafka");
    while let Err(error) = tokio::select! {
        reached = config.kafka.wait(Duration::from_millis(60_000)) => reached,
        () = shutdown.cancelled() => return Ok(()),
    } {
        tracing::warn!(error = %error, "Kafka does not answer yet");
    }
    topics::ensure(&config.kafka).await?;
    let mut lease = Lease::join(&config.kafka, CHAINER_LEASE, &instance)?;
    loop {
        status.does("waiting for the lease");
        tokio::select! {
            acquired = lease.acquired() => acquired?,
            () = shutdown.cancelled() => return Ok(()),
        }
        status.does("reading the chain");
        let led = tokio::select! {
            led = lead(config, metrics, status, &folder) => led,
            () = lease.lost() => Ok("the lease was lost"),
            () = shutdown.cancelled() => return Ok(()),
        };
        match led {
            Ok(reason) => tracing::info!(reason, "leadership ended"),
            Err(stop) if stop.passes() => {
                tracing::warn!(error = %stop, cause = %causes(&stop), "the log cannot be used at the moment");
                sleep(Duration::from_millis(RETRY_MS)).await;
            }
            Err(stop) => return Err(stop),
        }
    }
}

/// Leads: everything from the end of the chain to the end of leadership, which it returns the reason of.
async fn lead(config: &Config, metrics: &Metrics, status: &Status, folder: &Arc<Folder>) -> Result<&'static str, Stop> {
    // First of all: from here on nobody else can add to `blocks`, so that what is read there stays the end.
    let cluster = config.kafka.clone();
    let opening = tokio::task::spawn_blocking(move || Transactions::open(&cluster, TRANSACTIONAL_ID));
    let transactions = opening.await.map_err(|error| LogError::Broken(error.to_string()))??;
    let consortium = Arc::new(Consortium::of(&config.genesis));
    let recovered = recover(&config.kafka, &config.genesis, &consortium, folder.standing()?).await?;
    let topics = topics::describe(&config.kafka, &[NOTICES, SCAN_EVENTS]).await?;
    same_topics(&recovered.chain, &topics)?;
    let blocks = Follower::open(&config.kafka, BLOCKS, Isolation::Committed, &[(0, recovered.blocks_to)]).await?;
    let mut sealer = Sealer {
        chain: recovered.chain,
        signer: config.signer.clone(),
        genesis: config.genesis.clone(),
        folder: folder.clone(),
        transactions: Some(transactions),
        blocks,
    };
    match &recovered.last {
        Some(last) if recovered.published < sealer.chain.size() => sealer.conclude(last).await?,
        Some(last) => sealer.remember(last)?,
        None => {}
    }
    let watch = TopicsWatch::start(config.kafka.clone(), topics.clone());
    let mut feeds = Vec::new();
    for (kind, topic) in [SubmissionKind::Notices, SubmissionKind::Events].into_iter().zip(topics) {
        feeds.push(Feed::open(&config.kafka, kind, topic, &sealer.chain, consortium.clone()).await?);
    }
    tracing::info!(size = sealer.chain.size(), root = %sealer.chain.root(), "leading");
    status.leads(sealer.chain.size());
    metrics.size.set(sealer.chain.size().cast_signed());
    let (ends, pending) = (Ends::open(&config.kafka, Isolation::Everything)?, Pending::default());
    Leader { metrics, status, sealer, feeds, topics: watch, ends, pending, notices_end: 0, last_cut: None, mean: 1.0 }
        .work()
        .await
}

/// Index of the feed of notices, and of events: in the order of the topics' names.
const OF_NOTICES: usize = 0;
const OF_EVENTS: usize = 1;

struct Leader<'a> {
    metrics: &'a Metrics,
    status: &'a Status,
    sealer: Sealer,
    feeds: Vec<Feed>,
    topics: TopicsWatch,
    ends: Ends,
    pending: Pending,
    /// End of the notices that was given up waiting for: no record stands before it.
    notices_end: u64,
    last_cut: Option<Instant>,
    /// Events of a record, in the last block.
    mean: f64,
}

impl Leader<'_> {
    async fn work(mut self) -> Result<&'static str, Stop> {
        let mut lag = interval(Duration::from_millis(LAG_EVERY_MS));
        lag.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let every = Duration::from_millis(CUT_EVERY_MS);
            let due = self.last_cut.map_or_else(Instant::now, |last| last + every);
            let full = self.pending.is_full();
            let [notices, events] = &mut self.feeds[..] else { return Ok("there are no feeds") };
            // The clocks first, so that a steady stream of records does not keep them waiting.
            tokio::select! {
                biased;
                () = sleep_until(due), if !full && !self.pending.is_empty() => self.cut().await?,
                () = std::future::ready(()), if full => self.cut().await?,
                _ = lag.tick() => self.measure().await?,
                changed = self.topics.changed() => return changed.map(|()| "the topics have changed"),
                fed = notices.next() => self.pending.add(OF_NOTICES, fed?),
                fed = events.next() => self.pending.add(OF_EVENTS, fed?),
            }
        }
    }

    /// Seals one block of what waits.
    async fn cut(&mut self) -> Result<(), Stop> {
        let caught_up = !self.pending.holds(OF_EVENTS) || self.catch_up_with_notices().await?;
        self.last_cut = Some(Instant::now());
        let mut parts = self.pending.parts(&self.feeds);
        if !caught_up {
            // More notices than memory holds: they are sealed first, and the events wait.
            parts.retain(|part| part.topic == self.feeds[OF_NOTICES].name);
        }
        let Sealed { header, taken, cut, commit, sign } = self.sealer.seal(now_ms(), &parts).await?;
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
        for bad in &header.bad {
            let (height, topic, reason) = (header.height, bad.topic.as_str(), bad.reason.as_str());
            tracing::warn!(height, topic, partition = bad.partition, ordinal = bad.ordinal, reason, "a record is bad");
        }
        tracing::debug!(height = header.height, records, events, "sealed");
        Ok(())
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
        let sealed = self.sealer.chain.next_offset(&self.feeds[feed].name, partition);
        self.pending.read_to(feed, partition).unwrap_or(sealed)
    }

    async fn measure(&mut self) -> Result<(), Stop> {
        let mut unsealed = 0;
        for feed in &self.feeds {
            for (partition, end) in (0..).zip(feed.ends(&self.ends).await?) {
                unsealed += end.saturating_sub(self.sealer.chain.next_offset(&feed.name, partition));
            }
        }
        let unread = unsealed.saturating_sub(self.pending.records());
        let events = self.pending.weight() + (unread as f64 * self.mean) as u64;
        let age = self.pending.oldest_ms().map_or(0, |oldest| now_ms().saturating_sub(oldest.unsigned_abs()));
        self.metrics.lag_records.set(unsealed.cast_signed());
        self.metrics.lag_events.set(events.cast_signed());
        self.metrics.lag_ms.set(age.cast_signed());
        self.status.lags(unsealed, events, Duration::from_millis(age));
        // Time never goes back: a block that was sealed by a clock gone wrong dates all that follow.
        self.status.is_ahead(Duration::from_millis(self.sealer.chain.time_ms().saturating_sub(now_ms())));
        Ok(())
    }
}

/// Looks beside the loop for partitions that were added or a topic that was made anew.
struct TopicsWatch(JoinHandle<Result<(), Stop>>);

impl TopicsWatch {
    fn start(cluster: Cluster, known: Vec<Topic>) -> TopicsWatch {
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

/// Unix milliseconds by this machine's clock.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The causes of an error, for a log line.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
