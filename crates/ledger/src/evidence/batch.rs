//! A batch: the proofs of many items in one file, in which every block, submission and key stands once, under one
//! checkpoint. For a whole delivery, or everything that is known of a pack.
//!
//! ```text
//! medtrace/batch/v1
//! checkpoint
//! |<line of the note>
//! block                           1.. of these, ascending by height
//! |<line of the header>
//! path <base64 hash>              to the root in the checkpoint
//! key <index>                     1.. of these, ascending by index: the keys of the submissions below, no others
//! |<line of the key entry>
//! path <base64 hash>              to the root of the keys in the header
//! record <ordinal>                1.. of these, ascending
//! |<line of the submission's note>
//! path <base64 hash>              to the root of its cut
//! item <index> <E|N|D> <base64 salt>      1.. of these, ascending
//! |<bytes of the item>            one line
//! path <base64 hash>              to the root in the submission
//! ```
//!
//! It holds if the proof of each item holds that its lines make: the same parts, and nothing else to check.

use std::collections::BTreeMap;

use crate::block::{BLOCK_EVENTS_MAX, EventRef, Header};
use crate::genesis::Genesis;
use crate::hash::Hash;
use crate::item::{ItemKind, Salt};
use crate::note::{Note, NoteError};
use crate::proof::sections::{block, key, named, note, one_line, path, push_block};
use crate::proof::{Broken, KeyProof, Part, Proof, Verified, broken};
use crate::submission::{SUBMISSION_ITEMS_MAX, Submission};
use crate::text::{Lines, decimal};

/// Most items of a batch.
pub const BATCH_ITEMS_MAX: usize = 1_000;
/// Longest file, in bytes (16 MiB).
pub const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) const FORMAT: &str = "medtrace/batch/v1";

/// Proofs that share what they have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub checkpoint: Note,
    /// Ascending by height.
    pub blocks: Vec<BlockPart>,
}

/// What proofs of one block share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockPart {
    pub header: Header,
    pub header_path: Vec<Hash>,
    /// Ascending by index; exactly those that the submissions name.
    pub keys: Vec<KeyProof>,
    /// Ascending by ordinal.
    pub records: Vec<RecordPart>,
}

/// What proofs of one submission share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPart {
    pub ordinal: u32,
    pub note: Note,
    pub path: Vec<Hash>,
    /// Ascending by index.
    pub items: Vec<ItemPart>,
}

/// An item of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPart {
    pub index: u32,
    pub kind: ItemKind,
    pub salt: Salt,
    pub bytes: String,
    pub path: Vec<Hash>,
}

impl Batch {
    /// From proofs under one checkpoint, in any order; one of an item that is there already is left out.
    ///
    /// # Errors
    /// No proof, or as [`Batch::push`].
    pub fn of(proofs: Vec<Proof>) -> Result<Batch, Broken> {
        let proofs: BTreeMap<EventRef, Proof> = proofs.into_iter().map(|proof| (proof.event, proof)).collect();
        let Some(checkpoint) = proofs.values().next().map(|first| first.checkpoint.clone()) else {
            return Err(Broken::new(Part::Format, "a batch has 1 item or more"));
        };
        let mut batch = Batch { checkpoint, blocks: Vec::new() };
        proofs.into_values().try_for_each(|proof| batch.push(proof))?;
        Ok(batch)
    }

