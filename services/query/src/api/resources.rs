//! EPCIS 2.0's top-level resources: what values there are, and the events of one (§ 12.7.3).
//!
//! ```text
//! GET /{resource}                  its values, page by page
//! GET /{resource}/{value}          what can be asked of it: events
//! GET /{resource}/{value}/events   as GET /events with the resource's parameter, and any others
//! ```

use axum::Json as Answer;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clickhouse::Row;
use medtrace_event::Context;
use medtrace_event::context::STANDARD;
use medtrace_gs1::{Class, Level, Thing};
use medtrace_service::{Kind, Problem};
use serde::Deserialize;
use serde_json::{Value, json};

use super::epcis::{events, next_page};
use crate::app::{App, store_failed};
use crate::epcis::ask::Ask;
use crate::epcis::cursor::EXPIRY_S;
use crate::epcis::form::Form;
use crate::epcis::page::exceeds;
use crate::params::{Params, wrong};

/// Values of one page, unless asked otherwise, and at most.
const PER_PAGE: u64 = 30;
const PER_PAGE_MAX: u64 = 1_000;
/// Things that are read at once to find those with a number of their own.
const THINGS_AT_ONCE: u64 = 2_000;

/// A resource: its name, the parameter of `GET /events` that asks for one value, and the column that holds them.
struct Resource {
    name: &'static str,
    parameter: &'static str,
    /// Of the table of events; `None`: things, in facts.
    column: Option<&'static str>,
}

const RESOURCES: [Resource; 6] = [
    Resource { name: "eventTypes", parameter: "eventType", column: Some("kind") },
    Resource { name: "epcs", parameter: "MATCH_anyEPC", column: None },
    Resource { name: "bizSteps", parameter: "EQ_bizStep", column: Some("step") },
    Resource { name: "bizLocations", parameter: "EQ_bizLocation", column: Some("biz_location") },
    Resource { name: "readPoints", parameter: "EQ_readPoint", column: Some("read_point") },
    Resource { name: "dispositions", parameter: "EQ_disposition", column: Some("disposition") },
];

/// Their names, for routes.
pub fn names() -> impl Iterator<Item = &'static str> {
    RESOURCES.iter().map(|resource| resource.name)
}

fn resource(name: &str) -> Result<&'static Resource, Problem> {
    let found = RESOURCES.iter().find(|resource| resource.name == name);
    found.ok_or_else(|| Kind::NoSuchResource.because(format!("there is no resource {name}")))
}

/// `GET /{resource}`
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    name: &'static str,
    query: Option<String>,
) -> Result<Response, Problem> {
    Form::of_json(&headers)?;
    let resource = resource(name)?;
    let mut params = Params::read(query.as_deref())?;
    let per_page = params.number("perPage", PER_PAGE, 1, PER_PAGE_MAX)?;
    let token = params.take("nextPageToken");
    params.end("perPage and nextPageToken")?;
    let snapshot = app.view.now();
    let after = token.as_deref().map(after).transpose()?.unwrap_or_default();
    let mut members = match resource.column {
        Some(column) => values(&app, column, &after, snapshot.known(), per_page + 1).await,
        None => things(&app, &after, snapshot.known(), per_page + 1).await,
    }
    .map_err(store_failed)?;
    let more = members.len() as u64 > per_page;
    members.truncate(per_page as usize);
    let last = members.last().cloned();
    let mut answer = collection(members).into_response();
    if let Some(last) = last.filter(|_| more) {
        let now_s = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
        let token = URL_SAFE_NO_PAD.encode(last);
        next_page(&mut answer, &format!("/{name}"), query.as_deref(), &token, now_s + EXPIRY_S);
    }
    Ok(answer)
}

/// `GET /{resource}/{value}`
pub async fn one(
    State(app): State<App>,
    headers: HeaderMap,
    name: &'static str,
    value: String,
) -> Result<Response, Problem> {
    Form::of_json(&headers)?;
    let nothing = || Kind::NoSuchResource.because(format!("no event has {value:?} among its {name}"));
    let params = Params::default().with(resource(name)?.parameter, &value)?;
    // A value that cannot be is the value of no event.
    let ask = Ask::read(params, &Context::standard()).map_err(|_| nothing())?;
    match exceeds(&app.client, &ask, app.view.now().known(), 0).await? {
        true => Ok(collection(vec!["events".to_owned()]).into_response()),
        false => Err(nothing()),
    }
}

/// `GET /{resource}/{value}/events`
pub async fn events_of(
    State(app): State<App>,
    headers: HeaderMap,
    name: &'static str,
    value: String,
    query: Option<String>,
) -> Result<Response, Problem> {
    let params = Params::read(query.as_deref())?.with(resource(name)?.parameter, &value)?;
    let segment: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let path = format!("/{name}/{}/events", segment.replace('+', "%20"));
    events(&app, &headers, params, &path, query.as_deref()).await
}

/// The values of a column after one, in the order of their bytes.
async fn values(
    app: &App,
    column: &str,
    after: &str,
    known: u64,
    limit: u64,
) -> clickhouse::error::Result<Vec<String>> {
    let sql =
        format!("SELECT DISTINCT {column} FROM event WHERE {column} > ? AND block <= ? ORDER BY {column} LIMIT ?");
    app.client.query(&sql).bind(after).bind(known).bind(limit).fetch_all::<String>().await
}

/// Things with a number of their own after one, in the order of their keys.
async fn things(app: &App, after: &str, known: u64, limit: u64) -> clickhouse::error::Result<Vec<String>> {
    #[derive(Row, Deserialize)]
    struct KeyRow {
        class: u64,
        id: String,
    }
    let start = Thing::from_uri(after).ok().filter(|_| !after.is_empty());
    let mut from = start.map_or((0, String::new()), |thing| (thing.class().to_u64(), thing.id().to_owned()));
    let mut found = Vec::new();
    loop {
        let rows = app
            .client
            .query(
                "SELECT class, id FROM fact WHERE (class, id) > (?, ?) AND block <= ?
                 GROUP BY class, id ORDER BY class, id LIMIT ?",
            )
            .bind(from.0)
            .bind(&from.1)
            .bind(known)
            .bind(THINGS_AT_ONCE)
            .fetch_all::<KeyRow>()
            .await?;
        let things = rows.iter().filter_map(|row| Some(Thing::new(Class::from_u64(row.class)?, &row.id)));
        found.extend(things.filter(|thing| thing.level() == Level::Instance).map(|thing| thing.uri()));
        match rows.last() {
            Some(last) if rows.len() as u64 == THINGS_AT_ONCE && (found.len() as u64) < limit => {
                from = (last.class, last.id.clone());
            }
            _ => break,
        }
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

fn after(token: &str) -> Result<String, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let given = || wrong("nextPageToken", "token", "nextPageToken is not one that was given here".to_owned());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(given)
}

fn collection(members: Vec<String>) -> Answer<Value> {
    Answer(json!({ "@context": STANDARD, "type": "Collection", "member": members }))
}
