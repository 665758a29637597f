//! The texts of evidence: what is accepted prints as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_fuzz::text;
use medtrace_ledger::{Checkpoint, Genesis, Header, KeyEntry, Proof, Receipt, Submission};

fuzz_target!(|bytes: &[u8]| {
    let Some(text) = text(bytes) else { return };
    let printed = [
        Submission::parse(text).map(|it| it.text()).ok(),
        Header::parse(text).map(|it| it.text()).ok(),
        Checkpoint::parse(text).map(|it| it.text()).ok(),
        KeyEntry::parse(text).map(|it| it.text()).ok(),
        Receipt::parse(text).map(|it| it.text()).ok(),
        Genesis::parse_text(text).map(|it| it.text()).ok(),
        Proof::parse(text).map(|it| it.text()).ok(),
    ];
    printed.into_iter().flatten().for_each(|printed| assert_eq!(printed, text));
    _ = Proof::from_bytes(bytes);
    _ = Genesis::parse(text);
});
