//! What a witness is asked, and checkpoints of any log: what is accepted prints to itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_fuzz::text;
use medtrace_ledger::{AddCheckpoint, ForeignCheckpoint, Hash, Signer, SigningKey};

fuzz_target!(|bytes: &[u8]| {
    let Some(text) = text(bytes) else { return };
    let note = match AddCheckpoint::parse(text) {
        Ok(asked) => {
            assert_eq!(asked.to_string(), text);
            asked.note
        }
        Err(_) => text.to_owned(),
    };
    let Ok(checkpoint) = ForeignCheckpoint::parse(&note) else { return };
    assert!(note.starts_with(checkpoint.text()));
    // What is kept of it is read again as the same, and somebody's signature on it is found.
    let Ok(name) = checkpoint.origin().parse::<medtrace_ledger::KeyName>() else { return };
    let signer = Signer::new(name, SigningKey::from_seed(&Hash::default().0));
    let line = signer.sign(checkpoint.text()).expect("a key in memory signs");
    let Ok(kept) = ForeignCheckpoint::parse(&checkpoint.note_with(&[line.clone()])) else { return };
    assert_eq!((kept.text(), kept.size(), kept.root()), (checkpoint.text(), checkpoint.size(), checkpoint.root()));
    assert_eq!(kept.signed_by(&[signer.verifier()]), Some(vec![line]));
});
