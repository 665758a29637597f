//! The texts of evidence: what is accepted prints as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_fuzz::text;
use medtrace_ledger::{Checkpoint, Evidence, Genesis, Header, KeyEntry, Policy, Receipt, Submission};

fuzz_target!(|bytes: &[u8]| {
    let Some(text) = text(bytes) else { return };
    let printed = [
        Submission::parse(text).map(|it| it.text()).ok(),
        Header::parse(text).map(|it| it.text()).ok(),
        Checkpoint::parse(text).map(|it| it.text()).ok(),
        KeyEntry::parse(text).map(|it| it.text()).ok(),
        Receipt::parse(text).map(|it| it.text()).ok(),
        Genesis::parse_text(text).map(|it| it.text()).ok(),
        Policy::parse(text).map(|it| it.text()).ok(),
        Evidence::from_bytes(bytes).map(|it| it.text()).ok(),
    ];
    printed.into_iter().flatten().for_each(|printed| assert_eq!(printed, text));
    _ = Genesis::parse(text);
});
