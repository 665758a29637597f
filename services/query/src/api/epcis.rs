//! EPCIS 2.0 `GET /events` and `GET /events/{eventID}`: query documents, page by page.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use medtrace_event::json::Object;
use medtrace_event::{Context, EventHash, Json, time};
use medtrace_ledger::EventRef;
use medtrace_service::{Kind, Problem};

use crate::app::{App, store_failed};
use crate::epcis::ask::Ask;
use crate::epcis::cursor::{Cursor, EXPIRY_S};
use crate::epcis::form::{Answer, Form};
use crate::epcis::page::{PAGE_BYTES_MAX, PageLimits, all, exceeds, page};
use crate::events::{by_event_id, by_hash, by_name};
use crate::hashes::complete;
use crate::params::{Params, wrong};

const EXTENSIONS: HeaderName = HeaderName::from_static("gs1-extensions");
/// The name of a query that has none of its own.
const SIMPLE: &str = "SimpleEventQuery";
const TOKEN_EXPIRES: HeaderName = HeaderName::from_static("gs1-next-page-token-expires");

/// `GET /events`
pub async fn list(State(app): State<App>, headers: HeaderMap, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let params = Params::read(query.as_deref())?;
    events(&app, &headers, params, "/events", query.as_deref()).await
}

/// One page of a query that the request itself says; `path` and `query` are repeated in the link to the next.
pub async fn events(
    app: &App,
    headers: &HeaderMap,
    params: Params,
    path: &str,
    query: Option<&str>,
) -> Result<Response, Problem> {
    let prefixes = extensions(headers)?;
    let prefixes = Context::read(&Json::from(prefixes)).map_err(|fault| wrong_extensions(fault.detail))?;
    let ask = Ask::read(params, &prefixes)?;
    page_of(app, headers, SIMPLE, &ask, path, query).await
}

/// One page of a query with this name.
pub async fn page_of(
    app: &App,
    headers: &HeaderMap,
    query_name: &str,
    ask: &Ask,
    path: &str,
    query: Option<&str>,
) -> Result<Response, Problem> {
    let form = Form::of(headers)?;
    let snapshot = app.view.now();
    let genesis = app.config.genesis.hash();
    let now_us = jiff::Timestamp::now().as_microsecond();
    let now_s = u64::try_from(now_us / 1_000_000).unwrap_or(0);
    let cursor = ask.token.as_ref().map(|token| Cursor::read(token, &genesis, &ask.fingerprint, now_s)).transpose();
    let cursor = cursor.map_err(|refused| wrong("nextPageToken", "token", format!("nextPageToken {refused}")))?;
    let known = cursor.map_or(snapshot.known(), |cursor| cursor.known);
    if known > snapshot.known() {
        return Err(Kind::Unavailable.because(format!("block {known} is not indexed here yet; ask again")));
    }
    if let Some(most) = ask.refuse_beyond.filter(|_| cursor.is_none())
        && exceeds(&app.client, ask, known, most).await?
    {
        return Err(Kind::QueryTooLarge.because(format!("more than {most} events match; maxEventCount is {most}")));
    }
    let given = cursor.map_or(0, |cursor| cursor.given);
    let left = ask.limit.map_or(u64::MAX, |limit| limit.saturating_sub(given));
    let per_page = ask.per_page.min(usize::try_from(left).unwrap_or(usize::MAX));
    let most = PageLimits { events: per_page, bytes: PAGE_BYTES_MAX };
    let found = page(&app.client, ask, known, cursor.map(|cursor| cursor.after), most).await?;
    let count = found.events.len() as u64;
    let answer = Answer { query_name, events: found.events, created_us: now_us };
    let mut answer = form.answer(answer, snapshot.registry()?.at(known))?;
    if let Some(after) = found.next.filter(|_| count < left) {
        let expires_s = now_s + EXPIRY_S;
        let cursor = Cursor { known, after, given: given + count, expires_s };
        next_page(&mut answer, path, query, &cursor.token(&genesis, &ask.fingerprint), expires_s);
    }
    Ok(answer)
}

