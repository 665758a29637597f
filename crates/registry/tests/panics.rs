//! Whatever is sent as a notice is read or refused, never a panic; what is read says the same when printed.

use medtrace_registry::Notice;
use proptest::prelude::*;

const NOTICES: [&str; 2] = [
    r#"{"type":"place","place":"https://id.gs1.org/414/9506000134352","revision":1,"party":"factory-01",
        "name":{"en":"Works 1"},"region":"CN"}"#,
    r#"{"type":"product","product":"drug-1","revision":1,"owner":"factory-01","gtin":"09521141012345","kind":"drug",
        "name":{"zh-CN":"药","en":"Drug"},"serialised":true,"lotRequired":true,"shelfLifeDays":730,
        "codes":[{"scheme":"cn-drug","code":"8123456"},{"scheme":"cn-insurance","code":"XA01ABD075A002010100483"}]}"#,
];

fn read(bytes: &[u8]) -> Result<(), TestCaseError> {
    _ = Notice::parse(bytes);
    if let Ok(notice) = Notice::read(bytes) {
        prop_assert_eq!(Notice::parse(&notice.to_jcs()).ok(), Some(notice));
    }
    Ok(())
}

#[test]
fn the_notices_are_right_before_they_are_damaged() {
    for notice in NOTICES {
        Notice::read(notice.as_bytes()).unwrap_or_else(|refusals| panic!("{refusals:?}"));
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes)?;
    }

    #[test]
    fn damaged_notices(
        notice in prop::sample::select(NOTICES.to_vec()),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..12,
        put in r#"[\{\}\[\]":,a1 \\-]{0,6}"#,
    ) {
        let mut bytes = notice.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + cut).min(bytes.len()), put.into_bytes());
        read(&bytes)?;
    }
}
