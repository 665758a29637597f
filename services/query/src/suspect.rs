//! What was signed by a key that its party has ended since, saying that it may have been in other hands by then.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Row;
use medtrace_ledger::{EventRef, Note, Submission};
use medtrace_registry::At;
use medtrace_service::Problem;
use serde::Deserialize;

use crate::app::{App, store_failed};
use crate::view::Snapshot;

#[derive(Row, Deserialize)]
struct Signed {
    block: u64,
    ordinal: u32,
    note: String,
}

/// The revocation, as far as it is known, by which a submission sealed in this block is suspect.
pub fn suspect_by(at: At<'_>, submission: &Submission, block: u64) -> Option<EventRef> {
    let end = submission.public_keys.iter().find_map(|key| at.suspect(key, block))?;
    Some(EventRef { height: end.position.height, idx: end.position.idx })
}

/// Those of these events whose signature is suspect by a revocation that is known at `known`, with the revocation.
///
/// # Errors
/// 503 if the store does not answer.
pub async fn suspect(
    app: &App,
    snapshot: &Snapshot,
    known: u64,
    events: impl IntoIterator<Item = EventRef>,
) -> Result<BTreeMap<EventRef, EventRef>, Problem> {
    let possible: Vec<EventRef> = match snapshot.registry()?.at(known).suspect_blocks() {
        Some(blocks) => events.into_iter().filter(|event| blocks.contains(&event.height)).collect(),
        None => Vec::new(),
    };
    if possible.is_empty() {
        return Ok(BTreeMap::new());
    }
    let submissions: BTreeSet<(u64, u32)> = possible.iter().map(|event| (event.height, event.ordinal())).collect();
    let query = app.client.query("SELECT ?fields FROM submission FINAL WHERE (block, ordinal) IN ?");
    let query = query.bind(submissions.into_iter().collect::<Vec<_>>());
    let signed: Vec<Signed> = query.fetch_all().await.map_err(store_failed)?;
    let registry = snapshot.registry()?;
    let at = registry.at(known);
    let revocation = |signed: &Signed| {
        let submission = Submission::parse(Note::parse(&signed.note).ok()?.text()).ok()?;
        Some(((signed.block, signed.ordinal), suspect_by(at, &submission, signed.block)?))
    };
    let revocations: BTreeMap<_, _> = signed.iter().filter_map(revocation).collect();
    let by = |event: EventRef| Some((event, *revocations.get(&(event.height, event.ordinal()))?));
    Ok(possible.into_iter().filter_map(by).collect())
}
