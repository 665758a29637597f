//! Every text has one spelling: what is accepted prints again to the same bytes, and nothing panics.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Record, evidence, key, signer, world};
use medtrace_ledger::hash::from_base64;
use medtrace_ledger::*;
use proptest::prelude::*;

/// Parses a text of one format and prints it again.
type Reprint = fn(&str) -> Option<String>;

/// Each format with a good text.
fn formats() -> Vec<(&'static str, Reprint, String)> {
    let world = world();
    let Record::Sealed(events, _) = &world.blocks[2].cuts[1][0] else { unreachable!() };
    let Record::Sealed(notices, _) = &world.blocks[0].cuts[0][0] else { unreachable!() };
    let entry = common::entry("carrier", Custody::Hosted(common::party("x.y")), &["carrier", "distributor"], 7);
    let event = EventRef::new(2, 9, 6).unwrap();
    vec![
        ("events", |t| Some(Submission::parse(t).ok()?.text()), events.submission.text()),
        ("notices", |t| Some(Submission::parse(t).ok()?.text()), notices.submission.text()),
        ("header", |t| Some(Header::parse(t).ok()?.text()), world.blocks[2].header.text()),
        ("key", |t| Some(KeyEntry::parse(t).ok()?.text()), entry.text()),
        ("receipt", |t| Some(Receipt::parse(t).ok()?.text()), receipt().text()),
        ("checkpoint", |t| Some(Checkpoint::parse(t).ok()?.text()), world.checkpoint.text().into()),
        ("policy", |t| Some(Policy::parse(t).ok()?.text()), common::policy().text()),
        ("genesis", |t| Some(Genesis::parse_text(t).ok()?.text()), world.genesis.text()),
        ("note", |t| Some(Note::parse(t).ok()?.to_string()), world.checkpoint.to_string()),
        ("proof", |t| Some(Proof::parse(t).ok()?.text()), world.prove(event).unwrap().text()),
        ("batch", |t| Some(Batch::parse(t).ok()?.text()), evidence::batch(&world).text()),
        ("consistency", |t| Some(Consistency::parse(t).ok()?.text()), evidence::consistency(&world, 2, 5).text()),
        ("fork", |t| Some(Fork::parse(t).ok()?.text()), evidence::fork(&world, 1, 2, 5).unwrap().text()),
        (
            "missing",
            |t| Some(Missing::parse(t).ok()?.text()),
            evidence::missing(&world, &evidence::receipt(&world), evidence::SERVICE).text(),
        ),
        ("event name", |t| Some(t.parse::<EventRef>().ok()?.to_string()), event.to_string()),
        ("hash", |t| Some(t.parse::<Hash>().ok()?.to_string()), Hash::of("x").to_string()),
        ("public key", |t| Some(PublicKey::parse(t).ok()?.to_string()), key("x").public().to_string()),
        ("topic uuid", |t| Some(t.parse::<TopicUuid>().ok()?.to_string()), receipt().uuid.to_string()),
    ]
}

fn receipt() -> Receipt {
    Receipt {
        origin: common::ORIGIN.parse().unwrap(),
        submission: Hash::of("submission"),
        leaf: Hash::of("leaf"),
        topic: "scan-events".parse().unwrap(),
        uuid: TopicUuid([7; 16]),
        partition: 3,
        offset: 41,
        time_ms: common::START_MS,
    }
}

#[test]
fn good_texts_print_again() {
    for (name, reprint, good) in formats() {
        assert_eq!(reprint(&good).as_deref(), Some(good.as_str()), "{name}");
    }
}

#[test]
fn every_text_is_exact_about_its_lines() {
    for (name, reprint, good) in formats() {
        for bad in [
            format!("{good}\n"),
            format!("\n{good}"),
            format!(" {good}"),
            format!("{good}x"),
            format!("\u{feff}{good}"),
            good.replace('\n', "\r\n"),
            good.trim_end_matches('\n').to_owned() + " ",
            String::new(),
        ] {
            let free = name == "note" && bad.ends_with(&good); // any text may be signed
            if bad != good && !free {
                assert_eq!(reprint(&bad), None, "{name}: {bad:?}");
            }
        }
    }
}

