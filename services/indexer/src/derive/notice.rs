//! Notices: applied to the registry in log order, kept so that the registry can be rebuilt at start.

use medtrace_ledger::{EventRef, PartyId, PublicKey, Submission};
use medtrace_registry::{Notice, Position, Refusal, Registry};
use medtrace_store::rows::NoticeRow;
use serde::{Deserialize, Serialize};

use super::{Deriver, Work};
use crate::keyed::{Key, Keyed};

/// A sealed notice as the keyed state keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    height: u64,
    idx: u32,
    time_ms: u64,
    party: String,
    /// Base64.
    keys: Vec<String>,
    body: Vec<u8>,
}

impl<K: Keyed> Deriver<K> {
    pub(super) fn take_notice(
        &mut self,
        submission: &Submission,
        position: EventRef,
        bytes: &[u8],
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let at = Position { height: position.height, idx: position.idx, time_ms: work.time_ms };
        let (notice, refusal) = match apply(&mut self.registry, at, &submission.party, &submission.public_keys, bytes) {
            Ok(notice) => (Some(notice), String::new()),
            Err((notice, refusal)) => (notice, refusal.to_string()),
        };
        work.rows.notices.push(NoticeRow {
            block: position.height,
            idx: position.idx,
            time_ms: work.time_ms,
            kind: notice.as_ref().map_or("", |n| n.kind()).to_owned(),
            subject: notice.as_ref().map_or_else(String::new, |n| n.subject()),
            revision: notice.as_ref().map_or(0, |n| n.revision().into()),
            party: submission.party.to_string(),
            signers: submission.public_keys.iter().map(ToString::to_string).collect(),
            body: String::from_utf8_lossy(bytes).into_owned(),
            refusal,
        });
        let kept = Kept {
            height: at.height,
            idx: at.idx,
            time_ms: at.time_ms,
            party: submission.party.to_string(),
            keys: submission.public_keys.iter().map(ToString::to_string).collect(),
            body: bytes.to_vec(),
        };
        self.keyed.put(Key::of(b'N').position(position).end(), &kept)
    }

    /// The registry as it was when the keyed state was committed.
    pub(super) fn replay_notices(&mut self) -> anyhow::Result<()> {
        for (_, kept) in self.keyed.scan::<Kept>(b"N")? {
            let at = Position { height: kept.height, idx: kept.idx, time_ms: kept.time_ms };
            let party = kept.party.parse().map_err(|e| anyhow::anyhow!("failed to read a kept notice: {e}"))?;
            let keys = kept.keys.iter().map(|key| PublicKey::parse(key));
            let keys = keys
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| anyhow::anyhow!("failed to read a kept notice: {e}"))?;
            // What was refused the first time is refused again.
            let _ = apply(&mut self.registry, at, &party, &keys, &kept.body);
        }
        Ok(())
    }
}

fn apply(
    registry: &mut Registry,
    at: Position,
    party: &PartyId,
    keys: &[PublicKey],
    bytes: &[u8],
) -> Result<Notice, (Option<Notice>, Refusal)> {
    let notice = Notice::parse(bytes).map_err(|refusals| {
        let first = refusals.into_iter().next();
        (None, first.unwrap_or_else(|| Refusal::whole("notice", "cannot be read")))
    })?;
    let judged = registry.signers(party, keys).and_then(|signers| registry.apply(at, &signers, &notice));
    match judged {
        Ok(_) => Ok(notice),
        Err(refusal) => Err((Some(notice), refusal)),
    }
}
