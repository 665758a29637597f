//! What is refused, by which rule, and that the answer says what would be right.

use medtrace_gs1::{Gln, Gtin, Thing, parse};

#[rustfmt::skip]
const REFUSED: &[(&str, &str, &str)] = &[
    ("", "empty", "the code is empty"),
    ("  \r\n", "empty", "the code is empty"),
    ("]d2", "empty", "the code is empty"),
    ("]d", "symbology", "such as ]d2"),
    ("]?201", "symbology", "such as ]d2"),
    ("hello", "not-a-code", "should be a GS1 code"),
    ("LOT:123", "not-a-code", "should be a GS1 code"),
    // HIBCC
    ("+A99912345/$$52001510X34", "check-digit", "check character should be 3, not 4"),
    ("+A123BJC5D6E71", "check-digit", "check character should be F, not 1"),
    ("+a123bjc5d6e71g", "charset", "should hold only capital letters"),
    ("+$$52001510X3GD", "no-key", "is the secondary code only: scan the primary code"),
    ("+A999123457 +$$52001510X3GD", "value", "should end in the link character 7"),
    ("+/EO5232013", "unsupported", "names no goods"),
    ("+1", "check-digit", "check character should be"),
    ("+", "length", "a HIBCC code"),
    ("+A99Q", "length", "has 3 characters and should have 6 to 23"),
    ("+A9991234XZ", "value", "end in the digit of its unit"),
    ("+A99912345/$$2133105LW", "date", "should hold a day of the calendar"),
    ("+A99912345/$$8X.", "value", "a count of 2 digits"),
    ("+A99912345/?3", "charset", "holds '?'"),
    ("+A99912345/S1/S2H", "repeated", "two different values of its serial"),
    // ISBT 128
    ("=/A9999XYZ100T094", "length", "has 15 characters and should have 16"),
    ("=A99971312345600", "no-key", "is the number of a donation: scan its product code"),
    ("=/A9999XYZ100T0944=>014366", "date", "should be a day as CYYJJJ"),
    ("=/A9999XYZ100T0944&>0143651260", "date", "should be a day as CYYJJJ, and a time"),
    ("=/A9999XYZ100T0944=,1", "length", "has 1 characters and should have 6"),
    ("=+03000=/A9999XYZ100T0944=,000025", "length", "more or fewer structures"),
    ("=/A9999XYZ100T0944=/B9999XYZ100T0944", "repeated", "two different values of its device identifier"),
    ("=/A9999xyz100T0944", "charset", "should not hold 'x'"),
    ("&", "value", "such as =/ or =,"),
    ("=/A9999XYZ100T0944,1", "value", "such as =/ or =,"),
    ("=!=/A9999XYZ100T0944", "value", "=! should have a value"),
    ("=/A9999XYZ100T0944&!", "value", "&! should have a value"),
    // MA
    ("MA.156.M0.100001", "value", "should be MA, country, industry, maker and product between dots"),
    ("MA.156.M0.100761.21234561.M220132", "date", "should hold a day of the calendar as YYMMDD or YYYYMMDD"),
    ("MA.156.M0.100761.21234561.1", "value", "should begin with a capital letter"),
    ("MA.156.M0.100761.2123批", "charset", "should not hold '批'"),
    ("MA.156.M0.100761.21234561.SA.SB", "repeated", "two different values of its serial"),
    ("MA.", "value", "between dots"),
    ("urn:medtrace:ma:MA.156.M0.100761.21234561/10/", "uri", "/21/ and a serial or /10/ and a lot"),
    ("urn:medtrace:hibcc:A99912345/10/A/21/B", "uri", "/21/ and a serial or /10/ and a lot"),
    ("urn:medtrace:hibcc:A99912345/din/A999713123456", "value", "no donation number"),
    ("urn:medtrace:isbt128:E0791V00/21/000025", "value", "should have no serial"),
    // digits alone
    ("123", "length", "a GTIN should have 8, 12, 13 or 14, an SSCC 18, a drug traceability code 20"),
    ("09521141012346", "check-digit", "check digit should be 5, not 6"),
    ("9521141012346", "check-digit", "check digit should be 5, not 6"),
    ("106141412345678907", "check-digit", "check digit should be 8, not 7"),
    ("00106141412345678907", "check-digit", "check digit should be 8, not 7"),
    ("0109521141012346", "check-digit", "check digit should be 5, not 6"),
    ("812345612345678901234", "unknown-ai", "begins with no GS1 application identifier"),
    // element strings
    ("]d20109521141012346", "check-digit", "AI 01 (GTIN) \"09521141012346\": check digit should be 5, not 6"),
    ("]d2019521141012345", "length", "AI 01 (GTIN) \"9521141012345\" has 13 digits and should have 14: write the GTIN as 09521141012345"),
    ("]d2010952114101234504X", "unknown-ai", "\"04X\" after AI 01"),
    ("]d2ABC", "unknown-ai", "\"ABC\" begins with no"),
    ("]d201095211410123452112345678901234567890X17281231", "fnc1", "AI 21 (SERIAL) holds at most 20 characters but 29 follow it: FNC1 (the byte 0x1D) should end it"),
    ("]d20109521141012345211\u{1d}\u{1d}17281231", "fnc1", "between two FNC1"),
    ("010952114101234521ABC<GS>17281301", "date", "should be a day of the calendar"),
    ("010952114101234521ABC|A", "unknown-ai", "after AI 21 begins with no GS1"),
    ("010952114101234521A#BC", "charset", "holds '#' and should hold only letters, digits"),
    ("|hello", "unknown-ai", "begins with no GS1"),
    ("]d2010952114101234521", "length", "AI 21 (SERIAL) \"\" has 0 characters and should have 1 to 20"),
    ("]d2010952114101234517281\u{1d}21A", "length", "AI 17 (USE BY or EXPIRY) \"281\" has 3 digits and should have 6"),
    ("]d2010952114101234517281301", "date", "should be a day of the calendar as YYMMDD, day 00"),
    ("]d2010952114101234517270229", "date", "should be a day of the calendar"),
    ("]d201095211410123452112\u{e9}", "charset", "holds 'é'"),
    ("]d2017\u{e9}21141012345", "charset", "holds 'é'"),
    ("]d2010952114101234521A\u{1d}21B", "repeated", "AI 21 stands twice, as A and as B"),
    ("]d210ABC", "companion", "AI 10 (BATCH/LOT) should stand with AI 01 or AI 02 or AI 03 or AI 8006 or AI 8026"),
    ("(250)A(01)09521141012345", "companion", "AI 01 with AI 21"),
    ("(01)09521141012345(37)12", "companion", "should not stand with AI 37 (COUNT)"),
    ("(01)09521141012345(392)1", "unknown-ai", "(392) is no GS1 application identifier"),
    ("(01)09521141012345(21)A(235)B", "companion", "AI 21 (SERIAL) should not stand with AI 235 (TPX)"),
    ("(01)09521141012345(3100)000001(3101)000002", "companion", "AI 3101 (NET WEIGHT (kg)) should not stand with AI 3100"),
    ("(02)09521141012345(37)12", "companion", "AI 37 (COUNT) should stand with AI 00 with AI 02"),
    ("(01)09521141012345(17)281231(7003)2812300000", "value", "the same day"),
    ("(03)09521141012345(21)A", "no-key", "AI 03 (MTO GTIN) names goods made to order; GS1 gives them no Digital Link"),
    ("(400)ORDER-1", "no-key", "should hold a GTIN (AI 01), an SSCC (AI 00) or another GS1 key"),
    // brackets
    ("(01", "brackets", "such as (01)"),
    ("()1", "brackets", "such as (01)"),
    ("(01)09521141012345(21)A(B", "brackets", "a ( inside a value is written \\("),
    ("(01)09521141012345(21)A(B)", "brackets", "a ( inside a value is written \\("),
    ("(01)09521141012345(04)A", "unknown-ai", "(04) is no GS1 application identifier"),
    ("(01)9521141012345", "length", "write the GTIN as 09521141012345"),
    ("(01)09521141012345(21)A B", "charset", "holds ' '"),
    ("(01)09521141012345(21)A\\B", "charset", "holds '\\\\'"),
    // links
    ("https://id.gs1.org/01/09521141012346/21/A", "check-digit", "check digit should be 5, not 6"),
    ("https://id.gs1.org/01/09521141012345/17/281231", "link", "other elements belong in the query"),
    ("https://id.gs1.org/01/09521141012345/21/", "link", "other elements belong in the query"),
    ("https://id.gs1.org/01/09521141012345/21/%4", "percent", "two hexadecimal digits"),
    ("https://id.gs1.org/01/09521141012345/21/%ff", "percent", "of UTF-8"),
    ("https://id.gs1.org/01/09521141012345/21/%E6%89%B9", "charset", "holds '批'"),
    ("https://id.gs1.org/ARHKVAdpQg", "unsupported", "is a compressed Digital Link"),
    ("https://h.example/01/09521141012345?21=A", "link", "AI 21 (SERIAL) should stand in the path"),
    ("https://h.example/01/09521141012345?17=281301", "date", "should be a day"),
    ("https://h.example/01/09521141012345?9999=1", "unknown-ai", "begins with no GS1"),
    ("https://h.example/a b", "uri", "should be percent-encoded"),
    // EPC URNs
    ("urn:epc:id:sgtin:0614141.107346", "epc", "should have 3 fields between dots"),
    ("urn:epc:id:sgtin:0614141.10734.1", "epc", "should have 13 digits before the serial"),
    ("urn:epc:id:sgtin:06A4141.107346.1", "epc", "a company prefix of 4 to 12 digits"),
    ("urn:epc:id:sgtin:0614141.107346.", "length", "AI 21 (SERIAL) \"\" has 0 characters"),
    ("urn:epc:id:grai:0614141.12345.", "epc", "should have a serial"),
    ("urn:epc:id:sscc:0614141.123456789", "epc", "should have 17 digits"),
    ("urn:epc:id:lgtin:0614141.107346.A", "epc", "a lot is a class"),
    ("urn:epc:class:sgtin:0614141.107346.A", "epc", "id or idpat"),
    ("urn:epc:id:itip:4012345.012345.03.02.1", "value", "not 03 of 02"),
    ("urn:epc:tag:sgtin-96:9.0614141.107346.1", "epc", "a filter value from 0 to 7"),
    ("urn:epc:tag:sgtin-96:3.0614141.107346.01", "epc", "a number without leading zeros"),
    ("urn:epc:tag:sscc-96:3.0614141.123", "epc", "should have 17 digits"),
    ("urn:medtrace:cn-drug:8123", "length", "should have 20 digits, or 7"),
    ("urn:", "uri", "should be an absolute URI"),
];

