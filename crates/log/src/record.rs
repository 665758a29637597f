//! The record: one signed submission as it stands in `scan-events` and `notices`.
//!
//! ```text
//! Kafka key     party (decides the partition; not evidence)
//! Kafka value   Avro single-object encoding of schemas/submission.avsc:
//!   C3 01                       marker
//!   8 bytes LE                  CRC-64-AVRO fingerprint of the schema's canonical form
//!   note    string              zigzag varint length, UTF-8
//!   salts   bytes               zigzag varint length, 16 bytes for each item
//!   bodies  bytes               zigzag varint length, the frame (see frame.rs)
//! ```
//!
//! Whether a value can be decoded decides how it is sealed (as a submission, or as an undecodable record), so the rule
//! is exact: a value decodes if it is at most [`RECORD_BYTES_MAX`] long, is the encoding of what it decodes to, byte
//! for byte, its frame unpacks, and there are 16 bytes of salt for each item.

use std::cell::RefCell;
use std::sync::LazyLock;

use apache_avro::types::Value;
use apache_avro::{GenericSingleObjectReader, GenericSingleObjectWriter, Schema};
use medtrace_ledger::{Item, ItemLeaf, Salt};

use crate::RECORD_BYTES_MAX;
use crate::frame::{self, Bodies, Body, FrameError};

/// The Avro schema, as checked in.
pub const SCHEMA_TEXT: &str = include_str!("../../../schemas/submission.avsc");
/// Bytes of one salt.
const SALT_BYTES: usize = 16;

/// One submission in transport form. `bodies` stays compressed: the store keeps it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The signed note, whole.
    pub note: String,
    /// One for each item, in order; zeros for an erased one.
    pub salts: Vec<Salt>,
    /// One zstd frame, see [`frame`].
    pub bodies: Vec<u8>,
}

/// A record with its items unpacked: as many as it has salts, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    pub record: Record,
    pub bodies: Bodies,
}

/// Why a record cannot be encoded or decoded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("use the record: {0} bytes, at most {RECORD_BYTES_MAX} allowed")]
    TooLarge(usize),
    #[error("read the record: not in the encoding of a submission")]
    Avro(#[source] Option<Box<apache_avro::Error>>),
    #[error("read the record: {salts} bytes of salt for {items} items")]
    Salts { salts: usize, items: usize },
    #[error(transparent)]
    Frame(#[from] FrameError),
}

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(SCHEMA_TEXT).expect("the checked-in schema is valid"));

static READER: LazyLock<GenericSingleObjectReader> = LazyLock::new(|| {
    // Lengths inside a value are untrusted: none may ask for more than a record has. (Process-wide, first call wins.)
    apache_avro::util::max_allocation_bytes(RECORD_BYTES_MAX);
    GenericSingleObjectReader::builder().schema(SCHEMA.clone()).build().expect("the checked-in schema is valid")
});

thread_local! {
    /// The schema's fingerprint and names are worked out once for each thread.
    static WRITER: RefCell<GenericSingleObjectWriter> = RefCell::new(
        GenericSingleObjectWriter::new_with_capacity(&SCHEMA, 0).expect("the checked-in schema is valid"),
    );
}

impl Record {
    /// Packs items for the log; `note` must be the note over them.
    pub fn pack<'a>(note: String, items: impl IntoIterator<Item = Item<'a>>) -> Result<Record, RecordError> {
        let (salts, bodies): (Vec<_>, Vec<_>) =
            items.into_iter().map(|item| (item.salt, Body::Whole(item.kind, item.bytes))).unzip();
        Ok(Record { note, salts, bodies: frame::pack(bodies)? })
    }

    /// The bytes of the Kafka value.
    pub fn encode(self) -> Result<Vec<u8>, RecordError> {
        encode(self.note, self.salts.iter().flat_map(|salt| salt.0).collect(), self.bodies)
    }

    /// Reads a Kafka value by the rule above.
    pub fn decode(value: &[u8]) -> Result<Unpacked, RecordError> {
        let (note, salts, frame) = read(value)?;
        let bodies = frame::unpack(&frame)?;
        let (salts, rest) = salts.as_chunks::<SALT_BYTES>();
        if salts.len() != bodies.len() || !rest.is_empty() {
            return Err(RecordError::Salts { salts: salts.len() * SALT_BYTES + rest.len(), items: bodies.len() });
        }
        let record = Record { note, salts: salts.iter().map(|salt| Salt(*salt)).collect(), bodies: frame };
        // Trailing bytes, over-long varints: one submission has one encoding.
        match record.clone().encode()? == value {
            true => Ok(Unpacked { record, bodies }),
            false => Err(RecordError::Avro(None)),
        }
    }

    /// What a Kafka value takes unpacked ([`Unpacked::bytes`]) by what its frame declares, or as it is, if that is more or it
    /// cannot be read. For whoever has to make room before anything is decompressed.
    pub fn declared_bytes(value: &[u8]) -> usize {
        let declared = read(value)
            .ok()
            .and_then(|(note, salts, frame)| Some(note.len() + salts.len() + frame::declared(&frame).ok()?));
        declared.unwrap_or_default().max(value.len())
    }

    /// Unpacks a record that was kept by its parts (as the store does).
    pub fn unpack(self) -> Result<Unpacked, RecordError> {
        let bodies = frame::unpack(&self.bodies)?;
        match self.salts.len() == bodies.len() {
            true => Ok(Unpacked { record: self, bodies }),
            false => Err(RecordError::Salts { salts: self.salts.len() * SALT_BYTES, items: bodies.len() }),
        }
    }
}