/// Changes of one good text that each break one rule: (format, what stands there, what is put there).
const BROKEN_RULES: &[(&str, &str, &str)] = &[
    ("events", "medtrace/events/v1", "medtrace/events/v2"),
    ("events", "\nfactory\n", "\nFactory\n"),
    ("events", "\nfactory\n", "\n-factory\n"),
    ("events", "\n2\n", "\n02\n"),
    ("events", "\n2\n", "\n0\n"),
    ("events", "\n2\n", "\n501\n"),
    ("events", "\n1767", "\n+1767"),
    ("events", "\n1767225600350", "\n253402300800000"),
    ("header", "medtrace/block/v1", "medtrace/block/v01"),
    ("header", "\n2\n", "\n4294967296\n"),
    ("header", "keys 8 ", "keys 08 "),
    ("header", "keys 8 ", "keys  8 "),
    ("header", "cut notices TWVkdHJhY2UAAAAAAAAABw 0 2 4 1", "cut notices TWVkdHJhY2UAAAAAAAAABw 0 2 2 0"),
    ("header", "cut notices TWVkdHJhY2UAAAAAAAAABw 0 2 4 1", "cut notices TWVkdHJhY2UAAAAAAAAABw 0 2 4 3"),
    ("header", "cut notices TWVkdHJhY2UAAAAAAAAABw 0 2 4 1", "cut notices TWVkdHJhY2UAAAAAAAAABx 0 2 4 1"),
    ("header", "cut notices TWVkdHJhY2UAAAAAAAAABw 0 2 4 1", "cut notices TWVkdHJhY2UAAAAAAAAABw 2147483648 2 4 1"),
    ("header", "cut notices ", "cut zzz "),
    ("header", "cut notices ", "cut not/ices "),
    ("header", "bad scan-events 0 2 ", "bad scan-events 1 2 "),
    ("header", "bad scan-events 0 2 ", "bad scan-events 0 4 "),
    ("header", "bad scan-events 0 2 ", "bad scan-events 0 0 "),
    ("header", "bad scan-events 0 2 ", "bad scan-events 0 3 "),
    ("header", "undecodable", "Undecodable"),
    ("key", "hosted:x.y", "hosted:"),
    ("key", "hosted:x.y", "theirs"),
    ("key", "carrier,distributor", "distributor,carrier"),
    ("key", "carrier,distributor", "carrier,carrier"),
    ("key", "carrier,distributor", "carrier,"),
    ("key", "carrier,distributor", ""),
    ("receipt", " 3 41\n", " 3  41\n"),
    ("receipt", " 3 41\n", " 3 41 \n"),
    ("receipt", " 3 41\n", " 3 9223372036854775808\n"),
    ("checkpoint", "\n5\n", "\n0\n"),
    ("checkpoint", "\n5\n", "\n4294967297\n"),
    ("checkpoint", "\n5\n", "\n5\nextension\n"),
    ("genesis", "\"threshold\":2", "\"threshold\":4"),
    ("genesis", "\"threshold\":2", "\"threshold\":0"),
    ("genesis", "\"threshold\":2", "\"threshold\":2.0"),
    ("genesis", "\"threshold\":2", "\"threshold\": 2"),
    ("genesis", "\"threshold\":2", "\"threshold\":2,\"threshold\":2"),
    ("genesis", "\"threshold\":2", "\"threshold\":2,\"unknown\":1"),
    ("genesis", "\"time\"", "\"chainer\":1,\"time\""),
    ("genesis", "\\nquorum ", "\\n\\nquorum "),
    ("genesis", "\\nquorum ", "\\u000aquorum "),
    ("genesis", "\nstents.example/county\n", "\nelsewhere\n"),
    ("genesis", "authority-b", "Authority b"),
    ("genesis", "authority-b", "authority/b"),
    ("genesis", "authority-b", "authority\\u002db"),
    ("note", "\n\n—", "\n—"),
    ("note", "— stents", "- stents"),
    ("note", "— stents.example/county ", "— stents.example/county  "),
    ("note", "stents.example/county\n", "stents.example/county\t\n"),
    ("proof", "event 2-", "event 02-"),
    ("proof", "item E", "item X"),
    ("proof", "|{\"action\"", "|{\n|\"action\""),
    ("proof", "|{\"action\"", "|{\u{1}\"action\""),
    ("proof", "submission\n", "submission \n"),
    ("proof", "checkpoint\n", "checkpoints\n"),
    ("proof", "\nkey ", "\nkey 0"),
    ("event name", "2-4614", "2-4607"),
    ("event name", "2-4614", "2-33554432"),
    ("event name", "2-4614", "4294967296-0"),
    ("event name", "2-4614", "2–4614"),
];

#[test]
fn every_rule_refuses() {
    let formats = formats();
    for (name, there, instead) in BROKEN_RULES {
        let (_, reprint, good) = formats.iter().find(|(format, ..)| format == name).unwrap();
        assert!(good.contains(there), "{name} has no {there:?}: {good}");
        let bad = good.replacen(there, instead, 1);
        assert_eq!(reprint(&bad), None, "{name}: {there:?} → {instead:?}");
    }
}

#[test]
fn two_keys_need_order_and_notices() {
    let (_, reprint, good) = formats().into_iter().find(|(name, ..)| *name == "notices").unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let (first, second) = (lines[4], lines[5]);
    let swapped = good.replacen(&format!("{first}\n{second}\n"), &format!("{second}\n{first}\n"), 1);
    assert_eq!(reprint(&swapped), None);
    assert_eq!(reprint(&good.replacen(second, first, 1)), None);
    assert_eq!(reprint(&good.replacen("notices", "events", 1)), None);
}

