//! The proof of a sealed item, made from the view, the store and a checkpoint, and checked before it leaves.
//!
//! ```text
//! table submission   bytes, salts, note          leaves of the cut
//! table block        header
//! registry           keys valid after the block
//! view               header log (a tree in memory, grown block by block)
//! checkpoints        the newest one within the view
//! ```

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex};

use clickhouse::Row;
use futures::{StreamExt, TryStreamExt, stream};
use medtrace_ledger::block::Header;
use medtrace_ledger::evidence::{BATCH_BYTES_MAX, Batch, Evidence};
use medtrace_ledger::keys::KeySet;
use medtrace_ledger::proof::Parts;
use medtrace_ledger::{Broken, EventRef, Hash, Part, Proof};
use medtrace_log::record::Unpacked;
use medtrace_service::{Kind, Problem};
use serde::Deserialize;

use crate::app::{App, poisoned, store_failed};
use crate::body::{by, replacement_of, submission_at};
use crate::checkpoints::Signed;
use crate::requests;
use crate::view::Snapshot;

/// Items of one batch that are read at once.
const PROVEN_AT_ONCE: usize = 4;

/// The keys valid after a block, kept while the blocks that are proven have the same: they seldom change.
#[derive(Clone, Default)]
pub struct Keys(Arc<Mutex<Option<Arc<KeySet>>>>);

#[derive(Row, Deserialize)]
struct LeafRow {
    leaf: [u8; 32],
}

/// The proof of the item at `position`; of an erased one, what is left of it and the notice that erased it.
///
/// # Errors
/// 404 for what is not sealed (in this snapshot), 409 for what is sealed as bad or under a key that ended in the same
/// block, 503 until a checkpoint covers it or where the store does not answer, 500 where the parts do not fit.
pub async fn prove(app: &App, snapshot: &Snapshot, position: EventRef) -> Result<Evidence, Problem> {
    let sealed = Sealed::find(app, snapshot, position).await?;
    let Some(by) = sealed.erased else {
        let checkpoint = covering(app, snapshot, position.height)?;
        return sealed.prove(app, snapshot, &checkpoint).await.map(|proof| Evidence::Item(Box::new(proof)));
    };
    let notice = Sealed::find(app, snapshot, by).await?;
    let checkpoint = covering(app, snapshot, by.height)?;
    let notice = notice.prove(app, snapshot, &checkpoint).await?;
    let made = sealed.with_parts(app, snapshot, &checkpoint, |parts| parts.prove_erased(notice)).await?;
    made.check(&app.config.genesis).map_err(|fault| broken(app, position, &fault))?;
    Ok(Evidence::Erased(Box::new(made)))
}

/// One file with the proofs of items, which share what they have in common.
///
/// # Errors
/// As [`prove`], for the first item that has no proof; 410 for an erased one, 413 where the file would be too long.
pub async fn prove_all(app: &App, snapshot: &Snapshot, positions: BTreeSet<EventRef>) -> Result<String, Problem> {
    let highest = positions.last().map_or(0, |last| last.height);
    let checkpoint = app.checkpoints.covering(highest, snapshot.known() + 1);
    let proofs = stream::iter(positions.into_iter().map(|one| prove_under(app, snapshot, one, checkpoint.as_ref())));
    let mut proofs = proofs.buffered(PROVEN_AT_ONCE);
    let (mut batch, mut left) = (None, BATCH_BYTES_MAX);
    let too_long = || Kind::QueryTooLarge.because("the proofs are longer than 16 MiB together; ask for fewer events");
    while let Some(proof) = proofs.try_next().await? {
        left = left.checked_sub(proof.bytes.len()).ok_or_else(too_long)?;
        let batch = batch.get_or_insert_with(|| Batch { checkpoint: proof.checkpoint.clone(), blocks: Vec::new() });
        batch.push(proof).map_err(|fault| broken(app, "the batch", &fault))?;
    }
    let text = batch.map(|batch| batch.text()).unwrap_or_default();
    if text.len() > BATCH_BYTES_MAX { Err(too_long()) } else { Ok(text) }
}

async fn prove_under(
    app: &App,
    snapshot: &Snapshot,
    position: EventRef,
    checkpoint: Option<&Signed>,
) -> Result<Proof, Problem> {
    let sealed = Sealed::find(app, snapshot, position).await?;
    if let Some(by) = sealed.erased {
        let detail = format!("{position} was erased by the notice {by}; ask for its own proof, which shows both");
        return Err(Kind::Gone.because(detail));
    }
    let checkpoint = checkpoint.cloned().map_or_else(|| covering(app, snapshot, position.height), Ok)?;
    sealed.prove(app, snapshot, &checkpoint).await
}

/// The newest checkpoint over this block that this snapshot can prove under.
fn covering(app: &App, snapshot: &Snapshot, height: u64) -> Result<Signed, Problem> {
    let none = || Kind::Unavailable.because(format!("block {height} is not checkpointed yet; ask again"));
    app.checkpoints.covering(height, snapshot.known() + 1).ok_or_else(none)
}

/// A sealed item, with its submission and header.
struct Sealed {
    position: EventRef,
    header: Header,
    submission: Unpacked,
    /// Ordinal of the first record of its cut, and how many records that has.
    cut: (u32, u32),
    /// The notice that took its bytes away.
    erased: Option<EventRef>,
}

