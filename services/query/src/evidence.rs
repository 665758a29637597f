//! Evidence about the log itself: that it only grows, that it was forked, that it left something out. Like proofs it is
//! checked before it leaves.

use clickhouse::Row;
use medtrace_ledger::block::Header;
use medtrace_ledger::note::VerifierKey;
use medtrace_ledger::proof::KeyProof;
use medtrace_ledger::{Checkpoint, Consistency, EventRef, Fork, Missing, Note, Part, Receipt};
use medtrace_service::{Kind, Problem};
use serde::Deserialize;

use crate::app::{App, poisoned, store_failed};
use crate::checkpoints::Signed;
use crate::json::invalid;
use crate::proof::{broken, cut_leaves, header_at};
use crate::view::Snapshot;

/// What messages call the evidence of this module.
const LOG: &str = "the log";

/// The file that shows that the log of `from` grew into that of `to`, or that it did not: then both were signed, and the
/// file is of a fork.
///
/// # Errors
/// 503 where the log here does not reach that far yet, 500 where the stored log is not that of `to`.
pub fn between(app: &App, snapshot: &Snapshot, from: &Signed, to: &Signed) -> Result<String, Problem> {
    let genesis = &app.config.genesis;
    let log = snapshot.log.read().map_err(poisoned)?;
    let path = log.consistency_path(from.size, to.size);
    let path = path.ok_or_else(|| Kind::Unavailable.because("the log here does not reach this size yet; ask again"))?;
    let proof = Consistency { from: Note::clone(&from.note), to: Note::clone(&to.note), path };
    match proof.check(genesis) {
        Ok(_) => Ok(proof.text()),
        Err(fault) if fault.part == Part::ConsistencyPath => {
            let fork = Fork::between(&from.note, &to.note, genesis, &mut |level, index| log.node(level, index));
            let fork = fork.map_err(|_| broken(app, LOG, &fault))?;
            tracing::error!(sizes = ?(from.size, to.size), "the log's key signed two histories");
            Ok(fork.text())
        }
        Err(fault) => Err(broken(app, LOG, &fault)),
    }
}

/// [`between`] somebody's checkpoint and the newest one here.
///
/// # Errors
/// 400 for what is no checkpoint of this log, 503 until there is one of its size or larger here.
pub fn since(app: &App, snapshot: &Snapshot, checkpoint: &str) -> Result<String, Problem> {
    let refused = |fault: String| invalid("", "checkpoint", format!("no checkpoint of this log: {fault}"));
    let note = Note::parse(checkpoint).map_err(|fault| refused(fault.to_string()))?;
    let opened = Checkpoint::open_note(&note, &app.config.genesis);
    let size = opened.map_err(|fault| refused(fault.to_string()))?.0.size;
    let newest = app.checkpoints.covering(size - 1, snapshot.headers_known());
    let none = || Kind::Unavailable.because(format!("no checkpoint of {size} blocks or more is here yet; ask again"));
    between(app, snapshot, &Signed { size, note: note.into() }, &newest.ok_or_else(none)?)
}

/// The file that shows that what a receipt acknowledges was left out of the log.
///
/// # Errors
/// 400 for what is no receipt of a service of this log, 409 where it is sealed, 503 until its offset is covered.
pub async fn missing(app: &App, snapshot: &Snapshot, receipt: &str) -> Result<String, Problem> {
    let refused = |fault: String| invalid("", "receipt", format!("no receipt of this log: {fault}"));
    let note = Note::parse(receipt).map_err(|fault| refused(fault.to_string()))?;
    let receipt = Receipt::parse(note.text()).map_err(|fault| refused(fault.to_string()))?;
    let header = covering(app, snapshot, &receipt).await?;
    let Some((cut, ordinals)) = header.cuts_with_ordinals().find(|(cut, _)| receipt.cut(&header) == Some(*cut)) else {
        let detail = format!("the topic {} was made again: its offset {} is another", receipt.topic, receipt.offset);
        return Err(Kind::Conflict.because(detail));
    };
    let leaves = cut_leaves(app, header.height, ordinals.start, cut.records).await?;
    if let Some(place) = leaves.iter().position(|leaf| *leaf == receipt.leaf) {
        let sealed = EventRef::new(header.height, ordinals.start + place as u32, 0);
        let name = sealed.map(|sealed| sealed.to_string()).unwrap_or_default();
        return Err(Kind::Conflict.because(format!("nothing is missing: the submission is sealed from {name} on")));
    }
    let keys = app.keys.of(snapshot, &header)?;
    let signed = |key: &VerifierKey| note.verify_exactly(std::slice::from_ref(key)).is_ok();
    let entry = keys.entries().find(|entry| signed(&VerifierKey::new(entry.party.clone(), entry.public_key)));
    let entry = entry.ok_or_else(|| refused("no key that is valid after the block signed it".into()))?;
    let (index, path) = keys.path(entry).ok_or_else(|| refused("its key is not among those of the block".into()))?;
    let key = KeyProof { index, entry: entry.clone(), path };
    let checkpoint = app.checkpoints.covering(header.height, snapshot.headers_known());
    let checkpoint = checkpoint.ok_or_else(|| {
        Kind::Unavailable.because(format!("block {} is not checkpointed yet; ask again", header.height))
    })?;
    let header_path = snapshot.log.read().map_err(poisoned)?.inclusion_path(header.height, checkpoint.size);
    let header_path = header_path.unwrap_or_default();
    let missing =
        Missing { receipt: note, key, header, header_path, checkpoint: Note::clone(&checkpoint.note), leaves };
    match missing.check(&app.config.genesis) {
        Ok(_) => Ok(missing.text()),
        Err(fault) if matches!(fault.part, Part::Receipt | Part::Key) => Err(refused(fault.detail)),
        Err(fault) => Err(broken(app, LOG, &fault)),
    }
}

/// The header of the block whose cuts reach beyond the receipt's offset first: under its topic's id, or if there is none under
/// any, because the same offsets are there again under another id after a gap.
async fn covering(app: &App, snapshot: &Snapshot, receipt: &Receipt) -> Result<Header, Problem> {
    #[derive(Row, Deserialize)]
    struct HeightRow {
        height: u64,
    }
    let cut = format!("cut {} {} {} ", receipt.topic, receipt.uuid, receipt.partition);
    for line in [&*cut, ""] {
        let row = app
            .client
            .query(
                "SELECT ?fields FROM block FINAL
                 WHERE height < ? AND arrayExists(p -> p.1 = ? AND p.2 = ? AND p.3 > ?, positions)
                 AND position(header, ?) > 0 ORDER BY height LIMIT 1",
            )
            .bind(snapshot.headers_known())
            .bind(receipt.topic.as_str())
            .bind(receipt.partition)
            .bind(receipt.offset)
            .bind(line);
        if let Some(row) = row.fetch_optional::<HeightRow>().await.map_err(store_failed)? {
            return header_at(app, snapshot, row.height).await;
        }
    }
    Err(Kind::Unavailable.because(format!("offset {} is not sealed yet; ask again", receipt.offset)))
}
