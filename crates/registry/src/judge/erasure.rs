//! Erasures: by as many members of the authority as give power, of events of earlier blocks. Whether the replacement will
//! do is judged where the event is at hand: see `medtrace_event::erasure`.
//!
//! Codes: `not-authority`, `threshold`, `not-sealed`.

use super::Judge;
use crate::notice::Erasure;
use crate::{Effect, Refusal, Subject};

impl Judge<'_> {
    pub(super) fn erasure(&self, erasure: &Erasure) -> Result<Effect, Refusal> {
        let before = self.registry.erasures.get(&erasure.event).and_then(|history| history.at(u64::MAX));
        self.revision(before.map(|before| before.revision), erasure.revision)?;
        let by = self.authority("an erasure", true)?;
        match erasure.items().enumerate().find(|(_, item)| item.height >= self.position.height) {
            Some((index, item)) => {
                let path = index.checked_sub(1).map_or("/event".to_owned(), |copy| format!("/copies/{copy}"));
                Err(Refusal::at(path, "not-sealed", format!("{item} is not sealed in a block before this one")))
            }
            None => Ok(Effect { by, subject: Subject::Erasure(erasure.event) }),
        }
    }
}
