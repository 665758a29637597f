//! `/v1/events`: what was sealed, with who said it, what became of it, and its proof.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use medtrace_event::{CbvVersion, Event, EventHash, Json as Tree, event_hash, event_key};
use medtrace_ledger::evidence::BATCH_ITEMS_MAX;
use medtrace_ledger::note::Note;
use medtrace_ledger::{EventRef, Hash, ItemKind, Submission};
use medtrace_service::{Kind, Problem};
use medtrace_store::rows::{EventRow, RefKind, ReplayRow};
use medtrace_timeline::Flags;
use serde::Deserialize;
use serde_json::{Value, json};

use super::log::text;
use super::provenance::flags;
use crate::app::{App, store_failed};
use crate::body::{by, event_at, replacement_of, submission_at};
use crate::events::{by_digest, by_event_id, by_hash, by_name, is_declaration, position, short, voided_by};
use crate::hashes::{alike, complete};
use crate::item::time_of_ms;
use crate::json::{Body, invalid};
use crate::params::{Params, wrong};
use crate::proof::{header_at, prove, prove_all};
use crate::suspect::suspect_by;
use crate::view::Snapshot;

/// Declarations of one event whose corrective events are looked for.
const DECLARATIONS_READ: usize = 10;
/// Replays that are named.
const REPLAYS_SHOWN: u64 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Several {
    events: Vec<String>,
}

/// `POST /v1/proofs` with the names of events.
pub async fn proofs(State(app): State<App>, Body(several): Body<Several>) -> Result<Response, Problem> {
    let names = several.events;
    if names.is_empty() || names.len() > BATCH_ITEMS_MAX {
        let detail = format!("events takes 1 to {BATCH_ITEMS_MAX} names, not {}", names.len());
        return Err(invalid("/events", "count", detail));
    }
    let positions = names.iter().map(|name| read_name(name)).collect::<Result<_, _>>()?;
    prove_all(&app, &app.view.now(), positions).await.map(text)
}

/// `GET /v1/events/{height}-{idx}`
pub async fn one(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    let position = read_name(&name)?;
    let snapshot = app.view.now();
    let header = header_at(&app, &snapshot, position.height).await?;
    let (row, unpacked) = submission_at(&app.client, position).await?;
    let item = unpacked.item(position.index() as usize);
    let (kind, bytes, erased) = match item.map(|item| (item.kind, item.bytes.to_vec())) {
        Some((kind, bytes)) => (kind, bytes, None),
        None => {
            let nothing = || Kind::NoSuchResource.because(format!("no item is sealed at {position}"));
            let row = replacement_of(&app.client, position).await?.ok_or_else(nothing)?;
            let leaf = unpacked.leaves().get(position.index() as usize).map(|leaf| leaf.hash);
            let erased = json!({ "by": by(&row).to_string(), "leaf": leaf });
            (ItemKind::Event, row.replacement.into_bytes(), Some(erased))
        }
    };
    let recorded = time_of_ms(header.time_ms);
    let signed = Note::parse(&row.note).ok().and_then(|note| Submission::parse(note.text()).ok());
    let mut answer = json!({
        "height": snapshot.height,
        "event": position.to_string(),
        "kind": match kind {
            ItemKind::Event => "event",
            ItemKind::Notice => "notice",
            ItemKind::Document => "document",
        },
        "json": with_record_time(&bytes, (kind == ItemKind::Event).then_some(&recorded))?,
        "party": row.party,
        "submission": {
            "id": Hash(row.id),
            "topic": row.topic,
            "partition": row.partition,
            "offset": row.offset,
            "time": signed.as_ref().map(|submission| time_of_ms(submission.time_ms)),
        },
        "sealed": { "height": header.height, "time": recorded },
    });
    // What it was known again by is gone with its bytes.
    if kind == ItemKind::Event && erased.is_none() {
        answer["key"] = json!(Hash(event_key(&row.party, &bytes)));
        answer["hashes"] = hashes(&bytes);
    }
    if kind == ItemKind::Event {
        let known = snapshot.known();
        let suspect = {
            let registry = snapshot.registry()?;
            signed.and_then(|submission| suspect_by(registry.at(known), &submission, position.height))
        };
        answer["suspectBy"] = json!(suspect.map(|by| by.to_string()));
        match by_name(&app.client, position, known).await.map_err(store_failed)? {
            Some(row) => {
                answer["eventID"] = json!(row.event_id);
                answer["flags"] = json!(flags(Flags(row.flags)));
                answer["things"] = json!(row.things);
                answer["voidedBy"] = json!(voided_by(&row, known));
                answer["alike"] = json!(names(&alike(&app.client, position, known).await?));
                answer["replays"] = json!(replays(&app, position, known).await?);
                answer["related"] = related(&app, &row, &snapshot).await?;
            }
            // Sealed, and without effect: the same was sealed before, or it is not a valid event.
            None => answer["replayOf"] = json!(replay_of(&app, position).await?),
        }
    }
    if let Some(erased) = erased {
        answer["erased"] = erased;
    }
    Ok(Json(answer))
}

/// `GET /v1/events/{height}-{idx}/proof`: one text file that anybody checks offline.
pub async fn proof(State(app): State<App>, Path(name): Path<String>) -> Result<Response, Problem> {
    let position = read_name(&name)?;
    prove(&app, &app.view.now(), position).await.map(|proof| text(proof.text()))
}

