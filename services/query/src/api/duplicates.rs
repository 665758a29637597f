//! `GET /v1/duplicates`: events that say what an earlier one said, under another eventID or from another party. Suspected,
//! nothing more: both count, and whoever posted them knows which was meant.

use axum::Json;
use axum::extract::{RawQuery, State};
use medtrace_ledger::{EventRef, PartyId};
use medtrace_service::Problem;
use medtrace_store::rows::{DuplicateRow, EventRow};
use serde_json::{Value, json};

use crate::app::{App, store_failed};
use crate::events::short;
use crate::hashes::with_first;
use crate::params::{Params, read_cursor, wrong};

/// Suspicions of one page, unless asked otherwise, and at most.
const PER_PAGE: u64 = 30;
const PER_PAGE_MAX: u64 = 200;
/// Suspicions looked at for one page: of those of one party there may be few among many.
const LOOKED_AT_MAX: usize = 2_000;

/// `GET /v1/duplicates?party=`, newest first. `party`: who posted either event; `cursor`: `next` of the page before, the name
/// of the last event that was looked at. A page with fewer than asked for is the last one only if its `next` is null.
/// `hashed` is the height up to which all is known: hashes follow the blocks.
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let party = params.take("party").map(|party| read_party(&party)).transpose()?;
    let cursor = params.take("cursor");
    let per_page = params.number("perPage", PER_PAGE, 1, PER_PAGE_MAX)? as usize;
    params.end("party, perPage and cursor")?;
    let snapshot = app.view.now();
    let mut before = cursor.as_deref().map(read_cursor).transpose()?;
    let most = if party.is_some() { LOOKED_AT_MAX } else { per_page };
    let rows = rows(&app, snapshot.hashed, before, most).await?;
    let mut more = rows.len() == most;
    let mut shown = Vec::new();
    for (again, first) in with_first(&app.client, &rows).await.map_err(store_failed)? {
        let of_party = |row: &EventRow| party.as_ref().is_none_or(|party| row.party == party.as_str());
        if !of_party(&again) && !of_party(&first) {
            continue;
        }
        if shown.len() == per_page {
            more = true;
            break;
        }
        before = Some(EventRef { height: again.block, idx: again.idx });
        let known = snapshot.known();
        shown.push(json!({ "event": short(&again, known), "of": short(&first, known) }));
    }
    if shown.len() < per_page {
        before = rows.last().map(|row| EventRef { height: row.block, idx: row.idx });
    }
    let next = before.filter(|_| more).map(|at| at.to_string());
    let hashed = snapshot.hashed.checked_sub(1);
    Ok(Json(json!({ "height": snapshot.height, "hashed": hashed, "duplicates": shown, "next": next })))
}

async fn rows(app: &App, hashed: u64, before: Option<EventRef>, limit: usize) -> Result<Vec<DuplicateRow>, Problem> {
    let before = before.map_or((u64::MAX, u32::MAX), |at| (at.height, at.idx));
    let query = app.client.query(
        "SELECT ?fields FROM duplicate FINAL WHERE block < ? AND (block, idx) < (?, ?)
         ORDER BY block DESC, idx DESC LIMIT ?",
    );
    let query = query.bind(hashed).bind(before.0).bind(before.1).bind(limit as u64);
    query.fetch_all().await.map_err(store_failed)
}

fn read_party(text: &str) -> Result<PartyId, Problem> {
    text.parse().map_err(|fault| wrong("party", "party", format!("party: {fault}")))
}
