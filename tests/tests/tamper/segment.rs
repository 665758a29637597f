//! A Kafka log segment as it lies on disk, changed as somebody would who has the broker's machine: a byte of a record's
//! value flipped, and the batch's checksum made right, so that no broker and no client notices.
//!
//! ```text
//! batch v2   baseOffset 8  batchLength 4  leaderEpoch 4  magic 1 = 2  crc32c 4 | attributes 2  lastOffsetDelta 4
//!            baseTimestamp 8  maxTimestamp 8  producerId 8  producerEpoch 2  baseSequence 4  count 4  records …
//! record     length  attributes 1  timestampDelta  offsetDelta  keyLength  key  valueLength  value …     zigzag varints
//! ```
//!
//! The checksum covers everything behind it. Source: Kafka's documentation, "Message format".

use anyhow::{Context, ensure};

const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const CHECKED_FROM: usize = 21;
const RECORDS_FROM: usize = 61;
const MAGIC: u8 = 2;

/// Picks a byte of a value by its length.
pub type Place = fn(usize) -> usize;

/// The segment with one bit flipped in the value of its first record: in the byte that `place` picks of its length.
pub fn tampered(segment: &[u8], place: Place) -> anyhow::Result<Vec<u8>> {
    let mut bytes = segment.to_vec();
    ensure!(bytes.len() > RECORDS_FROM && bytes[MAGIC_AT] == MAGIC, "no batch of version 2");
    let length = u32::from_be_bytes(bytes[8..12].try_into()?) as usize + 12;
    ensure!(length <= bytes.len(), "the first batch is not whole");
    let expected = u32::from_be_bytes(bytes[CRC_AT..CHECKED_FROM].try_into()?);
    ensure!(crc32c(&bytes[CHECKED_FROM..length]) == expected, "the checksum is computed otherwise");

    let mut at = RECORDS_FROM;
    varint(&bytes, &mut at)?;
    at += 1;
    varint(&bytes, &mut at)?;
    varint(&bytes, &mut at)?;
    at += usize::try_from(varint(&bytes, &mut at)?.max(0))?;
    let value = usize::try_from(varint(&bytes, &mut at)?)?;
    ensure!(place(value) < value, "the value has {value} bytes");
    bytes[at + place(value)] ^= 1;

    let crc = crc32c(&bytes[CHECKED_FROM..length]);
    bytes[CRC_AT..CHECKED_FROM].copy_from_slice(&crc.to_be_bytes());
    Ok(bytes)
}

fn varint(bytes: &[u8], at: &mut usize) -> anyhow::Result<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).context("a varint ends")?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    anyhow::bail!("a varint has at most ten bytes")
}

/// CRC-32C (Castagnoli), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn the_checksum_is_that_of_rfc_3720() {
    // RFC 3720, B.4: 32 bytes of zeros; 32 bytes of ones; and the usual nine digits.
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
