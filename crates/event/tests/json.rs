//! RFC 8785 vectors, I-JSON faults with their paths, and properties over any bytes and any tree.

use medtrace_event::Json;
use medtrace_event::json::{DEPTH_MAX, Object, decimal};
use proptest::prelude::*;

fn jcs(json: &Json) -> String {
    String::from_utf8(json.to_jcs()).expect("JCS is UTF-8")
}

fn parsed(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// RFC 8785 §3.2.2 to §3.2.4. The sample's first number, 333333333.33333329, is not the decimal that its double prints,
/// so it is set as a double here and must be refused as text (below).
#[test]
fn rfc_8785_sample() {
    let mut sample = parsed(
        r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false],
            "numbers": [1E30, 4.50, 2e-3, 0.000000000000000000000000001]}"#,
    );
    let numbers = sample.as_object_mut().and_then(|object| object.get_mut("numbers"));
    if let Some(Json::Array(numbers)) = numbers {
        numbers.insert(0, Json::Number(f64::from_bits(0x41b3_de43_5555_5555)));
    }
    let expected = "{\"literals\":[null,true,false],\
        \"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
        \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(jcs(&sample), expected);
    // §3.2.4 gives the same result as bytes.
    let bytes = "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b33333333333333\
        33332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c7530303066\
        5c6e4127425c225c5c5c5c5c222f227d";
    let hex: String = sample.to_jcs().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, bytes);
}

/// RFC 8785 §3.2.3: members sort by UTF-16 code units, so U+1F600 comes before U+FB33.
#[test]
fn rfc_8785_sorting() {
    let sample = parsed(
        r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#,
    );
    let values: Vec<_> = sample.as_object().expect("object").iter().filter_map(|(_, value)| value.as_str()).collect();
    assert_eq!(
        values,
        [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh"
        ]
    );
}

/// RFC 8785 appendix B, the finite rows: IEEE 754 bits and the text.
#[test]
fn rfc_8785_numbers() {
    for (bits, text) in [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(jcs(&Json::Number(f64::from_bits(bits))), text, "{bits:016x}");
    }
}

#[test]
fn numbers_keep_their_decimal_or_are_refused() {
    for (text, canonical) in [
        ("26.0", "26"),
        ("-0", "0"),
        ("-0.0e5", "0"),
        ("0e99999999999999999999", "0"),
        ("1E2", "100"),
        ("0.1", "0.1"),
        ("1e-7", "1e-7"),
        ("100000000000000000000000", "1e+23"),
        ("9007199254740992", "9007199254740992"),
        ("5e-324", "5e-324"),
        ("123456789012345", "123456789012345"),
    ] {
        assert_eq!(jcs(&parsed(text)), canonical, "{text}");
    }
    for text in [
        "333333333.33333329",
        "9007199254740993",
        "0.1000000000000000055511151231257827",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "3.00000000000000000001",
        "4.9e-324",
        "1.7976931348623158e308",
    ] {
        let fault = Json::parse(format!("[{text}]").as_bytes()).expect_err(text);
        assert_eq!((fault.path.as_str(), fault.code), ("/0", "inexact-number"), "{text}");
    }
}

#[test]
fn decimals_are_exact() {
    for text in ["200.5", "0.1", "-3", "1000000", "0.000001", "123456.789", "9007199254740991", "0.0000001", "0"] {
        let number = parsed(text).as_f64().expect("number");
        assert_eq!(decimal(number).map(|decimal| decimal.to_string()).as_deref(), Some(text));
    }
    assert_eq!(decimal(1e30), None);
    assert_eq!(decimal(1e-30), None);
    assert_eq!(decimal(f64::NAN), None);
}

#[test]
fn faults_name_rule_and_path() {
    let nest = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let deep = nest(DEPTH_MAX + 1);
    let deep_path = "/0".repeat(DEPTH_MAX);
    assert!(Json::parse(nest(DEPTH_MAX).as_bytes()).is_ok());
    let rows: [(&[u8], &str, &str); 22] = [
        (br#"{"a":1,"a":1}"#, "/a", "duplicate-member"),
        (br#"{"x":[{"b":1,"c":2,"b":3}]}"#, "/x/0/b", "duplicate-member"),
        (br#"{"a":1,"\u0061":1}"#, "/a", "duplicate-member"),
        (br#"{"a":"\ud800"}"#, "/a", "lone-surrogate"),
        (br#"{"a":"\udc00"}"#, "/a", "lone-surrogate"),
        (br#"["x","\ud800\ud800"]"#, "/1", "lone-surrogate"),
        (br#"["\ud800abc def ghi"]"#, "/0", "lone-surrogate"),
        (br#"["\ud800"#, "/0", "lone-surrogate"),
        (b"[\"\xff\"]", "", "utf8"),
        (b"\xff", "", "utf8"),
        (b"[\"\xed\xa0\x80\"]", "", "utf8"),
        (deep.as_bytes(), &deep_path, "depth"),
        (br#"{"a/b":{"c~d":1e400}}"#, "/a~1b/c~0d", "inexact-number"),
        (b"", "", "syntax"),
        (b"{", "", "syntax"),
        (b"[1,]", "/1", "syntax"),
        (b"[01]", "/1", "syntax"),
        (b"[1.]", "/0", "syntax"),
        (b"{\"a\":}", "/a", "syntax"),
        (b"{} {}", "", "syntax"),
        (b"[NaN]", "/0", "syntax"),
        (b"[\"a\nb\"]", "/0", "syntax"),
    ];
    for (bytes, path, code) in rows {
        let text = String::from_utf8_lossy(bytes);
        let fault = Json::parse(bytes).expect_err(&text);
        assert_eq!((fault.path.as_str(), fault.code), (path, code), "{text}");
    }
}

fn tree() -> impl Strategy<Value = Json> {
    let number = prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()),
        (-1_000_000i32..1_000_000).prop_map(|number| f64::from(number) / 1000.0),
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number.prop_map(|number| Json::Number(if number == 0.0 { 0.0 } else { number })),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect::<Object>())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_bytes_read_back_as_the_same_tree(json in tree()) {
        let bytes = json.to_jcs();
        let again = Json::parse(&bytes).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert_eq!(&again, &json);
        prop_assert_eq!(again.to_jcs(), bytes);
    }

    /// serde_json is another reader and writer: both must see the same value in our bytes.
    #[test]
    fn another_parser_reads_the_same_value(json in tree()) {
        let theirs: serde_json::Value = serde_json::from_slice(&json.to_jcs())
            .map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        let again = Json::try_from(&theirs).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert_eq!(again, json);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Json::parse(&bytes);
    }

    /// Near-JSON goes deeper than random bytes; what is taken has one canonical form.
    #[test]
    fn near_json_is_refused_or_canonical(text in r#"[\[\]{},: ]{0,4}(("(\\u[dD][89a-cA-C][0-9a-f]{2}|\\["\\u]|a|é|\n){0,4}"|-?[0-9]{1,20}(\.[0-9]{1,20})?(e-?[0-9]{1,4})?|true|null|[\[\]{},: ]){1,2}){0,8}"#) {
        if let Ok(json) = Json::parse(text.as_bytes()) {
            prop_assert_eq!(Json::parse(&json.to_jcs()).ok(), Some(json));
        }
    }
}
