//! Drives one job from the stage its file says to its end.

use std::sync::Arc;
use std::time::Duration;

use futures::{TryStreamExt, stream};
use medtrace_ledger::{PartyId, submission::SubmissionKind};
use medtrace_service::{Kind, Problem, Shutdown, files};
use tokio::sync::watch;

use super::placed::{self, Line, Progress};
use super::plan::{Plan, PlanError, plan};
use super::{Index, Job, Positions, Stage, Work, records};
use crate::admit::{Speaker, served};
use crate::log::{AppendError, Placed};
use crate::refused::VIOLATIONS_MAX;
use crate::seal::{Sealed, Stamp};

/// How often the index is asked while a job waits for it, in milliseconds.
const INDEX_EVERY_MS: u64 = 200;
/// Pause before a record that was not acknowledged is sent again, in milliseconds.
const RESEND_MS: u64 = 1_000;
/// Pause before a job goes on whose disk failed, in milliseconds.
const DISK_AGAIN_MS: u64 = 5_000;
/// Submissions of one job that are sent and not yet acknowledged.
const IN_FLIGHT_MAX: usize = 4;
/// Submissions that are older when they are to be published are signed anew: the chain takes 7 days, in milliseconds.
const PLAN_AGE_MS_MAX: u64 = 6 * 24 * 60 * 60 * 1000;

/// Why a job stops for now: its files keep its stage, from which it goes on.
enum Stop {
    Shutdown,
    Disk(std::io::Error),
    Fatal,
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Stop::Disk(error)
    }
}

/// Runs a job to its end; `tell` is called after every change that is on disk. Where the disk fails, it goes on after a
/// while with what is there.
pub(super) async fn run(work: Arc<Work>, mut job: Job, tell: impl Fn(&Job)) {
    let id = job.id.clone();
    work.shared.metrics.jobs_running.inc();
    while let Err(Stop::Disk(error)) = drive(&work, job, &tell).await {
        tracing::error!(job.id = id, %error, "a capture job waits for its disk");
        let again = id.clone();
        let loaded = match pause(&work, DISK_AGAIN_MS).await {
            Ok(()) => on_disk(&work, move |work| Ok(work.spool.load(&again)?)).await,
            Err(stop) => Err(stop),
        };
        match loaded {
            Ok(loaded) => job = loaded,
            Err(_) => break,
        }
    }
    work.shared.metrics.jobs_running.dec();
}

async fn drive(work: &Arc<Work>, mut job: Job, tell: &impl Fn(&Job)) -> Result<(), Stop> {
    let placed = work.spool.placed(&job.id);
    let mut progress = on_disk(work, move |_| Ok(placed::progress(&placed)?)).await?;
    if job.stage == Stage::Published && progress.count < job.records {
        // The list of what is placed is damaged: once more, which counts once.
        job.stage = Stage::Planned;
    }
    if matches!(job.stage, Stage::Received | Stage::Planned) {
        // Not before the registry is the chain's (rights would be judged by the past), nor while its clock is another.
        while !work.view.caught_up() || work.view.ahead_ms((work.shared.clock)()).is_some() {
            pause(work, INDEX_EVERY_MS).await?;
        }
        let Ok(_turn) = work.turns(job.bytes).acquire().await else { return Err(Stop::Shutdown) };
        let now_ms = (work.shared.clock)();
        if job.stage == Stage::Planned && now_ms.saturating_sub(job.planned_ms) > PLAN_AGE_MS_MAX {
            job.stage = Stage::Received;
            job = save(work, job).await?;
        }
        if job.stage == Stage::Received {
            progress = Progress::default();
            job = on_disk(work, move |work| fix(work, job)).await?;
            tell(&job);
        }
        if job.stage == Stage::Planned {
            publish(work, &job, &mut progress).await?;
            job.stage = Stage::Published;
            job = save(work, job).await?;
            tell(&job);
        }
    }
    if job.stage == Stage::Published {
        wait_for_index(work, &progress).await?;
        job = on_disk(work, move |work| end(work, job)).await?;
        tell(&job);
    }
    Ok(())
}

/// Validates the document and fixes its submissions, or ends the job with its errors.
fn fix(work: &Work, mut job: Job) -> Result<Job, Stop> {
    let plan = judge(work, &job)?;
    job.planned_ms = (work.shared.clock)();
    (job.records, job.events, job.refused, job.errors) = (plan.records, plan.events, plan.refused, plan.errors);
    if job.records == 0 {
        return finish(work, job);
    }
    files::remove_if_there(&work.spool.placed(&job.id))?;
    job.stage = Stage::Planned;
    // From here on the bytes of every submission are fixed.
    work.spool.save(&job)?;
    files::remove_if_there(&work.spool.items(&job.id))?;
    Ok(job)
}

fn judge(work: &Work, job: &Job) -> Result<Plan, Stop> {
    let failed = |problem: Problem| Ok(Plan { errors: vec![problem], ..Plan::default() });
    let registry = work.view.registry();
    if let Err(problem) = served(work.service, &registry, &job.party) {
        return failed(problem);
    }
    let Some(key) = (work.shared.hosted)(&job.party) else { return failed(crate::group::CommitError::NoKey.into()) };
    let now_ms = (work.shared.clock)();
    let speaker = Speaker { registry: &registry, party: &job.party, key: key.public(), now_ms };
    match plan(job, &work.spool, &work.shared.consortium, speaker, &key) {
        Ok(plan) => Ok(plan),
        Err(PlanError::Disk(error)) => Err(Stop::Disk(error)),
        Err(PlanError::Seal(error)) => {
            tracing::error!(job.id = job.id, %error, "a document could not be sealed");
            failed(Kind::Implementation.because("the document could not be sealed; nothing was stored"))
        }
    }
}

