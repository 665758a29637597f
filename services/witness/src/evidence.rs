//! The other side of a checkpoint that differs: where the log signed two of one size, both notes together prove it to
//! whoever has the log's public key.

use medtrace_archive::ArchiveError;
use medtrace_ledger::Hash;
use medtrace_log::consumer::{Isolation, RangeReader, bounds, last};
use medtrace_log::topics::CHECKPOINTS;

use crate::alarms::Finding;
use crate::cosigner::Signed;
use crate::follow::Following;

/// Bytes of checkpoints read at once.
const READ_BYTES: usize = 1 << 20;

/// Looks for the other note of every differing checkpoint, also of those that come later. Does not end.
pub async fn seek(following: &Following) {
    let mut alarmed = following.alarms.watch();
    loop {
        for (size, note) in lacking(following) {
            let other = loop {
                match other_side(following, size, &note).await {
                    Ok(other) => break other,
                    Err(error) => following.retry("published checkpoints", &error).await,
                }
            };
            match other {
                Some(other) => following.recomputed.alarm(Finding::Fork { size, notes: [other.note(), note] }),
                None => tracing::warn!(size, "the log signed no other checkpoint of this size that could be found"),
            }
        }
        if alarmed.changed().await.is_err() {
            return;
        }
    }
}

/// Size and note of the differing checkpoints of our log that are in no fork yet.
fn lacking(following: &Following) -> Vec<(u64, String)> {
    let origin = following.genesis.origin.as_str();
    let all: Vec<Finding> =
        following.alarms.all().into_iter().filter(|alarm| alarm.origin == origin).map(|alarm| alarm.finding).collect();
    let forked = |note: &String| {
        all.iter().any(|finding| matches!(finding, Finding::Fork { notes, .. } if notes.contains(note)))
    };
    let lacking = all.iter().filter_map(|finding| match finding {
        Finding::Checkpoint { size, note, .. } if !forked(note) => Some((*size, note.clone())),
        _ => None,
    });
    lacking.collect()
}

/// A note that the log signed at this size with another root: the one last cosigned, or one that it published.
async fn other_side(following: &Following, size: u64, note: &str) -> Result<Option<Signed>, ArchiveError> {
    let Ok(known) = following.cosigner.read(note) else { return Ok(None) };
    let other = |signed: &Signed| signed.head().0 == size && signed.head().1 != root_of(&known);
    let own = following.cosigner.latest(following.genesis.origin.as_str()).and_then(|latest| latest.note);
    let own = own.and_then(|note| following.cosigner.read(&note).ok()).filter(other);
    if own.is_some() {
        return Ok(own);
    }
    let Some(cluster) = &following.cluster else { return Ok(None) };
    let Some(end) = last(cluster, CHECKPOINTS, 0, Isolation::Committed).await? else { return Ok(None) };
    let mut at = bounds(cluster, CHECKPOINTS, 1, Isolation::Committed).await?.first().map_or(0, |all| all.low);
    let mut reader = RangeReader::open(cluster, CHECKPOINTS, 0, Isolation::Committed)?;
    while at <= end.offset {
        let (messages, next) = reader.read(at, end.offset + 1, READ_BYTES).await?;
        at = next;
        let found = messages.iter().filter_map(|message| following.signed(&message.value).ok()).find(other);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn root_of(signed: &Signed) -> Hash {
    signed.head().1
}