/// Where the next page is, and until when.
pub fn next_page(answer: &mut Response, path: &str, query: Option<&str>, token: &str, expires_s: u64) {
    let expires = time::text(i64::try_from(expires_s).unwrap_or(i64::MAX / 1_000_000) * 1_000_000);
    for (name, text) in [(header::LINK, link(path, query, token)), (TOKEN_EXPIRES, expires)] {
        answer.headers_mut().extend(HeaderValue::try_from(text).ok().map(|value| (name, value)));
    }
}

/// What prefixes in the names of parameters stand for besides those of the standard context: the terms of
/// `GS1-Extensions` (`ext=https://ns.example/epcis/, …`).
pub fn extensions(headers: &HeaderMap) -> Result<Object, Problem> {
    let mut terms = Object::new();
    for value in headers.get_all(EXTENSIONS) {
        let text = value.to_str().map_err(|_| wrong_extensions("GS1-Extensions is no text".to_owned()))?;
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (prefix, namespace) = pair.split_once('=').ok_or_else(|| {
                wrong_extensions(format!("GS1-Extensions is prefix=namespace, parted by commas, not {pair:?}"))
            })?;
            terms.insert(prefix.trim(), namespace.trim());
        }
    }
    Ok(terms)
}

fn wrong_extensions(detail: String) -> Problem {
    Kind::QueryParameter.because(detail.clone()).at("/GS1-Extensions", "extensions", detail)
}

/// `GET /events/{eventID}`: whoever's events of this eventID or event hash, or the one of this name.
pub async fn one(State(app): State<App>, headers: HeaderMap, Path(id): Path<String>) -> Result<Response, Problem> {
    let form = Form::of(&headers)?;
    let snapshot = app.view.now();
    let known = snapshot.known();
    let found = match (id.parse::<EventRef>(), id.parse::<EventHash>()) {
        (Ok(name), _) => by_name(&app.client, name, known).await.map(|row| row.into_iter().collect()),
        (_, Ok(hash)) => {
            complete(&app.client, known).await?;
            by_hash(&app.client, &hash, known).await
        }
        _ => by_event_id(&app.client, &[&id], known).await,
    };
    let found = found.map_err(store_failed)?;
    if found.is_empty() {
        return Err(Kind::NoSuchResource.because(format!("no event {id:?} is sealed")));
    }
    let events = all(&app.client, &found, known).await?;
    let answer = Answer { query_name: SIMPLE, events, created_us: jiff::Timestamp::now().as_microsecond() };
    form.answer(answer, snapshot.registry()?.at(known))
}

/// What EPCIS clients learn from every answer.
const VERSIONS: [(&str, &str); 3] = [
    ("gs1-epcis-version", "2.0.0"),
    ("gs1-cbv-version", "2.0.0"),
    ("gs1-vendor-version", concat!("medtrace/", env!("CARGO_PKG_VERSION"))),
];
/// What they learn besides when they ask what a resource takes: the versions in which it is answered, from and to.
const VERSIONS_TAKEN: [(&str, &str); 4] =
    [("gs1-epcis-min", "2.0.0"), ("gs1-epcis-max", "2.0.0"), ("gs1-cbv-min", "2.0.0"), ("gs1-cbv-max", "2.0.0")];

/// Says on every answer of EPCIS resources in which versions they are.
pub async fn versions(request: Request, next: Next) -> Response {
    let taken: &[_] = if request.method() == Method::OPTIONS { &VERSIONS_TAKEN } else { &[] };
    let mut answer = next.run(request).await;
    for (name, value) in VERSIONS.iter().chain(taken) {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// The same query with the token of its next page.
fn link(path: &str, query: Option<&str>, token: &str) -> String {
    let same =
        query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("nextPageToken="));
    let token = format!("nextPageToken={token}");
    let query: Vec<&str> = same.chain([token.as_str()]).collect();
    format!("<{path}?{}>; rel=\"next\"", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_same_query() {
        let link = |query| link("/events", query, "T");
        assert_eq!(link(Some("a=1&nextPageToken=S&b=%7C")), "</events?a=1&b=%7C&nextPageToken=T>; rel=\"next\"");
        assert_eq!(link(None), "</events?nextPageToken=T>; rel=\"next\"");
    }
}
