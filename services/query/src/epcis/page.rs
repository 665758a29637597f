//! One page: rows, their events, and the document around them.

use std::collections::HashMap;

use clickhouse::Client;
use medtrace_event::{Context, Event, EventHash, Json, context, json::Object, time};
use medtrace_ledger::EventRef;
use medtrace_log::frame::{self, Body};
use medtrace_service::{Kind, Problem};
use medtrace_store::rows::{EventRow, FrameRow};

use super::ask::Ask;
use super::cursor::Place;
use super::select::rows;
use crate::app::store_failed;
use crate::body::replacements_of;
use crate::events::{erased_by, position, voided_by};
use crate::hashes::complete;
use crate::item::time_of_ms;
use crate::requests;

/// Where a page ends.
#[derive(Debug, Clone, Copy)]
pub struct PageLimits {
    pub events: usize,
    /// It ends with the event that reaches this.
    pub bytes: usize,
}

/// Bytes of an answer's page, if `perPage` has not ended it before.
pub const PAGE_BYTES_MAX: usize = 16 << 20;
/// Events whose bodies are read at once.
const BODIES_AT_ONCE: usize = 50;
/// Rows that are counted at once, and events that are looked at to count those that match.
const ROWS_COUNTED_AT_ONCE: usize = 10_000;
const COUNTED_MAX: usize = 50_000;
/// A page ends when this many rows were looked at, however few of them matched exactly.
const SCANNED_MAX: usize = 5_000;
/// So many times more rows are read at once, each time that the rows before did not fill the page, or tell the count.
const ROWS_GROWTH: usize = 8;

impl From<&EventRow> for Place {
    fn from(row: &EventRow) -> Place {
        Place { t: row.t, block: row.block, idx: row.idx }
    }
}

/// Events in order; `next` is the last place looked at if there may be more.
pub struct Page {
    pub events: Vec<Json>,
    pub next: Option<Place>,
}

/// Reads one page of a query at a height, after a place.
///
/// # Errors
/// 503 where the store does not answer, 500 where what it holds cannot be read.
pub async fn page(
    client: &Client,
    ask: &Ask,
    known: u64,
    mut after: Option<Place>,
    most: PageLimits,
) -> Result<Page, Problem> {
    hashed(client, ask, known).await?;
    let (mut events, mut bytes, mut scanned) = (Vec::new(), 0, 0);
    let mut limit = most.events + 1;
    loop {
        let found = rows(client, ask, known, after, limit).await.map_err(store_failed)?;
        for some in found.chunks(BODIES_AT_ONCE) {
            let mut bodies = bodies(client, some).await?;
            for row in some {
                if events.len() == most.events || bytes >= most.bytes {
                    return Ok(Page { events, next: after });
                }
                let body = bodies.remove(&position(row)).ok_or_else(|| damaged(row, "has no body"))?;
                after = Some(row.into());
                if let Some(event) = event(ask, row, &body, known)? {
                    bytes += body.len();
                    events.push(event);
                }
            }
        }
        scanned += found.len();
        if found.len() < limit {
            return Ok(Page { events, next: None });
        }
        if scanned >= SCANNED_MAX {
            return Ok(Page { events, next: after });
        }
        // Few of them match: what the store finds costs about the same however many rows are taken of it.
        limit = (limit * ROWS_GROWTH).min(SCANNED_MAX);
    }
}

/// The events of these rows at a height.
///
/// # Errors
/// As [`page`].
pub async fn all(client: &Client, found: &[EventRow], known: u64) -> Result<Vec<Json>, Problem> {
    let mut bodies = bodies(client, found).await?;
    let read = |row: &EventRow| {
        let body = bodies.remove(&position(row)).ok_or_else(|| damaged(row, "has no body"))?;
        marked(row, &body, known)
    };
    found.iter().map(read).collect()
}

/// `None` where the columns and facts say yes, and the event itself no.
fn event(ask: &Ask, row: &EventRow, body: &[u8], known: u64) -> Result<Option<Json>, Problem> {
    if ask.is_exact() && !holds(ask, row, body)? {
        return Ok(None);
    }
    marked(row, body, known).map(Some)
}

fn holds(ask: &Ask, row: &EventRow, body: &[u8]) -> Result<bool, Problem> {
    let event = Event::from_bytes(body).map_err(|_| damaged(row, "is no event"))?;
    let context = Context::of_event(&event.json).map_err(|_| damaged(row, "has no context that can be read"))?;
    let named = ask.matches.iter().all(|wanted| wanted.holds(&event));
    Ok(named && ask.conditions.iter().all(|condition| condition.holds(&event, &context)))
}

/// What is asked by event hash is asked once the hashes are there.
async fn hashed(client: &Client, ask: &Ask, known: u64) -> Result<(), Problem> {
    match ask.event_ids.iter().any(|id| id.parse::<EventHash>().is_ok()) {
        true => complete(client, known).await,
        false => Ok(()),
    }
}