    /// Adds the proof of an item that stands after all that are there. The proof is not checked.
    ///
    /// # Errors
    /// Another checkpoint, not after all others, too many items.
    pub fn push(&mut self, proof: Proof) -> Result<(), Broken> {
        let fault = |part, detail| Err(Broken::new(part, detail));
        let event = proof.event;
        if proof.checkpoint != self.checkpoint {
            return fault(Part::Checkpoint, "the proofs of a batch have one checkpoint");
        }
        if self.last().is_some_and(|last| last >= event) {
            return fault(Part::Format, "items must ascend");
        }
        if self.blocks.iter().flat_map(|part| &part.records).map(|record| record.items.len()).sum::<usize>()
            >= BATCH_ITEMS_MAX
        {
            return fault(Part::Format, "more than 1,000 items");
        }
        let Proof { header, header_path, .. } = proof;
        if self.blocks.last().is_none_or(|last| last.header.height != event.height) {
            self.blocks.push(BlockPart { header, header_path, keys: Vec::new(), records: Vec::new() });
        }
        let Some(part) = self.blocks.last_mut() else { return Ok(()) };
        for key in proof.keys {
            if let Err(at) = part.keys.binary_search_by_key(&key.index, |known| known.index) {
                part.keys.insert(at, key);
            }
        }
        if part.records.last().is_none_or(|last| last.ordinal != event.ordinal()) {
            let (note, path) = (proof.submission, proof.submission_path);
            part.records.push(RecordPart { ordinal: event.ordinal(), note, path, items: Vec::new() });
        }
        let Some(record) = part.records.last_mut() else { return Ok(()) };
        let Proof { kind, salt, bytes, item_path: path, .. } = proof;
        record.items.push(ItemPart { index: event.index(), kind, salt, bytes, path });
        Ok(())
    }

    fn last(&self) -> Option<EventRef> {
        let part = self.blocks.last()?;
        let record = part.records.last()?;
        EventRef::new(part.header.height, record.ordinal, record.items.last()?.index)
    }

    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\ncheckpoint\n");
        push_block(&mut text, &self.checkpoint.to_string(), &[]);
        for part in &self.blocks {
            text.push_str("block\n");
            push_block(&mut text, &part.header.text(), &part.header_path);
            for key in &part.keys {
                text.push_str(&format!("key {}\n", key.index));
                push_block(&mut text, &key.entry.text(), &key.path);
            }
            for record in &part.records {
                text.push_str(&format!("record {}\n", record.ordinal));
                push_block(&mut text, &record.note.to_string(), &record.path);
                for item in &record.items {
                    text.push_str(&format!("item {} {} {}\n", item.index, item.kind, item.salt));
                    push_block(&mut text, &format!("{}\n", item.bytes), &item.path);
                }
            }
        }
        text
    }

    /// Parses strictly; what is accepted prints to the same bytes.
    pub fn parse(text: &str) -> Result<Batch, Broken> {
        let mut lines = Lines::new(FORMAT, text, BATCH_BYTES_MAX).map_err(broken(Part::Format))?;
        let checkpoint = note(&mut lines, "checkpoint", Part::Checkpoint)?;
        let (mut blocks, mut left) = (Vec::new(), BATCH_ITEMS_MAX);
        while lines.peek().is_some() {
            blocks.push(block_part(&mut lines, &mut left)?);
        }
        lines.end().map_err(broken(Part::Format))?;
        let ascending = blocks.is_sorted_by(|a: &BlockPart, b| a.header.height < b.header.height);
        match ascending && !blocks.is_empty() {
            true => Ok(Batch { checkpoint, blocks }),
            false => Err(Broken::new(Part::Format, "blocks must ascend by height, and there is one at least")),
        }
    }

    /// Verifies the proof of every item, in the order of the file.
    pub fn check(&self, genesis: &Genesis) -> Result<Vec<Verified>, Broken> {
        let mut shown = Vec::new();
        for part in &self.blocks {
            let mut used = vec![false; part.keys.len()];
            for record in &part.records {
                let keys = part.keys_of(record, &mut used)?;
                for item in &record.items {
                    shown.push(self.proof(part, record, &keys, item)?.check(genesis)?);
                }
            }
            if used.contains(&false) {
                return Err(Broken::new(Part::Key, "a key that no submission names"));
            }
        }
        Ok(shown)
    }

    fn proof(
        &self,
        part: &BlockPart,
        record: &RecordPart,
        keys: &[KeyProof],
        item: &ItemPart,
    ) -> Result<Proof, Broken> {
        let event = EventRef::new(part.header.height, record.ordinal, item.index);
        Ok(Proof {
            event: event.ok_or_else(|| Broken::new(Part::Event, "beyond the limits of a block"))?,
            kind: item.kind,
            salt: item.salt,
            bytes: item.bytes.clone(),
            item_path: item.path.clone(),
            submission: record.note.clone(),
            submission_path: record.path.clone(),
            keys: keys.to_vec(),
            header: part.header.clone(),
            header_path: part.header_path.clone(),
            checkpoint: self.checkpoint.clone(),
        })
    }
}