#[test]
fn each_refusal_names_its_rule_and_says_what_would_be_right() {
    for (text, code, says) in REFUSED {
        let refused = parse(text).expect_err(text);
        assert_eq!(refused.code, *code, "{text:?}: {}", refused.detail);
        assert!(refused.detail.contains(says), "{text:?}: {}", refused.detail);
    }
}

#[test]
fn long_text_is_refused_before_it_is_read_and_not_repeated() {
    assert_eq!(parse(&"1".repeat(4096)).unwrap_err().code, "too-long");
    assert_eq!(Thing::from_uri(&format!("urn:x:{}", "1".repeat(4096))).unwrap_err().code, "too-long");
    assert!(parse(&format!("]d201095211410123452{}", "1".repeat(1500))).unwrap_err().detail.len() < 300);
}

#[test]
fn a_likely_lost_fnc1_is_a_doubt() {
    let lost = parse("010952114101234521ABC17281231").unwrap();
    assert_eq!(lost.thing.serial(), Some("ABC17281231"));
    let doubt = lost.doubt.unwrap();
    assert_eq!(doubt.code, "fnc1");
    assert!(doubt.detail.contains("it should be ABC, followed by 17281231"), "{}", doubt.detail);
    assert!(parse("010952114101234510L11728123121S1").unwrap().doubt.is_some());
    assert!(parse("]d2010952114101234521ABC17281231").unwrap().doubt.is_some());
    for sure in
        ["010952114101234521ABC17281301", "]d2010952114101234521ABC17281231\u{1d}", "(01)09521141012345(21)ABC17281231"]
    {
        assert_eq!(parse(sure).unwrap().doubt, None, "{sure}");
    }
}

