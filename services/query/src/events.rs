//! Events as the store keeps them: their header columns, found by name, by eventID or by event key.

use clickhouse::Client;
use medtrace_event::EventHash;
use medtrace_ledger::hash::hex;
use medtrace_ledger::hash::sha256;
use medtrace_ledger::{EventRef, Hash};
use medtrace_store::rows::{EventRow, RefKind, prefix, voided};
use medtrace_timeline::Flags;
use serde_json::{Value, json};

use crate::api::provenance::flags;
use crate::hashes;
use crate::item::{time, time_of_ms};

/// Events that one look-up gives.
pub const FOUND_MAX: u64 = 100;

/// An event in force or not, sealed up to `known`; `None` for what is none, or a replay.
pub async fn by_name(client: &Client, position: EventRef, known: u64) -> clickhouse::error::Result<Option<EventRow>> {
    client
        .query("SELECT ?fields FROM event FINAL WHERE block = ? AND idx = ? AND block <= ?")
        .bind(position.height)
        .bind(position.idx)
        .bind(known)
        .fetch_optional::<EventRow>()
        .await
}

/// Whoever's events of these eventIDs, in the order of the chain.
pub async fn by_event_id<S: AsRef<str>>(
    client: &Client,
    ids: &[S],
    known: u64,
) -> clickhouse::error::Result<Vec<EventRow>> {
    let digests: Vec<Hash> = ids.iter().map(|id| event_id_digest(id.as_ref())).collect();
    by_digest(client, RefKind::EventId, &digests, known).await
}

/// Whoever's events with this hash; ask [`hashes::complete`] first.
pub async fn by_hash(client: &Client, hash: &EventHash, known: u64) -> clickhouse::error::Result<Vec<EventRow>> {
    client
        .query(
            "SELECT ?fields FROM event FINAL
             WHERE (block, idx) IN (
                 SELECT block, idx FROM event_hash WHERE prefix = ? AND (toUInt64(edition), lower(hex(digest))) IN ?)
             AND block <= ? ORDER BY block, idx LIMIT ?",
        )
        .bind(prefix(&hash.digest))
        .bind(hashes::stored(hash))
        .bind(known)
        .bind(FOUND_MAX)
        .fetch_all::<EventRow>()
        .await
}

/// What an eventID is looked up by.
pub fn event_id_digest(id: &str) -> Hash {
    sha256(&[id.as_bytes()])
}

/// Events by what `event_ref` holds of them.
pub async fn by_digest(
    client: &Client,
    kind: RefKind,
    digests: &[Hash],
    known: u64,
) -> clickhouse::error::Result<Vec<EventRow>> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    let (prefixes, digests): (Vec<u64>, Vec<String>) = digests.iter().map(|d| (prefix(&d.0), hex(&d.0))).unzip();
    client
        .query(
            "SELECT ?fields FROM event FINAL
             WHERE (block, idx) IN (
                 SELECT block, idx FROM event_ref WHERE prefix IN ? AND kind = ? AND lower(hex(digest)) IN ?)
             AND block <= ? ORDER BY block, idx LIMIT ?",
        )
        .bind(prefixes)
        .bind(kind as u8)
        .bind(digests)
        .bind(known)
        .bind(FOUND_MAX)
        .fetch_all::<EventRow>()
        .await
}

/// Where an event stands.
pub fn position(row: &EventRow) -> EventRef {
    EventRef { height: row.block, idx: row.idx }
}

/// What withdrew it, as far as is known.
pub fn voided_by(row: &EventRow, known: u64) -> Option<String> {
    voided(row.void_block, row.void_idx).filter(|by| by.height <= known).map(|by| by.to_string())
}

/// The notice that erased it.
pub fn erased_by(row: &EventRow) -> Option<String> {
    voided(row.erased_block, row.erased_idx).map(|by| by.to_string())
}

/// It withdraws another.
pub fn is_declaration(row: &EventRow) -> bool {
    Flags(row.flags).has(Flags::DECLARATION)
}

/// An event in one line.
pub fn short(row: &EventRow, known: u64) -> Value {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    json!({
        "event": position(row).to_string(),
        "eventID": row.event_id,
        "type": row.kind,
        "action": some(&row.action),
        "step": some(&row.step),
        "disposition": some(&row.disposition),
        "readPoint": some(&row.read_point),
        "bizLocation": some(&row.biz_location),
        "time": time(row.t),
        "recordTime": time_of_ms(row.record_ms),
        "party": row.party,
        "things": row.things,
        "flags": flags(Flags(row.flags)),
        "voidedBy": voided_by(row, known),
        "erasedBy": erased_by(row),
    })
}
