//! Taking items out of a record: their leaves stay, so that the note still verifies; their bytes and salts go.

use medtrace_ledger::Salt;

use crate::frame::{self, Body};
use crate::record::{Record, RecordError};

impl Record {
    /// The record with these items reduced to their leaves; those that are already, or are not there, make no difference.
    ///
    /// # Errors
    /// Those of a record that cannot be unpacked.
    pub fn erase(self, items: impl IntoIterator<Item = u32>) -> Result<Record, RecordError> {
        let mut unpacked = self.unpack()?;
        let leaves = unpacked.leaves();
        let mut bodies: Vec<Body<'_>> = unpacked.bodies.iter().collect();
        for index in items {
            let index = index as usize;
            if let (Some(body), Some(leaf), Some(salt)) =
                (bodies.get_mut(index), leaves.get(index), unpacked.record.salts.get_mut(index))
            {
                (*body, *salt) = (Body::Erased(leaf.hash), Salt([0; 16]));
            }
        }
        let frame = frame::pack(bodies)?;
        Ok(Record { bodies: frame, ..unpacked.record })
    }
}

#[cfg(test)]
mod tests {
    use medtrace_ledger::{Item, ItemKind};

    use super::*;

    #[test]
    fn what_is_erased_leaves_its_leaf_and_nothing_else() {
        let item = |n: u8, bytes| Item { kind: ItemKind::Event, salt: Salt([n; 16]), bytes };
        let items: [Item<'_>; 3] = [item(1, b"{\"a\":1}"), item(2, b"{\"name\":\"Zhang San\"}"), item(3, b"{}")];
        let whole = Record::pack("note".into(), items).unwrap();
        let leaves = whole.clone().unpack().unwrap().leaves();
        let erased = whole.clone().erase([1, 7]).unwrap();
        let unpacked = erased.clone().unpack().unwrap();
        let hashes = |leaves: &[medtrace_ledger::ItemLeaf]| leaves.iter().map(|leaf| leaf.hash).collect::<Vec<_>>();
        assert_eq!(hashes(&unpacked.leaves()), hashes(&leaves));
        assert_eq!((unpacked.item(0), unpacked.item(1), unpacked.item(2)), (Some(items[0]), None, Some(items[2])));
        assert_eq!(unpacked.record.salts[1], Salt([0; 16]));
        // However often, and one after the other as at once.
        assert_eq!(erased.clone().erase([1]).unwrap(), erased);
        assert_eq!(whole.clone().erase([2]).unwrap().erase([1]).unwrap(), whole.erase([1, 2]).unwrap());
    }
}
