//! Whatever the thing: printed and read again it is the same, in every notation.

use medtrace_gs1::{Class, Code, Gln, Gtin, Level, Scheme, Thing, check_digit, parse};
use proptest::prelude::*;

/// Character set 82, from one to `max` characters.
fn text(max: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(SET_82.chars().collect::<Vec<_>>()), 1..=max)
        .prop_map(|chars| chars.into_iter().collect())
}

const SET_82: &str = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

fn with_check(digits: &str) -> String {
    format!("{digits}{}", check_digit(digits).expect("digits"))
}

fn gtin() -> impl Strategy<Value = Gtin> {
    "[0-9]{13}".prop_map(|digits| Gtin::parse(&with_check(&digits)).expect("a right check digit"))
}

fn thirteen() -> impl Strategy<Value = u64> {
    "[0-9]{12}".prop_map(|digits| Gln::parse(&with_check(&digits)).expect("a right check digit").value())
}

fn thing(scheme: Scheme, value: u64, id: &str) -> Thing {
    Thing::new(Class::new(scheme, value), id)
}

fn item() -> impl Strategy<Value = Thing> {
    (gtin(), text(20)).prop_map(|(gtin, serial)| gtin.item(&serial).expect("a serial"))
}

fn piece() -> impl Strategy<Value = Thing> {
    let rest = prop_oneof![
        Just(String::new()),
        text(20).prop_map(|s| format!("/21/{s}")),
        text(20).prop_map(|s| format!("/10/{s}"))
    ];
    (gtin(), 1..100u8, 1..100u8, rest).prop_map(|(gtin, a, b, rest)| {
        thing(Scheme::Itip, gtin.value(), &format!("{:02}{:02}{rest}", a.min(b), a.max(b)))
    })
}

fn maybe(some: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::option::of(some).prop_map(Option::unwrap_or_default)
}

/// A thing of any scheme; company prefixes have seven digits where a key shows no length.
fn any_thing() -> impl Strategy<Value = Thing> {
    let unit = "[0-9]{17}".prop_map(|digits| Thing::unit(&with_check(&digits)).expect("an SSCC"));
    let extension = maybe(text(20)).prop_filter("0 means none", |text| text != "0");
    let part = ("[0-9]{7}[0-9A-Z#/-]{0,23}", maybe("[1-9][0-9]{0,11}"))
        .prop_map(|(part, serial)| if serial.is_empty() { part } else { format!("{part}.{serial}") });
    let key = || ("[0-9]{7}", maybe(text(23))).prop_map(|(prefix, rest)| prefix + &rest);
    let eighteen = || "[0-9]{17}".prop_map(|digits| with_check(&digits));
    let first = prop_oneof![
        item(),
        (gtin(), text(20)).prop_map(|(gtin, lot)| gtin.lot(&lot).expect("a lot")),
        gtin().prop_map(Gtin::product),
        unit,
        (thirteen(), extension).prop_map(|(gln, extension)| thing(Scheme::Place, gln, &extension)),
        thirteen().prop_map(|gln| thing(Scheme::Party, gln, "")),
        (thirteen(), maybe(text(16))).prop_map(|(value, serial)| thing(Scheme::Grai, value, &serial)),
        key().prop_map(|key| thing(Scheme::Giai, 0, &key)),
        eighteen().prop_map(|key| thing(Scheme::Gsrn, 0, &key)),
        eighteen().prop_map(|key| thing(Scheme::Gsrnp, 0, &key)),
    ];
    let second = prop_oneof![
        (thirteen(), maybe(text(17))).prop_map(|(value, serial)| thing(Scheme::Gdti, value, &serial)),
        (thirteen(), maybe("[0-9]{1,12}")).prop_map(|(value, serial)| thing(Scheme::Gcn, value, &serial)),
        part.prop_map(|part| thing(Scheme::Cpi, 0, &part)),
        key().prop_map(|key| thing(Scheme::Ginc, 0, &key)),
        "[0-9]{16}".prop_map(|digits| thing(Scheme::Gsin, 0, &with_check(&digits))),
        piece(),
        (gtin(), text(28)).prop_map(|(gtin, tpx)| thing(Scheme::Upui, gtin.value(), &tpx)),
        "[0-9]{20}".prop_map(|digits| Thing::cn_drug(&digits).expect("a drug code")),
        "[0-9]{7}".prop_map(|digits| Thing::cn_drug(&digits).expect("a class")),
        "X[A-Z][0-9]{2}[A-Z]{3}[0-9]{3}[A-Z][0-9]{12}|Z[A-Z][0-9]{2}[A-Z]{3}[0-9]{13}"
            .prop_map(|code| Thing::product_code(Scheme::CnInsurance, &code).expect("an insurance code")),
        "(https://example\\.org/|urn:example:)[a-z0-9/._%?=-]{1,40}"
            .prop_map(|uri| Thing::from_uri(&uri).expect("a URI"))
            .prop_filter("not a key by chance", |thing| thing.scheme() == Scheme::Uri),
    ];
    prop_oneof![first, second, device()]
}

