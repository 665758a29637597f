//! EPCIS 2.0 named queries (§ 12.7.4).
//!
//! ```text
//! POST   /queries                 201, Location; a token is needed
//! GET    /queries                 all, page by page
//! GET    /queries/{name}
//! DELETE /queries/{name}          its owner's; ends its subscriptions
//! GET    /queries/{name}/events   as GET /events with its parameters; as a WebSocket, a subscription
//! ```

use axum::Json as Answer;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use medtrace_service::Problem;
use serde_json::Value;

use super::epcis::{extensions, next_page, page_of};
use super::socket;
use crate::app::App;
use crate::epcis::ask::{Ask, PER_PAGE_MAX as EVENTS_PER_PAGE_MAX};
use crate::epcis::cursor::EXPIRY_S;
use crate::epcis::form::Form;
use crate::json::Body;
use crate::named::{NamedQuery, Proposed, QUERY_BYTES_MAX, malformed};
use crate::params::{Params, wrong};

/// Longest body, bytes: a query in a generous layout.
pub const BODY_BYTES_MAX: usize = 4 * QUERY_BYTES_MAX;
/// Members of one page of a list, unless asked otherwise, and at most.
const PER_PAGE: u64 = 30;
const PER_PAGE_MAX: u64 = 100;

/// `POST /queries`
pub async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    proposed: Result<Body<Proposed>, Problem>,
) -> Result<Response, Problem> {
    let party = app.callers.admitted(&headers)?.party;
    Form::of_json(&headers)?;
    let Body(proposed) = proposed.map_err(malformed)?;
    let created_ms = app.book.tools().source.clock.now_ms();
    let query = NamedQuery::propose(proposed, &extensions(&headers)?, &party, created_ms)?;
    let (shown, location) = (query.show(), format!("/queries/{}", query.name));
    app.book.add_query(query).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Answer(shown)).into_response())
}

/// `GET /queries`
pub async fn list(State(app): State<App>, headers: HeaderMap, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    Form::of_json(&headers)?;
    let paging = Paging::read(query.as_deref())?;
    let found = app.book.queries(&paging.after, paging.per_page + 1);
    let members = found.iter().map(|query| (query.name.clone(), query.show())).collect();
    Ok(paging.answer("/queries", query.as_deref(), members))
}

/// `GET /queries/{name}`
pub async fn one(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<Answer<Value>, Problem> {
    Form::of_json(&headers)?;
    Ok(Answer(app.book.query(&name)?.show()))
}

/// `DELETE /queries/{name}`
pub async fn delete(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let party = app.callers.admitted(&headers)?.party;
    app.book.remove_query(&name, &party).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /queries/{name}/events`
pub async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let named = app.book.query(&name)?;
    // Another protocol may be offered to any resource; this one answers in HTTP then.
    if headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return socket::open(app, &headers, &named, query.as_deref(), upgrade).await;
    }
    let mut given = Params::read(query.as_deref())?;
    let mut params = named.params()?;
    // Checked here, so that a refusal names what belongs here.
    given.number("perPage", 1, 1, EVENTS_PER_PAGE_MAX)?;
    given.take("nextPageToken");
    given.end("perPage and nextPageToken")?;
    for (name, value) in Params::read(query.as_deref())?.pairs() {
        params.push(name, value.clone());
    }
    let ask = Ask::read(params, &named.context()?)?;
    page_of(&app, &headers, &named.name, &ask, &format!("/queries/{name}/events"), query.as_deref()).await
}

/// Which page of a list, whose members are in the order of their names.
pub struct Paging {
    pub after: String,
    pub per_page: usize,
}

impl Paging {
    pub fn read(query: Option<&str>) -> Result<Paging, Problem> {
        let mut params = Params::read(query)?;
        let per_page = params.number("perPage", PER_PAGE, 1, PER_PAGE_MAX)? as usize;
        let token = params.take("nextPageToken");
        params.end("perPage and nextPageToken")?;
        let given = || wrong("nextPageToken", "token", "nextPageToken is not one that was given here".to_owned());
        let read = |token: String| {
            let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| given())?;
            String::from_utf8(bytes).map_err(|_| given())
        };
        Ok(Paging { after: token.map(read).transpose()?.unwrap_or_default(), per_page })
    }

    /// A page of these members with their names, of which there is one too many if there is a next page.
    pub fn answer(&self, path: &str, query: Option<&str>, mut members: Vec<(String, Value)>) -> Response {
        let more = members.len() > self.per_page;
        members.truncate(self.per_page);
        let last = members.last().map(|(name, _)| name.clone());
        let shown: Vec<Value> = members.into_iter().map(|(_, shown)| shown).collect();
        let mut answer = Answer(shown).into_response();
        if let Some(last) = last.filter(|_| more) {
            let now_s = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
            next_page(&mut answer, path, query, &URL_SAFE_NO_PAD.encode(last), now_s + EXPIRY_S);
        }
        answer
    }
}
