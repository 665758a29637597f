//! Signed notes, key names and keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_fuzz::text;
use medtrace_ledger::{Hash, Note, Origin, PartyId, PublicKey, TopicUuid, VerifierKey};

fuzz_target!(|bytes: &[u8]| {
    let Some(text) = text(bytes) else { return };
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text);
        _ = note.verify_exactly(&[]);
    }
    _ = PublicKey::parse(text).map(|key| assert_eq!(PublicKey::parse(&key.to_string()), Ok(key)));
    if let Ok((key, usage)) = VerifierKey::parse_vkey(text) {
        assert_eq!(key.vkey(usage), text);
    }
    _ = text.parse::<Hash>();
    _ = text.parse::<Origin>();
    _ = text.parse::<PartyId>();
    _ = text.parse::<TopicUuid>();
});
