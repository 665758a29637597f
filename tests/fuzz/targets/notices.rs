//! Notices of parties, products, places, recalls.
#![no_main]

use libfuzzer_sys::fuzz_target;
use medtrace_registry::Notice;

fuzz_target!(|bytes: &[u8]| {
    _ = Notice::parse(bytes);
    if let Ok(notice) = Notice::read(bytes) {
        assert_eq!(Notice::parse(&notice.to_jcs()).as_ref(), Ok(&notice));
        notice.kind();
        notice.subject();
        notice.revision();
    }
});