impl Unpacked {
    /// How many items, erased ones included.
    pub fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Bytes of the note, the salts and the bodies, unpacked: what the record counts towards a block's limit.
    pub fn bytes(&self) -> usize {
        self.record.note.len() + self.record.salts.len() * SALT_BYTES + self.bodies.bytes()
    }

    /// Never true for what [`Record::decode`] returns.
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    /// The item at `index`; `None` if it is erased or not there.
    pub fn item(&self, index: usize) -> Option<Item<'_>> {
        match self.bodies.get(index)? {
            Body::Whole(kind, bytes) => Some(Item { kind, salt: *self.record.salts.get(index)?, bytes }),
            Body::Erased(_) => None,
        }
    }

    /// The leaf of every item, computed from its bytes (of an erased item as it is carried).
    pub fn leaves(&self) -> Vec<ItemLeaf> {
        let leaf = |(body, salt): (Body<'_>, &Salt)| match body {
            Body::Whole(kind, bytes) => Item { kind, salt: *salt, bytes }.leaf(),
            Body::Erased(hash) => ItemLeaf::erased(hash),
        };
        self.bodies.iter().zip(&self.record.salts).map(leaf).collect()
    }
}

fn encode(note: String, salts: Vec<u8>, bodies: Vec<u8>) -> Result<Vec<u8>, RecordError> {
    let mut value = Vec::with_capacity(note.len() + salts.len() + bodies.len() + 32);
    let fields = vec![
        ("note".to_owned(), Value::String(note)),
        ("salts".to_owned(), Value::Bytes(salts)),
        ("bodies".to_owned(), Value::Bytes(bodies)),
    ];
    WRITER
        .with_borrow_mut(|writer| writer.write_value_ref(&Value::Record(fields), &mut value))
        .map_err(|error| RecordError::Avro(Some(Box::new(error))))?;
    match value.len() {
        size if size > RECORD_BYTES_MAX => Err(RecordError::TooLarge(size)),
        _ => Ok(value),
    }
}

/// Note, salts and frame of a value in the encoding of a submission, or one that differs from it by its form only.
fn read(value: &[u8]) -> Result<(String, Vec<u8>, Vec<u8>), RecordError> {
    if value.len() > RECORD_BYTES_MAX {
        return Err(RecordError::TooLarge(value.len()));
    }
    let read = READER.read_value(&mut &*value).map_err(|error| RecordError::Avro(Some(Box::new(error))))?;
    fields(read).ok_or(RecordError::Avro(None))
}

