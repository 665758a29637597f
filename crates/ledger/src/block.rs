//! The block header: what one block seals, and the leaf of the header log.
//!
//! ```text
//! medtrace/block/v1
//! <origin>
//! <height>
//! <base64 root of the header log at size = height>          height 0: H(genesis text)
//! <unix ms>                                                 max(previous, clock)
//! keys <n> <base64 root>                                    all keys valid after this block's notices
//! cut <topic> <topic uuid> <partition> <from> <to> <records> <base64 root>
//! bad <topic> <partition> <ordinal> <reason>
//! ```
//!
//! - cut: the records of one partition at offsets `from` ≤ o < `to`; the root is over their leaves in offset order.
//!   Only partitions that advanced; strictly ascending by (topic, partition). Offsets may hold no record (markers).
//! - ordinal: running number of a record over all cuts, in header order, from 0. A bad line stands for one record that
//!   does not verify; its ordinal lies in the cut that its topic and partition name; strictly ascending by ordinal.
//! - idx of an item = ordinal × 512 + index in its submission; its public name is `<height>-<idx>`.
//! - leaf = H(0x00 ‖ header), at index `height` of the header log.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Range;
use std::str::FromStr;

use crate::hash::Hash;
use crate::merkle;
use crate::names::{Invalid, Origin, TopicName, TopicUuid, Word};
use crate::submission::SUBMISSION_ITEMS_MAX;
use crate::text::{FormatError, Lines, decimal};
use crate::{HEIGHT_MAX, TIME_MS_MAX};

/// Most events (and most records) of a block.
pub const BLOCK_EVENTS_MAX: u32 = 65_536;
/// Most bytes of all records of a block, unpacked (32 MiB): of a record its note, its salts and its bodies as they are
/// before compression; of one that cannot be decoded its value. What a block unfolds to has this bound too.
pub const BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most cuts of a header.
pub const BLOCK_CUTS_MAX: usize = 512;
/// Longest header, in bytes.
pub const HEADER_BYTES_MAX: usize = 60_000;
/// `idx` = ordinal × this + index.
pub const IDX_PER_SUBMISSION: u32 = 512;
/// Most keys that a header counts.
pub const KEYS_MAX: u64 = u32::MAX as u64;

const FORMAT: &str = "medtrace/block/v1";

/// The records of one partition that a block seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub topic: TopicName,
    pub uuid: TopicUuid,
    pub partition: u32,
    /// First offset.
    pub from: u64,
    /// Offset after the last; the next cut of this partition starts here.
    pub to: u64,
    /// Number of records; at most `to` − `from`.
    pub records: u32,
    /// RFC 6962 root over the records' leaves in offset order.
    pub root: Hash,
}

/// A record that does not verify: sealed, named, and never provable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    pub topic: TopicName,
    pub partition: u32,
    /// Running number over all records of the block, as in `idx`.
    pub ordinal: u32,
    pub reason: Word,
}

/// A block header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub origin: Origin,
    pub height: u64,
    /// Root of the header log at size = `height`; H(genesis text) at height 0.
    pub log_root: Hash,
    /// Unix milliseconds.
    pub time_ms: u64,
    /// Number of valid keys after this block's notices, and the root over their entries.
    pub keys: (u64, Hash),
    pub cuts: Vec<Cut>,
    pub bad: Vec<Bad>,
}

