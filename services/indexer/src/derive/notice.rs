//! Notices: applied to the registry in log order, kept so that the registry can be rebuilt at start.

use medtrace_ledger::{EventRef, ItemKind, Submission};
use medtrace_registry::Notice;
use medtrace_store::rows::NoticeRow;
use serde::{Deserialize, Serialize};

use super::{Deriver, Opened, Work};
use crate::keyed::{Key, Keyed};

/// The notices of a sealed submission as the keyed state keeps them.
#[derive(Serialize, Deserialize)]
struct Kept {
    height: u64,
    ordinal: u32,
    time_ms: u64,
    /// The signed text.
    submission: String,
    /// Index in the submission, and bytes.
    notices: Vec<(u32, Vec<u8>)>,
}

impl<K: Keyed> Deriver<K> {
    pub(super) fn take_notices(&mut self, opened: &Opened, work: &mut Work<'_>) -> anyhow::Result<()> {
        let (submission, unpacked) = (&opened.submission, &opened.unpacked);
        let item = |index: usize| unpacked.item(index).filter(|item| item.kind == ItemKind::Notice);
        let notices: Vec<(u32, &[u8])> =
            (0..unpacked.len()).filter_map(|index| Some((index as u32, item(index)?.bytes))).collect();
        let applied =
            self.registry.apply_submission(work.height, work.time_ms, opened.ordinal, submission, notices.clone());
        for (applied, (_, bytes)) in applied.iter().zip(&notices) {
            let notice = Notice::parse(bytes).ok();
            let refusal = applied.outcome.as_ref().err().and_then(|refusals| refusals.first());
            work.notices += 1;
            work.rows.notices.push(NoticeRow {
                block: applied.position.height,
                idx: applied.position.idx,
                time_ms: work.time_ms,
                kind: notice.as_ref().map_or("", |n| n.kind()).to_owned(),
                subject: notice.as_ref().map_or_else(String::new, |n| n.subject()),
                revision: notice.as_ref().map_or(0, |n| n.revision().into()),
                party: submission.party.to_string(),
                signers: submission.public_keys.iter().map(ToString::to_string).collect(),
                body: String::from_utf8_lossy(bytes).into_owned(),
                refusal: refusal.map_or_else(String::new, ToString::to_string),
            });
        }
        let kept = Kept {
            height: work.height,
            ordinal: opened.ordinal,
            time_ms: work.time_ms,
            submission: submission.text(),
            notices: notices.into_iter().map(|(index, bytes)| (index, bytes.to_vec())).collect(),
        };
        match EventRef::new(work.height, opened.ordinal, 0) {
            Some(position) => self.keyed.put(Key::of(b'N').position(position).end(), &kept),
            None => Ok(()),
        }
    }

    /// The registry as it was when the keyed state was committed: what was refused the first time is refused again.
    pub(super) fn replay_notices(&mut self) -> anyhow::Result<()> {
        for (_, kept) in self.keyed.scan::<Kept>(b"N")? {
            let submission =
                Submission::parse(&kept.submission).map_err(|e| anyhow::anyhow!("failed to read kept notices: {e}"))?;
            let notices = kept.notices.iter().map(|(index, bytes)| (*index, bytes.as_slice()));
            self.registry.apply_submission(kept.height, kept.time_ms, kept.ordinal, &submission, notices);
        }
        Ok(())
    }
}
