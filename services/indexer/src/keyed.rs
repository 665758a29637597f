//! The keyed state: each thing's timeline, so that a late event can be inserted and folded again without reading the
//! store. A cache: whatever is lost is derived again from the log.
//!
//! ```text
//! H                                → the header log up to the last block that is in
//! N ‖ pos                          → a submission's notices, to rebuild the registry at start
//! T ‖ pos                          → a header that was the first to cut a topic, for the registry too
//! I ‖ name                         → the first event of this name, and what is said of all of them
//! C ‖ name ‖ event key             → another event of this name
//! K ‖ name ‖ name                  → the second waits for an event of the first, which puts it right
//! P ‖ pos ‖ pos                    → at the second the event at the first is sealed again
//! E ‖ pos                          → an event's row, what its facts share, and the things it speaks of
//! F ‖ thing ‖ pos ‖ role ‖ thing   → a fact's own part; the last thing is its counterpart
//! M ‖ thing ‖ pos                  → the order of an event that emptied this container
//! D ‖ thing ‖ until ‖ thing        → the second's fold tells what is said of the first, a container, up to this instant
//! Q ‖ thing ‖ thing                → until, of a lot (the first) in a container
//! S ‖ thing                        → what its last fold said: the next fact in order is applied to it
//!
//! name = H(party ‖ "\n" ‖ eventID)
//! pos = height u64 BE ‖ idx u32 BE         thing = class u64 BE ‖ length of id u16 BE ‖ id
//! until = µs i64 BE with the sign bit flipped, so that it sorts; the largest while the stay is open
//! ```
//!
//! An event of one item that comes in order costs two reads (I, S) and four writes (I, E, F, S), however long any
//! history is. The engine is fjall: of 50,000 packs' ways, 200,000 events (`tests/measure.rs`), a commit after each block
//! of 5,000 events costs 9.5 µs of a processor an event and leaves 790 B on disk; redb takes 18.4 µs and 1,403 B. Reading
//! makes no difference: deriving takes 47 and 39 µs. (rocksdb needs a C++ build of its own and was not tried.)

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use anyhow::Context;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use medtrace_gs1::{Class, Thing};
use medtrace_ledger::EventRef;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Number of this layout: a state in another one is derived again.
pub const FORMAT: u32 = 5;

/// Changes of one or more blocks: `None` removes.
pub type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Keys and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A sorted map of bytes that survives a restart.
pub trait Keyed {
    fn get(&self, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>>;
    /// At most `most` pairs from `from` (included) to `to` (excluded), in order.
    fn range(&self, from: &[u8], to: &[u8], most: usize) -> anyhow::Result<Pairs>;
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

    fn range(&self, from: &[u8], to: &[u8], most: usize) -> anyhow::Result<Pairs> {
        let pair = |guard: fjall::Guard| -> anyhow::Result<_> {
            let (key, value) = guard.into_inner()?;
            Ok((key.to_vec(), value.to_vec()))
        };
        self.pairs.range(from..to).take(most).map(pair).collect()
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
#[derive(Clone, Default)]
pub struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

impl Keyed for Memory {
    fn get(&self, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], most: usize) -> anyhow::Result<Pairs> {
        Ok(self.0.range(from.to_vec()..to.to_vec()).take(most).map(|(k, v)| (k.clone(), v.clone())).collect())
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

    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// All values whose key starts with `prefix`, with the rest of the key.
    pub fn scan<T: DeserializeOwned>(&self, prefix: &[u8]) -> anyhow::Result<Vec<(Vec<u8>, T)>> {
        let pairs = self.range(prefix, &after(prefix))?.into_iter();
        pairs.map(|(key, value)| Ok((key[prefix.len()..].to_vec(), read(&value)?))).collect()
    }

    /// All pairs from `from` (included) to `to` (excluded), in order.
    pub fn range(&self, from: &[u8], to: &[u8]) -> anyhow::Result<Pairs> {
        let base = self.base.range(from, to, usize::MAX)?;
        let mut changes = self.changes.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))).peekable();
        if changes.peek().is_none() {
            return Ok(base);
        }
        let mut pairs: BTreeMap<Vec<u8>, Vec<u8>> = base.into_iter().collect();
        for (key, change) in changes {
            match change {
                Some(value) => pairs.insert(key.clone(), value.clone()),
                None => pairs.remove(key),
            };
        }
        Ok(pairs.into_iter().collect())
    }

    /// Keys whose change waits to be committed.
    pub fn pending(&self) -> usize {
        self.changes.len()
    }

    /// What is committed; changes that wait are not seen.
    pub fn base(&self) -> &K {
        &self.base
    }

    /// Makes the changes durable.
    pub fn commit(&mut self) -> anyhow::Result<()> {
        self.base.commit(std::mem::take(&mut self.changes))
    }
}

/// The first key after all that start with `prefix`: kinds of keys are letters, so there is one.
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut next = prefix.to_vec();
    while next.last() == Some(&u8::MAX) {
        next.pop();
    }
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    next
}

/// A value as it was put.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
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

    /// An instant, µs, so that keys sort as instants do.
    pub fn instant(self, at: i64) -> Key {
        self.bytes(&(at.cast_unsigned() ^ (1 << 63)).to_be_bytes())
    }

    pub fn end(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a key's parts back.
pub struct Parts<'a>(pub &'a [u8]);

impl Parts<'_> {
    pub fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn position(&mut self) -> Option<EventRef> {
        Some(EventRef { height: u64::from_be_bytes(self.array()?), idx: u32::from_be_bytes(self.array()?) })
    }

    /// `None` also for a scheme that this version does not know.
    pub fn thing(&mut self) -> Option<Thing> {
        let class = u64::from_be_bytes(self.array()?);
        let length = u16::from_be_bytes(self.array()?);
        let (id, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(Thing::new(Class::from_u64(class)?, std::str::from_utf8(id).ok()?))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
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
