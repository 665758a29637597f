//! The bytes of one sealed item, from the frame that the record carried.

use clickhouse::Client;
use medtrace_event::Event;
use medtrace_ledger::{EventRef, ItemKind, Salt};
use medtrace_log::record::{Record, Unpacked};
use medtrace_service::{Kind, Problem};
use medtrace_store::rows::SubmissionRow;

use crate::app::store_failed;

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
    event_in(&unpacked, position)
}

/// The event at this position of a submission that is at hand.
///
/// # Errors
/// 404 where the item is not an event.
pub fn event_in(unpacked: &Unpacked, position: EventRef) -> Result<Event, Problem> {
    let item = unpacked.item(position.index() as usize).filter(|item| item.kind == ItemKind::Event);
    let item = item.ok_or_else(|| Kind::NoSuchResource.because(format!("no event is sealed at {position}")))?;
    Event::from_bytes(item.bytes)
        .map_err(|_| Kind::NoSuchResource.because(format!("what is sealed at {position} is not a valid event")))
}
