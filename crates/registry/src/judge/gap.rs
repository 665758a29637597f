//! Gaps: by as many members of the authority as give power. Which id a topic has is known from the first block that cut it,
//! and from the gaps since.
//!
//! Codes: `not-authority`, `threshold`, `unknown-topic`, `not-its-id`, `id-used`.

use super::Judge;
use crate::notice::Gap;
use crate::{Effect, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn gap(&self, gap: &Gap) -> Result<Effect, Refusal> {
        let ids = self.now.topic_ids(&gap.topic);
        let Some(current) = ids.last() else {
            let detail = format!("nothing of {} has been sealed, so nothing of it is lost", gap.topic);
            return Err(Refusal::at("/topic", "unknown-topic", detail));
        };
        // The first id was no notice's.
        self.revision(u32::try_from(ids.len() - 1).ok(), gap.revision)?;
        let by = self.authority("a gap", true)?;
        if gap.lost != current.value {
            let detail = format!("{} is sealed under the id {}, not {}", gap.topic, current.value, gap.lost);
            return Err(Refusal::at("/lost", "not-its-id", detail));
        }
        let mut used = self.registry.topics.values().flat_map(|ids| ids.until(u64::MAX));
        if used.any(|id| id.value == gap.new) {
            let detail = format!("records were sealed under {} before; an id never comes back", gap.new);
            return Err(Refusal::at("/new", "id-used", detail));
        }
        Ok(Effect { by, subject: Subject::Gap(gap.topic.clone(), gap.new) })
    }
}
