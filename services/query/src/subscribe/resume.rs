//! The id of a WebSocket's delivery says where its client stands once it has taken it, so that whoever comes back goes on there
//! and nothing has to be remembered here. See [`crate::token`].
//!
//! ```text
//! fields of the token:
//!   version   u8       1
//!   flags     u8       1: after · 2: a run is under way · 4: it has delivered something
//!   block     u64 BE   after: the last event that was looked at, else 0
//!   idx       u32 BE
//!   ran       u64 BE   when the last scheduled run began, Unix ms
//!   known     u64 BE   of the run under way: its height, else 0
//!   time      u64 BE   and when it was due, Unix ms
//! ```

use super::record::{At, Progress, Run};
use crate::token::{Binding, Refused, fields, number};

pub const LABEL: &str = "medtrace/delivery-id/v1";

const VERSION: u8 = 1;
const AFTER: u8 = 1;
const RUN: u8 = 2;
const TOLD: u8 = 4;
const FIELDS: usize = 1 + 1 + 8 + 4 + 8 + 8 + 8;

impl Progress {
    /// As an id, bound to its query.
    pub fn id(&self, binding: &Binding) -> String {
        let at = self.after.unwrap_or(At { block: 0, idx: 0 });
        let (known, time_ms, told) = self.run.as_ref().map_or((0, 0, false), |run| (run.known, run.time_ms, run.told));
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let flags = flag(self.after.is_some(), AFTER) | flag(self.run.is_some(), RUN) | flag(told, TOLD);
        binding.write(fields::<FIELDS>(&[
            &[VERSION, flags],
            &at.block.to_be_bytes(),
            &at.idx.to_be_bytes(),
            &self.ran_ms.to_be_bytes(),
            &known.to_be_bytes(),
            &time_ms.to_be_bytes(),
        ]))
    }

    /// What an id says.
    ///
    /// # Errors
    /// It is none, or of another query.
    pub fn of_id(id: &str, binding: &Binding) -> Result<Progress, Refused> {
        let fields = binding.read::<FIELDS>(id)?;
        let has = |flag: u8| fields[1] & flag != 0;
        let idx = u32::from_be_bytes(std::array::from_fn(|i| fields[10 + i]));
        let progress = Progress {
            after: has(AFTER).then(|| At { block: number(&fields, 2), idx }),
            run: has(RUN).then(|| Run { known: number(&fields, 22), time_ms: number(&fields, 30), told: has(TOLD) }),
            ran_ms: number(&fields, 14),
        };
        // One that says what no id says was not written here.
        if fields[0] == VERSION && progress.id(binding) == id { Ok(progress) } else { Err(Refused::None) }
    }
}

#[cfg(test)]
mod tests {
    use medtrace_ledger::Hash;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn binding() -> Binding {
        Binding { label: LABEL, genesis: Hash::of("genesis"), fingerprint: [7; 32] }
    }

    proptest! {
        #[test]
        fn any_progress_comes_back(
            after in option::of((any::<u64>(), any::<u32>())),
            run in option::of((any::<u64>(), any::<u64>(), any::<bool>())),
            ran_ms: u64,
        ) {
            let after = after.map(|(block, idx)| At { block, idx });
            let run = run.map(|(known, time_ms, told)| Run { known, time_ms, told });
            let progress = Progress { after, run, ran_ms };
            let id = progress.id(&binding());
            prop_assert_eq!(Progress::of_id(&id, &binding()), Ok(progress));
            let other = Binding { fingerprint: [8; 32], ..binding() };
            prop_assert_eq!(Progress::of_id(&id, &other), Err(Refused::Foreign));
        }

        #[test]
        fn what_is_read_is_written_the_same(mut fields in any::<[u8; FIELDS]>(), head in any::<[bool; 2]>()) {
            fields[0] = VERSION.wrapping_add(u8::from(head[0]));
            fields[1] &= if head[1] { 7 } else { 255 };
            let id = binding().write(fields);
            match Progress::of_id(&id, &binding()) {
                Ok(progress) => prop_assert_eq!(progress.id(&binding()), id),
                Err(refused) => prop_assert_eq!(refused, Refused::None),
            }
        }
    }
}
