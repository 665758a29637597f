//! What the chainer refuses of a submission, each with its reason, and what it takes.
#![allow(clippy::unwrap_used)]

mod common;

use common::{OwnItem, START_MS, event, genesis, key, notice, party, signer};
use medtrace_ledger::item::ITEM_BYTES_MAX;
use medtrace_ledger::note::sign_note;
use medtrace_ledger::submission::{
    AGE_MS_MAX, AHEAD_MS_MAX, Expected, SUBMISSION_BYTES_MAX, SUBMISSION_ITEMS_MAX, SealError, reason,
};
use medtrace_ledger::*;

fn leaves(items: &[OwnItem]) -> Vec<ItemLeaf> {
    items.iter().map(|item| item.item().leaf()).collect()
}

fn seal(items: &[ItemLeaf]) -> Result<SealedSubmission, submission::SealError> {
    let genesis = genesis();
    let keys = [key("factory")];
    seal_submission(SubmissionKind::Events, &genesis.origin, genesis.hash(), &party("factory"), &keys, START_MS, items)
}

fn verify(note: &str, items: &[ItemLeaf]) -> Result<Submission, &'static str> {
    verify_at(note, items, START_MS)
}

fn verify_at(note: &str, items: &[ItemLeaf], block_ms: u64) -> Result<Submission, &'static str> {
    let genesis = genesis();
    let expected = Expected { kind: SubmissionKind::Events, origin: &genesis.origin, genesis: genesis.hash() };
    let is_valid =
        |name: &PartyId, public: &PublicKey| name.as_str() == "factory" && *public == key("factory").public();
    verify_submission(note, items, &expected, block_ms, is_valid).map_err(|refused| {
        assert_eq!(refused.word().as_str(), refused.reason);
        refused.reason
    })
}

/// Signs a changed text with the factory's key.
fn forge(change: impl Fn(&mut Submission)) -> String {
    let items = leaves(&[event(1, "shipping"), event(2, "shipping")]);
    let mut submission = seal(&items).unwrap().submission;
    change(&mut submission);
    sign_note(submission.text(), &[signer("factory")]).unwrap().to_string()
}

#[test]
fn what_is_sealed_verifies() {
    let items = leaves(&[event(1, "shipping"), event(2, "shipping"), OwnItem::new(ItemKind::Document, "{}")]);
    let sealed = seal(&items).unwrap();
    assert_eq!(verify(&sealed.note, &items).unwrap(), sealed.submission);
    assert_eq!(sealed.id, Hash::of(sealed.submission.text()));
    // An erased item still counts by its leaf.
    let mut erased = items.clone();
    erased[1] = ItemLeaf::erased(items[1].hash);
    assert!(verify(&sealed.note, &erased).is_ok());
}

#[test]
fn each_refusal_has_its_reason() {
    let items = leaves(&[event(1, "shipping"), event(2, "shipping")]);
    let good = seal(&items).unwrap().note;
    let refused = |note: &str| verify(note, &items).unwrap_err();

    assert_eq!(refused(""), reason::UNDECODABLE);
    assert_eq!(refused("a text\n\nnot signed\n"), reason::UNDECODABLE);
    assert_eq!(refused(&good.replacen("\n2\n", "\n02\n", 1)), reason::UNDECODABLE);
    assert_eq!(refused(&sign_note("a text\n".into(), &[signer("factory")]).unwrap().to_string()), reason::UNDECODABLE);
    assert_eq!(refused(&forge(|s| s.origin = "elsewhere".parse().unwrap())), reason::WRONG_ORIGIN);
    assert_eq!(refused(&forge(|s| s.genesis = Hash::of("other"))), reason::WRONG_GENESIS);
    assert_eq!(refused(&forge(|s| s.kind = SubmissionKind::Notices)), reason::WRONG_KIND);
    assert_eq!(refused(&forge(|s| s.party = party("hospital"))), reason::SIGNATURE_LINES);
    assert_eq!(refused(&forge(|s| s.public_keys = vec![key("other").public()])), reason::SIGNATURE_LINES);
    assert_eq!(refused(&good.replacen("\n1767225600000\n", "\n1767225600001\n", 1)), reason::BAD_SIGNATURE);
    assert_eq!(refused(&forge(|s| s.count = 1)), reason::COUNT);
    assert_eq!(refused(&forge(|s| s.root = Hash::of("other"))), reason::ROOT);
    assert_eq!(verify(&good, &items[..1]), Err(reason::COUNT));
    assert_eq!(verify(&good, &[items[1], items[0]]), Err(reason::ROOT));
}

