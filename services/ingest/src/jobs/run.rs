//! Drives one job from the stage its file says to its end.

use std::sync::Arc;
use std::time::Duration;

use medtrace_ledger::submission::SubmissionKind;
use medtrace_service::{Kind, Problem, Shutdown};
use tokio::sync::watch;

use super::plan::{Plan, plan};
use super::{Index, Job, Positions, Stage, Work};
use crate::admit::{Speaker, served};
use crate::log::AppendError;
use crate::seal::Sealed;

/// How often the index is asked while a job waits for it, in milliseconds.
const INDEX_EVERY_MS: u64 = 200;
/// Pause before a record that was not acknowledged is sent again, in milliseconds.
const RESEND_MS: u64 = 1_000;
/// Submissions that are older when they are to be published are signed anew: the chain takes 7 days, in milliseconds.
const PLAN_AGE_MS_MAX: u64 = 6 * 24 * 60 * 60 * 1000;

/// Why a job stops for now: its files keep its stage, a restart goes on.
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

/// Runs a job to its end; `tell` is called after every change that is on disk.
pub(super) async fn run(work: Arc<Work>, job: Job, tell: impl Fn(&Job)) {
    let id = job.id.clone();
    work.shared.metrics.jobs_running.inc();
    if let Err(Stop::Disk(error)) = drive(&work, job, tell).await {
        tracing::error!(job.id = id, %error, "a capture job stands still until the next start");
    }
    work.shared.metrics.jobs_running.dec();
}

async fn drive(work: &Arc<Work>, mut job: Job, tell: impl Fn(&Job)) -> Result<(), Stop> {
    if matches!(job.stage, Stage::Received | Stage::Planned) {
        // Not before the registry is the chain's (rights would be judged by the past), nor while its clock is another.
        while !work.view.caught_up() || work.view.ahead_ms((work.shared.clock)()).is_some() {
            pause(work, INDEX_EVERY_MS).await?;
        }
        let Ok(_permit) = work.at_once.acquire().await else { return Err(Stop::Shutdown) };
        let now_ms = (work.shared.clock)();
        if job.stage == Stage::Planned && now_ms.saturating_sub(job.planned_ms) > PLAN_AGE_MS_MAX {
            job.stage = Stage::Received;
        }
        if job.stage == Stage::Received {
            job = on_disk(work, job, fix).await?;
            tell(&job);
        }
        if job.stage == Stage::Planned {
            publish(work, &mut job, &tell).await?;
        }
    }
    if job.stage == Stage::Published {
        wait_for_index(work, &mut job).await?;
        finish(work, &mut job)?;
        tell(&job);
    }
    Ok(())
}

/// Validates the document and fixes its submissions, or ends the job with its errors.
fn fix(work: &Work, mut job: Job) -> Result<Job, Stop> {
    let body = work.spool.body(&job)?;
    let Plan { records, events, errors } = judge(work, &job, &body);
    job.planned_ms = (work.shared.clock)();
    (job.records, job.events, job.errors) = (records.len(), events, errors);
    (job.placed, job.receipts) = (Vec::new(), Vec::new());
    if records.is_empty() {
        finish(work, &mut job)?;
        return Ok(job);
    }
    work.spool.plan(&job, &records)?;
    job.stage = Stage::Planned;
    // From here on the bytes of every submission are fixed.
    work.spool.save(&job)?;
    Ok(job)
}

fn judge(work: &Work, job: &Job, body: &[u8]) -> Plan {
    let failed = |problem: Problem| Plan { records: Vec::new(), events: 0, errors: vec![problem] };
    let registry = work.view.registry();
    if let Err(problem) = served(work.service, &registry, &job.party) {
        return failed(problem);
    }
    let Some(key) = (work.shared.hosted)(&job.party) else { return failed(crate::group::CommitError::NoKey.into()) };
    let now_ms = (work.shared.clock)();
    let speaker = Speaker { registry: &registry, party: &job.party, key: key.public(), now_ms };
    plan(job, body, &work.shared.consortium, speaker, &key).unwrap_or_else(|error| {
        tracing::error!(job.id = job.id, %error, "a document could not be sealed");
        failed(Kind::Implementation.because("the document could not be sealed; nothing was stored"))
    })
}

/// Publishes what is not yet noted as published, in order.
async fn publish(work: &Arc<Work>, job: &mut Job, tell: &impl Fn(&Job)) -> Result<(), Stop> {
    let records = work.spool.records(job)?;
    for Sealed { id, value } in records.iter().skip(job.placed.len()) {
        let placed = loop {
            match work.shared.log.append(SubmissionKind::Events, &job.party, value).await {
                Ok(placed) => break placed,
                Err(error @ AppendError::Fatal(_)) => {
                    (work.shared.fatal)(error);
                    return Err(Stop::Fatal);
                }
                Err(error) => {
                    tracing::warn!(job.id = job.id, %error, "a submission of a capture job is sent again");
                    pause(work, RESEND_MS).await?;
                }
            }
        };
        let receipt = work.shared.receipts.sign(SubmissionKind::Events, *id, placed, (work.shared.clock)());
        job.receipts.extend(receipt.map(|receipt| receipt.to_string()));
        job.placed.push((placed.partition, placed.offset));
        if job.placed.len() == job.records {
            job.stage = Stage::Published;
        }
        *job = on_disk(work, job.clone(), |work, job| work.spool.save(&job).map(|()| job).map_err(Stop::from)).await?;
        tell(job);
    }
    Ok(())
}

/// Waits until the index holds all of it, and the blocks that it goes by have been seen here too.
async fn wait_for_index(work: &Work, job: &mut Job) -> Result<(), Stop> {
    let mut positions = work.positions.clone();
    let indexed = positions.wait_for(|now| now.cover(&job.placed) && work.view.height() >= now.height);
    tokio::select! {
        () = work.shutdown.cancelled() => return Err(Stop::Shutdown),
        seen = indexed => seen.map(|_| ()).map_err(|_| Stop::Shutdown)?,
    }
    for (partition, offset) in &job.placed {
        if let Some(reason) = work.view.bad(*partition, *offset) {
            let detail = format!("the chain names the submission bad: {reason}; its events do not count");
            job.errors.push(Kind::Validation.because(detail.clone()).at("", reason, detail));
        }
    }
    Ok(())
}

fn finish(work: &Work, job: &mut Job) -> Result<(), Stop> {
    job.stage = Stage::Finished;
    job.finished_ms = Some((work.shared.clock)());
    work.spool.save(job)?;
    work.spool.clear(job);
    Ok(())
}

/// Does work with files and much computing off the threads that serve requests.
async fn on_disk(
    work: &Arc<Work>,
    job: Job,
    change: impl FnOnce(&Work, Job) -> Result<Job, Stop> + Send + 'static,
) -> Result<Job, Stop> {
    let work = work.clone();
    let changed = tokio::task::spawn_blocking(move || change(&work, job)).await;
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
