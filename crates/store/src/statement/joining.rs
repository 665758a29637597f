//! Making one document of the blocks of an answer.
//!
//! The engine formats each block of a streamed answer as a document of its own: with its header, as if it were the only
//! one. Row formats join by leaving out the later headers; the others (JSON, Parquet, Pretty …) cannot be joined.

use bytes::{Buf, Bytes, BytesMut};

/// How the blocks of a format become one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// One after another.
    Plain,
    /// With a comma between them.
    Commas,
    /// Each starts with this many header lines.
    Lines(u8),
    /// Each starts with this many header lines of CSV, whose quoted names may hold line breaks.
    QuotedLines(u8),
    /// Each starts with a column count and this many strings a column, all lengths LEB128.
    Strings(u8),
}

impl Joining {
    /// The way for a format, by its name in any case; `None` if its blocks cannot be joined.
    pub fn of(format: &str) -> Option<Self> {
        let format = format.to_ascii_lowercase();
        let (base, headers) = match format.strip_suffix("withnamesandtypes") {
            Some(base) => (base, 2),
            None => format.strip_suffix("withnames").map_or((format.as_str(), 0), |base| (base, 1)),
        };
        match (base, headers) {
            ("rowbinary" | "tabseparated" | "tsv" | "tabseparatedraw" | "tsvraw" | "raw" | "csv", 0)
            | ("jsoneachrow" | "jsonlines" | "ndjson" | "jsonstringseachrow", 0)
            | ("jsoncompacteachrow" | "jsoncompactstringseachrow", 0)
            | ("native" | "tskv" | "lineasstring" | "null", 0) => Some(Self::Plain),
            ("values", 0) => Some(Self::Commas),
            ("rowbinary", n) => Some(Self::Strings(n)),
            ("csv", n) => Some(Self::QuotedLines(n)),
            // Not the raw ones: a name with a line break is not escaped there.
            ("tabseparated" | "tsv", n) | ("jsoncompacteachrow" | "jsoncompactstringseachrow", n) => {
                Some(Self::Lines(n))
            }
            _ => None,
        }
    }

    /// Whether blocks start with something that only the first may keep.
    pub fn has_header(self) -> bool {
        !matches!(self, Self::Plain | Self::Commas)
    }

    /// Length of the header that every block starts with.
    fn header(self, block: &[u8]) -> usize {
        match self {
            Self::Plain | Self::Commas => 0,
            Self::Lines(lines) => lines_end(block, lines, false),
            Self::QuotedLines(lines) => lines_end(block, lines, true),
            Self::Strings(each) => strings_end(block, each).unwrap_or(block.len()),
        }
    }
}

/// Joins the blocks of one answer.
#[derive(Debug)]
pub struct Joiner {
    joining: Joining,
    started: bool,
}

impl Joiner {
    pub fn new(joining: Joining) -> Self {
        Self { joining, started: false }
    }

    /// What of `block` goes into the document.
    pub fn join(&mut self, mut block: Bytes) -> Bytes {
        if !std::mem::replace(&mut self.started, true) {
            return block;
        }
        block.advance(self.joining.header(&block));
        if self.joining == Joining::Commas && !block.is_empty() {
            let mut separated = BytesMut::with_capacity(block.len() + 1);
            separated.extend_from_slice(b",");
            separated.extend_from_slice(&block);
            return separated.freeze();
        }
        block
    }
}

fn lines_end(block: &[u8], mut lines: u8, quotes: bool) -> usize {
    let mut quoted = false;
    for (at, byte) in block.iter().enumerate() {
        match byte {
            b'"' if quotes => quoted = !quoted,
            b'\n' if !quoted => {
                lines -= 1;
                if lines == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    block.len()
}

fn strings_end(block: &[u8], each: u8) -> Option<usize> {
    let mut rest = block;
    let columns = leb128(&mut rest)?;
    for _ in 0..columns.checked_mul(u64::from(each))? {
        let length = usize::try_from(leb128(&mut rest)?).ok()?;
        rest = rest.get(length..)?;
    }
    Some(block.len() - rest.len())
}

fn leb128(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(format: &str, blocks: &[&'static [u8]]) -> Vec<u8> {
        let mut joiner = Joiner::new(Joining::of(format).unwrap());
        blocks.iter().flat_map(|block| joiner.join(Bytes::from_static(block))).collect()
    }

    #[test]
    fn later_headers_go() {
        assert_eq!(join("CSV", &[b"1\n", b"2\n"]), b"1\n2\n");
        assert_eq!(join("CSVWithNames", &[b"\"a\n\"\"b\"\n1\n", b"\"a\n\"\"b\"\n2\n"]), b"\"a\n\"\"b\"\n1\n2\n");
        assert_eq!(join("TSVWithNamesAndTypes", &[b"a\"\nInt8\n1\n", b"a\"\nInt8\n2\n"]), b"a\"\nInt8\n1\n2\n");
        assert_eq!(join("RowBinaryWithNames", &[b"\x01\x01a\x07", b"\x01\x01a\x08"]), b"\x01\x01a\x07\x08");
        assert_eq!(
            join("RowBinaryWithNamesAndTypes", &[b"\x01\x01a\x04Int8", b"\x01\x01a\x04Int8\x08"]),
            b"\x01\x01a\x04Int8\x08"
        );
        assert_eq!(join("Values", &[b"(1)", b"(2)", b""]), b"(1),(2)");
    }

    #[test]
    fn documents_do_not_join() {
        for format in [
            "JSON",
            "JSONCompact",
            "Parquet",
            "Pretty",
            "Vertical",
            "XML",
            "Arrow",
            "TSVRawWithNames",
            "nativewithnames",
        ] {
            assert_eq!(Joining::of(format), None, "{format}");
        }
    }
}
