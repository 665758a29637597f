//! Codes of other schemes than GS1's, and what carriers and keyboards make of codes: everything they say.

use medtrace_gs1::{Thing, parse};

/// Everything that the codes say, from examples that standards and guides print.
#[test]
fn codes_of_other_schemes_are_read_whole() {
    for (text, says) in [
        ("+A99912345/$$52001510X33", "10X3 - 2020-01-15 - "),
        ("+A99912345/$$52001510X3/16D20111212/S77DEFG457", "10X3 77DEFG45 2020-01-15 2011-12-12 "),
        (
            "=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123",
            "000000000000XYZ123 000025 2014-02-01 2013-02-01 ",
        ),
        ("=/A9999XYZ100T0944&>0250321530=%5100", "- - 2025-02-01 - &>=0250321530,=%=5100"),
        ("=P00020601906310=<E0791V00", "- - - - flags=10"),
        (
            "MA.156.M0.100761.21234561.Sx00008.M220117.L20220117.D20220118.E220130.V220117.C3",
            "20220117 x00008 2022-01-30 2022-01-17 D=20220118,C=3,V=220117",
        ),
        ("MA.156.M0.100761.21234561.V20220117", "- - 2022-01-17 - "),
    ] {
        assert_eq!(told(text), says, "{text}");
    }
}

/// Every form of HIBCC's dates and quantities, with the day that the standard's table means.
#[test]
fn hibcc_dates_and_quantities() {
    for (data, says) in [
        ("$$09053C001", "3C001 - 2005-09-30 - "),
        ("$$20928053C001", "3C001 - 2005-09-28 - "),
        ("$$30509283C001", "3C001 - 2005-09-28 - "),
        ("$$4050928223C001", "3C001 - 2005-09-28 - hour=22"),
        ("$$5052713C001", "3C001 - 2005-09-28 - "),
        ("$$605271223C001", "3C001 - 2005-09-28 - hour=22"),
        ("$$73C001", "3C001 - - - "),
        ("$$82409053C001", "3C001 - 2005-09-30 - Q=24"),
        ("$$82420928053C001", "3C001 - 2005-09-28 - Q=24"),
        ("$$90010009053C001", "3C001 - 2005-09-30 - Q=00100"),
        ("$$824", "- - - - Q=24"),
        ("$3C001", "3C001 - - - "),
        ("$+1234567", "- 1234567 - - "),
        ("$$+09051234567", "- 1234567 2005-09-30 - "),
        ("$$+72345678", "- 2345678 - - "),
        ("052713C001", "3C001 - 2005-09-28 - "),
        ("$3C001/14D20050928/16D20040928/S7/Q5/1TX", "3C001 7 2005-09-28 2004-09-28 Q=5,1T=X"),
    ] {
        assert_eq!(told(&hibcc(&format!("+J123123451/{data}"))), says, "{data}");
    }
    assert_eq!(parse(&hibcc("+J123123451/$$82409053C001")).unwrap().quantity(), Some(24));
}

/// Lot, serial, expiry, day of making and the rest.
fn told(text: &str) -> String {
    let code = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let day = |day: Option<jiff::civil::Date>| day.map_or("-".to_owned(), |day| day.to_string());
    let others: Vec<String> = code.others.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let lot = code.lot.as_deref().unwrap_or("-");
    let serial = code.thing.serial().unwrap_or("-");
    format!("{lot} {serial} {} {} {}", day(code.expiry), day(code.made), others.join(","))
}

/// With its check character.
fn hibcc(text: &str) -> String {
    const VALUES: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%";
    let sum: usize = text.chars().map(|c| VALUES.find(c).expect("a character of Code 39")).sum();
    format!("{text}{}", &VALUES[sum % 43..=sum % 43])
}

/// Vectors that were made without this code: what is stored must stay.
#[test]
fn stored_keys_are_those_of_the_vectors() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/vectors/things/keys.json");
    let rows: Vec<[String; 3]> = serde_json::from_slice::<Vec<serde_json::Value>>(&std::fs::read(file).unwrap())
        .unwrap()
        .iter()
        .map(|row| ["class", "id", "uri"].map(|name| row[name].as_str().unwrap().to_owned()))
        .collect();
    assert!(rows.len() >= 15);
    for [class, id, uri] in rows {
        let thing = Thing::from_uri(&uri).unwrap();
        assert_eq!((format!("{:016x}", thing.class().to_u64()), thing.id()), (class, id.as_str()), "{uri}");
        assert_eq!(thing.uri(), uri);
    }
}

#[test]
fn a_spelled_separator_is_noted() {
    for spelled in ["^]", "<GS>", "<FNC1>", "{GS}", "\\x1d", "\\u001D", "\u{241d}", "|", "~", "^", "[gs]", "]"] {
        let first = if spelled == "]" { "" } else { spelled };
        let code = parse(&format!("{first}010952114101234521A{spelled}10L")).unwrap();
        assert_eq!(code.thing.uri(), "https://id.gs1.org/01/09521141012345/21/A", "{spelled}");
        assert_eq!((code.lot.as_deref(), code.doubt.as_ref()), (Some("L"), None), "{spelled}");
        assert!(code.separator.unwrap().eq_ignore_ascii_case(spelled), "{spelled}");
        assert!(code.note().unwrap().starts_with(&format!("read with {}", code.separator.unwrap())), "{spelled}");
    }
    // What could be meant as it stands is left so where the scanner says that FNC1 arrives.
    let literal = parse("]d2010952114101234521A<GS>10L").unwrap();
    assert_eq!((literal.thing.serial(), literal.note()), (Some("A<GS>10L"), None));
    assert_eq!(parse("]d2010952114101234521A|10L").unwrap().separator, Some("|"));
    assert_eq!(parse("(01)09521141012345(21)A<GS>10L").unwrap().thing.serial(), Some("A<GS>10L"));
}

#[test]
fn parameters_of_others_are_kept() {
    let code = parse("https://h.example/01/09521141012345?17=281231&linkType=gs1%3Apip&x=%&y").unwrap();
    assert_eq!((code.other("linkType"), code.other("x"), code.other("y")), (Some("gs1:pip"), Some("%"), None));
    assert_eq!(parse(&code.to_link()).unwrap(), code);
}

#[test]
fn issuers_and_device_identifiers_are_told() {
    for (text, issuer, di) in [
        ("09521141012345", Some("GS1"), Some("09521141012345")),
        ("81234561234567890123", Some("NMPA"), Some("8123456")),
        ("+A99912345/$$52001510X33", Some("HIBCC"), Some("A99912345")),
        ("=/A9999XYZ100T0944=,000025", Some("ICCBBA"), Some("A9999XYZ100T0944")),
        ("MA.156.M0.100761.21234561.Sx00008", Some("MA"), Some("MA.156.M0.100761.21234561")),
        ("106141412345678908", Some("GS1"), None),
        ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", None, None),
    ] {
        let thing = parse(text).unwrap().thing;
        assert_eq!((thing.scheme().issuer(), thing.device_identifier().as_deref()), (issuer, di), "{text}");
        let class = |di| Thing::product_code(thing.scheme(), di).ok().and_then(|product| product.product());
        assert!(thing.scheme().number() < 40 || di.and_then(class) == thing.product(), "{text}");
    }
}
