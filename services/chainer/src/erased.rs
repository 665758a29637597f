//! Items that came as their leaves alone: an archive says which notice erased each; here it is seen that the notice did.
//!
//! The leaf stands in for the bytes, so the submission verifies. But only a notice that the authority signed, in a later
//! block, may take bytes away: without it, whoever keeps an archive could hide what was said.

use std::collections::BTreeMap;

use medtrace_ledger::EventRef;
use medtrace_log::sealed::{Erased, SealedBlock};
use medtrace_registry::Registry;

/// What an archive says of items without bytes, until the block of the notice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(BTreeMap<EventRef, Erased>);

impl Claims {
    /// Takes up what a block lacks.
    pub fn take(&mut self, block: &SealedBlock) {
        self.0.extend(block.erased.iter().map(|(item, erased)| (*item, erased.clone())));
    }

    /// After a block's notices: what those of this block were said to erase, and did not.
    pub fn settle(&mut self, height: u64, registry: &Registry) -> Vec<String> {
        let now = registry.now();
        let mut differences = Vec::new();
        self.0.retain(|item, erased| {
            if erased.by.height > height {
                return true;
            }
            if !now.is_erased(*item, erased.of, erased.by) {
                differences.push(without(*item, erased));
            }
            false
        });
        differences
    }

    /// What no block of the chain settled, with its height.
    pub fn unsettled(&self) -> Vec<(u64, String)> {
        self.0.iter().map(|(item, erased)| (item.height, without(*item, erased))).collect()
    }
}

fn without(item: EventRef, erased: &Erased) -> String {
    format!("item {item} has no bytes, and {} is no notice of the authority that erases it", erased.by)
}

/// Indices of the items of a record that are said to be erased.
pub(crate) fn erased_of(block: &SealedBlock, ordinal: u32) -> Vec<u32> {
    let of_record = block.erased.keys().filter(|item| item.ordinal() == ordinal);
    of_record.map(EventRef::index).collect()
}
