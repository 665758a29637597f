//! One webhook subscription at work: what is due is read, sent until it is acknowledged, and only then passed.
//!
//! ```text
//! wait for the next run ─▶ keep the run ─▶ read ─▶ send ─▶ 2xx: keep the new place (the commit point) ─▶ on
//!                                            ▲        └──▶ else: keep the failure, wait, the same again
//!                                            └──────────────────────┘
//! ```
//!
//! Before each attempt is asked whether its owner still may ([`Callers::ended`]); if not, the subscription is dead until it is
//! resumed, and tells why.
//!
//! At-least-once: what was received but not acknowledged, or acknowledged but not kept before a crash, comes again, the
//! same bytes under the same id. Nothing is passed that the receiver has not acknowledged.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::entry::{Entry, Lost};
use super::feed::{Delivery, Feed, Found, Source, unread};
use super::record::{Progress, Subscription, Trouble};
use super::send::Sender;
use crate::callers::Callers;
use crate::metrics::Metrics;

/// Wait after the first failure, milliseconds; it doubles with each, up to the second.
const BACKOFF_MS: u64 = 1_000;
const BACKOFF_MS_MAX: u64 = 15 * 60 * 1_000;
/// After this long without one acknowledgement a subscription is dead, milliseconds.
pub const DEAD_AFTER_MS: u64 = 24 * 60 * 60 * 1_000;
/// Deliveries at the same time: to receivers that answered last time, and to those that did not, so that these do not
/// hold up the others.
pub const DELIVERIES_AT_ONCE: usize = 64;
pub const RETRIES_AT_ONCE: usize = 16;
/// Blocks without anything to tell after which the place is kept.
const QUIET_BLOCKS_MAX: u64 = 10_000;

/// What all subscriptions share.
pub struct Tools {
    pub source: Source,
    pub sender: Sender,
    pub callers: Arc<Callers>,
    pub metrics: Metrics,
    pub healthy: Semaphore,
    pub retrying: Semaphore,
}

/// Works until the subscription is gone. May be dropped at any time.
pub async fn work(tools: Arc<Tools>, feed: Feed, entry: Arc<Entry>) {
    loop {
        match turn(&tools, &feed, &entry).await {
            Ok(()) => {}
            Err(Lost::Gone) => return,
            Err(Lost::Io(error)) => {
                tracing::error!(subscription = feed.subscription, %error, "a subscription's file cannot be written");
                let again = tools.source.clock.now_ms() + BACKOFF_MS;
                tools.source.clock.until(again).await;
            }
        }
    }
}

/// One run, or one attempt of it.
async fn turn(tools: &Tools, feed: &Feed, entry: &Arc<Entry>) -> Result<(), Lost> {
    let mut changes = entry.changes();
    let now = entry.now().ok_or(Lost::Gone)?;
    match &now.trouble {
        None => {}
        Some(Trouble { next_ms: None, .. }) => {
            // Resumed, perhaps.
            return changes.changed().await.map_err(|_| Lost::Gone);
        }
        Some(Trouble { next_ms: Some(next), .. }) => {
            tokio::select! {
                () = tools.source.clock.until(*next) => {}
                _ = changes.changed() => return Ok(()),
            }
        }
    }
    let mut progress = now.progress.clone();
    let run = match progress.run.clone() {
        Some(run) => run,
        None => feed.begin(&tools.source, &mut progress).await,
    };
    let kept = entry.kept_progress();
    match feed.read(&tools.source, &progress, &run).await {
        Ok(Found::Delivery(delivery)) => {
            if kept != progress {
                entry.keep(move |next| next.progress = progress).await?;
            }
            deliver(tools, entry, &now, delivery).await
        }
        Ok(Found::Nothing(then)) => {
            let block = |progress: &Progress| progress.after.map_or(0, |at| at.block);
            let quiet = block(&then).saturating_sub(block(&kept)) < QUIET_BLOCKS_MAX;
            if quiet && kept.run.is_none() && feed.controls.schedule.is_none() {
                return entry.note(move |noted| noted.progress = then);
            }
            entry.keep(move |next| next.progress = then).await
        }
        Err(problem) => {
            unread(&feed.subscription, &problem).await;
            // A run that has begun stays.
            entry.note(move |noted| noted.progress = progress)
        }
    }
}