/// Publishes what is not yet noted as published; several are in flight, and noted in the order of the plan.
async fn publish(work: &Arc<Work>, job: &Job, progress: &mut Progress) -> Result<(), Stop> {
    let (done, path) = (progress.clone(), work.spool.placed(&job.id));
    let mut writer = on_disk(work, move |_| Ok(placed::Writer::open(&path, &done)?)).await?;
    let mut records = records::Reader::open(&work.spool.records(&job.id)).await?;
    for _ in 0..progress.count {
        records.next().await?;
    }
    let all = job.records;
    let rest = stream::try_unfold((records, progress.count), move |(mut records, at)| async move {
        if at >= all {
            return Ok::<_, Stop>(None);
        }
        let record = records.next().await?;
        Ok(Some((record, (records, at + 1))))
    });
    let sent = rest.map_ok(|record| send(work.clone(), job.party.clone(), record)).try_buffered(IN_FLIGHT_MAX);
    tokio::pin!(sent);
    while let Some((stamp, placed)) = sent.try_next().await? {
        let receipt = work.shared.receipts.sign(SubmissionKind::Events, stamp, placed, (work.shared.clock)());
        // A few hundred bytes for the system to keep: no wait for the disk.
        writer.add(placed, receipt.map(|receipt| receipt.to_string()))?;
        progress.add(placed.partition, placed.offset);
    }
    on_disk(work, move |_| Ok(writer.sync()?)).await
}

/// Sends a record until the log has acknowledged it.
async fn send(work: Arc<Work>, party: PartyId, Sealed { stamp, value }: Sealed) -> Result<(Stamp, Placed), Stop> {
    loop {
        match work.shared.log.append(SubmissionKind::Events, &party, &value).await {
            Ok(placed) => return Ok((stamp, placed)),
            Err(error @ AppendError::Fatal(_)) => {
                (work.shared.fatal)(error);
                return Err(Stop::Fatal);
            }
            Err(error) => {
                tracing::warn!(%party, %error, "a submission of a capture job is sent again");
                pause(&work, RESEND_MS).await?;
            }
        }
    }
}

/// Waits until the index holds all of it, and the blocks that it goes by have been seen here too.
async fn wait_for_index(work: &Work, progress: &Progress) -> Result<(), Stop> {
    let mut positions = work.positions.clone();
    let indexed = positions.wait_for(|now| now.cover(&progress.last) && work.view.height() >= now.height);
    tokio::select! {
        () = work.shutdown.cancelled() => Err(Stop::Shutdown),
        seen = indexed => seen.map(|_| ()).map_err(|_| Stop::Shutdown),
    }
}

/// Ends a job that the index holds, with what the chain says against it.
fn end(work: &Work, mut job: Job) -> Result<Job, Stop> {
    let most = job.errors.len() + VIOLATIONS_MAX;
    for line in placed::lines(&work.spool.placed(&job.id))? {
        let (Line(partition, offset, _), _) = line?;
        if let Some(reason) = work.view.bad(partition, offset).filter(|_| job.errors.len() < most) {
            let detail = format!("the chain names the submission bad: {reason}; its events do not count");
            job.errors.push(Kind::Validation.because(detail.clone()).at("", reason, detail));
        }
    }
    finish(work, job)
}

fn finish(work: &Work, mut job: Job) -> Result<Job, Stop> {
    job.stage = Stage::Finished;
    job.finished_ms = Some((work.shared.clock)());
    work.spool.save(&job)?;
    work.spool.clear(&job.id);
    Ok(job)
}

async fn save(work: &Arc<Work>, job: Job) -> Result<Job, Stop> {
    on_disk(work, move |work| work.spool.save(&job).map(|()| job).map_err(Stop::from)).await
}

/// Does work with files and much computing off the threads that serve requests.
async fn on_disk<T: Send + 'static>(
    work: &Arc<Work>,
    change: impl FnOnce(&Work) -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    let work = work.clone();
    let changed = tokio::task::spawn_blocking(move || change(&work)).await;
    changed.unwrap_or_else(|error| Err(Stop::Disk(std::io::Error::other(error))))
}

async fn pause(work: &Work, ms: u64) -> Result<(), Stop> {
    tokio::select! {
        () = work.shutdown.cancelled() => Err(Stop::Shutdown),
        () = tokio::time::sleep(Duration::from_millis(ms)) => Ok(()),
    }
}

/// Asks the index how far it goes, for all waiting jobs together; not at all while none waits.
pub(super) async fn follow_index(index: Arc<dyn Index>, tell: watch::Sender<Positions>, shutdown: Shutdown) {
    let mut reachable = true;
    loop {
        // One receiver is the one that waiting jobs are cloned from.
        if tell.receiver_count() > 1 {
            match index.positions().await {
                Ok(positions) => {
                    reachable = true;
                    tell.send_replace(positions);
                }
                Err(error) if reachable => {
                    reachable = false;
                    tracing::warn!(error, "the query service cannot be asked; capture jobs wait");
                }
                Err(_) => {}
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(INDEX_EVERY_MS)) => {}
        }
    }
}
