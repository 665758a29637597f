//! Whole submissions, as the log brings them.
#![allow(clippy::unwrap_used)]

mod world;

use medtrace_ledger::{Hash, Item, ItemKind, Salt, SigningKey, Submission, SubmissionKind, seal_submission};
use medtrace_registry::{Position, Registry};
use serde_json::{Value, json};
use world::*;

fn submission(from: &str, keys: &[&str], notices: &[Vec<u8>]) -> Submission {
    let keys: Vec<SigningKey> = keys.iter().map(|key| SigningKey::from_seed(&Hash::of(key).0)).collect();
    let leaves: Vec<_> =
        notices.iter().map(|bytes| Item { kind: ItemKind::Notice, salt: Salt([7; 16]), bytes }.leaf()).collect();
    let (origin, genesis) = (genesis().origin, genesis().hash());
    let kind = SubmissionKind::Notices;
    seal_submission(kind, &origin, genesis, &party(from), &keys, 1_772_323_200_000, &leaves).unwrap().submission
}

fn outcomes(registry: &mut Registry, height: u64, from: &str, keys: &[&str], notices: &[Vec<u8>]) -> Vec<String> {
    let submission = submission(from, keys, notices);
    let items = (0u32..).zip(notices.iter().map(Vec::as_slice));
    let applied = registry.apply_submission(height, 1, 3, &submission, items);
    let positions: Vec<u32> = applied.iter().map(|one| one.position.idx).collect();
    assert_eq!(positions, (0..notices.len() as u32).map(|index| 3 * 512 + index).collect::<Vec<_>>());
    applied
        .into_iter()
        .map(|one| one.outcome.map_or_else(|refusals| refusals[0].code.to_owned(), |(notice, _)| notice.subject()))
        .collect()
}

fn jcs(value: &Value) -> Vec<u8> {
    notice(value).to_jcs()
}

#[test]
fn each_notice_of_a_submission_is_judged_after_those_before_it() {
    let mut registry = World::empty().registry;
    let maker = admission("maker", 1, json!(["manufacturer"]), json!([]), json!(["9521321"]));
    let broken = b"{".to_vec();
    let both = ["authority-a", "authority-b"];
    let notices = [jcs(&maker), broken, jcs(&maker)];
    assert_eq!(outcomes(&mut registry, 1, "authority-a", &both, &notices), ["party maker", "syntax", "revision"]);

    // The root key's submission enrols a key, which is valid at once.
    let key = format!("key {}", public("maker-2"));
    let notices = [jcs(&enrolment("maker", "maker-2")), jcs(&stent(1))];
    assert_eq!(outcomes(&mut registry, 2, "maker", &["maker", "maker-2"], &notices), [key, "product stent".to_owned()]);
    assert_eq!(outcomes(&mut registry, 3, "maker", &["trader"], &[jcs(&stent(2))]), ["key-not-valid"]);
    let stent = registry.now().products().next().unwrap();
    assert_eq!(stent.position, Position { height: 2, idx: 3 * 512 + 1, time_ms: 1 });
}