fn fields(value: Value) -> Option<(String, Vec<u8>, Vec<u8>)> {
    let Value::Record(fields) = value else { return None };
    let mut fields = fields.into_iter().map(|(_, field)| field);
    match (fields.next(), fields.next(), fields.next()) {
        (Some(Value::String(note)), Some(Value::Bytes(salts)), Some(Value::Bytes(bodies))) => {
            Some((note, salts, bodies))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use medtrace_ledger::{Hash, ItemKind};
    use proptest::prelude::*;

    use super::*;

    fn sample(bodies: &[&[u8]]) -> Record {
        let items = bodies.iter().enumerate().map(|(i, bytes)| {
            let salt = Salt([u8::try_from(i).unwrap(); 16]);
            Item { kind: ItemKind::Event, salt, bytes }
        });
        Record::pack("text\n\n— name AAAA\n".into(), items).unwrap()
    }

    /// Zigzag varints by hand, so that the layout is not checked by what made it.
    fn by_hand(record: &Record) -> Vec<u8> {
        let salts: Vec<u8> = record.salts.iter().flat_map(|salt| salt.0).collect();
        // CRC-64-AVRO of the canonical form, by the algorithm of the specification.
        let canonical = r#"{"name":"org.medtrace.v1.Submission","type":"record","fields":[{"name":"note","type":"string"},{"name":"salts","type":"bytes"},{"name":"bodies","type":"bytes"}]}"#;
        let mut bytes = vec![0xc3, 0x01];
        bytes.extend(crc64_avro(canonical.as_bytes()).to_le_bytes());
        for field in [record.note.as_bytes(), &salts, &record.bodies] {
            let mut length = field.len() << 1;
            while length >= 0x80 {
                bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
                length >>= 7;
            }
            bytes.push(u8::try_from(length).unwrap());
            bytes.extend_from_slice(field);
        }
        bytes
    }

    fn crc64_avro(bytes: &[u8]) -> u64 {
        const EMPTY: u64 = 0xc15d_213a_a4d7_a795;
        let step = |crc: u64, byte: &u8| {
            let index = (crc ^ u64::from(*byte)) & 0xff;
            let table = (0..8).fold(index, |value, _| (value >> 1) ^ (EMPTY & 0u64.wrapping_sub(value & 1)));
            (crc >> 8) ^ table
        };
        bytes.iter().fold(EMPTY, step)
    }

    #[test]
    fn the_value_is_the_drawn_one() {
        let record = sample(&[b"{}", &[b' '; 300]]);
        assert_eq!(record.clone().encode().unwrap(), by_hand(&record));
    }

    #[test]
    fn only_one_value_stands_for_a_record() {
        let record = sample(&[b"{\"a\":1}"]);
        let value = record.clone().encode().unwrap();
        assert_eq!(Record::decode(&value).unwrap().record, record);
        let trailing = [&value[..], &[0]].concat();
        // The note's length with a needless continuation byte.
        let long_length = [&value[..10], &[value[10] | 0x80, 0x00], &value[11..]].concat();
        let other_schema = [&value[..2], &[0; 8], &value[10..]].concat();
        // A length of 2^40 bytes.
        let endless = [&value[..10], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x40]].concat();
        for bad in [&trailing, &long_length, &other_schema, &endless, &value[..value.len() - 1].to_vec(), &vec![]] {
            assert!(Record::decode(bad).is_err(), "{bad:?}");
        }
        let not_utf8: Vec<u8> = value.iter().map(|byte| if *byte == b't' { 0xff } else { *byte }).collect();
        assert!(Record::decode(&not_utf8).is_err());
        assert!(matches!(Record::decode(&vec![0; RECORD_BYTES_MAX + 1]), Err(RecordError::TooLarge(_))));
    }

    #[test]
    fn what_it_takes_unpacked_is_known_before() {
        let value = sample(&[b"1", &[b' '; 100_000]]).encode().unwrap();
        let bytes = "text\n\n— name AAAA\n".len() + 2 * 16 + 2 * 5 + 100_001;
        assert!(value.len() < 500);
        assert_eq!((Record::declared_bytes(&value), Record::decode(&value).unwrap().bytes()), (bytes, bytes));
        assert_eq!(Record::declared_bytes(b"nonsense"), 8);
    }

    #[test]
    fn salts_and_items_must_be_equally_many() {
        let mut record = sample(&[b"1", b"2"]);
        record.salts.pop();
        let value = record.clone().encode().unwrap();
        assert!(matches!(Record::decode(&value), Err(RecordError::Salts { salts: 16, items: 2 })));
        assert!(record.unpack().is_err());
    }

    #[test]
    fn leaves_are_those_of_the_items_and_an_erased_one_keeps_its_own() {
        let whole = Item { kind: ItemKind::Document, salt: Salt([9; 16]), bytes: b"[]" };
        let bodies = frame::pack([Body::Whole(whole.kind, whole.bytes), Body::Erased(Hash([3; 32]))]).unwrap();
        let record = Record { note: "n".into(), salts: vec![whole.salt, Salt([0; 16])], bodies };
        let unpacked = record.unpack().unwrap();
        assert_eq!(unpacked.leaves(), [whole.leaf(), ItemLeaf::erased(Hash([3; 32]))]);
        assert_eq!((unpacked.item(0), unpacked.item(1), unpacked.item(2)), (Some(whole), None, None));
    }

    proptest! {
        #[test]
        fn damaged_values_are_refused_or_are_another_record(
            index in any::<proptest::sample::Index>(), bit in 0u8..8,
        ) {
            let value = sample(&[b"{\"a\":1}", b"{\"b\":2}"]).encode().unwrap();
            let mut damaged = value.clone();
            damaged[index.index(value.len())] ^= 1 << bit;
            if let Ok(unpacked) = Record::decode(&damaged) {
                prop_assert_eq!(unpacked.record.encode().unwrap(), damaged);
            }
        }
    }
}