async fn deliver(tools: &Tools, entry: &Arc<Entry>, now: &Subscription, delivery: Delivery) -> Result<(), Lost> {
    let room = if now.trouble.is_none() { &tools.healthy } else { &tools.retrying };
    let sent = {
        let _room = room.acquire().await;
        // Asked last: what ended while this waited has ended.
        let owner = entry.now().ok_or(Lost::Gone)?;
        match tools.callers.ended(&owner.party, owner.token.as_ref()) {
            Ok(None) => {}
            Ok(Some(reason)) => return stop(tools, entry, reason).await,
            Err(problem) => {
                unread(&owner.id, &problem).await;
                return Ok(());
            }
        }
        tools.sender.send(now, &delivery, tools.source.clock.now_ms() / 1000).await
    };
    let at_ms = tools.source.clock.now_ms();
    tools.metrics.delivered(sent.is_ok());
    match sent {
        // The commit point: before it the delivery is repeated, after it never.
        Ok(()) => {
            let then = delivery.then;
            let acknowledged = move |kept: &mut Subscription| {
                (kept.progress, kept.notified_ms, kept.trouble) = (then, Some(at_ms), None);
            };
            entry.keep(acknowledged).await
        }
        Err(error) => {
            tracing::info!(subscription = now.id, delivery = delivery.id, error, "a delivery was not acknowledged");
            let random = getrandom::u64().unwrap_or(0);
            entry.keep(move |kept| kept.trouble = Some(after_failure(kept.trouble.take(), error, at_ms, random))).await
        }
    }
}

/// Nothing is attempted any more until somebody who may resumes it; nothing is lost until then.
async fn stop(tools: &Tools, entry: &Arc<Entry>, reason: String) -> Result<(), Lost> {
    tracing::warn!(subscription = entry.now().map(|now| now.id), reason, "a subscription was stopped");
    let now_ms = tools.source.clock.now_ms();
    let stopped = move |kept: &mut Subscription| {
        let (since_ms, failures) =
            kept.trouble.as_ref().map_or((now_ms, 0), |trouble| (trouble.since_ms, trouble.failures));
        kept.trouble = Some(Trouble { since_ms, failures, error: reason, next_ms: None });
    };
    entry.keep(stopped).await
}

/// The state after one more failure.
fn after_failure(before: Option<Trouble>, error: String, now_ms: u64, random: u64) -> Trouble {
    let since_ms = before.as_ref().map_or(now_ms, |trouble| trouble.since_ms);
    let failures = before.map_or(0, |trouble| trouble.failures).saturating_add(1);
    let dead = now_ms.saturating_sub(since_ms) >= DEAD_AFTER_MS;
    let next_ms = (!dead).then(|| now_ms.saturating_add(backoff_ms(failures, random)));
    Trouble { since_ms, failures, error, next_ms }
}

/// Half of the wait is certain, half is chance, so that those who failed together do not come again together.
fn backoff_ms(failures: u32, random: u64) -> u64 {
    let whole = BACKOFF_MS.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(BACKOFF_MS_MAX);
    whole / 2 + random % (whole / 2 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit() {
        for (failures, least, most) in [
            (1, 500, 1_000),
            (2, 1_000, 2_000),
            (5, 8_000, 16_000),
            (11, 450_000, 900_000),
            (u32::MAX, 450_000, 900_000),
        ] {
            assert_eq!((backoff_ms(failures, 0), backoff_ms(failures, least)), (least, most));
            assert!((least..=most).contains(&backoff_ms(failures, u64::MAX)), "{failures}");
        }
    }

    #[test]
    fn a_day_of_failures_is_the_end() {
        let first = after_failure(None, "a".into(), 5, 0);
        assert_eq!(first, Trouble { since_ms: 5, failures: 1, error: "a".into(), next_ms: Some(505) });
        let later = after_failure(Some(first), "b".into(), 5 + DEAD_AFTER_MS - 1, 0);
        assert_eq!((later.failures, later.since_ms, later.next_ms), (2, 5, Some(5 + DEAD_AFTER_MS - 1 + 1_000)));
        assert_eq!(after_failure(Some(later), "c".into(), 5 + DEAD_AFTER_MS, 0).next_ms, None);
    }
}
