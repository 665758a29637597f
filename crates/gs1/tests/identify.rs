//! What is this string? One row a mistake that people, keyboards and spreadsheets make.

use medtrace_gs1::Confidence::{High, Likely, Possible};
use medtrace_gs1::{Confidence, Scheme, Wanted, identify};

const ITEM: &str = "(01)09521141012345(21)ABC";
const DATED: &str = "(01)09521141012345(21)ABC (17)281231";
const PRODUCT: &str = "(01)09521141012345";
const HIBCC: &str = "+A99912345/$10X3";
const ANY: Wanted = Wanted { goods: false, lot: false, serial: false };
const GOODS: Wanted = Wanted { goods: true, ..ANY };
const WITH_LOT: Wanted = Wanted { lot: true, ..GOODS };
const WITH_SERIAL: Wanted = Wanted { serial: true, ..GOODS };

/// Text, what is wanted, and the readings that are told, in this order and perhaps among others: how sure, the beginning
/// of the code in brackets, and part of a reason (nothing: no reason is told).
type Row = (&'static str, Wanted, &'static [(Confidence, &'static str, &'static str)]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // as they stand
    ("]d2010952114101234521ABC\u{1d}17281231", ANY, &[(High, DATED, "")]),
    ("(01)09521141012345(21)ABC", ANY, &[(High, ITEM, "")]),
    ("09521141012345", ANY, &[(High, PRODUCT, "")]),
    ("https://h.example/01/09521141012345/21/ABC", ANY, &[(High, ITEM, "")]),
    ("urn:epc:id:sgtin:9521141.001234.ABC", ANY, &[(High, ITEM, "")]),
    ("+A99912345/$$52001510X33", ANY, &[(High, HIBCC, "")]),
    // as they stand, but not only so
    ("9521141012345", ANY, &[(Likely, PRODUCT, ""), (Possible, "(414)9521141012345", "a place has such a number")]),
    ("106141412345678908", ANY, &[(Likely, "(00)106141412345678908", ""), (Possible, "(8018)106141412345678908", "recipient"), (Possible, "(8017)106141412345678908", "provider")]),
    ("81234561234567890123", ANY, &[(High, "81234561234567890123", "")]),
    ("010952114101234521ABC|17281231", ANY, &[(Likely, DATED, "read with | as separator")]),
    ("010952114101234521ABC17281231", ANY, &[(Likely, "(01)09521141012345(21)ABC17281231", "was lost"), (Possible, DATED, "was lost")]),
    ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", GOODS, &[(Possible, "urn:uuid:", "no GS1 key")]),
    ("https://example.com/about", GOODS, &[(Possible, "https://example.com/about", "this is an address or name, not a product")]),
    // what the caller misses
    ("(414)9521141012345", GOODS, &[(High, "(414)", "this is a place, not a product")]),
    ("(417)9521141012345", GOODS, &[(High, "(417)", "this is a party, not a product")]),
    ("(8004)4000001111", GOODS, &[(High, "(8004)", "this is an asset, not a product")]),
    ("(00)106141412345678908", WITH_LOT, &[(High, "(00)", "")]),
    ("09521141012345", WITH_LOT, &[(High, PRODUCT, "lot is missing; this product needs it")]),
    ("(01)09521141012345(10)L", WITH_LOT, &[(High, "(01)09521141012345(10)L", "")]),
    ("(01)09521141012345(10)L", WITH_SERIAL, &[(High, "(01)09521141012345(10)L", "serial number is missing")]),
    ("8123456 1234567890123", WITH_SERIAL, &[(High, "81234561234567890123", "")]),
    ("81234561234567890123", WITH_LOT, &[(High, "81234561234567890123", "lot is missing")]),
    // digits
    ("09521141012346", ANY, &[(Likely, PRODUCT, "check digit should be 5, not 6")]),
    ("(01)09521141012346(21)ABC", ANY, &[(Likely, ITEM, "check digit should be 5, not 6")]),
    ("]d2010952114101234621ABC", ANY, &[(Likely, ITEM, "check digit should be 5, not 6")]),
    ("https://h.example/01/09521141012346/21/ABC", ANY, &[(Likely, ITEM, "check digit should be 5, not 6"), (Possible, "https://h.example", "no GS1 key")]),
    ("09521141012354", ANY, &[(Likely, "(01)09521141012352", "check digit should be 2, not 4"), (Possible, PRODUCT, "with 45 in place of 54")]),
    ("90521141012345", ANY, &[(Likely, "(01)9052114101234", "check digit"), (Possible, PRODUCT, "with 09 in place of 90")]),
    ("106141412345678907", ANY, &[(Likely, "(00)106141412345678908", "check digit should be 8, not 7")]),
    ("O9521141O12345", ANY, &[(Likely, PRODUCT, "in place of letters that look like them")]),
    ("0952I14l012345", ANY, &[(Likely, PRODUCT, "in place of letters")]),
    ("(O1)09521141012345(21)AOC", ANY, &[(Likely, "(01)09521141012345(21)AOC", "in place of letters")]),
    ("95050003 ", ANY, &[(High, "(01)00000095050003", "")]),
    ("614141999996", ANY, &[(High, "(01)00614141999996", "")]),
    ("123457", ANY, &[(Possible, "(01)00000000123457", "zeros before the first digit were lost")]),
    ("6141007776", ANY, &[]),
    ("61414100777", ANY, &[]),
    ("6141410077", ANY, &[]),
    ("(01)9521141012345(21)ABC", ANY, &[(Likely, ITEM, "zeros before the first digit were lost")]),
    ("０９５２１１４１０１２３４５", ANY, &[(Likely, PRODUCT, "wide characters")]),
    ("0952-1141-012345", ANY, &[(Likely, PRODUCT, "without the marks between the digits")]),
    // around the code
    ("\u{feff}(01)09521141012345(21)ABC", ANY, &[(Likely, ITEM, "that stand in no code")]),
    ("【01】09521141012345【21】ABC", ANY, &[(Likely, ITEM, "that stand in no code")]),
    ("[01]09521141012345[21]ABC", ANY, &[(Likely, ITEM, "with round brackets")]),
    ("01)09521141012345(21)ABC", ANY, &[(Possible, ITEM, "the first bracket was lost")]),
    ("UDI: (01)09521141012345(21)ABC", ANY, &[(Likely, ITEM, "without the label")]),
    ("\"09521141012345\",", ANY, &[(Likely, PRODUCT, "without punctuation around it")]),
    ("d2010952114101234521ABC", ANY, &[(Likely, ITEM, "symbology identifier was lost")]),
    ("id.gs1.org/01/09521141012345/21/ABC", ANY, &[(Likely, ITEM, "with https:// before the address")]),
    ("010952114101234521A B C", ANY, &[(Likely, ITEM, "without the spaces inside")]),
    ("0952114101234509521141012345", ANY, &[(Likely, PRODUCT, "scanned twice")]),
    ("0952114101234521ABC", ANY, &[(Possible, ITEM, "identifier 01 was lost")]),
    ("]d201095211410123452112345678901234567890X17281231", ANY, &[]),
    ("]d20109521141012345211234567890123456789017281231", ANY, &[(Possible, "(01)09521141012345(21)12345678901234567890 (17)281231", "FNC1 was lost")]),
    // other schemes
    ("+a99912345/$$52001510x33", ANY, &[(Likely, HIBCC, "in capital letters")]),
    ("A99912345/$$52001510X33", ANY, &[(Likely, HIBCC, "the + of a HIBCC code was lost")]),
    ("+A99912345/$$52001510X3Z", ANY, &[(Likely, HIBCC, "check character should be 3, not Z"), (Possible, "+A99912345/$10X3Z", "the check character was lost")]),
    ("=/a9999xyz100t0944", ANY, &[(Likely, "=/A9999XYZ100T0944", "in capital letters")]),
    ("ma.156.m0.100761.21234561", ANY, &[(Likely, "MA.156.M0.100761.21234561", "in capital letters")]),
    // nothing
    ("", ANY, &[]),
    ("hello", ANY, &[]),
    ("批号", ANY, &[]),
];

