//! `POST /capture`, `GET /capture`, `GET /capture/{captureID}` (EPCIS 2.0 § 12.6.1).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use medtrace_ledger::hash::Hasher;
use medtrace_service::{Kind, Problem};
use serde::Deserialize;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::{
    Hosted,
    input::{Arriving, Caller, JSON_TYPES, Limits, media_type},
};
use crate::{
    App,
    jobs::{Arrival, Behaviour, CAPTURE_BYTES_MAX, Job, Received, Shown, XML_TYPES, not_spooled},
};

/// Bytes of all documents that are arriving or being read (1 GiB), on disk.
pub const ARRIVING_BYTES_MAX: usize = 1 << 30;
/// Longest that a document may take to arrive, in milliseconds: 256 MiB at 73 KiB/s.
pub const CAPTURE_MS_MAX: u64 = 3_600_000;
/// Longest that it may pause, in milliseconds.
pub const CAPTURE_PAUSE_MS_MAX: u64 = 60_000;
/// Bytes of a document that are written at once.
const WRITE_BYTES: usize = 128 << 10;
const LIMITS: Limits =
    Limits { bytes_max: CAPTURE_BYTES_MAX, ms_max: CAPTURE_MS_MAX, pause_ms_max: CAPTURE_PAUSE_MS_MAX };
/// Jobs of one page, unless asked for otherwise.
const PER_PAGE: usize = 30;
/// Most jobs of one page.
const PER_PAGE_MAX: usize = 1_000;
const BEHAVIOUR: &str = "gs1-capture-error-behaviour";

/// 202 with the job's address once the document is on disk. What is no EPCIS document at all is refused at once, and
/// leaves nothing.
pub(super) async fn post(State(app): State<Arc<App>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let (media_type, behaviour) = (document_type(request.headers()), behaviour(request.headers()));
    let mut arriving = Arriving::open(request, &app, &app.arriving, LIMITS)?;
    let (media_type, behaviour) = (media_type?, behaviour?);
    Hosted::for_events(&app, &caller.party)?;
    let arrival = app.jobs.arrive().await?;
    let received = receive(&mut arriving, &arrival).await?;
    let job = Job::new(&caller.party, &caller.who, behaviour, media_type, received, app.now_ms());
    app.jobs.check(&arrival, &job).await?;
    let location = format!("/capture/{}", job.id);
    // A task of its own: it outlives the client's disconnect, so that a job on disk is one that runs.
    let taken = tokio::spawn(async move { app.jobs.take(job, arrival).await });
    let lost = |_| Kind::Unavailable.because("the outcome is unknown; send the same document again");
    let shown = taken.await.map_err(lost)??;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(shown.job)).into_response())
}

/// Writes the body to its file as it comes; on disk when it returns.
async fn receive(arriving: &mut Arriving, arrival: &Arrival) -> Result<Received, Problem> {
    let disk = |error| not_spooled(&error);
    let file = tokio::fs::File::create(arrival.body()).await.map_err(disk)?;
    let mut file = BufWriter::with_capacity(WRITE_BYTES, file);
    let mut hasher = Hasher::default();
    while let Some(some) = arriving.next().await? {
        hasher.update(&some);
        file.write_all(&some).await.map_err(disk)?;
    }
    file.flush().await.map_err(disk)?;
    file.get_ref().sync_all().await.map_err(disk)?;
    Ok(Received { sha256: hasher.finish(), bytes: arriving.bytes() as u64 })
}

/// The media type of a document: JSON, also if none is given, or XML.
fn document_type(headers: &HeaderMap) -> Result<&'static str, Problem> {
    media_type(headers, &[JSON_TYPES, XML_TYPES].concat())
}

fn behaviour(headers: &HeaderMap) -> Result<Behaviour, Problem> {
    let Some(value) = headers.get(BEHAVIOUR) else { return Ok(Behaviour::default()) };
    let all = [Behaviour::Rollback, Behaviour::Proceed];
    let found = all.into_iter().find(|behaviour| value.as_bytes().eq_ignore_ascii_case(behaviour.as_str().as_bytes()));
    found.ok_or_else(|| {
        let detail = format!("GS1-Capture-Error-Behaviour is {value:?}; it is rollback (default) or proceed");
        Kind::Validation.because(detail)
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shows {
    /// Index of the first receipt that is shown.
    #[serde(rename = "firstReceipt", default)]
    first_receipt: usize,
}

/// One of the caller's own jobs, with a page of its receipts.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    from: Result<Query<Shows>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(from) = from.map_err(|wrong| Kind::QueryParameter.because(wrong.body_text()))?;
    let unknown = || Kind::NoSuchResource.because(format!("{} has no capture job {id}", caller.party));
    let Shown { job, next_receipt } =
        app.jobs.show(&caller.party, &id, from.first_receipt).await?.ok_or_else(unknown)?;
    let next = next_receipt.map(|next| format!("/capture/{id}?firstReceipt={next}"));
    Ok(page(Json(job), next))
}

/// An answer with the address of its next page.
fn page(answer: impl IntoResponse, next: Option<String>) -> Response {
    let mut answer = answer.into_response();
    if let Some(Ok(link)) = next.map(|next| format!("<{next}>; rel=\"next\"").parse()) {
        answer.headers_mut().insert(header::LINK, link);
    }
    answer
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    #[serde(rename = "perPage")]
    per_page: Option<usize>,
    /// `<created ms>-<job id>` of the last job of the page before.
    #[serde(rename = "nextPageToken")]
    token: Option<String>,
}

/// The caller's own jobs, newest first.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|wrong| Kind::QueryParameter.because(wrong.body_text()))?;
    let count = asked.per_page.unwrap_or(PER_PAGE);
    if !(1..=PER_PAGE_MAX).contains(&count) {
        return Err(Kind::QueryParameter.because(format!("perPage is 1 to {PER_PAGE_MAX}")));
    }
    let wrong = || Kind::QueryParameter.because("nextPageToken is not one that this service gave");
    let after = asked.token.as_deref().map(|token| {
        let (ms, id) = token.split_once('-')?;
        Some((ms.parse::<u64>().ok()?, id))
    });
    let after = after.map(|after| after.ok_or_else(wrong)).transpose()?;
    let (jobs, last) = app.jobs.list(&caller.party, after, count).await?;
    let next = last.map(|(ms, id)| format!("/capture?perPage={count}&nextPageToken={ms}-{id}"));
    Ok(page(Json(jobs), next))
}
