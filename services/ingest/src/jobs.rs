//! Capture jobs: a document is spooled, validated, cut into submissions whose bytes are then fixed, published, and done
//! once the index holds all of it. None of that keeps more of the document in memory than a submission.
//!
//! ```text
//!  arriving ──whole, its envelope right──▶ received ──judge, plan──▶ planned ──publish each──▶ published ──indexed──▶ done
//!                                              └────────────▶ failed ◀── the chainer named it bad ──┘
//! ```
//!
//! The files of a job (see [`spool`]) hold its stage. A restart goes on where they say, with the function that the normal
//! way uses. A record that was sent but not noted as sent goes out again with the same bytes; its events count once.

mod document;
mod items;
mod job;
mod placed;
mod plan;
mod records;
mod run;
mod show;
mod spool;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use medtrace_ledger::PartyId;
use medtrace_service::{Kind, Problem, Shutdown};
use tokio::sync::{Semaphore, watch};

pub use document::XML_TYPES;
pub use job::{Behaviour, Job, Received, Stage};
pub use show::{RECEIPTS_LISTED_MAX, RECEIPTS_PER_PAGE, Shown};
pub use spool::Arrival;
use spool::Spool;

use crate::{Service, group::Shared, view::View};

/// Events of one document.
pub const CAPTURE_EVENTS_MAX: usize = 500_000;
/// Bytes of one document (256 MiB).
pub const CAPTURE_BYTES_MAX: usize = 256 << 20;
/// Jobs of all parties that are not finished, give or take those that are taken at the same moment.
pub const JOBS_RUNNING_MAX: usize = 256;
/// Bytes of their documents (4 GiB); on disk a job takes up to three times its document's.
pub const JOBS_RUNNING_BYTES_MAX: u64 = 4 << 30;
/// Finished jobs that are remembered; the oldest go first.
pub const JOBS_KEPT_MAX: usize = 10_000;
/// Documents of more bytes are large (1 MiB).
const LARGE_BYTES: u64 = 1 << 20;
/// Large documents that are read, judged and published at the same time.
const LARGE_AT_ONCE: usize = 2;
/// Other documents that are judged and published at the same time.
const SMALL_AT_ONCE: usize = 16;

/// How far the index goes, as the query service says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions {
    /// Height of the last block indexed.
    pub height: Option<u64>,
    /// Next offset of each partition of `scan-events` that is not indexed yet.
    pub scan_events: Vec<u64>,
}

impl Positions {
    /// Whether it holds everything up to the last offset of each partition.
    pub fn cover(&self, last: &BTreeMap<u32, u64>) -> bool {
        let next = |partition: u32| self.scan_events.get(partition as usize).copied().unwrap_or(0);
        last.iter().all(|(partition, offset)| *offset < next(*partition))
    }
}

/// The edge to the index. May be asked as often as one likes; an error is waited out.
pub trait Index: Send + Sync + 'static {
    fn positions(&self) -> BoxFuture<'_, Result<Positions, String>>;
}

/// All capture jobs of this service.
pub struct Jobs {
    work: Arc<Work>,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    /// Large documents that are read before they are taken.
    checking: Semaphore,
    /// Makes taking one at a time, by the first character of the id: so that a second request with the same document sees
    /// a durable job, and others need not wait for its disk.
    taking: [tokio::sync::Mutex<()>; 16],
}

/// What is remembered of a job; the rest is in its file.
#[derive(Debug, Clone)]
struct Known {
    party: PartyId,
    created_ms: u64,
    bytes: u64,
    running: bool,
    failed: bool,
}

impl From<&Job> for Known {
    fn from(job: &Job) -> Known {
        Known {
            party: job.party.clone(),
            created_ms: job.created_ms,
            bytes: job.bytes,
            running: job.is_running(),
            failed: !job.errors.is_empty(),
        }
    }
}

/// What every running job uses.
pub(crate) struct Work {
    pub shared: Arc<Shared>,
    pub service: Service,
    pub view: Arc<View>,
    pub spool: Spool,
    pub positions: watch::Receiver<Positions>,
    large: Semaphore,
    small: Semaphore,
    pub shutdown: Shutdown,
}

