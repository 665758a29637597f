//! How much still fits into a block.

use medtrace_ledger::block::{BLOCK_BYTES_MAX, BLOCK_CUTS_MAX, BLOCK_EVENTS_MAX, HEADER_BYTES_MAX};
use medtrace_ledger::names::WORD_BYTES_MAX;

use crate::inspect::Inspected;

/// Bytes of a header without its cuts and bad lines, at most: format, origin, height, root, time and keys.
const HEAD_BYTES: usize = 18 + 129 + 11 + 45 + 16 + 5 + 11 + 45;
/// Bytes of a cut line besides the topic's name, at most: uuid, partition, two offsets, records, root, spaces.
const CUT_BYTES: usize = 4 + 22 + 10 + 19 + 19 + 5 + 44 + 7;
/// Bytes of a bad line besides the topic's name, at most: partition, ordinal, reason, spaces.
const BAD_BYTES: usize = 4 + 10 + 5 + WORD_BYTES_MAX + 4;

/// What is left of a block's limits. An empty block takes any record.
#[derive(Debug)]
pub(crate) struct Room {
    events: u32,
    records: u32,
    bytes: usize,
    header: usize,
    cuts: usize,
}

impl Room {
    pub fn new() -> Room {
        Room {
            events: BLOCK_EVENTS_MAX,
            records: BLOCK_EVENTS_MAX,
            bytes: BLOCK_BYTES_MAX,
            header: HEADER_BYTES_MAX - HEAD_BYTES,
            cuts: BLOCK_CUTS_MAX,
        }
    }

    /// Whether the record fits, should it turn out bad, and as the first of a cut if it is.
    pub fn fits(&self, record: &Inspected, topic: &str, first: bool) -> bool {
        let lines = topic.len() + BAD_BYTES + if first { topic.len() + CUT_BYTES } else { 0 };
        record.weight <= self.events
            && self.records > 0
            && record.bytes <= self.bytes
            && lines <= self.header
            && (!first || self.cuts > 0)
    }

    /// Takes what [`Room::fits`] has allowed.
    pub fn take(&mut self, record: &Inspected, topic: &str, first: bool, bad: bool) {
        self.events -= record.weight;
        self.records -= 1;
        self.bytes -= record.bytes;
        if first {
            self.header -= topic.len() + CUT_BYTES;
            self.cuts -= 1;
        }
        if bad {
            self.header -= topic.len() + BAD_BYTES;
        }
    }
}