#[test]
fn a_signature_line_too_many_is_refused() {
    let items = leaves(&[event(1, "shipping")]);
    let sealed = seal(&items).unwrap();
    let note = Note::parse(&sealed.note).unwrap();
    let mut lines = note.signatures().to_vec();
    lines.push(signer("hospital").sign(note.text()).unwrap());
    let two = Note::new(note.text().into(), lines).unwrap().to_string();
    assert_eq!(verify(&two, &items), Err(reason::SIGNATURE_LINES));
}

#[test]
fn a_key_of_another_is_unknown() {
    let genesis = genesis();
    let items = leaves(&[event(1, "shipping")]);
    let sealed = seal_submission(
        SubmissionKind::Events,
        &genesis.origin,
        genesis.hash(),
        &party("hospital"),
        &[key("factory")],
        START_MS,
        &items,
    );
    assert_eq!(verify(&sealed.unwrap().note, &items), Err(reason::UNKNOWN_KEY));
}

#[test]
fn the_signers_clock_may_be_7_days_behind_and_5_minutes_ahead() {
    let items = leaves(&[event(1, "shipping")]);
    let note = seal(&items).unwrap().note;
    for (block_ms, expected) in [
        (START_MS + AGE_MS_MAX, Ok(())),
        (START_MS + AGE_MS_MAX + 1, Err(reason::TIME)),
        (START_MS - AHEAD_MS_MAX, Ok(())),
        (START_MS - AHEAD_MS_MAX - 1, Err(reason::TIME)),
        (0, Err(reason::TIME)),
        (u64::MAX, Err(reason::TIME)),
    ] {
        assert_eq!(verify_at(&note, &items, block_ms).map(|_| ()), expected, "block at {block_ms}");
    }
}

#[test]
fn kinds_and_sizes_are_checked_before_signing_and_after() {
    let leaf = |kind, bytes| ItemLeaf { kind: Some(kind), bytes, hash: Hash::of("leaf") };
    let of = |items: &[ItemLeaf]| {
        forge(|s| {
            s.count = items.len() as u32;
            s.root = merkle::root(items.iter().map(|item| item.hash));
        })
    };

    let foreign = [leaf(ItemKind::Event, 1), leaf(ItemKind::Notice, 1)];
    assert!(matches!(seal(&foreign), Err(SealError::Item(1))));
    assert_eq!(verify(&of(&foreign), &foreign), Err(reason::WRONG_KIND));

    let long = [leaf(ItemKind::Event, ITEM_BYTES_MAX + 1)];
    assert!(matches!(seal(&long), Err(SealError::Item(0))));
    assert_eq!(verify(&of(&long), &long), Err(reason::TOO_LARGE));

    let full = [leaf(ItemKind::Event, SUBMISSION_BYTES_MAX / 4); 4];
    assert!(verify(&seal(&full).unwrap().note, &full).is_ok());
    let mut over = full;
    over[3].bytes += 1;
    assert!(matches!(seal(&over), Err(SealError::TooLarge)));
    assert_eq!(verify(&of(&over), &over), Err(reason::TOO_LARGE));

    let most = vec![leaf(ItemKind::Event, 1); SUBMISSION_ITEMS_MAX];
    assert!(verify(&seal(&most).unwrap().note, &most).is_ok());
    assert!(matches!(seal(&vec![most[0]; SUBMISSION_ITEMS_MAX + 1]), Err(SealError::Format(_))));
    assert!(matches!(seal(&[]), Err(SealError::Format(_))));
}

#[test]
fn notices_may_have_8_signers_and_events_one() {
    let genesis = genesis();
    let items = leaves(&[notice("factory", 1)]);
    let seal = |kind, signers: usize, items: &[ItemLeaf]| {
        let keys: Vec<SigningKey> = (0..signers).map(|n| key(&format!("officer-{n}"))).collect();
        seal_submission(kind, &genesis.origin, genesis.hash(), &party("authority-a"), &keys, START_MS, items)
    };
    let sealed = seal(SubmissionKind::Notices, 8, &items).unwrap();
    let expected = Expected { kind: SubmissionKind::Notices, origin: &genesis.origin, genesis: genesis.hash() };
    let opened = submission::open_submission(&sealed.note, &items, &expected).unwrap();
    assert_eq!(opened.public_keys.len(), 8);
    assert!(seal(SubmissionKind::Notices, 9, &items).is_err());
    assert!(seal(SubmissionKind::Notices, 0, &items).is_err());
    assert!(seal(SubmissionKind::Events, 2, &leaves(&[event(1, "shipping")])).is_err());
}
