//! The keyed state: each thing's timeline, so that a late event can be inserted and folded again without reading the
//! store. A cache: whatever is lost is derived again from the log.
//!
//! ```text
//! H                                → height of the last block that is in, u64 BE
//! N ‖ pos                          → a notice, to rebuild the registry at start
//! K ‖ event key                    → pos of the first event with this key
//! I ‖ H(party ‖ "\n" ‖ eventID)    → events of this name
//! W ‖ H(party ‖ "\n" ‖ eventID)    → declared events that wait for this corrective one
//! X ‖ H(party ‖ "\n" ‖ eventID)    → pos of the corrective event that withdrew the events of this name
//! E ‖ pos                          → an event's row and the things it speaks of
//! F ‖ thing ‖ pos ‖ role ‖ thing   → a fact; the last thing is its counterpart
//! M ‖ thing ‖ pos                  → a fact that emptied this container
//! C ‖ thing ‖ thing                → the second was put into the first at some time
//! J ‖ thing ‖ thing                → the second is another code on the same pack
//! L ‖ thing                        → when anything last left this container, µs
//! S ‖ thing                        → what its last fold said, to tell what a new one changes
//!
//! pos = height u64 BE ‖ idx u32 BE         thing = class u64 BE ‖ length of id u16 BE ‖ id
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Changes of one or more blocks: `None` removes.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A sorted map of bytes that survives a restart.
pub trait Keyed {
    fn get(&self, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>>;
    /// All pairs whose key starts with `prefix`, in order.
    fn scan(&self, prefix: &[u8]) -> anyhow::Result<Vec<(Vec<u8>, Vec<u8>)>>;
    /// All or nothing, and durable when it returns.
    fn commit(&mut self, changes: Changes) -> anyhow::Result<()>;
}

/// The keyed state on disk.
pub struct Disk {
    database: Database,
    pairs: Keyspace,
}

impl Disk {
    /// Opens it, or makes an empty one.
    pub fn open(folder: &Path) -> anyhow::Result<Disk> {
        let opened = || -> fjall::Result<Disk> {
            let database = Database::builder(folder).open()?;
            let pairs = database.keyspace("timelines", KeyspaceCreateOptions::default)?;
            Ok(Disk { database, pairs })
        };
        opened().with_context(|| format!("failed to open the keyed state in {}", folder.display()))
    }
}

impl Keyed for Disk {
    fn get(&self, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.pairs.get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8]) -> anyhow::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let pair = |guard: fjall::Guard| -> anyhow::Result<_> {
            let (key, value) = guard.into_inner()?;
            Ok((key.to_vec(), value.to_vec()))
        };
        self.pairs.prefix(prefix).map(pair).collect()
    }

    fn commit(&mut self, changes: Changes) -> anyhow::Result<()> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(&self.pairs, key, value),
                None => batch.remove(&self.pairs, key),
            }
        }
        Ok(batch.commit()?)
    }
}

/// The keyed state in memory, for tests and small audits.
#[derive(Default)]
pub struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

impl Keyed for Memory {
    fn get(&self, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> anyhow::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let from = self.0.range(prefix.to_vec()..);
        Ok(from.take_while(|(key, _)| key.starts_with(prefix)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn commit(&mut self, changes: Changes) -> anyhow::Result<()> {
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
        Ok(())
    }
}

/// The keyed state with changes on top that are not committed yet.
pub struct Overlay<K> {
    base: K,
    changes: Changes,
}

impl<K: Keyed> Overlay<K> {
    pub fn new(base: K) -> Self {
        Overlay { base, changes: Changes::new() }
    }

    pub fn get<T: DeserializeOwned>(&self, key: &[u8]) -> anyhow::Result<Option<T>> {
        let value = match self.changes.get(key) {
            Some(change) => change.clone(),
            None => self.base.get(key)?,
        };
        value.map(|bytes| read(&bytes)).transpose()
    }

    pub fn put<T: Serialize>(&mut self, key: Vec<u8>, value: &T) -> anyhow::Result<()> {
        let bytes = postcard::to_stdvec(value).context("failed to write a value of the keyed state")?;
        self.changes.insert(key, Some(bytes));
        Ok(())
    }

    /// All values whose key starts with `prefix`, with the rest of the key.
    pub fn scan<T: DeserializeOwned>(&self, prefix: &[u8]) -> anyhow::Result<Vec<(Vec<u8>, T)>> {
        let mut pairs: BTreeMap<Vec<u8>, Vec<u8>> = self.base.scan(prefix)?.into_iter().collect();
        for (key, change) in self.changes.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix)) {
            match change {
                Some(value) => pairs.insert(key.clone(), value.clone()),
                None => pairs.remove(key),
            };
        }
        pairs.into_iter().map(|(key, value)| Ok((key[prefix.len()..].to_vec(), read(&value)?))).collect()
    }

    /// Bytes that wait to be committed, about.
    pub fn pending(&self) -> usize {
        self.changes.len()
    }

    /// Makes the changes durable.
    pub fn commit(&mut self) -> anyhow::Result<()> {
        self.base.commit(std::mem::take(&mut self.changes))
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    postcard::from_bytes(bytes).context("failed to read a value of the keyed state")
}

/// A key's bytes, part by part.
pub struct Key(Vec<u8>);

impl Key {
    pub fn of(kind: u8) -> Key {
        Key(vec![kind])
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Key {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn position(self, position: EventRef) -> Key {
        self.bytes(&position.height.to_be_bytes()).bytes(&position.idx.to_be_bytes())
    }

    pub fn thing(self, thing: &Thing) -> Key {
        let id = thing.id().as_bytes();
        self.bytes(&thing.class().to_u64().to_be_bytes()).bytes(&(id.len() as u16).to_be_bytes()).bytes(id)
    }

    pub fn end(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlay_shows_changes_over_what_is_committed() -> anyhow::Result<()> {
        let mut overlay = Overlay::new(Memory::default());
        overlay.put(b"a1".to_vec(), &1u32)?;
        overlay.put(b"a3".to_vec(), &3u32)?;
        overlay.commit()?;
        overlay.put(b"a2".to_vec(), &2u32)?;
        overlay.put(b"a3".to_vec(), &30u32)?;
        overlay.put(b"b".to_vec(), &9u32)?;
        assert_eq!(overlay.get::<u32>(b"a1")?, Some(1));
        assert_eq!(overlay.get::<u32>(b"a3")?, Some(30));
        let found = overlay.scan::<u32>(b"a")?;
        assert_eq!(found, [(b"1".to_vec(), 1), (b"2".to_vec(), 2), (b"3".to_vec(), 30)]);
        Ok(())
    }
}
