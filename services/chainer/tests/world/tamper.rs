//! Changing what stands in Kafka's files, as somebody with access to the disk would.

use std::fs;
use std::path::Path;

/// Bytes before the checksum of a record batch: base offset, length, leader epoch, magic.
const TO_CRC: usize = 8 + 4 + 4 + 1;

/// Flips one bit of the first occurrence of `needle` in a segment of a partition. With `honest`, the checksum of the
/// batch is made right again, so that Kafka itself notices nothing. The node must not run.
pub fn flip(segment: &Path, needle: &[u8], honest: bool) {
    let mut bytes = fs::read(segment).unwrap();
    let at = bytes.windows(needle.len()).position(|window| window == needle).expect("it stands there");
    bytes[at] ^= 1;
    if honest {
        let (start, end) = batch_around(&bytes, at);
        let crc = crc32c(&bytes[start + TO_CRC + 4..end]);
        bytes[start + TO_CRC..start + TO_CRC + 4].copy_from_slice(&crc.to_be_bytes());
    }
    fs::write(segment, bytes).unwrap();
}

fn batch_around(bytes: &[u8], at: usize) -> (usize, usize) {
    let mut start = 0;
    loop {
        let length = u32::from_be_bytes(bytes[start + 8..start + 12].try_into().unwrap());
        let end = start + 12 + usize::try_from(length).unwrap();
        if at < end {
            return (start, end);
        }
        start = end;
    }
}

/// CRC-32C (Castagnoli), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0x82f6_3b78 * (c & 1)));
    !bytes.iter().fold(u32::MAX, step)
}

#[test]
fn the_checksum_is_castagnolis() {
    // RFC 3720, appendix B.4.
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
}
