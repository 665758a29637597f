//! Nothing that is read can panic, and what is accepted is stable.

use medtrace_gs1::{Class, Code, Thing, parse};
use proptest::prelude::*;

/// Pieces of codes in any order: far more of them are nearly right than of random text.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        proptest::sample::select(vec![
            "]d2",
            "]C1",
            "]",
            "(",
            ")",
            "(01)",
            "(21)",
            "\\(",
            "\u{1d}",
            "01",
            "10",
            "17",
            "21",
            "8003",
            "8006",
            "8010",
            "253",
            "09521141012345",
            "106141412345678908",
            "281231",
            "281200",
            "https://",
            "id.gs1.org",
            "h.example",
            "/",
            "?",
            "&",
            "=",
            "#",
            "%",
            "%41",
            "%E6",
            "gtin",
            "urn:epc:",
            "id:",
            "class:",
            "idpat:",
            "sgtin:",
            "itip:",
            "grai:",
            "sgln:",
            "giai:",
            "0614141",
            ".",
            "107346",
            "*",
            "urn:medtrace:cn-drug:",
            "urn:medtrace:isbt128:",
            "urn:epc:tag:sgtin-96:3.",
            "+A99912345",
            "/$$",
            "$+",
            "+$$5",
            "*",
            "=/A9999XYZ100T0944",
            "=,000025",
            "=>014032",
            "=+02000",
            "&,1",
            "=%",
            "MA.156.M0.100761.",
            "21234561",
            ".S",
            ".E220130",
            "|",
            "^]",
            "~",
            "81234561234567890123",
            "批",
            "\u{e9}",
            " ",
            "<GS>",
        ])
        .prop_map(str::to_string),
        "[!-~]{1,5}",
    ];
    proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

/// Reading must answer, and what it accepts must be stable.
fn read(text: &str) -> Result<(), TestCaseError> {
    prop_assert!(medtrace_gs1::identify(text, Default::default()).len() <= 8);
    if let Ok(code) = parse(text) {
        prop_assert_eq!(Thing::from_uri(&code.thing.uri()), Ok(code.thing.clone()));
        let again = parse(&code.to_element_string());
        prop_assert_eq!(again.as_ref().map(|again| &again.thing), Ok(&code.thing));
        if (41..=43).contains(&code.thing.scheme().number()) {
            prop_assert_eq!(again, Ok(code));
        }
    }
    if let Ok(thing) = Thing::from_uri(text) {
        prop_assert_eq!(Thing::from_uri(&thing.uri()), Ok(thing));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_codes_never_panic(text in soup()) { read(&text)?; }

    #[test]
    fn any_text_never_panics(text in any::<String>()) { read(&text)?; }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        read(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn stored_parts_never_panic(class in any::<u64>(), id in any::<String>()) {
        if let Some(class) = Class::from_u64(class) {
            let thing = Thing::new(class, &id);
            _ = (thing.uri(), thing.key_text(), thing.epc_urn(7), thing.issued_under("06"), thing.level(), thing.lot());
            _ = (Code::of(thing.clone()).to_element_string(), thing.gtin().map(|g| g.to_string()), thing.serial());
        }
    }
}