/// A thing of MA, HIBCC or ISBT 128: class, lot, or object.
fn device() -> impl Strategy<Value = Thing> {
    let thing = |name: &str, di: String, rest: String| {
        let uri = format!("urn:medtrace:{name}:{di}{rest}");
        Thing::from_uri(&uri).unwrap_or_else(|e| panic!("{uri}: {e}"))
    };
    let rest = |lot: &'static str, serial: &'static str| {
        prop_oneof![Just(String::new()), lot.prop_map(|l| format!("/10/{l}")), serial.prop_map(|s| format!("/21/{s}"))]
    };
    let donated = |rest: &'static str| {
        ("[A-NP-Z1-9][0-9A-Z]{4}[0-9]{8}", rest).prop_map(|(din, rest)| format!("/din/{din}{rest}"))
    };
    prop_oneof![
        ("MA\\.156\\.M0\\.[0-9]{6}\\.[0-9A-Za-z]{2,8}", rest("[0-9A-Za-z!_-]{1,20}", "[0-9A-Za-z!_-]{1,20}"))
            .prop_map(move |(di, rest)| thing("ma", di, rest)),
        ("[A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}[0-9]", rest("[A-Z0-9.-]{1,18}", "[A-Z0-9.-]{1,18}"))
            .prop_map(move |(di, rest)| thing("hibcc", di, rest)),
        ("[A-Z0-9]{16}", prop_oneof![rest("[0-9A-Z]{18}", "[0-9A-Z]{6}"), donated("(/21/[0-9A-Z]{6})?")])
            .prop_map(move |(di, rest)| thing("isbt128", di, rest)),
        ("[A-Z0-9]{10}", maybe("[0-9A-Z]{10}".prop_map(|lot| format!("/10/{lot}"))))
            .prop_map(move |(di, rest)| thing("isbt128", di, rest)),
        ("[A-Z0-9]{8}", donated("")).prop_map(move |(di, rest)| thing("isbt128", di, rest)),
    ]
}

/// A code of these schemes with what may stand beside its key.
fn device_code() -> impl Strategy<Value = Code> {
    (device(), "[0-9A-Z]{18}", any::<bool>(), day(), day()).prop_map(|(thing, lot, has_lot, expiry, made)| {
        let short = thing.device_identifier().map_or(0, |di| di.len()) < 16 && thing.scheme() == Scheme::Isbt128;
        let beside = has_lot && !short && thing.level() == Level::Instance;
        let lot = if beside { Some(lot.into()) } else { thing.lot().map(Into::into) };
        Code { lot, expiry, made, ..Code::of(thing) }
    })
}

fn day() -> impl Strategy<Value = Option<jiff::civil::Date>> {
    let day = (2000..2070i16, 1..=12i8, 1..=28i8).prop_map(|(y, m, d)| jiff::civil::date(y, m, d));
    proptest::option::of(day)
}

/// A trade item's code with everything that may stand beside its key.
fn any_code() -> impl Strategy<Value = Code> {
    let attributes = (maybe("[0-9]{1,8}"), maybe(text(30)), maybe(text(90)), maybe("[0-9]{6}"));
    (item(), maybe(text(20)), day(), day(), attributes).prop_map(|(thing, lot, expiry, made, attributes)| {
        let (count, additional, internal, weight) = attributes;
        let mut text = Code { expiry, made, ..Code::of(thing) }.to_bracketed();
        for (ai, value) in [("10", lot), ("30", count), ("240", additional), ("91", internal), ("3103", weight)] {
            if !value.is_empty() {
                text += &format!("({ai}){}", value.replace('(', "\\("));
            }
        }
        sure(&text)
    })
}

/// The code of a text, without the doubt that chance may raise.
fn sure(text: &str) -> Code {
    let code = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    Code { doubt: None, ..code }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_thing_is_the_same_from_every_notation(thing in any_thing()) {
        let code = Code::of(thing.clone());
        prop_assert_eq!(&Thing::from_uri(&thing.uri()).unwrap(), &thing);
        for text in [thing.uri(), thing.key_text(), code.to_element_string(), code.to_bracketed(), code.to_link()] {
            prop_assert_eq!(&sure(&text), &code, "{}", text);
        }
        if let Some(urn) = thing.epc_urn(7) {
            prop_assert_eq!(&Thing::from_uri(&urn).unwrap(), &thing, "{}", urn);
        }
        prop_assert_eq!(serde_json::from_str::<Thing>(&serde_json::to_string(&thing).unwrap()).unwrap(), thing);
    }

    #[test]
    fn every_gs1_key_has_a_urn(thing in any_thing()) {
        let none = thing.scheme().number() >= Scheme::CnDrug.number() || (thing.scheme() == Scheme::Itip && thing.lot().is_some());
        prop_assert_eq!(thing.epc_urn(7).is_none(), none);
    }

    #[test]
    fn a_code_is_the_same_from_every_notation(code in any_code()) {
        for text in [code.to_element_string(), code.to_bracketed(), code.to_link()] {
            prop_assert_eq!(&sure(&text), &code, "{}", text);
        }
    }

    #[test]
    fn a_code_of_another_scheme_is_the_same_in_its_notation(code in device_code()) {
        for text in [code.to_element_string(), code.to_bracketed()] {
            prop_assert_eq!(&sure(&text), &code, "{}", text);
        }
    }

    #[test]
    fn order_of_things_is_order_of_class_and_id(a in any_thing(), b in any_thing()) {
        let by_parts = (a.class().to_u64(), a.id()).cmp(&(b.class().to_u64(), b.id()));
        prop_assert_eq!(a.cmp(&b), by_parts);
    }

    #[test]
    fn one_wrong_digit_is_found(gtin in gtin(), at in 0..14usize, off in 1..10u8) {
        let mut digits = gtin.to_string().into_bytes();
        digits[at] = (digits[at] - b'0' + off) % 10 + b'0';
        let wrong = String::from_utf8(digits).unwrap();
        prop_assert_eq!(Gtin::parse(&wrong).unwrap_err().code, "check-digit");
        prop_assert_eq!(parse(&format!("]d201{wrong}21A")).unwrap_err().code, "check-digit");
    }
}
