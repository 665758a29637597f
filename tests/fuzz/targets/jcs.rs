//! I-JSON and its canonical form: a fixed point after one step.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_event::Json;

fuzz_target!(|bytes: &[u8]| {
    let Ok(json) = Json::parse(bytes) else { return };
    let canonical = json.to_jcs();
    assert_eq!(Json::parse(&canonical).as_ref(), Ok(&json));
    assert_eq!(Json::parse(&canonical).map(|json| json.to_jcs()), Ok(canonical));
});
