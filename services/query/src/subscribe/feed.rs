//! What a subscriber is told next: the events of a query after a place, at a height that the store has reached.
//!
//! The order is that of the chain (block, idx). A run is everything between the place and one height; it is told in one or
//! more documents, each the same bytes whenever it is made again:
//!
//! ```text
//! delivery id = hex of SHA-256( "medtrace/delivery/v1\n" ‖ subscription id ‖ "\n"
//!               ‖ block u64 BE ‖ idx u32 BE of the last event before, 0 ‖ 0 before the first
//!               ‖ block u64 BE ‖ idx u32 BE of the last event looked at ‖ time of the run, ms, u64 BE )[..16]
//! ```

use std::time::Duration;

use clickhouse::Client;
use medtrace_event::Context;
use medtrace_ledger::hash::hex;
use medtrace_ledger::hash::sha256;
use medtrace_service::{Kind, Problem};
use tokio::sync::Semaphore;

use super::clock::Clock;
use super::record::{At, Controls, Progress, Run};
use crate::app::store_failed;
use crate::config::UtcOffset;
use crate::epcis::ask::Ask;
use crate::epcis::form::Spelling;
use crate::epcis::page::{PageLimits, document, page};
use crate::token::Binding;
use crate::view::{Snapshot, View};

/// Events of one delivery, and the bytes with which it ends.
pub const DELIVERY_EVENTS_MAX: usize = 100;
const DELIVERY_BYTES_MAX: usize = 1 << 20;
/// Subscriptions that read the store at the same time.
pub const READERS_MAX: usize = 4;
/// Between two looks of one stream, milliseconds.
const LOOK_MS: u64 = 200;
/// Before the store is asked again, milliseconds.
const RETRY_MS: u64 = 1_000;

/// What is read from.
pub struct Source {
    pub client: Client,
    pub view: View,
    pub clock: Clock,
    pub offset: UtcOffset,
    /// Room for readers.
    pub readers: Semaphore,
}

/// What one subscriber is told.
pub struct Feed {
    pub query_name: String,
    pub subscription: String,
    pub ask: Ask,
    pub controls: Controls,
    pub spelling: Spelling,
    /// Each document says where its reader stands then, as `medtrace:delivery`.
    pub resumable: Option<Binding>,
}

/// One document.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub id: String,
    pub body: Vec<u8>,
    /// Where the subscriber stands once it has been told.
    pub then: Progress,
}

/// What was found.
pub enum Found {
    Delivery(Delivery),
    /// Nothing to tell up to there.
    Nothing(Progress),
}

/// Where a subscriber that is new begins: after everything sealed, or before what was sealed at a time.
pub fn beginning(controls: &Controls, snapshot: &Snapshot) -> Option<At> {
    let Some(us) = controls.initial_record_us else { return snapshot.height.map(At::end_of) };
    let before_ms = u64::try_from(us).unwrap_or(0).div_ceil(1000).checked_sub(1)?;
    snapshot.height_at(before_ms).map(At::end_of)
}

impl Feed {
    /// `ask` is that of the named query; whether it may be subscribed to was checked.
    pub fn new(query_name: &str, subscription: &str, ask: Ask, controls: Controls, spelling: Spelling) -> Feed {
        let mut ask = ask;
        ask.record_time.0 = ask.record_time.0.max(controls.initial_record_us);
        let (query_name, subscription) = (query_name.to_owned(), subscription.to_owned());
        Feed { query_name, subscription, ask, controls, spelling, resumable: None }
    }

    /// The next run, once it is due and the store holds more than this progress.
    pub async fn due(&self, source: &Source, progress: &Progress) -> Run {
        let mut changes = source.view.changes();
        let mut at_least = progress.after.map_or(0, |at| at.block);
        let mut time_ms = None;
        match &self.controls.schedule {
            None => at_least += u64::from(progress.after.is_some_and(|at| at.idx == u32::MAX)),
            Some(schedule) => {
                let next = schedule.after(progress.ran_ms, source.offset.get());
                let next = next.unwrap_or(u64::MAX);
                source.clock.until(next).await;
                time_ms = Some(next);
            }
        }
        let there = changes.wait_for(|s| s.caught_up && s.height.is_some_and(|height| height >= at_least)).await;
        match there.map(|snapshot| (snapshot.known(), snapshot.time_ms)) {
            Ok((known, sealed_ms)) => Run { known, time_ms: time_ms.unwrap_or(sealed_ms), told: false },
            // The view has ended, and with it the process.
            Err(_) => std::future::pending().await,
        }
    }