impl Header {
    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\n{}\n{}\n{}\n{}\n", self.origin, self.height, self.log_root, self.time_ms);
        let _ = writeln!(text, "keys {} {}", self.keys.0, self.keys.1);
        for Cut { topic, uuid, partition, from, to, records, root } in &self.cuts {
            let _ = writeln!(text, "cut {topic} {uuid} {partition} {from} {to} {records} {root}");
        }
        for Bad { topic, partition, ordinal, reason } in &self.bad {
            let _ = writeln!(text, "bad {topic} {partition} {ordinal} {reason}");
        }
        text
    }

    pub fn parse(text: &str) -> Result<Header, FormatError> {
        let mut lines = Lines::new(FORMAT, text, HEADER_BYTES_MAX)?;
        let mut header = Header {
            origin: lines.value("origin")?,
            height: lines.decimal("height", HEIGHT_MAX)?,
            log_root: lines.value("root of the header log")?,
            time_ms: lines.decimal("time", TIME_MS_MAX)?,
            keys: match lines.words_if::<2>("keys ")? {
                Some(words) => (words.decimal(0, "number of keys", KEYS_MAX)?, words.value(1, "root of the keys")?),
                None => return Err(lines.error("keys <n> <root> must follow")),
            },
            cuts: Vec::new(),
            bad: Vec::new(),
        };
        while let Some(words) = lines.words_if::<7>("cut ")? {
            header.cuts.push(Cut {
                topic: words.value(0, "topic")?,
                uuid: words.value(1, "topic uuid")?,
                partition: words.decimal(2, "partition", PARTITION_MAX)? as u32,
                from: words.decimal(3, "from", OFFSET_MAX)?,
                to: words.decimal(4, "to", OFFSET_MAX)?,
                records: words.decimal(5, "records", BLOCK_EVENTS_MAX.into())? as u32,
                root: words.value(6, "root of the cut")?,
            });
        }
        while let Some(words) = lines.words_if::<4>("bad ")? {
            header.bad.push(Bad {
                topic: words.value(0, "topic")?,
                partition: words.decimal(1, "partition", PARTITION_MAX)? as u32,
                ordinal: words.decimal(2, "ordinal", BLOCK_EVENTS_MAX.into())? as u32,
                reason: words.value(3, "reason")?,
            });
        }
        lines.end()?;
        header.check()?;
        Ok(header)
    }

    /// Checks the limits and the order that the types do not hold.
    pub fn check(&self) -> Result<(), FormatError> {
        let fault = |problem: &str| Err(FormatError::whole(FORMAT, problem));
        if self.height > HEIGHT_MAX || self.time_ms > TIME_MS_MAX || self.keys.0 > KEYS_MAX {
            return fault("height, time or number of keys is beyond its limit");
        }
        if self.cuts.len() > BLOCK_CUTS_MAX {
            return fault("more than 512 cuts");
        }
        if !self.cuts.is_sorted_by(|a, b| (&a.topic, a.partition) < (&b.topic, b.partition)) {
            return fault("cuts must ascend by topic and partition");
        }
        for cut in &self.cuts {
            if u64::from(cut.partition) > PARTITION_MAX || cut.to > OFFSET_MAX || cut.from >= cut.to {
                return fault("a cut goes from an offset to a later one");
            }
            if u64::from(cut.records) > cut.to - cut.from {
                return fault("a cut has no more records than offsets");
            }
        }
        if self.cuts.iter().map(|cut| u64::from(cut.records)).sum::<u64>() > BLOCK_EVENTS_MAX.into() {
            return fault("more than 65,536 records");
        }
        if !self.bad.is_sorted_by(|a, b| a.ordinal < b.ordinal) {
            return fault("bad lines must ascend by ordinal");
        }
        if !self.bad.iter().all(|bad| {
            self.locate(bad.ordinal).is_some_and(|(cut, _)| cut.topic == bad.topic && cut.partition == bad.partition)
        }) {
            return fault("a bad line must name a record of its cut");
        }
        match self.text().len() <= HEADER_BYTES_MAX {
            true => Ok(()),
            false => fault("more than 60,000 bytes"),
        }
    }

    /// Leaf of this header in the header log: H(0x00 ‖ text).
    pub fn leaf(&self) -> Hash {
        merkle::leaf_hash(self.text().as_bytes())
    }

    /// Number of records in all cuts.
    pub fn records(&self) -> u32 {
        self.cuts.iter().map(|cut| cut.records).sum()
    }

    /// The cut that holds record `ordinal`, and the record's index in it.
    pub fn locate(&self, ordinal: u32) -> Option<(&Cut, u32)> {
        self.cuts_with_ordinals()
            .find(|(_, range)| range.contains(&ordinal))
            .map(|(cut, range)| (cut, ordinal - range.start))
    }

    /// Each cut with the ordinals of its records.
    pub fn cuts_with_ordinals(&self) -> impl Iterator<Item = (&Cut, Range<u32>)> {
        self.cuts.iter().scan(0u32, |next, cut| {
            let start = *next;
            *next = start.saturating_add(cut.records);
            Some((cut, start..*next))
        })
    }

    /// Why record `ordinal` is named bad, if it is.
    pub fn bad_reason(&self, ordinal: u32) -> Option<&Word> {
        let found = self.bad.binary_search_by_key(&ordinal, |bad| bad.ordinal).ok()?;
        Some(&self.bad[found].reason)
    }
}

/// Kafka's largest partition number and offset.
const PARTITION_MAX: u64 = i32::MAX as u64;
const OFFSET_MAX: u64 = i64::MAX as u64;

/// The public name of a sealed item: `<height>-<idx>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventRef {
    pub height: u64,
    /// ordinal × 512 + index.
    pub idx: u32,
}

impl EventRef {
    /// `None` beyond the limits of a block.
    pub fn new(height: u64, ordinal: u32, index: u32) -> Option<EventRef> {
        let fits = height <= HEIGHT_MAX && ordinal < BLOCK_EVENTS_MAX && (index as usize) < SUBMISSION_ITEMS_MAX;
        fits.then(|| EventRef { height, idx: ordinal * IDX_PER_SUBMISSION + index })
    }

    /// Running number of the submission in its block.
    pub fn ordinal(&self) -> u32 {
        self.idx / IDX_PER_SUBMISSION
    }

    /// Position of the item in its submission.
    pub fn index(&self) -> u32 {
        self.idx % IDX_PER_SUBMISSION
    }
}

impl fmt::Display for EventRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.height, self.idx)
    }
}

impl FromStr for EventRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let parse = || {
            let (height, idx) = text.split_once('-')?;
            let (height, idx) = (decimal(height, HEIGHT_MAX)?, decimal(idx, u32::MAX.into())? as u32);
            EventRef::new(height, idx / IDX_PER_SUBMISSION, idx % IDX_PER_SUBMISSION)
        };
        parse().ok_or(Invalid("an event's name is <height>-<idx>"))
    }
}

crate::names::serde_as_text!(EventRef);