#[test]
fn an_address_that_looks_like_a_compressed_link_is_itself_with_a_doubt() {
    for address in ["https://brand.example/ARHKVAdpQg", "https://brand.example/some/ARHKVAdpQg?linkType=all"] {
        let code = parse(address).unwrap();
        assert_eq!(code.thing.uri(), address);
        let doubt = code.doubt.unwrap();
        assert_eq!(doubt.code, "unsupported");
        assert!(doubt.detail.starts_with("\"ARHKVAdpQg\" looks like a compressed Digital Link"), "{}", doubt.detail);
    }
    for sure in ["https://brand.example/about", "https://brand.example/", "https://brand.example/01/09521141012345"] {
        assert_eq!(parse(sure).unwrap().doubt, None, "{sure}");
    }
}

#[test]
fn keys_made_by_hand_are_checked() {
    assert_eq!(
        Gtin::parse("09521141012346").unwrap_err().detail,
        "GTIN 09521141012346: check digit should be 5, not 6"
    );
    assert_eq!(Gtin::parse("095211410123").unwrap_err().code, "check-digit");
    assert_eq!(Gtin::parse("0952114101234").unwrap_err().code, "check-digit");
    assert_eq!(Gtin::parse("1").unwrap_err().code, "length");
    assert_eq!(Gtin::parse("0952114101234X").unwrap_err().code, "charset");
    assert_eq!(Gtin::parse("批号").unwrap_err().code, "length");
    assert_eq!(Gln::parse("0614141007777").unwrap_err().detail, "GLN 0614141007777: check digit should be 6, not 7");
    assert_eq!(Gln::parse("061414100777").unwrap_err().code, "length");
    let gtin = Gtin::parse("09521141012345").unwrap();
    assert_eq!(gtin.item("").unwrap_err().code, "length");
    assert_eq!(gtin.item("A\u{1d}10B").unwrap_err().code, "charset");
    assert_eq!(gtin.lot("批").unwrap_err().code, "charset");
    assert_eq!(Thing::unit("1").unwrap_err().code, "length");
    assert!(Thing::from_uri("relative/path").is_err());
    assert!(Thing::from_uri("").is_err());
}