    /// The next document of a run.
    ///
    /// # Errors
    /// The store does not answer, or does not hold the run's height now.
    pub async fn read(&self, source: &Source, progress: &Progress, run: &Run) -> Result<Found, Problem> {
        let _reader = source.readers.acquire().await;
        let snapshot = source.view.now();
        if !(snapshot.caught_up && snapshot.height.is_some_and(|height| height >= run.known)) {
            return Err(Kind::Unavailable.because(format!("block {} is not indexed", run.known)));
        }
        let most = PageLimits { events: DELIVERY_EVENTS_MAX, bytes: DELIVERY_BYTES_MAX };
        let after = progress.after.map(At::place);
        let mut page = page(&source.client, &self.ask, run.known, after, most).await?;
        self.is_whole(source, run).await?;
        let end = page.next.map_or(At::end_of(run.known), |place| At { block: place.block, idx: place.idx });
        let end = progress.after.map_or(end, |after| end.max(after));
        let last = page.next.is_none();
        let empty = page.events.is_empty();
        let then = Progress {
            after: Some(end),
            run: (!last).then(|| Run { told: run.told || !empty, ..run.clone() }),
            ran_ms: progress.ran_ms,
        };
        if empty && !(last && self.controls.report_if_empty && !run.told) {
            return Ok(Found::Nothing(then));
        }
        self.spelling.spell(&mut page.events, snapshot.registry()?.at(run.known));
        let created_us = i64::try_from(run.time_ms).unwrap_or(0).saturating_mul(1000);
        let mut document = document(&self.query_name, Some(&self.subscription), page.events, created_us);
        if let (Some(binding), Some(members)) = (&self.resumable, document.as_object_mut()) {
            Context::medtrace().to_json().map(|context| members.insert("@context", context));
            members.insert("medtrace:delivery", then.id(binding));
        }
        Ok(Found::Delivery(Delivery { id: self.id(progress.after, end, run), body: document.to_jcs(), then }))
    }

    /// While everything derived is derived again, the store holds less than the view knew: its markers are gone before
    /// its rows are, and come back after them. So where the marker of the height stands after the reading, nothing was
    /// missing.
    async fn is_whole(&self, source: &Source, run: &Run) -> Result<(), Problem> {
        let marker = source.client.query("SELECT count() FROM block WHERE height = ?").bind(run.known);
        match marker.fetch_one::<u64>().await.map_err(store_failed)? {
            0 => Err(Kind::Unavailable.because("the store is being derived again")),
            _ => Ok(()),
        }
    }

    /// The next document, as soon as there is one. May be dropped at any time: nothing is remembered but `progress`.
    pub async fn next(&self, source: &Source, mut progress: Progress) -> Delivery {
        loop {
            let run = match progress.run.clone() {
                Some(run) => run,
                None => self.begin(source, &mut progress).await,
            };
            match self.read(source, &progress, &run).await {
                Ok(Found::Delivery(delivery)) => return delivery,
                Ok(Found::Nothing(then)) => progress = then,
                Err(problem) => unread(&self.subscription, &problem).await,
            }
        }
    }

    /// Waits for the next run and begins it.
    pub async fn begin(&self, source: &Source, progress: &mut Progress) -> Run {
        if self.controls.schedule.is_none() {
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        let run = self.due(source, progress).await;
        if self.controls.schedule.is_some() {
            // What was missed meanwhile is made up by this one run.
            progress.ran_ms = source.clock.now_ms().max(run.time_ms);
        }
        progress.run = Some(run.clone());
        run
    }

    fn id(&self, after: Option<At>, end: At, run: &Run) -> String {
        let after = after.unwrap_or(At { block: 0, idx: 0 });
        let parts: [&[u8]; 8] = [
            b"medtrace/delivery/v1\n",
            self.subscription.as_bytes(),
            b"\n",
            &after.block.to_be_bytes(),
            &after.idx.to_be_bytes(),
            &end.block.to_be_bytes(),
            &end.idx.to_be_bytes(),
            &run.time_ms.to_be_bytes(),
        ];
        hex(&sha256(&parts).0[..16])
    }
}

/// The store is asked again after a while.
pub async fn unread(subscription: &str, problem: &Problem) {
    tracing::warn!(subscription, error = problem.detail, "a subscription cannot be read");
    tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
}