#[test]
fn weak_and_non_canonical_keys_are_refused() {
    // The eight points of small order and other spellings of them; y = p + 2 with both signs, no canonical encoding.
    for hex in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        let bytes: Vec<u8> = (0..64).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
        assert!(PublicKey::from_bytes(&bytes.try_into().unwrap()).is_err(), "{hex}");
    }
}

#[test]
fn base64_has_one_spelling() {
    for bad in ["QQ", "QQ=", "QR==", "QQ===", "Q Q==", "QQ==\n", "-_==", "QQ==QQ=="] {
        assert_eq!(from_base64(bad), None, "{bad:?}");
    }
    assert_eq!(from_base64("QQ=="), Some(vec![0x41]));
}

#[test]
fn a_note_has_1_to_8_lines_of_different_keys() {
    let text = "text\n".to_owned();
    let lines: Vec<_> = (0..9).map(|n| signer(&format!("key-{n}")).sign(&text).unwrap()).collect();
    assert!(Note::new(text.clone(), lines[..8].to_vec()).is_ok());
    assert!(matches!(Note::new(text.clone(), lines.clone()), Err(NoteError::SignatureLines { found: 9, .. })));
    assert!(matches!(Note::new(text.clone(), vec![]), Err(NoteError::SignatureLines { found: 0, .. })));
    assert!(Note::new(text.clone(), vec![lines[0].clone(), lines[0].clone()]).is_err());
    let nine: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert!(matches!(Note::parse(&format!("{text}\n{nine}")), Err(NoteError::SignatureLines { found: 9, .. })));
}

#[test]
fn a_member_of_the_authority_counts_once() {
    let officers: Vec<Signer> =
        [("nmpa", "a"), ("nmpa", "b"), ("moh", "c")].map(|(who, n)| Signer::new(common::party(who), key(n))).into();
    let mut genesis = common::genesis();
    genesis.authority.keys = officers.iter().map(Signer::verifier).collect();
    assert!(Genesis::parse(&genesis.sign(&officers).unwrap()).is_ok());
    assert!(Genesis::parse(&genesis.sign(&officers[1..]).unwrap()).is_ok());
    assert_eq!(KeySet::new(genesis.authority_entries()).count_and_root().0, 3);

    // Two keys of one member are one member's signature, here as in every notice.
    let one = genesis.sign(&officers[..2]).unwrap_err();
    assert!(matches!(one, genesis::GenesisError::Threshold { found: 1, threshold: 2 }), "{one}");
    genesis.authority.threshold = 3;
    assert!(genesis.check().is_err(), "there are two members");
    genesis.authority.threshold = 2;
    genesis.authority.keys[2].public = genesis.policy.log.public;
    assert!(genesis.check().is_err(), "one key in two offices");
}

#[test]
fn a_receipt_is_signed_by_its_service_alone() {
    let service = signer("hospital-service");
    let note = receipt().sign(&service).unwrap();
    assert_eq!(Receipt::open(&note, &service.verifier()).unwrap(), receipt());
    assert!(Receipt::open(&note, &signer("other-service").verifier()).is_err());
    assert!(Receipt::open(&note.replace(" 3 41\n", " 3 42\n"), &service.verifier()).is_err());
    let mut two = Note::parse(&note).unwrap().signatures().to_vec();
    two.push(signer("other-service").sign(&receipt().text()).unwrap());
    let two = Note::new(receipt().text(), two).unwrap().to_string();
    assert!(Receipt::open(&two, &service.verifier()).is_err());
}

proptest! {
    /// Whatever arrives is answered.
    #[test]
    fn no_parser_panics(text in "\\PC{0,200}|[ -~\n]{0,400}|(medtrace/(events|notices|block|key|receipt|genesis|proof|batch|consistency|fork|missing)/v1\n)[ -~\n—|]{0,300}") {
        for (_, reprint, _) in formats_once() {
            reprint(&text);
        }
    }

    /// One edit of a good text: refused, or another text that prints again to itself.
    #[test]
    fn what_is_accepted_prints_again(
        format in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        remove in 0usize..3,
        insert in "[0-9a-zA-Z+/=|— \n.,:{}\"-]{0,3}",
    ) {
        let formats = formats_once();
        let (name, reprint, good) = &formats[format.index(formats.len())];
        let chars: Vec<char> = good.chars().collect();
        let at = at.index(chars.len());
        let after = chars.iter().skip(at + remove);
        let edited: String = chars[..at].iter().copied().chain(insert.chars()).chain(after.copied()).collect();
        if let Some(again) = reprint(&edited) {
            prop_assert_eq!(again, edited, "{}", name);
        }
    }
}

fn formats_once() -> &'static [(&'static str, Reprint, String)] {
    static FORMATS: std::sync::OnceLock<Vec<(&'static str, Reprint, String)>> = std::sync::OnceLock::new();
    FORMATS.get_or_init(formats)
}
