//! Reading a common scan allocates nothing: its serial and lot are held inline. Its canonical URI is one allocation.

use allocation_counter::measure;
use medtrace_gs1::parse;

#[test]
fn common_scans_are_read_without_allocation() {
    for scan in [
        "]d201095211410123451728123110LOT-2026-A\u{1d}21ABC123456789",
        "010952114101234521ABC123456789\u{1d}1728123110LOT-1",
        "010952114101234521ABC123456789",
        "(01)09521141012345(21)ABC123456789",
        "]C100106141412345678908",
        "81234561234567890123",
        "9521141012345",
        "https://id.gs1.org/01/09521141012345/10/LOT-1/21/ABC123?17=281231",
    ] {
        let mut read = None;
        let allocated = measure(|| read = Some(parse(scan)));
        let code = read.and_then(Result::ok).unwrap_or_else(|| panic!("{scan}"));
        assert_eq!(allocated.count_total, 0, "{scan}");
        let mut key = String::new();
        let allocated = measure(|| key = code.thing.uri());
        assert_eq!(allocated.count_total, 1, "{key}");
    }
}