#[test]
fn each_string_is_told_for_what_it_is() {
    assert!(ROWS.len() >= 40);
    let wrong: Vec<String> = ROWS.iter().filter_map(differs).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is told of a row, if it is not what is expected.
fn differs((text, wanted, expected): &Row) -> Option<String> {
    let found = identify(text, *wanted);
    let mut rest = found.iter();
    let fits = expected.iter().enumerate().all(|(at, (confidence, begins, reason))| {
        let next = if at == 0 { rest.next() } else { rest.find(|c| key(c).starts_with(begins)) };
        next.is_some_and(|candidate| {
            let reasons = candidate.reasons.join("; ");
            let said = reasons.contains(reason) && reasons.is_empty() == reason.is_empty();
            key(candidate).starts_with(begins) && candidate.confidence == *confidence && said
        })
    });
    let told = found.iter().map(|c| format!("\n  {} {} {:?}", c.confidence.word(), key(c), c.reasons));
    (!fits || found.is_empty() != expected.is_empty()).then(|| format!("{text:?}:{}", told.collect::<String>()))
}

/// The key, and the expiry.
fn key(candidate: &medtrace_gs1::Candidate) -> String {
    let expiry = candidate.code.expiry.map(|day| day.strftime(" (17)%y%m%d").to_string());
    let key = candidate.code.thing.key_text();
    // The check character of a HIBCC code is of its key alone.
    let scheme = candidate.code.thing.scheme();
    if scheme == medtrace_gs1::Scheme::Hibcc { key } else { key + &expiry.unwrap_or_default() }
}

#[test]
fn a_spelling_reads_as_its_code() {
    for (text, wanted, _) in ROWS {
        for candidate in identify(text, *wanted) {
            let spelling = candidate.spelling.as_deref().unwrap_or(text);
            assert_eq!(medtrace_gs1::parse(spelling), Ok(candidate.code), "{text:?}");
        }
    }
}

/// A drug's code in China's medical insurance: a kind of goods, told with the doubt that a code without check digit leaves.
#[test]
fn an_insurance_code_is_an_alias_of_a_product() {
    let found = identify("XA01ABD075A002010100483", Wanted { goods: true, lot: false, serial: true });
    let [only] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((only.confidence, only.code.thing.scheme()), (Confidence::Likely, Scheme::CnInsurance));
    assert_eq!(only.code.thing.uri(), "urn:medtrace:cn-insurance:XA01ABD075A002010100483");
    assert_eq!(only.code.thing.product(), Some(only.code.thing.class()));
    assert!(only.reasons.iter().any(|reason| reason.contains("no check digit")), "{:?}", only.reasons);
    assert!(only.reasons.iter().any(|reason| reason.contains("serial number is missing")), "{:?}", only.reasons);
    assert_eq!(identify("XA01ABD075A00201010048", Wanted::default()), []);
    // Small letters and wide characters are repaired as for any code.
    assert!(
        medtrace_gs1::parse("ZA12HAY0555010100326").is_ok_and(|code| code.thing.level() == medtrace_gs1::Level::Class)
    );
}
