//! One event: read, judged, sealed, opened, hashed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_event::{CbvVersion, Context, Event, Json, event_hash, open, seal, semantics};

fuzz_target!(|bytes: &[u8]| {
    let Ok(json) = Json::parse(bytes) else { return };
    event_hash(&json, CbvVersion::V2_0);
    event_hash(&json, CbvVersion::V2_1);
    let Ok(event) = Event::from_json(json.clone()) else { return };
    let findings = semantics::check(&event);
    let Ok(context) = Context::of_event(&json) else { return };
    match seal(json, &context, "acme") {
        Ok(sealed) => assert_eq!(open(&sealed.bytes, "acme").as_ref(), Ok(&sealed)),
        Err(faults) => assert!(!faults.is_empty() && faults == findings.faults, "{faults:?}"),
    }
});
