//! Block files: sealed blocks as their records stood in Kafka, so that every leaf, signature and root can be computed again.
//!
//! ```text
//! file     "medtrace/blocks/v1\n" block…             consecutive heights, the first is the file's name in ten digits
//! block    length u32 BE ‖ frame[length]             one zstd frame, with its content's size and checksum
//! content  length u32 BE ‖ header text[length] ‖ record…
//! record   offset u64 BE ‖ broker's timestamp i64 BE, Unix ms ‖ length u32 BE ‖ Kafka value[length]
//! ```
//!
//! Records stand in the order of the header's cuts, in each by offset; topic and partition of a record are those of the cut
//! that it falls into by the cuts' counts. A file ends with the block with which it has [`FILE_BLOCKS_MAX`] blocks or
//! [`FILE_BYTES`] bytes; the last file may have less, and grows. Compression is outside every hash.

use std::collections::BTreeMap;

use medtrace_ledger::Header;
use medtrace_ledger::block::HEADER_BYTES_MAX;
use medtrace_log::sealed::{SealedBlock, SealedRecord};
use medtrace_log::topics::MESSAGE_BYTES_MAX;

/// How a file begins.
pub const MAGIC: &[u8] = b"medtrace/blocks/v1\n";
/// Most blocks of a file.
pub const FILE_BLOCKS_MAX: usize = 256;
/// Bytes from which on a file is finished (4 MiB); its last block may go far beyond.
pub const FILE_BYTES: usize = 4 << 20;
/// Most bytes of a block's content, 512 MiB. A block holds 32 MiB unpacked, but a record may be packed badly on purpose.
pub const CONTENT_BYTES_MAX: usize = 512 << 20;
/// Bytes of a record besides its value.
const RECORD_HEAD: usize = 20;
/// zstd level: most of the content is compressed already.
const LEVEL: i32 = 1;

/// Why bytes are no block file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotBlocks(pub String);

fn not(detail: impl Into<String>) -> NotBlocks {
    NotBlocks(detail.into())
}

/// Whether a file with so much in it is finished.
pub fn is_finished(blocks: usize, bytes: usize) -> bool {
    blocks >= FILE_BLOCKS_MAX || bytes >= FILE_BYTES
}

/// One block as it stands in a file.
///
/// # Errors
/// A block beyond the limits, or one that lacks records of its cuts.
pub fn encode(block: &SealedBlock) -> Result<Vec<u8>, NotBlocks> {
    if block.records.len() != block.header.records() as usize {
        return Err(not(format!("block {} does not hold all its records", block.header.height)));
    }
    let bytes =
        4 + block.text.len() + block.records.iter().map(|record| RECORD_HEAD + record.value.len()).sum::<usize>();
    if bytes > CONTENT_BYTES_MAX {
        return Err(not(format!("block {} has {bytes} bytes", block.header.height)));
    }
    let mut content = Vec::with_capacity(bytes);
    content.extend(length(block.text.len())?);
    content.extend(block.text.as_bytes());
    for record in &block.records {
        content.extend(record.offset.to_be_bytes());
        content.extend(record.timestamp_ms.to_be_bytes());
        content.extend(length(record.value.len())?);
        content.extend(&record.value);
    }
    let pack = || {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        compressor.compress(&content)
    };
    let frame = pack().map_err(|error: std::io::Error| not(error.to_string()))?;
    Ok([&length(frame.len())?[..], &frame].concat())
}

fn length(length: usize) -> Result<[u8; 4], NotBlocks> {
    u32::try_from(length).map(u32::to_be_bytes).map_err(|_| not("it is too long"))
}

/// Reads the block that `bytes` begins with, and how many bytes it takes; `None` at the end.
///
/// # Errors
/// Bytes that are none.
pub fn decode(bytes: &[u8]) -> Result<Option<(SealedBlock, usize)>, NotBlocks> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let torn = || not("it ends in the middle of a block");
    let mut rest = Rest(bytes);
    let frame = rest.counted(bytes.len()).ok_or_else(torn)?;
    let taken = bytes.len() - rest.0.len();
    let size = match zstd::zstd_safe::get_frame_content_size(frame) {
        Ok(Some(size)) if size <= CONTENT_BYTES_MAX as u64 => size as usize,
        _ => return Err(not("a block is no zstd frame of an allowed size")),
    };
    if zstd::zstd_safe::find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(not("a block is not one zstd frame"));
    }
    let content = zstd::bulk::decompress(frame, size).map_err(|error| not(format!("a block is damaged: {error}")))?;
    Ok(Some((block(&content)?, taken)))
}

fn block(content: &[u8]) -> Result<SealedBlock, NotBlocks> {
    let mut rest = Rest(content);
    let text = rest.counted(HEADER_BYTES_MAX).ok_or_else(|| not("a block has no header"))?;
    let text = std::str::from_utf8(text).map_err(|_| not("a header is no text"))?.to_owned();
    let header = Header::parse(&text).map_err(|fault| not(format!("a header is none: {fault}")))?;
    let short = || not(format!("block {} lacks records", header.height));
    let mut records = Vec::new();
    for (cut, ordinals) in header.cuts_with_ordinals() {
        let mut from = cut.from;
        for ordinal in ordinals {
            let offset = u64::from_be_bytes(rest.array().ok_or_else(short)?);
            let timestamp_ms = i64::from_be_bytes(rest.array().ok_or_else(short)?);
            let value = rest.counted(MESSAGE_BYTES_MAX).ok_or_else(short)?;
            if !(from..cut.to).contains(&offset) {
                return Err(not(format!("block {}: offset {offset} does not follow in its cut", header.height)));
            }
            from = offset + 1;
            records.push(SealedRecord {
                ordinal,
                topic: cut.topic.to_string(),
                partition: cut.partition as i32,
                offset,
                timestamp_ms,
                value: value.to_vec(),
                bad: header.bad_reason(ordinal).map(ToString::to_string),
            });
        }
    }
    match rest.0.is_empty() {
        true => Ok(SealedBlock { header, text, records, erased: BTreeMap::new() }),
        false => Err(not(format!("block {} is followed by something else", header.height))),
    }
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// Bytes after their length, at most `max`.
    fn counted(&mut self, max: usize) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.array()?) as usize;
        let (bytes, rest) = self.0.split_at_checked(length).filter(|_| length <= max)?;
        self.0 = rest;
        Some(bytes)
    }
}