impl Sealed {
    async fn find(app: &App, snapshot: &Snapshot, position: EventRef) -> Result<Sealed, Problem> {
        let (header, submission) =
            tokio::join!(header_at(app, snapshot, position.height), submission_at(&app.client, position));
        let header = header?;
        if let Some(reason) = header.bad_reason(position.ordinal()) {
            return Err(Kind::Conflict.because(format!("the submission at {position} is sealed as bad: {reason}")));
        }
        let Some((cut, index_in_cut)) = header.locate(position.ordinal()) else {
            return Err(Kind::NoSuchResource.because(format!("nothing is sealed at {position}")));
        };
        let cut = (position.ordinal() - index_in_cut, cut.records);
        let (_, submission) = submission?;
        let erased = match submission.item(position.index() as usize) {
            Some(_) => None,
            None => {
                let by = replacement_of(&app.client, position).await?.map(|row| by(&row));
                let count = submission.len();
                let none = || format!("the submission at {position} has {count} items");
                Some(by.ok_or_else(|| Kind::NoSuchResource.because(none()))?)
            }
        };
        Ok(Sealed { position, header, submission, cut, erased })
    }

    async fn prove(&self, app: &App, snapshot: &Snapshot, checkpoint: &Signed) -> Result<Proof, Problem> {
        let position = self.position;
        let item = self.submission.item(position.index() as usize);
        let item = item.ok_or_else(|| Kind::NoSuchResource.because(format!("{position} has no bytes")))?;
        let proof = self.with_parts(app, snapshot, checkpoint, |parts| parts.prove(item)).await?;
        proof.check(&app.config.genesis).map_err(|fault| broken(app, position, &fault))?;
        Ok(proof)
    }

    /// Evidence of what stands here, made from everything but its bytes.
    async fn with_parts<T>(
        &self,
        app: &App,
        snapshot: &Snapshot,
        checkpoint: &Signed,
        make: impl FnOnce(Parts<'_>) -> Result<T, Broken>,
    ) -> Result<T, Problem> {
        let Sealed { position, header, submission, cut: (first, records), .. } = self;
        let cut_leaves = cut_leaves(app, header.height, *first, *records).await?;
        let keys = app.keys.of(snapshot, header)?;
        let item_leaves: Vec<Hash> = submission.leaves().iter().map(|leaf| leaf.hash).collect();
        let log = snapshot.log.read().map_err(poisoned)?;
        let parts = Parts {
            event: *position,
            item_leaves: &item_leaves,
            note: &submission.record.note,
            cut_leaves: &cut_leaves,
            keys: &keys,
            header,
            log_nodes: &mut |level, index| log.node(level, index),
            checkpoint_size: checkpoint.size,
            checkpoint: &checkpoint.note,
        };
        make(parts).map_err(|missing| match missing.part {
            Part::Key => Kind::Conflict.because(format!("there is no proof of {position}: {}", missing.detail)),
            _ => broken(app, position, &missing),
        })
    }
}

/// Evidence of something that was made here and does not hold.
pub fn broken(app: &App, of: impl Display, fault: &Broken) -> Problem {
    app.metrics.proofs_broken.inc();
    requests::because(format!("the proof of {of} does not hold: {fault}"));
    let detail = format!("the stored evidence of {of} does not hold ({}); run an audit", fault.part);
    Kind::Implementation.because(detail)
}

/// The header of a block in this snapshot.
///
/// # Errors
/// 404 for a height that is not in it.
pub async fn header_at(app: &App, snapshot: &Snapshot, height: u64) -> Result<Header, Problem> {
    #[derive(Row, Deserialize)]
    struct HeaderRow {
        header: String,
    }
    let beyond = || Kind::NoSuchResource.because(format!("there is no block {height} yet"));
    if snapshot.height.is_none_or(|newest| newest < height) {
        return Err(beyond());
    }
    let row = app.client.query("SELECT ?fields FROM block FINAL WHERE height = ?").bind(height);
    let row = row.fetch_optional::<HeaderRow>().await.map_err(store_failed)?.ok_or_else(beyond)?;
    Header::parse(&row.header).map_err(|fault| {
        requests::because(format!("the stored header of block {height} is none: {fault}"));
        Kind::Implementation.because(format!("the stored header of block {height} is damaged; run an audit"))
    })
}

/// The leaves of a cut, in order.
pub async fn cut_leaves(app: &App, height: u64, first: u32, records: u32) -> Result<Vec<Hash>, Problem> {
    let rows = app
        .client
        .query(
            "SELECT ?fields FROM submission FINAL
             WHERE block = ? AND ordinal >= ? AND ordinal < ? ORDER BY ordinal",
        )
        .bind(height)
        .bind(first)
        .bind(first.saturating_add(records))
        .fetch_all::<LeafRow>()
        .await
        .map_err(store_failed)?;
    if rows.len() != records as usize {
        requests::because(format!("block {height} has {} of {records} records from {first} on", rows.len()));
        return Err(Kind::Implementation.because(format!("records of block {height} are missing; run an audit")));
    }
    Ok(rows.into_iter().map(|row| Hash(row.leaf)).collect())
}

impl Keys {
    /// The keys that the header's root is over.
    pub fn of(&self, snapshot: &Snapshot, header: &Header) -> Result<Arc<KeySet>, Problem> {
        let mut kept = self.0.lock().map_err(poisoned)?;
        if let Some(keys) = kept.as_ref().filter(|keys| keys.count_and_root() == header.keys) {
            return Ok(keys.clone());
        }
        let registry = snapshot.registry()?;
        let keys = Arc::new(KeySet::new(registry.at(header.height).key_entries()));
        *kept = Some(keys.clone());
        Ok(keys)
    }
}
