//! The same thing from every spelling, and what else a code says.

use medtrace_gs1::{Class, Level, Scheme, Thing, check_digit, parse, parse_as_of};

/// Rows of spellings: the first is the canonical URI, and all name the same thing.
#[rustfmt::skip]
const SAME: &[&[&str]] = &[
    &[ // item
        "https://id.gs1.org/01/09521141012345/21/ABC123",
        "]d201095211410123451728123110LOT-1\u{1d}21ABC123",
        "]C1010952114101234521ABC123",
        "]Q3010952114101234521ABC123\u{1d}17281231",
        "\u{1d}010952114101234521ABC123",
        "010952114101234521ABC123\r\n",
        "(01)09521141012345(21)ABC123",
        " (01) 09521141012345 (17) 281200 (21) ABC123 ",
        "（01）09521141012345（21）ABC123",
        "https://id.gs1.org/01/09521141012345/10/LOT-1/21/ABC123?17=281231",
        "http://ID.GS1.ORG/01/09521141012345/21/ABC123/",
        "https://maker.example/any/stem/01/09521141012345/21/ABC123?linkType=all#top",
        "https://maker.example/gtin/9521141012345/ser/ABC123",
        "https://maker.example/01/9521141012345/21/%41BC123",
        "https://maker.example/01/09521141012345/21/ABC123/10/LOT-1",
        "https://maker.example/01/09521141012345/22/2A/21/ABC123",
        "urn:epc:id:sgtin:9521141.001234.ABC123",
        "urn:epc:tag:sgtin-198:3.9521141.001234.ABC123",
        "010952114101234521ABC123|17281231",
        "~010952114101234521ABC123~17281231",
        "010952114101234521ABC123<gs>17281231",
        "URN:EPC:id:sgtin:952114101.0234.ABC123",
    ],
    &[ // serial with everything that needs care
        "https://id.gs1.org/01/09521141012345/21/a%2F%28b%29%25%2A%22",
        "]d2010952114101234521a/(b)%*\"",
        "(01)09521141012345(21)a/\\(b)%*\"",
        "(01)09521141012345(21)a/\\(b\\)%*\"",
        "https://maker.example/01/09521141012345/21/a%2f(b)%25*%22",
        "urn:epc:id:sgtin:9521141.001234.a%2F(b)%25*%22",
    ],
    &[ // lot
        "https://id.gs1.org/01/10614141073464/10/0010", "]e00110614141073464100010", "(01)10614141073464(10)0010",
        "urn:epc:class:lgtin:0614141.107346.0010", "https://h.example/01/10614141073464?10=0010",
    ],
    &[ // product
        "https://id.gs1.org/01/10614141073464", "10614141073464", "(01)10614141073464", "]I110614141073464",
        "urn:epc:idpat:sgtin:0614141.107346.*",
    ],
    &["https://id.gs1.org/01/00614141999996", "614141999996", "0614141999996", "00614141999996", "]E00614141999996"],
    &["https://id.gs1.org/01/00000095050003", "95050003", "]E495050003", "https://maker.example/01/95050003"],
    &[ // logistic unit
        "https://id.gs1.org/00/106141412345678908", "106141412345678908", "00106141412345678908", "]C100106141412345678908",
        "(00)106141412345678908", "urn:epc:id:sscc:0614141.1234567890", "urn:epc:tag:sscc-96:3.0614141.1234567890", "0010 6141 4123 4567 8908",
        "]J10010614141234567890802106141410734643712",
    ],
    &[ // place and party: different keys of the same number
        "https://id.gs1.org/414/0614141007776", "(414)0614141007776", "(414)0614141007776(254)0",
        "urn:epc:id:sgln:0614141.00777.0", "urn:epc:tag:sgln-96:3.0614141.00777.0", "https://maker.example/gln/0614141007776", "https://id.gs1.org/414/0614141007776/254/0",
    ],
    &["https://id.gs1.org/414/0614141007776/254/A%2F1", "(414)0614141007776(254)A/1", "urn:epc:id:sgln:0614141.00777.A%2F1"],
    &["https://id.gs1.org/417/0614141007776", "(417)0614141007776", "urn:epc:id:pgln:0614141.00777"],
    // the other keys
    &["https://id.gs1.org/8003/04012345555554987", "(8003)04012345555554987", "urn:epc:id:grai:4012345.55555.987", "urn:epc:tag:grai-96:0.4012345.55555.987"],
    &["https://id.gs1.org/8003/04012345555554", "(8003)04012345555554", "urn:epc:idpat:grai:4012345.55555.*"],
    &["https://id.gs1.org/8004/4000001111", "(8004)4000001111", "urn:epc:id:giai:4000001.111", "urn:epc:tag:giai-202:0.4000001.111", "https://h.example/8004/4000001111/7040/1ABC"],
    &["https://id.gs1.org/8018/061414100001025306", "(8018)061414100001025306", "urn:epc:id:gsrn:0614141.0000102530", "urn:epc:tag:gsrn-96:0.0614141.0000102530", "(8018)061414100001025306(8019)1"],
    &["https://id.gs1.org/8017/401234500000987658", "(8017)401234500000987658", "urn:epc:id:gsrnp:4012345.0000098765"],
    &["https://id.gs1.org/253/0614141000012400", "(253)0614141000012400", "urn:epc:id:gdti:0614141.00001.400"],
    &["https://id.gs1.org/253/0614141000012", "(253)0614141000012", "urn:epc:idpat:gdti:0614141.00001.*"],
    &["https://id.gs1.org/255/401234599999044", "(255)401234599999044", "urn:epc:id:sgcn:4012345.99999.44"],
    &["https://id.gs1.org/8010/4012345ABC/8011/123", "(8010)4012345ABC(8011)123", "urn:epc:id:cpi:4012345.ABC.123", "urn:epc:tag:cpi-var:0.4012345.ABC.123"],
    &["https://id.gs1.org/8010/4012345A%2FB", "(8010)4012345A/B", "urn:epc:idpat:cpi:4012345.A%2FB.*"],
    &["https://id.gs1.org/401/4012345333", "(401)4012345333", "urn:epc:id:ginc:4012345.333"],
    &["https://id.gs1.org/402/40123459999876541", "(402)40123459999876541", "urn:epc:id:gsin:4012345.999987654"],
    &["https://id.gs1.org/8006/040123451234560102/21/999", "(8006)040123451234560102(21)999", "urn:epc:id:itip:4012345.012345.01.02.999", "urn:epc:tag:itip-110:0.4012345.012345.01.02.999"],
    &["https://id.gs1.org/8006/040123451234560102/10/A", "(8006)040123451234560102(10)A"],
    &["https://id.gs1.org/8006/040123451234560102", "(8006)040123451234560102", "urn:epc:idpat:itip:4012345.012345.01.02.*"],
    &["https://id.gs1.org/01/04012345123456/235/AB12", "(01)04012345123456(235)AB12", "urn:epc:id:upui:4012345.012345.AB12"],
    // schemes of others
    &["urn:medtrace:cn-drug:81234561234567890123", "81234561234567890123", "8123456 1234 5678 90123", "]C081234561234567890123"],
    &["urn:medtrace:cn-drug:00106141412345678908", "]C000106141412345678908"],
    &[
        "urn:medtrace:hibcc:A99912345/10/10X3", "+A99912345/$$52001510X33", "*+A99912345/$$52001510X33*",
        "]C0+A99912345/$$52001510X33\r\n", "+A99912345/$10X3.", "+A999123457 +$$52001510X374",
    ],
    &["urn:medtrace:hibcc:A99912345/21/77DEFG45", "+A99912345/$$52001510X3/16D20111212/S77DEFG457"],
    &["urn:medtrace:hibcc:A123BJC5D6E71", "+A123BJC5D6E71G", "+A123BJC5D6E71G "],
    &[
        "urn:medtrace:isbt128:A9999XYZ100T0944/din/A999713123456/21/000025",
        "=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123",
        "=/A9999XYZ100T0944=,000025=A99971312345600= >014032=}013032&,1000000000000XYZ123",
        "=+06000=/A9999XYZ100T0944=,000025=A99971312345600=>014032=}013032&,1000000000000XYZ123",
    ],
    &["urn:medtrace:isbt128:A9999XYZ100T0944", "=/A9999XYZ100T0944", "]C0=/A9999XYZ100T0944=>014032"],
    &["urn:medtrace:isbt128:1TE123456A/10/RZ12345678", "=)1TE123456A &)RZ12345678"],
    &["urn:medtrace:isbt128:E0791V00/din/P000206019063", "=P00020601906300=<E0791V00=%5100"],
    &[
        "urn:medtrace:ma:MA.156.M0.100761.21234561/21/x00008",
        "MA.156.M0.100761.21234561.Sx00008.M220117.L20220117.D20220118.E220130.V220117.C3",
        "MA.156.M0.100761.21234561.Sx00008.P20220117",
    ],
    &["urn:medtrace:ma:MA.156.M0.123456.N123456Y/10/190726A", "MA.156.M0.123456.N123456Y.L190726A.E200725.CZ"],
    &["urn:medtrace:ma:MA.156.M0.100204.13351764", "MA.156.M0.100204.13351764"],
    &["urn:medtrace:ma:MA.156.7689.1234", "MA.156.7689.1234"],
    &["urn:epc:idpat:sgtin:4012345.*.*"],
    &["urn:epc:idpat:giai:4012345.*"],
    &["urn:epc:id:gid:95100000.12345.400"],
    &["urn:epc:tag:gid-96:95100000.12345.400"],
    &["urn:epc:raw:96.x0123456789ABCDEF01234567"],
    &["urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    &["https://example.com/01/09521141012346/21/A"], // another's address: a wrong check digit makes it no key
    &["https://id.gs1.org/8013/1987654Ad4X4bL5ttr2310c2K"],
];

#[test]
fn every_spelling_names_the_same_thing() {
    for row in SAME {
        let thing = Thing::from_uri(row[0]).unwrap();
        assert_eq!(thing.uri(), row[0]);
        for spelling in *row {
            let code = parse(spelling).unwrap_or_else(|e| panic!("{spelling}: {e}"));
            assert_eq!(code.thing.uri(), row[0], "{spelling}");
            if spelling.contains("://") || spelling.to_ascii_lowercase().starts_with("urn:") {
                assert_eq!(Thing::from_uri(spelling).unwrap(), thing, "{spelling}");
            }
        }
    }
}

#[test]
fn lots_are_case_sensitive_text() {
    let lots = ["10", "0010", "a", "A"].map(|lot| parse(&format!("(01)10614141073464(10){lot}")).unwrap().thing);
    assert!(lots.iter().enumerate().all(|(at, lot)| lots.iter().position(|other| other == lot) == Some(at)));
    assert_eq!(lots[1].uri(), "https://id.gs1.org/01/10614141073464/10/0010");
    assert_eq!(lots[1].level(), Level::Lot);
}

/// Keys that standards and GS1's pages print, all with right check digits.
#[test]
fn check_digits_of_published_keys() {
    for key in [
        "629104150021",      /* worked example of gs1.org: 3 */
        "37610425002123456", /* SSCC there: 9 */
        "614141999996",
        "00614141123452",
        "106141412345678908",
        "9520123456788",
        "70614141123451",
        "040123450000003338",
        "4012345000054",
        "4012345000115",
        "04012345999990",
    ] {
        let (body, last) = match key {
            "629104150021" => (key, "3"),
            "37610425002123456" => (key, "9"),
            _ => key.split_at(key.len() - 1),
        };
        assert_eq!(check_digit(body).map(|digit| digit.to_string()).as_deref(), Some(last), "{key}");
    }
    assert_eq!(check_digit(""), None);
    assert_eq!(check_digit("12a"), None);
}

#[test]
fn a_code_tells_lot_dates_and_the_rest() {
    let code = parse("]d2010952114101234517280200112601311012345\u{1d}30250\u{1d}21S-1\u{1d}7122345678").unwrap();
    assert_eq!(code.lot.as_deref(), Some("12345"));
    assert_eq!(code.expiry.unwrap().to_string(), "2028-02-29");
    assert_eq!(code.made.unwrap().to_string(), "2026-01-31");
    assert_eq!(code.quantity(), Some(250));
    assert_eq!(code.attribute("712"), Some("2345678"));
    assert_eq!(code.attributes.len(), 2);
    assert_eq!(code.doubt, None);
    assert_eq!(code.thing.key_text(), "(01)09521141012345(21)S-1");

    let timed = parse("(01)09521141012345(7003)2812312359(21)1").unwrap();
    assert_eq!(timed.expiry.unwrap().to_string(), "2028-12-31");
    let link = parse("https://h.example/01/09521141012345/21/1?17=281231&x=%&3103=001750;7003=2812310000").unwrap();
    assert_eq!(link.attribute("3103"), Some("001750"));
    let load = parse("(00)106141412345678908(02)10614141073464(37)12(10)L").unwrap();
    assert_eq!((load.quantity(), load.lot.as_deref()), (Some(12), Some("L")));
    assert_eq!(parse_as_of("(01)09521141012345(17)760101", 2025).unwrap().expiry.unwrap().year(), 1976);
}

#[test]
fn things_know_what_they_are_made_of() {
    let item = Thing::from_uri("https://id.gs1.org/01/10614141073464/21/1").unwrap();
    assert_eq!(item.class(), Class::new(Scheme::Item, 10_614_141_073_464));
    assert_eq!(Class::from_u64(item.class().to_u64()), Some(item.class()));
    assert_eq!(item.gtin().unwrap().to_string(), "10614141073464");
    assert_eq!(item.product(), Some(Class::new(Scheme::Product, 10_614_141_073_464)));
    assert_eq!((item.serial(), item.lot(), item.level()), (Some("1"), None, Level::Instance));
    assert_eq!(item.gtin().unwrap().item("1").unwrap(), item);
    assert_eq!(Thing::new(item.class(), item.id()), item);
    assert_eq!(serde_json::to_string(&item).unwrap(), "\"https://id.gs1.org/01/10614141073464/21/1\"");
    assert_eq!(serde_json::from_str::<Thing>("\"urn:epc:id:sgtin:0614141.107346.1\"").unwrap(), item);
    let drug = Thing::cn_drug("01234561234567890123").unwrap();
    assert_eq!(drug.class(), Class::new(Scheme::CnDrug, 123_456));
    assert_eq!(drug.uri(), "urn:medtrace:cn-drug:01234561234567890123");
    // No such code is issued; its digits alone would be an element string.
    assert_eq!(drug.key_text(), drug.uri());
    assert_eq!(Thing::cn_drug("81234561234567890123").unwrap().key_text(), "81234561234567890123");
    assert_eq!(drug.product(), Some(drug.class()));
    assert_eq!(Thing::cn_drug("0123456").unwrap().level(), Level::Class);
}

#[test]
fn a_prefix_covers_its_own_keys_only() {
    for own in SAME.iter().flat_map(|row| row.first()).filter(|uri| uri.contains("0614141")) {
        let thing = Thing::from_uri(own).unwrap();
        let issued = !matches!(thing.scheme(), Scheme::CnDrug | Scheme::Uri);
        assert_eq!(thing.issued_under("0614141"), issued, "{own}");
        assert!(!thing.issued_under("614141"), "{own}");
        assert!(!thing.issued_under(""), "{own}");
    }
    for own in SAME
        .iter()
        .flat_map(|row| row.first())
        .filter(|uri| uri.starts_with("https://id.gs1.org") && uri.contains("4012345"))
    {
        assert!(Thing::from_uri(own).unwrap().issued_under("4012345"), "{own}");
    }
    let uri = Thing::from_uri("https://example.org/item/1").unwrap();
    assert!(uri.issued_under("https://example.org") && uri.issued_under("https://example.org/item/"));
    assert!(!uri.issued_under("https://example.org/it") && !uri.issued_under("https://example.com"));
    assert!(!Thing::from_uri("https://example.org.evil/1").unwrap().issued_under("https://example.org"));
    assert!(!Thing::cn_drug("81234561234567890123").unwrap().issued_under("8123456"));
}
