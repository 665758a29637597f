//! EPCIS 2.0 subscriptions by webhook (§ 12.7.5). A party sees and changes its own only.
//!
//! ```text
//! POST   /queries/{name}/subscriptions               201, Location
//! GET    /queries/{name}/subscriptions               page by page
//! GET    /queries/{name}/subscriptions/{id}
//! DELETE /queries/{name}/subscriptions/{id}
//! POST   /queries/{name}/subscriptions/{id}/resume   not of the standard: a dead one is attempted again, by this token
//! ```

use axum::Json as Answer;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use medtrace_event::time;
use medtrace_service::{Kind, Problem};
use serde::Deserialize;
use serde_json::Value;

use super::queries::Paging;
use crate::app::App;
use crate::callers::Caller;
use crate::epcis::ask::{Ask, Order};
use crate::epcis::form::Form;
use crate::json::{Body, invalid};
use crate::subscribe::book::unwritten;
use crate::subscribe::entry::Lost;
use crate::subscribe::feed::beginning;
use crate::subscribe::record::{Controls, Progress, Secret, Subscription};
use crate::subscribe::schedule::Fields;

/// Length of a `signatureToken`, bytes: a shorter one is no secret.
const SECRET_BYTES_MIN: usize = 16;
const SECRET_BYTES_MAX: usize = 1_024;

/// What is posted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Proposed {
    dest: String,
    signature_token: Option<String>,
    #[serde(default)]
    report_if_empty: bool,
    initial_record_time: Option<String>,
    #[serde(default)]
    stream: bool,
    schedule: Option<Fields>,
}

/// `POST /queries/{name}/subscriptions`
pub async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Body(proposed): Body<Proposed>,
) -> Result<Response, Problem> {
    let Caller { party, token } = app.callers.admitted(&headers)?;
    let form = Form::of_json(&headers)?;
    let query = app.book.query(&name)?;
    may_be_subscribed(&query.ask()?)?;
    let Proposed { dest, signature_token, report_if_empty, initial_record_time, stream, schedule } = proposed;
    let tools = app.book.tools();
    tools.sender.check(&dest).map_err(|reason| invalid("/dest", "dest", reason))?;
    if let Some(secret) = &signature_token
        && !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len())
    {
        let detail = format!("signatureToken has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes");
        return Err(invalid("/signatureToken", "length", detail));
    }
    let initial_record_us = initial_record_time.as_deref().map(record_time).transpose()?;
    let controls = Controls::read(stream, schedule, report_if_empty, initial_record_us)?;
    let created_ms = tools.source.clock.now_ms();
    let snapshot = app.view.now();
    let subscription = Subscription {
        id: uuid::Uuid::new_v4().to_string(),
        query: name.clone(),
        party,
        token: Some(token),
        dest,
        signature_token: signature_token.map(Secret),
        spelling: form.spelling,
        progress: Progress { after: beginning(&controls, &snapshot), run: None, ran_ms: created_ms },
        controls,
        created_ms,
        notified_ms: None,
        trouble: None,
    };
    let location = format!("/queries/{name}/subscriptions/{}", subscription.id);
    let shown = subscription.show(snapshot.height);
    app.book.add_subscription(subscription).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Answer(shown)).into_response())
}

/// `GET /queries/{name}/subscriptions`
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let party = app.callers.admitted(&headers)?.party;
    Form::of_json(&headers)?;
    let paging = Paging::read(query.as_deref())?;
    app.book.query(&name)?;
    let height = app.view.now().height;
    let found = app.book.subscriptions(&name, &party, &paging.after, paging.per_page + 1);
    let members = found.into_iter().map(|one| (one.id.clone(), one.show(height))).collect();
    Ok(paging.answer(&format!("/queries/{name}/subscriptions"), query.as_deref(), members))
}

/// `GET /queries/{name}/subscriptions/{id}`
pub async fn one(
    State(app): State<App>,
    headers: HeaderMap,
    Path((name, id)): Path<(String, String)>,
) -> Result<Answer<Value>, Problem> {
    let party = app.callers.admitted(&headers)?.party;
    Form::of_json(&headers)?;
    let now = app.book.subscription(&name, &id, &party)?.now().ok_or_else(gone)?;
    Ok(Answer(now.show(app.view.now().height)))
}

/// `DELETE /queries/{name}/subscriptions/{id}`
pub async fn delete(
    State(app): State<App>,
    headers: HeaderMap,
    Path((name, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let party = app.callers.admitted(&headers)?.party;
    let entry = app.book.subscription(&name, &id, &party)?;
    app.book.remove_subscription(entry).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /queries/{name}/subscriptions/{id}/resume`: attempts at once what is waited for, or given up.
pub async fn resume(
    State(app): State<App>,
    headers: HeaderMap,
    Path((name, id)): Path<(String, String)>,
) -> Result<Answer<Value>, Problem> {
    let Caller { party, token } = app.callers.admitted(&headers)?;
    let entry = app.book.subscription(&name, &id, &party)?;
    entry.keep(move |now| (now.trouble, now.token) = (None, Some(token))).await.map_err(|lost| match lost {
        Lost::Gone => gone(),
        Lost::Io(error) => unwritten(error),
    })?;
    let now = entry.now().ok_or_else(gone)?;
    Ok(Answer(now.show(app.view.now().height)))
}

/// A time for `initialRecordTime`, µs since 1970-01-01 UTC.
pub fn record_time(text: &str) -> Result<i64, Problem> {
    let unreadable = || {
        let detail = format!("initialRecordTime is a time with its zone, 2026-03-01T08:00:00.000+08:00, not {text:?}");
        invalid("/initialRecordTime", "time", detail)
    };
    time::instant(text).ok_or_else(unreadable)
}

/// A subscriber is told everything, in the order of the chain.
///
/// # Errors
/// `SubscriptionControlsException` for a query that asks for some, or for another order.
pub fn may_be_subscribed(ask: &Ask) -> Result<(), Problem> {
    if ask.order == Order::default() && ask.limit.is_none() && ask.refuse_beyond.is_none() {
        return Ok(());
    }
    let detail = "a query with orderBy, eventCountLimit or maxEventCount cannot be subscribed to: a subscriber is told all, \
                  in the order in which it was sealed";
    Err(Kind::SubscriptionControls.because(detail))
}

fn gone() -> Problem {
    Kind::NoSuchResource.because("the subscription has just been deleted")
}
