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

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::parse_str(SCHEMA_TEXT).expect("the checked-in schema is valid"));

static READER: LazyLock<GenericSingleObjectReader> = LazyLock::new(|| {
    // Lengths inside a value are untrusted: none may ask for more than a record has. (Process-wide, first call wins.)
    apache_avro::util::max_allocation_bytes(RECORD_BYTES_MAX);
    GenericSingleObjectReader::builder().schema(SCHEMA.clone()).build().expect("the checked-in schema is valid")
});

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
        if value.len() > RECORD_BYTES_MAX {
            return Err(RecordError::TooLarge(value.len()));
        }
        let read = READER.read_value(&mut &*value).map_err(|error| RecordError::Avro(Some(Box::new(error))))?;
        let (note, salts, frame) = fields(read).ok_or(RecordError::Avro(None))?;
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
    let mut writer = GenericSingleObjectWriter::new_with_capacity(&SCHEMA, 0).expect("the checked-in schema is valid");
    let fields = vec![
        ("note".to_owned(), Value::String(note)),
        ("salts".to_owned(), Value::Bytes(salts)),
        ("bodies".to_owned(), Value::Bytes(bodies)),
    ];
    writer
        .write_value_ref(&Value::Record(fields), &mut value)
        .map_err(|error| RecordError::Avro(Some(Box::new(error))))?;
    match value.len() {
        size if size > RECORD_BYTES_MAX => Err(RecordError::TooLarge(size)),
        _ => Ok(value),
    }
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