impl BlockPart {
    /// The key proofs that the submission names, in its order; a key that is not here shows when the proof is checked.
    fn keys_of(&self, record: &RecordPart, used: &mut [bool]) -> Result<Vec<KeyProof>, Broken> {
        let submission = Submission::parse(record.note.text()).map_err(broken(Part::Submission))?;
        let found = submission.public_keys.iter().filter_map(|public| {
            let at = self.keys.iter().position(|key| key.entry.public_key == *public)?;
            used[at] = true;
            Some(self.keys[at].clone())
        });
        Ok(found.collect())
    }
}

fn block_part(lines: &mut Lines<'_>, left: &mut usize) -> Result<BlockPart, Broken> {
    named(lines, "block", Part::Header)?;
    let header = Header::parse(&block(lines, Part::Header)?).map_err(broken(Part::Header))?;
    let header_path = path(lines, Part::HeaderPath)?;
    let mut keys: Vec<KeyProof> = Vec::new();
    while let Some(index) = lines.next_if("key ") {
        keys.push(key(lines, index)?);
    }
    let mut records: Vec<RecordPart> = Vec::new();
    while let Some(ordinal) = lines.next_if("record ") {
        records.push(record_part(lines, ordinal, left)?);
    }
    if !keys.is_sorted_by(|a, b| a.index < b.index) {
        return Err(Broken::new(Part::Key, "keys must ascend by index"));
    }
    match !records.is_empty() && records.is_sorted_by(|a, b| a.ordinal < b.ordinal) {
        true => Ok(BlockPart { header, header_path, keys, records }),
        false => Err(Broken::new(Part::Format, "records must ascend by ordinal, and there is one at least")),
    }
}

fn record_part(lines: &mut Lines<'_>, ordinal: &str, left: &mut usize) -> Result<RecordPart, Broken> {
    let ordinal = decimal(ordinal, BLOCK_EVENTS_MAX.into());
    let ordinal = ordinal.ok_or_else(|| Broken::new(Part::Event, lines.error("record <ordinal>")))? as u32;
    let note = Note::parse(&block(lines, Part::Submission)?).map_err(|e| match e {
        NoteError::Malformed(_) => Broken::new(Part::Submission, e),
        _ => Broken::new(Part::Signature, e),
    })?;
    let submission_path = path(lines, Part::SubmissionPath)?;
    let mut items: Vec<ItemPart> = Vec::new();
    while let Some(words) = lines.words_if::<3>("item ").map_err(broken(Part::Item))? {
        *left = left.checked_sub(1).ok_or_else(|| Broken::new(Part::Format, "more than 1,000 items"))?;
        let index = words.decimal(0, "index", SUBMISSION_ITEMS_MAX as u64 - 1).map_err(broken(Part::Event))? as u32;
        let kind = words.value(1, "kind").map_err(broken(Part::Item))?;
        let salt = words.value(2, "salt").map_err(broken(Part::Item))?;
        let bytes = one_line(lines, Part::Item)?;
        items.push(ItemPart { index, kind, salt, bytes, path: path(lines, Part::ItemPath)? });
    }
    match !items.is_empty() && items.is_sorted_by(|a, b| a.index < b.index) {
        true => Ok(RecordPart { ordinal, note, path: submission_path, items }),
        false => Err(Broken::new(Part::Format, "items must ascend by index, and there is one at least")),
    }
}
