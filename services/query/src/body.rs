//! The bytes of one sealed item, from the frame that the record carried; of an erased one those of its replacement.

use std::collections::BTreeMap;

use clickhouse::Client;
use medtrace_event::Event;
use medtrace_ledger::{EventRef, ItemKind, Salt};
use medtrace_log::record::{Record, Unpacked};
use medtrace_service::{Kind, Problem};
use medtrace_store::rows::{ErasureRow, SubmissionRow};

use crate::app::{App, store_failed};
use crate::view::Snapshot;

/// The submission that holds this item, unpacked.
///
/// # Errors
/// 404 if there is none, 409 if it is named bad, 503 if the store does not answer.
pub async fn submission_at(client: &Client, position: EventRef) -> Result<(SubmissionRow, Unpacked), Problem> {
    let row = client
        .query("SELECT ?fields FROM submission FINAL WHERE block = ? AND ordinal = ?")
        .bind(position.height)
        .bind(position.ordinal())
        .fetch_optional::<SubmissionRow>()
        .await
        .map_err(store_failed)?
        .ok_or_else(|| Kind::NoSuchResource.because(format!("nothing is sealed at {position}")))?;
    if !row.bad.is_empty() {
        return Err(Kind::Conflict.because(format!("the submission at {position} does not verify: {}", row.bad)));
    }
    let salts = row.salts.as_chunks::<16>().0.iter().map(|salt| Salt(*salt)).collect();
    let record = Record { note: row.note.clone(), salts, bodies: row.frame.clone() };
    let unpacked = record.unpack().map_err(|fault| {
        tracing::error!(%position, %fault, "a stored frame cannot be unpacked");
        Kind::Implementation.because(format!("the stored bodies of {position} are damaged; run an audit"))
    })?;
    Ok((row, unpacked))
}

/// The event at this position.
///
/// # Errors
/// As [`submission_at`]; 404 where the item is not an event.
pub async fn event_at(client: &Client, position: EventRef) -> Result<Event, Problem> {
    let (_, unpacked) = submission_at(client, position).await?;
    event_in(client, &unpacked, position).await
}

/// The event at this position of a submission that is at hand.
///
/// # Errors
/// 404 where the item is not an event, 503 if the store does not answer.
pub async fn event_in(client: &Client, unpacked: &Unpacked, position: EventRef) -> Result<Event, Problem> {
    let item = unpacked.item(position.index() as usize);
    let bytes = match item.map(|item| (item.kind, item.bytes)) {
        Some((ItemKind::Event, bytes)) => Some(bytes.to_vec()),
        Some(_) => None,
        None => replacement_of(client, position).await?.map(|row| row.replacement.into_bytes()),
    };
    let bytes = bytes.ok_or_else(|| Kind::NoSuchResource.because(format!("no event is sealed at {position}")))?;
    Event::from_bytes(&bytes)
        .map_err(|_| Kind::NoSuchResource.because(format!("what is sealed at {position} is not a valid event")))
}

/// What stands in the place of an item, if it is erased.
///
/// # Errors
/// 503 if the store does not answer.
pub async fn replacement_of(client: &Client, position: EventRef) -> Result<Option<ErasureRow>, Problem> {
    let found = client.query("SELECT ?fields FROM erasure FINAL WHERE block = ? AND idx = ?");
    found.bind(position.height).bind(position.idx).fetch_optional().await.map_err(store_failed)
}

/// The notice that erased it.
pub fn by(row: &ErasureRow) -> EventRef {
    EventRef { height: row.by_block, idx: row.by_idx }
}

/// The notices that erased those of these events that are erased.
///
/// # Errors
/// 503 if the store does not answer.
pub async fn erased(
    app: &App,
    snapshot: &Snapshot,
    events: impl IntoIterator<Item = EventRef>,
) -> Result<BTreeMap<EventRef, EventRef>, Problem> {
    let named: Vec<EventRef> = {
        let registry = snapshot.registry()?;
        let at = registry.at(snapshot.known());
        events.into_iter().filter(|event| at.may_be_erased(*event)).collect()
    };
    let rows = replacements_of(&app.client, &named).await?;
    Ok(rows.iter().map(|row| (EventRef { height: row.block, idx: row.idx }, by(row))).collect())
}

/// What stands in the place of those of these items that are erased.
///
/// # Errors
/// 503 if the store does not answer.
pub async fn replacements_of(client: &Client, positions: &[EventRef]) -> Result<Vec<ErasureRow>, Problem> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<(u64, u32)> = positions.iter().map(|at| (at.height, at.idx)).collect();
    let found = client.query("SELECT ?fields FROM erasure FINAL WHERE (block, idx) IN ?").bind(keys);
    found.fetch_all().await.map_err(store_failed)
}
