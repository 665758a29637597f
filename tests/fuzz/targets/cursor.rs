//! Tokens of the next page: any text is refused or read, and what is read is written the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_fuzz::cursor::Cursor;
use medtrace_fuzz::text;
use medtrace_fuzz::token::{Binding, Refused};
use medtrace_ledger::Hash;

const GENESIS: Hash = Hash([1; 32]);
const QUERY: [u8; 32] = [7; 32];
/// Bytes of a token's fields.
const FIELDS: usize = 45;

fuzz_target!(|bytes: &[u8]| {
    if let Some(token) = text(bytes) {
        _ = read(token);
    }
    // With the check that belongs to them: without it a fuzzer hardly ever gets beyond it.
    if let Some((fields, _)) = bytes.split_first_chunk::<FIELDS>() {
        let binding = Binding { label: "medtrace/next-page/v1", genesis: GENESIS, fingerprint: QUERY };
        let refused = read(&binding.write(*fields)).err();
        assert!(refused.is_none_or(|refused| refused == Refused::Expired), "{refused:?}");
    }
});

fn read(token: &str) -> Result<(), Refused> {
    let cursor = Cursor::read(token, &GENESIS, &QUERY, 0)?;
    assert_eq!(cursor.token(&GENESIS, &QUERY), token);
    Ok(())
}
