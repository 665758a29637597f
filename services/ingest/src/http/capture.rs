//! `POST /capture`, `GET /capture`, `GET /capture/{captureID}` (EPCIS 2.0 § 12.6.1).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use medtrace_service::{Kind, Problem};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Hosted,
    input::{Caller, JSON_TYPES, Sent, compute, media_type},
};
use crate::{
    App,
    jobs::{self, Behaviour, CAPTURE_BYTES_MAX, Job, XML_TYPES},
};

/// Jobs of one page, unless asked for otherwise.
const PER_PAGE: usize = 30;
/// Most jobs of one page.
const PER_PAGE_MAX: usize = 1_000;
const BEHAVIOUR: &str = "gs1-capture-error-behaviour";

/// 202 with the job's address once the document is on disk. What is no EPCIS document at all is refused at once.
pub(super) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    sent: Sent<CAPTURE_BYTES_MAX>,
) -> Result<Response, Problem> {
    let media_type = document_type(&headers)?;
    let behaviour = behaviour(&headers)?;
    Hosted::for_events(&app, &caller.party)?;
    let job = Job::new(&caller.party, &caller.who, behaviour, media_type, &sent.bytes, app.now_ms());
    let bytes = sent.bytes.clone();
    compute(sent.bytes.len(), move || jobs::check_envelope(&bytes, media_type)).await?;
    let job = app.jobs.take(job, sent.bytes.to_vec()).await?;
    let location = format!("/capture/{}", job.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(job.show())).into_response())
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

/// One of the caller's own jobs.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let unknown = || Kind::NoSuchResource.because(format!("{} has no capture job {id}", caller.party));
    app.jobs.get(&caller.party, &id).map(|job| Json(job.show())).ok_or_else(unknown)
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
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|wrong| Kind::QueryParameter.because(wrong.body_text()))?;
    let count = page.per_page.unwrap_or(PER_PAGE);
    if !(1..=PER_PAGE_MAX).contains(&count) {
        return Err(Kind::QueryParameter.because(format!("perPage is 1 to {PER_PAGE_MAX}")));
    }
    let wrong = || Kind::QueryParameter.because("nextPageToken is not one that this service gave");
    let after = page.token.as_deref().map(|token| {
        let (ms, id) = token.split_once('-')?;
        Some((ms.parse::<u64>().ok()?, id))
    });
    let after = after.map(|after| after.ok_or_else(wrong)).transpose()?;
    let jobs = app.jobs.list(&caller.party, after, count + 1);
    let shown: Vec<Value> = jobs.iter().take(count).map(Job::show).collect();
    let mut answer = Json(Value::from(shown)).into_response();
    if let (true, Some((ms, id))) = (jobs.len() > count, jobs.get(count - 1).map(Job::cursor)) {
        let link = format!("</capture?perPage={count}&nextPageToken={ms}-{id}>; rel=\"next\"");
        if let Ok(link) = link.parse() {
            answer.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(answer)
}