impl Work {
    /// By which a job of so many bytes waits for its turn.
    fn turns(&self, bytes: u64) -> &Semaphore {
        if bytes > LARGE_BYTES { &self.large } else { &self.small }
    }
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
    ) -> io::Result<Jobs> {
        let (spool, found) = Spool::open(&data.join("jobs"))?;
        let (tell, positions) = watch::channel(Positions::default());
        tokio::spawn(run::follow_index(index, tell, shutdown.clone()));
        let (large, small) = (Semaphore::new(LARGE_AT_ONCE), Semaphore::new(SMALL_AT_ONCE));
        let work = Arc::new(Work { shared, service, view, spool, positions, large, small, shutdown });
        let checking = Semaphore::new(LARGE_AT_ONCE);
        let jobs = Jobs { work, known: Arc::default(), checking, taking: Default::default() };
        for job in found {
            jobs.lock().insert(job.id.clone(), Known::from(&job));
            if job.is_running() {
                jobs.start(job);
            }
        }
        Ok(jobs)
    }

    /// Makes room on disk for a document.
    pub async fn arrive(&self) -> Result<Arrival, Problem> {
        let work = self.work.clone();
        blocking(move || work.spool.arrive()).await.map_err(|error| not_spooled(&error))
    }

    /// What can be said of a document before it is taken: whether it is one, and how many events it has. One that is
    /// large waits for its turn.
    pub async fn check(&self, arrival: &Arrival, job: &Job) -> Result<(), Problem> {
        let _turn = if job.bytes > LARGE_BYTES { self.checking.acquire().await.ok() } else { None };
        let (body, media_type, behaviour) = (arrival.body(), job.media_type.clone(), job.behaviour);
        blocking(move || Ok(document::check(&body, &media_type, behaviour)))
            .await
            .map_err(|error| not_spooled(&error))??;
        Ok(())
    }

    /// Takes a document that is on disk and was checked: the job is durable when it returns. The same document of the
    /// same party, with the same behaviour, is the same job; one that failed is tried again.
    pub async fn take(&self, job: Job, arrival: Arrival) -> Result<Shown, Problem> {
        let first = job.id.chars().next().and_then(|digit| digit.to_digit(16)).unwrap_or_default();
        let _one_at_a_time = self.taking[first as usize].lock().await;
        let same = self.lock().get(&job.id).cloned();
        if same.is_some_and(|known| known.running || !known.failed) {
            let gone = || Kind::Unavailable.because("the job of this document was just forgotten; send it again");
            return self.show(&job.party, &job.id, 0).await?.ok_or_else(gone);
        }
        let (running, bytes) = self.running_bytes();
        if running >= JOBS_RUNNING_MAX || bytes + job.bytes > JOBS_RUNNING_BYTES_MAX {
            let detail =
                format!("{running} capture jobs of {bytes} bytes are running; nothing was stored, send it again");
            return Err(Kind::TooManyRequests.because(detail));
        }
        let (work, spooled) = (self.work.clone(), job.clone());
        let created = blocking(move || work.spool.create(&spooled, &arrival)).await;
        created.map_err(|error| not_spooled(&error))?;
        self.lock().insert(job.id.clone(), Known::from(&job));
        self.forget_oldest();
        self.start(job.clone());
        Ok(Shown { job: job.show(&[]), next_receipt: None })
    }

    /// Jobs that are not finished.
    pub fn running(&self) -> usize {
        self.running_bytes().0
    }

    fn running_bytes(&self) -> (usize, u64) {
        let known = self.lock();
        let running = known.values().filter(|known| known.running);
        running.fold((0, 0), |(count, bytes), known| (count + 1, bytes + known.bytes))
    }

    fn start(&self, job: Job) {
        let (work, known) = (self.work.clone(), self.known.clone());
        tokio::spawn(run::run(work, job, move |job| {
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id.clone(), Known::from(job));
        }));
    }

    fn forget_oldest(&self) {
        let mut known = self.lock();
        while known.len() > JOBS_KEPT_MAX + JOBS_RUNNING_MAX {
            let finished = known.iter().filter(|(_, known)| !known.running);
            let Some(oldest) = finished.min_by_key(|(_, known)| known.created_ms).map(|(id, _)| id.clone()) else {
                return;
            };
            known.remove(&oldest);
            self.work.spool.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer when the disk does not take a document.
pub(crate) fn not_spooled(error: &io::Error) -> Problem {
    tracing::error!(%error, "a document cannot be spooled");
    let why = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "this service's disk is full",
        _ => "the document cannot be spooled",
    };
    Kind::Unavailable.because(format!("{why}; nothing was stored, send it again"))
}

/// Does work with files and much computing off the threads that serve requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten()
}