/// `GET /v1/events?eventID=`, `?key=` or `?hash=`: eventIDs are unique per party, so there may be several.
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let (id, key, hash) = (params.take("eventID"), params.take("key"), params.take("hash"));
    params.end("eventID, key and hash")?;
    let snapshot = app.view.now();
    let known = snapshot.known();
    let found = match (id, key, hash) {
        (Some(id), None, None) => by_event_id(&app.client, &[id], known).await,
        (None, Some(key), None) => {
            let key: Hash = key.parse().map_err(|fault| wrong("key", "key", format!("key: {fault}")))?;
            by_digest(&app.client, RefKind::EventKey, &[key], known).await
        }
        (None, None, Some(hash)) => {
            let hash: EventHash = hash.parse().map_err(|fault| wrong("hash", "hash", format!("hash: {fault}")))?;
            complete(&app.client, known).await?;
            by_hash(&app.client, &hash, known).await
        }
        _ => return Err(Kind::QueryParameter.because("give one of eventID, key and hash")),
    };
    let events: Vec<Value> = found.map_err(store_failed)?.iter().map(|row| short(row, known)).collect();
    Ok(Json(json!({ "height": snapshot.height, "events": events })))
}

pub fn read_name(name: &str) -> Result<EventRef, Problem> {
    name.parse().map_err(|fault| Kind::Validation.because(format!("{name:?}: {fault}")))
}

/// An item as JSON; an event with the time at which it was sealed.
fn with_record_time(bytes: &[u8], time: Option<&String>) -> Result<Value, Problem> {
    let mut json = Tree::parse(bytes).map_err(|fault| {
        Kind::Conflict.because(format!("what is sealed here cannot be shown as JSON: {fault}; its proof has its bytes"))
    })?;
    if let (Some(object), Some(time)) = (json.as_object_mut(), time) {
        object.insert("recordTime", time.as_str());
    }
    Ok(Value::from(&json))
}

/// The CBV event hash under each edition of its rules.
fn hashes(bytes: &[u8]) -> Value {
    let Ok(event) = Tree::parse(bytes) else { return json!([]) };
    let of = |version| event_hash(&event, version).to_string();
    json!([of(CbvVersion::V2_0), of(CbvVersion::V2_1)])
}

fn names(events: &[EventRef]) -> Vec<String> {
    events.iter().map(EventRef::to_string).collect()
}

/// The names of the same event sealed again.
async fn replays(app: &App, first: EventRef, known: u64) -> Result<Vec<String>, Problem> {
    let rows = app
        .client
        .query(
            "SELECT ?fields FROM replay FINAL
             WHERE of_block = ? AND of_idx = ? AND block <= ? ORDER BY block, idx LIMIT ?",
        )
        .bind(first.height)
        .bind(first.idx)
        .bind(known)
        .bind(REPLAYS_SHOWN)
        .fetch_all::<ReplayRow>()
        .await
        .map_err(store_failed)?;
    Ok(rows.iter().map(|row| EventRef { height: row.block, idx: row.idx }.to_string()).collect())
}

/// The first of an event that was sealed again here.
async fn replay_of(app: &App, again: EventRef) -> Result<Option<String>, Problem> {
    let sql = "SELECT ?fields FROM replay FINAL WHERE block = ? AND idx = ? LIMIT 1";
    let row = app.client.query(sql).bind(again.height).bind(again.idx).fetch_optional::<ReplayRow>().await;
    let row = row.map_err(store_failed)?;
    Ok(row.map(|row| EventRef { height: row.of_block, idx: row.of_idx }.to_string()))
}

/// The party's other events of the same eventID, and the corrective events that declarations among them name.
async fn related(app: &App, row: &EventRow, snapshot: &Snapshot) -> Result<Value, Problem> {
    let known = snapshot.known();
    let same = by_event_id(&app.client, &[&row.event_id], known).await.map_err(store_failed)?;
    let same: Vec<EventRow> = same.into_iter().filter(|other| other.party == row.party).collect();
    let mut shown = Vec::new();
    let mut corrective: Vec<String> = Vec::new();
    for declaration in same.iter().filter(|other| is_declaration(other)).take(DECLARATIONS_READ) {
        let event: Event = event_at(&app.client, position(declaration)).await?;
        corrective.extend(event.error.into_iter().flat_map(|error| error.corrective));
    }
    for other in same.iter().filter(|other| position(other) != position(row)) {
        let relation = match (is_declaration(other), is_declaration(row)) {
            (true, _) => "declaration",
            (false, true) => "declared",
            (false, false) => "same-eventID",
        };
        shown.push(with_relation(other, relation, known));
    }
    corrective.sort();
    corrective.dedup();
    corrective.truncate(crate::events::FOUND_MAX as usize);
    let corrections = by_event_id(&app.client, &corrective, known).await.map_err(store_failed)?;
    let corrections = corrections.iter().filter(|other| other.party == row.party);
    shown.extend(corrections.map(|other| with_relation(other, "correction", known)));
    Ok(Value::Array(shown))
}

fn with_relation(row: &EventRow, relation: &str, known: u64) -> Value {
    let mut line = short(row, known);
    line["relation"] = json!(relation);
    line
}
