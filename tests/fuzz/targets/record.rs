//! Records of the log: what decodes is the encoding of itself, and what is packed comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_fuzz::record::Record;
use medtrace_fuzz::text;
use medtrace_ledger::{Item, ItemKind, Salt};

fuzz_target!(|bytes: &[u8]| {
    Record::declared_bytes(bytes);
    if let Ok(unpacked) = Record::decode(bytes) {
        assert_eq!(unpacked.record.encode().ok().as_deref(), Some(bytes));
    }
    let (note, bodies) = bytes.split_at(bytes.len() / 4);
    let items = bodies.split(|byte| *byte == b'\n');
    let items = items.map(|bytes| Item { kind: ItemKind::Event, salt: Salt([7; 16]), bytes });
    let Some(record) = text(note).and_then(|note| Record::pack(note.to_owned(), items).ok()) else { return };
    let value = record.clone().encode().expect("what was packed");
    assert_eq!(Record::decode(&value).map(|unpacked| unpacked.record).ok(), Some(record));
});
