//! What is erased in an archive: the one thing in it that changes, so that a reader can tell it from damage.
//!
//! ```text
//! erased   "medtrace/erased/v1\n" line…      one for each item, ascending
//! line     <item> <event> <notice>\n         names <height>-<idx>; the event is the item, or what the item repeats
//! ```
//!
//! The notice stands in a later block and carries the replacement. An item is named before its bytes are taken away, so
//! that an item without bytes is always named; one that is named and has its bytes still is about to lose them.

use std::collections::BTreeMap;

use medtrace_ledger::EventRef;
use medtrace_log::frame::Body;
use medtrace_log::record::Record;
use medtrace_log::sealed::{Erased, SealedBlock, SealedRecord};
use medtrace_log::topics::NOTICES;
use medtrace_registry::Notice;
use medtrace_registry::notice::Erasure;

use crate::ArchiveError;
use crate::format::{MAGIC, decode, encode};
use crate::objects::Objects;

/// Name of the object.
pub(crate) const ERASED: &str = "erased";
/// How it begins.
const HEAD: &str = "medtrace/erased/v1\n";

/// Event and notice of each erased item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index(BTreeMap<EventRef, (EventRef, EventRef)>);

impl Index {
    pub async fn read(objects: &Objects) -> Result<Index, ArchiveError> {
        let Some(bytes) = objects.get(ERASED).await? else { return Ok(Index::default()) };
        let text = std::str::from_utf8(&bytes).ok();
        let index = text.and_then(Index::parse);
        index.ok_or_else(|| ArchiveError::damaged(ERASED, "it is no list of erased items"))
    }

    fn parse(text: &str) -> Option<Index> {
        let mut items = BTreeMap::new();
        for line in text.strip_prefix(HEAD)?.split_terminator('\n') {
            let mut names = line.split(' ').map(|name| name.parse::<EventRef>().ok());
            let (item, of, by) = (names.next()??, names.next()??, names.next()??);
            let follows = items.last_key_value().is_none_or(|(last, _)| *last < item);
            if !follows || names.next().is_some() || by.height <= item.height {
                return None;
            }
            items.insert(item, (of, by));
        }
        let index = Index(items);
        (index.text() == text).then_some(index)
    }

    pub fn text(&self) -> String {
        let lines = self.0.iter().map(|(item, (of, by))| format!("{item} {of} {by}\n"));
        HEAD.to_owned() + &lines.collect::<String>()
    }

    /// Names the items of a notice; false if another notice names the event already.
    pub fn add(&mut self, erasure: &Erasure, by: EventRef) -> bool {
        if self.by(erasure.event).is_some_and(|named| named != by) {
            return false;
        }
        self.0.extend(erasure.items().map(|item| (item, (erasure.event, by))));
        true
    }

    /// The notice that names an item.
    pub fn by(&self, item: EventRef) -> Option<EventRef> {
        self.0.get(&item).map(|(_, by)| *by)
    }

    fn of_block(&self, height: u64) -> impl Iterator<Item = (&EventRef, &(EventRef, EventRef))> {
        self.0.range(EventRef { height, idx: 0 }..).take_while(move |(item, _)| item.height == height)
    }

    /// What stands in the place of the block's items that came as their leaves alone. `notice` gives the block of this
    /// height.
    pub async fn replacements<F>(
        &self,
        block: &SealedBlock,
        mut notice: impl FnMut(u64) -> F,
    ) -> Result<BTreeMap<EventRef, Erased>, ArchiveError>
    where
        F: Future<Output = Result<Option<SealedBlock>, ArchiveError>>,
    {
        let mut found = BTreeMap::new();
        for (item, (of, by)) in self.of_block(block.header.height).filter(|(item, _)| is_leaf(block, **item)) {
            let saying = notice(by.height).await?;
            let erasure = saying.as_ref().and_then(|saying| erasure_at(saying, *by));
            let erasure = erasure.filter(|erasure| erasure.event == *of && erasure.items().any(|named| named == *item));
            let erasure = erasure
                .ok_or_else(|| ArchiveError::damaged(ERASED, format!("{by} is no notice that erases {item}")))?;
            found.insert(*item, Erased { of: *of, by: *by, replacement: erasure.replacement.to_jcs() });
        }
        Ok(found)
    }
}

/// The record that holds an item, if it is a good one of its block.
fn record_of(block: &SealedBlock, item: EventRef) -> Option<&SealedRecord> {
    block.records.iter().find(|record| record.ordinal == item.ordinal() && record.bad.is_none())
}

fn is_leaf(block: &SealedBlock, item: EventRef) -> bool {
    let unpacked = record_of(block, item).and_then(|record| Record::decode(&record.value).ok());
    unpacked.is_some_and(|unpacked| matches!(unpacked.bodies.get(item.index() as usize), Some(Body::Erased(_))))
}

/// The erasure notice that is sealed at this position; whether it took effect is another question.
pub fn erasure_at(block: &SealedBlock, position: EventRef) -> Option<Erasure> {
    let record = record_of(block, position).filter(|record| record.topic == NOTICES)?;
    let unpacked = Record::decode(&record.value).ok()?;
    match Notice::parse(unpacked.item(position.index() as usize)?.bytes) {
        Ok(Notice::Erasure(erasure)) => Some(erasure),
        _ => None,
    }
}

/// A block file without the bytes of the items that the index names; `None` where it has none of them any more.
pub(crate) fn rewrite(path: &str, bytes: &[u8], index: &Index) -> Result<Option<Vec<u8>>, ArchiveError> {
    let damaged = |fault: String| ArchiveError::damaged(path, fault);
    let mut rest = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("it is no file of blocks".to_owned()))?;
    let (mut rewritten, mut changed) = (MAGIC.to_vec(), false);
    while let Some((mut block, taken)) = decode(rest).map_err(|fault| damaged(fault.to_string()))? {
        let raw = &rest[..taken];
        rest = &rest[taken..];
        match erase(&mut block, index).map_err(|fault| damaged(fault.to_string()))? {
            true => {
                changed = true;
                rewritten.extend(encode(&block).map_err(|fault| damaged(fault.to_string()))?);
            }
            false => rewritten.extend(raw),
        }
    }
    Ok(changed.then_some(rewritten))
}

/// Whether anything was taken away.
fn erase(block: &mut SealedBlock, index: &Index) -> Result<bool, medtrace_log::record::RecordError> {
    let mut changed = false;
    for (item, _) in index.of_block(block.header.height) {
        let Some(record) =
            block.records.iter_mut().find(|record| record.ordinal == item.ordinal() && record.bad.is_none())
        else {
            continue;
        };
        let value = Record::decode(&record.value)?.record.erase([item.index()])?.encode()?;
        changed |= value != record.value;
        record.value = value;
    }
    Ok(changed)
}
