//! Notices: applied to the registry in log order, kept so that the registry can be rebuilt at start.

use medtrace_ledger::{EventRef, Header, Submission};
use medtrace_registry::{Notice, Registry};
use medtrace_store::rows::NoticeRow;
use serde::{Deserialize, Serialize};

use super::{Deriver, Work};
use crate::keyed::{Key, Keyed};

/// A sealed submission of notices as the keyed state keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    height: u64,
    time_ms: u64,
    ordinal: u32,
    /// The submission's text.
    text: String,
    /// Index and bytes of each notice that is not erased.
    notices: Vec<(u32, Vec<u8>)>,
}

impl<K: Keyed> Deriver<K> {
    pub(super) fn take_notices(
        &mut self,
        submission: &Submission,
        ordinal: u32,
        notices: &[(u32, &[u8])],
        work: &mut Work<'_>,
    ) -> anyhow::Result<()> {
        let kept = Kept {
            height: work.height,
            time_ms: work.time_ms,
            ordinal,
            text: submission.text(),
            notices: notices.iter().map(|(index, bytes)| (*index, bytes.to_vec())).collect(),
        };
        let applied = kept.apply(submission, &mut self.registry);
        for ((_, bytes), (position, mut refusal)) in notices.iter().zip(applied) {
            let notice = Notice::parse(bytes).ok();
            if let Some(Notice::Erasure(erasure)) = notice.as_ref().filter(|_| refusal.is_empty()) {
                refusal = self.erase(erasure, position, work)?.err().unwrap_or_default();
            }
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
        }
        let first = EventRef::new(work.height, ordinal, 0).unwrap_or(EventRef { height: work.height, idx: u32::MAX });
        self.keyed.put(Key::of(b'N').position(first).end(), &kept)
    }

    /// The ids of topics that a block, whose notices have been taken, is the first to cut.
    pub(super) fn take_topics(&mut self, header: &Header) -> anyhow::Result<()> {
        let now = self.registry.now();
        let first = header.cuts.iter().any(|cut| now.topic(&cut.topic).is_none());
        self.registry.seal(header);
        let position = EventRef { height: header.height, idx: 0 };
        match first {
            true => self.keyed.put(Key::of(b'T').position(position).end(), &header.text()),
            false => Ok(()),
        }
    }

    /// The registry as it was when the keyed state was committed.
    pub(super) fn replay_notices(&mut self) -> anyhow::Result<()> {
        let first_cuts = self.keyed.scan::<String>(b"T")?;
        let first_cuts = first_cuts.iter().map(|(_, text)| Header::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let mut first_cuts = first_cuts.into_iter().peekable();
        for (_, kept) in self.keyed.scan::<Kept>(b"N")? {
            while let Some(header) = first_cuts.next_if(|header| header.height < kept.height) {
                self.registry.seal(&header);
            }
            let submission = Submission::parse(&kept.text)?;
            kept.apply(&submission, &mut self.registry);
        }
        first_cuts.for_each(|header| self.registry.seal(&header));
        Ok(())
    }
}

impl Kept {
    /// Where each notice stands, and why it did nothing; empty if it took effect.
    fn apply(&self, submission: &Submission, registry: &mut Registry) -> Vec<(EventRef, String)> {
        let notices = self.notices.iter().map(|(index, bytes)| (*index, &**bytes));
        let applied = registry.apply_submission(self.height, self.time_ms, self.ordinal, submission, notices);
        let told = applied.into_iter().map(|applied| {
            let refusals = applied.outcome.err();
            let first = refusals.and_then(|refusals| refusals.into_iter().next());
            let position = EventRef { height: applied.position.height, idx: applied.position.idx };
            (position, first.map_or_else(String::new, |refusal| refusal.to_string()))
        });
        told.collect()
    }
}
