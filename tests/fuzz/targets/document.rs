//! Documents, at once and event by event, JSON and XML: what is written again as XML says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_event::document::Document;
use medtrace_event::{Source, seal};

fuzz_target!(|bytes: &[u8]| {
    let whole = Document::parse(bytes);
    let Ok(source) = Source::open(bytes) else { return };
    let mut entries = Vec::new();
    for event in source {
        match event {
            Ok(event) => {
                let entry = event.entry().clone();
                _ = seal(entry.json.clone(), &entry.context, "acme").map_err(|faults| {
                    faults.into_iter().for_each(|fault| _ = event.located(fault));
                });
                entries.push(entry);
            }
            Err(faults) => assert!(!faults.is_empty()),
        }
    }
    if let Ok(whole) = whole {
        assert_eq!(whole.events, entries);
    }
});
