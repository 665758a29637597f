//! The notices of one sealed submission, in its order: the one way from the log into a [`Registry`], so that the chainer,
//! the indexer and the ingest services hold the same one.

use medtrace_ledger::Submission;
use medtrace_ledger::block::IDX_PER_SUBMISSION;

use crate::{Effect, Notice, Position, Refusal, Registry};

/// What became of one notice of a submission.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// Where it stands; `idx` = ordinal of the submission × 512 + its index there.
    pub position: Position,
    /// The notice and what it did, or why it did nothing.
    pub outcome: Result<(Notice, Effect), Vec<Refusal>>,
}

impl Registry {
    /// Applies the notices of a submission that the chain does not name bad: `height`, `time_ms` are its block's,
    /// `ordinal` is its running number in the block, `notices` are the bytes of its items with their indices (erased ones
    /// left out). Whose keys signed is settled once, before its first notice.
    pub fn apply_submission<'a>(
        &mut self,
        height: u64,
        time_ms: u64,
        ordinal: u32,
        submission: &Submission,
        notices: impl IntoIterator<Item = (u32, &'a [u8])>,
    ) -> Vec<Applied> {
        let signers = self.signers(&submission.party, &submission.public_keys);
        let apply = |(index, bytes): (u32, &[u8])| {
            let position = Position { height, idx: ordinal * IDX_PER_SUBMISSION + index, time_ms };
            let outcome = match &signers {
                Err(refusal) => Err(vec![refusal.clone()]),
                Ok(signers) => Notice::parse(bytes).and_then(|notice| match self.apply(position, signers, &notice) {
                    Ok(effect) => Ok((notice, effect)),
                    Err(refusal) => Err(vec![refusal]),
                }),
            };
            Applied { position, outcome }
        };
        notices.into_iter().map(apply).collect()
    }
}
