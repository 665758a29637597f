//! ClickHouse's compressed blocks: `decompress=1` for a request's body, `compress=1` for an answer.
//!
//! ```text
//! 16  checksum      CityHash128 (version 1.0.2) of what follows in the block, its two halves swapped
//!  1  method        0x82 LZ4 block · 0x90 ZSTD · 0x02 none
//!  4  packed size   little-endian; these 9 bytes count
//!  4  size          little-endian; of the data unpacked
//!  …  data
//! ```
//!
//! Source: ClickHouse documentation, "Native format", frame format.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::exception::{Code, Exception};

/// Bytes of one block, packed and unpacked.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;
/// Bytes of an answer in one block.
const ANSWER_BLOCK_BYTES: usize = 1 << 20;

const CHECKSUM: usize = 16;
const HEADER: usize = 9;
const LZ4: u8 = 0x82;
const ZSTD: u8 = 0x90;
const NONE: u8 = 0x02;

/// Takes the next whole block off `input` and unpacks it; `None` until it has arrived.
pub fn unpack(input: &mut BytesMut) -> Result<Option<Bytes>, Exception> {
    let Some(mut header) = input.get(CHECKSUM..CHECKSUM + HEADER) else { return Ok(None) };
    let method = header.get_u8();
    let packed = header.get_u32_le() as usize;
    let size = header.get_u32_le() as usize;
    if !(HEADER..=BLOCK_BYTES_MAX).contains(&packed) || size > BLOCK_BYTES_MAX {
        return Err(Exception::new(Code::CannotDecompress, format_args!("A block of {packed} bytes, unpacked {size}")));
    }
    if input.len() < CHECKSUM + packed {
        input.reserve(CHECKSUM + packed - input.len());
        return Ok(None);
    }
    let mut block = input.split_to(CHECKSUM + packed).freeze();
    let expected = block.get_u128_le();
    if checksum(&block) != expected {
        return Err(Exception::new(Code::ChecksumDoesntMatch, "A block's checksum doesn't match its data"));
    }
    block.advance(HEADER);
    let unpacked = match method {
        LZ4 => lz4_flex::block::decompress(&block, size).map_err(cannot)?,
        ZSTD => zstd::bulk::decompress(&block, size).map_err(cannot)?,
        NONE => return if block.len() == size { Ok(Some(block)) } else { Err(cannot("sizes differ")) },
        other => {
            let message = format_args!("Unknown compression method {other:#04x}");
            return Err(Exception::new(Code::UnknownCompressionMethod, message));
        }
    };
    if unpacked.len() == size { Ok(Some(unpacked.into())) } else { Err(cannot("sizes differ")) }
}

/// Packs `data` into LZ4 blocks.
pub fn pack(data: &[u8]) -> Bytes {
    let mut packed = BytesMut::new();
    for piece in data.chunks(ANSWER_BLOCK_BYTES) {
        let data = lz4_flex::block::compress(piece);
        let mut block = Vec::with_capacity(HEADER + data.len());
        block.put_u8(LZ4);
        // Both are far below 4 GiB: a piece has 1 MiB, and LZ4 adds less than one part in 200.
        block.put_u32_le((HEADER + data.len()) as u32);
        block.put_u32_le(piece.len() as u32);
        block.extend_from_slice(&data);
        packed.put_u128_le(checksum(&block));
        packed.extend_from_slice(&block);
    }
    packed.freeze()
}

fn checksum(block: &[u8]) -> u128 {
    cityhash_rs::cityhash_102_128(block).rotate_right(64)
}

fn cannot(error: impl std::fmt::Display) -> Exception {
    Exception::new(Code::CannotDecompress, format_args!("Cannot decompress a block: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The client crate is the second implementation.
    #[test]
    fn reads_what_the_client_writes() {
        let data = b"one two one two one two one two".repeat(40);
        let foreign = clickhouse::_priv::lz4_compress(&data).unwrap();
        let mut input = BytesMut::from(&foreign[..]);
        assert_eq!(unpack(&mut input).unwrap().unwrap(), data);
        assert!(input.is_empty());
        assert_eq!(pack(&data), foreign);
    }

    #[test]
    fn damage_is_found() {
        let packed = pack(b"some rows");
        for at in 0..packed.len() {
            let mut damaged = BytesMut::from(&packed[..]);
            damaged[at] ^= 1;
            assert!(!matches!(unpack(&mut damaged), Ok(Some(_))), "byte {at}");
        }
        let mut huge = BytesMut::from(&packed[..]);
        huge[20] = 0xff;
        assert_eq!(unpack(&mut huge).unwrap_err().code, 271);
    }

    proptest! {
        #[test]
        fn whatever_is_packed_unpacks_in_any_pieces(data: Vec<u8>, cut in 1_usize..50) {
            let mut input = BytesMut::new();
            let mut unpacked = Vec::new();
            for piece in pack(&data).chunks(cut) {
                input.extend_from_slice(piece);
                while let Some(bytes) = unpack(&mut input).unwrap() {
                    unpacked.extend_from_slice(&bytes);
                }
            }
            prop_assert_eq!(unpacked, data);
            prop_assert!(input.is_empty());
        }

        #[test]
        fn noise_is_refused_or_awaited(noise: Vec<u8>) {
            prop_assert!(!matches!(unpack(&mut BytesMut::from(&noise[..])), Ok(Some(_))));
        }
    }
}