/// Whether a query has more events than `most`; no more rows are read than tell it.
///
/// # Errors
/// As [`page`]; 413 where that is not known after [`COUNTED_MAX`] events have been looked at.
pub async fn exceeds(client: &Client, ask: &Ask, known: u64, most: u64) -> Result<bool, Problem> {
    hashed(client, ask, known).await?;
    let (mut count, mut looked_at, mut after) = (0, 0, None);
    let mut limit = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1).min(ROWS_COUNTED_AT_ONCE);
    loop {
        let found = rows(client, ask, known, after, limit).await.map_err(store_failed)?;
        after = found.last().map(Place::from);
        looked_at += found.len();
        if ask.is_exact() {
            for some in found.chunks(BODIES_AT_ONCE) {
                let bodies = bodies(client, some).await?;
                for row in some {
                    let body = bodies.get(&position(row)).ok_or_else(|| damaged(row, "has no body"))?;
                    count += u64::from(holds(ask, row, body)?);
                }
                if count > most {
                    return Ok(true);
                }
            }
        } else {
            count += found.len() as u64;
        }
        if count > most || found.len() < limit {
            return Ok(count > most);
        }
        limit = (limit * ROWS_GROWTH).min(ROWS_COUNTED_AT_ONCE);
        if ask.is_exact() && looked_at >= COUNTED_MAX {
            let detail = format!(
                "after {COUNTED_MAX} events it is not known whether more than {most} match; ask for a shorter time, or \
                 without maxEventCount"
            );
            return Err(Kind::QueryTooComplex.because(detail));
        }
    }
}

/// As it was sealed, its own `@context` included where it is not the standard one, and when it was sealed; of a withdrawn one
/// by which declaration, as far as is known; of an erased one the replacement, and by which notice.
fn marked(row: &EventRow, body: &[u8], known: u64) -> Result<Json, Problem> {
    let mut json = Json::parse(body).map_err(|_| damaged(row, "is no JSON"))?;
    let marks = [("medtrace:erased", erased_by(row)), ("medtrace:voidedBy", voided_by(row, known))];
    let marks: Vec<(&str, String)> = marks.into_iter().filter_map(|(name, by)| Some((name, by?))).collect();
    let context = (!marks.is_empty()).then(|| Context::of_event(&json)).transpose();
    let context = context.map_err(|_| damaged(row, "has no context that can be read"))?;
    if let Some(object) = json.as_object_mut() {
        object.insert("recordTime", time_of_ms(row.record_ms));
        if let Some(context) = context.and_then(|context| context.with_medtrace().to_json()) {
            object.insert("@context", context);
        }
        for (name, by) in marks {
            object.insert(name, by);
        }
    }
    Ok(json)
}

/// The bytes of these events, each submission unpacked once.
async fn bodies(client: &Client, rows: &[EventRow]) -> Result<HashMap<EventRef, Vec<u8>>, Problem> {
    let mut wanted: HashMap<(u64, u32), Vec<EventRef>> = HashMap::new();
    for at in rows.iter().map(position) {
        wanted.entry((at.height, at.ordinal())).or_default().push(at);
    }
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let keys: Vec<(u64, u32)> = wanted.keys().copied().collect();
    let query = client.query("SELECT ?fields FROM submission FINAL WHERE (block, ordinal) IN ?").bind(keys);
    let mut frames = query.fetch::<FrameRow>().map_err(store_failed)?;
    let mut erased = Vec::new();
    while let Some(row) = frames.next().await.map_err(store_failed)? {
        let Ok(items) = frame::unpack(&row.frame) else { continue };
        for at in wanted.remove(&(row.block, row.ordinal)).unwrap_or_default() {
            match items.get(at.index() as usize) {
                Some(Body::Whole(_, bytes)) => {
                    found.insert(at, bytes.to_vec());
                }
                Some(Body::Erased(_)) => erased.push(at),
                None => {}
            }
        }
    }
    for row in replacements_of(client, &erased).await? {
        found.insert(EventRef { height: row.block, idx: row.idx }, row.replacement.into_bytes());
    }
    Ok(found)
}

fn damaged(row: &EventRow, what: &str) -> Problem {
    let at = position(row);
    requests::because(format!("the stored event {at} {what}"));
    Kind::Implementation.because(format!("the stored event {at} {what}; run an audit"))
}

/// The query document (EPCIS 2.0 § 8.2.5). Events keep their own contexts, so that those of different ones stand side by
/// side.
pub fn document(query_name: &str, subscription: Option<&str>, events: Vec<Json>, created_us: i64) -> Json {
    let object = |members: Vec<(&str, Json)>| Json::from(members.into_iter().collect::<Object>());
    let results = object(vec![("eventList", Json::Array(events))]);
    let mut results = vec![("queryName", query_name.into()), ("resultsBody", results)];
    results.extend(subscription.map(|id| ("subscriptionID", id.into())));
    object(vec![
        ("@context", vec![Json::from(context::STANDARD)].into()),
        ("type", "EPCISQueryDocument".into()),
        ("schemaVersion", "2.0".into()),
        ("creationDate", time::text(created_us).into()),
        ("epcisBody", object(vec![("queryResults", object(results))])),
    ])
}
