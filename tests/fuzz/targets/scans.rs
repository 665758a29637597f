//! Scan requests and the events that they become.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_event::scan::{ScanBody, Who};

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = ScanBody::parse(bytes) else { return };
    let who = Who::default();
    for request in &body.requests {
        let scanned = request.events(&who);
        scanned.all_faults().for_each(drop);
    }
});
