//! Capture jobs: a document is spooled, validated, cut into submissions whose bytes are then fixed, published one after
//! the other, and done once the index holds all of it.
//!
//! ```text
//!  received ──validate, plan──▶ planned ──publish each──▶ published ──indexed──▶ done
//!      └────────────▶ failed ◀── the chainer named it bad ──┘
//! ```
//!
//! The files of a job (see [`spool`]) hold its stage. A restart goes on where they say, with the function that the normal
//! way uses. A record that was sent but not noted as sent goes out again with the same bytes; its events count once.

mod job;
mod plan;
mod run;
mod spool;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use medtrace_ledger::PartyId;
use medtrace_service::{Kind, Problem, Shutdown};
use tokio::sync::{Semaphore, watch};

pub use job::{Behaviour, Job, Stage};
pub use plan::XML_TYPES;
use spool::Spool;

use crate::{Service, group::Shared, view::View};

/// Events of one document.
pub const CAPTURE_EVENTS_MAX: usize = 20_000;
/// Bytes of one document (8 MiB).
pub const CAPTURE_BYTES_MAX: usize = 8 << 20;
/// Jobs of all parties that are not finished.
pub const JOBS_RUNNING_MAX: usize = 256;
/// Finished jobs that are remembered; the oldest go first.
pub const JOBS_KEPT_MAX: usize = 10_000;
/// Documents that are held in memory, validated and published at the same time.
const JOBS_AT_ONCE: usize = 2;

/// How far the index goes, as the query service says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions {
    /// Height of the last block indexed.
    pub height: Option<u64>,
    /// Next offset of each partition of `scan-events` that is not indexed yet.
    pub scan_events: Vec<u64>,
}

impl Positions {
    pub fn cover(&self, placed: &[(u32, u64)]) -> bool {
        let next = |partition: u32| self.scan_events.get(partition as usize).copied().unwrap_or(0);
        placed.iter().all(|(partition, offset)| *offset < next(*partition))
    }
}

/// The edge to the index. May be asked as often as one likes; an error is waited out.
pub trait Index: Send + Sync + 'static {
    fn positions(&self) -> BoxFuture<'_, Result<Positions, String>>;
}

/// What can be said of a document before it is spooled: whether it is one, and how many events it has.
pub fn check_envelope(body: &[u8], media_type: &str) -> Result<(), Problem> {
    plan::envelope(body, media_type).map(|_| ()).map_err(|faults| plan::problem(&faults))
}

/// All capture jobs of this service.
pub struct Jobs {
    work: Arc<Work>,
    known: Arc<Mutex<BTreeMap<String, Job>>>,
    /// Makes spooling one at a time, so that a second request with the same document sees a durable job.
    spooling: tokio::sync::Mutex<()>,
}

/// What every running job uses.
pub(crate) struct Work {
    pub shared: Arc<Shared>,
    pub service: Service,
    pub view: Arc<View>,
    pub spool: Spool,
    pub positions: watch::Receiver<Positions>,
    pub at_once: Semaphore,
    pub shutdown: Shutdown,
}

impl Jobs {
    /// Opens the spool under `data` and goes on with what is unfinished there.
    pub fn open(
        data: &Path,
        shared: Arc<Shared>,
        service: Service,
        view: Arc<View>,
        index: Arc<dyn Index>,
        shutdown: Shutdown,
    ) -> std::io::Result<Jobs> {
        let (spool, found) = Spool::open(&data.join("jobs"))?;
        let (tell, positions) = watch::channel(Positions::default());
        tokio::spawn(run::follow_index(index, tell, shutdown.clone()));
        let at_once = Semaphore::new(JOBS_AT_ONCE);
        let work = Arc::new(Work { shared, service, view, spool, positions, at_once, shutdown });
        let jobs = Jobs { work, known: Arc::default(), spooling: tokio::sync::Mutex::default() };
        for job in found {
            let running = job.is_running();
            jobs.lock().insert(job.id.clone(), job.clone());
            if running {
                jobs.start(job);
            }
        }
        Ok(jobs)
    }

    /// Takes a document whose envelope has been read: durable when it returns. The same document of the same party, with
    /// the same behaviour, is the same job; one that failed is tried again.
    pub async fn take(&self, job: Job, body: Vec<u8>) -> Result<Job, Problem> {
        let _one_at_a_time = self.spooling.lock().await;
        let running = {
            let known = self.lock();
            if let Some(known) = known.get(&job.id)
                && (known.is_running() || known.errors.is_empty())
            {
                return Ok(known.clone());
            }
            known.values().filter(|job| job.is_running()).count()
        };
        if running >= JOBS_RUNNING_MAX {
            let detail = format!("{running} capture jobs are running; nothing was stored, send it again");
            return Err(Kind::TooManyRequests.because(detail));
        }
        let (work, spooled) = (self.work.clone(), job.clone());
        let written = tokio::task::spawn_blocking(move || work.spool.create(&spooled, &body)).await;
        if let Err(error) = written.map_err(std::io::Error::other).flatten() {
            tracing::error!(%error, "a document cannot be spooled");
            return Err(Kind::Unavailable.because("the document cannot be spooled; nothing was stored, send it again"));
        }
        self.lock().insert(job.id.clone(), job.clone());
        self.forget_oldest();
        self.start(job.clone());
        Ok(job)
    }

    /// A party's own job.
    pub fn get(&self, party: &PartyId, id: &str) -> Option<Job> {
        self.lock().get(id).filter(|job| job.party == *party).cloned()
    }

    /// A party's own jobs, newest first, after the one that `after` names as (created, id).
    pub fn list(&self, party: &PartyId, after: Option<(u64, &str)>, count: usize) -> Vec<Job> {
        let known = self.lock();
        let mut own: Vec<&Job> = known.values().filter(|job| job.party == *party).collect();
        own.sort_by_key(|job| std::cmp::Reverse(job.cursor()));
        let rest = own.into_iter().filter(|job| after.is_none_or(|after| job.cursor() < after));
        rest.take(count).cloned().collect()
    }

    /// Jobs that are not finished.
    pub fn running(&self) -> usize {
        self.lock().values().filter(|job| job.is_running()).count()
    }

    fn start(&self, job: Job) {
        let (work, known) = (self.work.clone(), self.known.clone());
        tokio::spawn(run::run(work, job, move |job| {
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id.clone(), job.clone());
        }));
    }

    fn forget_oldest(&self) {
        let mut known = self.lock();
        while known.len() > JOBS_KEPT_MAX + JOBS_RUNNING_MAX {
            let finished = known.values().filter(|job| !job.is_running());
            let Some(oldest) = finished.min_by_key(|job| job.created_ms).map(|job| job.id.clone()) else { return };
            known.remove(&oldest);
            self.work.spool.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Job>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
