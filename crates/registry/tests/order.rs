//! Random notices by random signers, good and bad mixed: what is refused leaves no trace, what is accepted cannot be said
//! again, nobody's past changes, and the same log always gives the same registry.
#![allow(clippy::unwrap_used)]

mod world;

use medtrace_ledger::{KeyEntry, PartyId, PublicKey};
use medtrace_registry::notice::Name;
use medtrace_registry::{At, Position, Registry};
use proptest::prelude::*;
use serde_json::{Value, json};
use world::*;

const PARTIES: [&str; 6] = ["authority-a", "authority-b", "maker", "trader", "hospital", "nmpa"];
const KEYS: [&str; 8] = ["authority-a", "authority-b", "maker", "maker-2", "trader", "hospital", "nmpa", "new"];

/// Whether somebody honest says it, who signs otherwise, what is said.
type Said = (bool, Vec<(PartyId, PublicKey)>, Value);

/// The same by who may say it, at the next revision, if anybody may.
fn honest(now: At<'_>, mut value: Value) -> (Vec<(PartyId, PublicKey)>, Value) {
    let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let root = |id: &str| (party(id), now.party(&party(id)).unwrap().root_key);
    let name = |member: &str| Name::new(text(member)).unwrap();
    let (signers, last) = match text("type").as_str() {
        "party" => (verified(BOTH), now.party(&party(&text("party"))).map(|party| party.revision)),
        "key" => {
            let key = text("publicKey").parse::<PublicKey>().unwrap();
            (vec![root(&text("party")), (party(&text("party")), key)], now.key(&key).map(|_| 1))
        }
        "product" => (vec![root(&text("owner")), root("maker")], now.product(&name("product")).map(|p| p.revision)),
        "place" => (vec![root(&text("party"))], now.places().next().map(|place| place.revision)),
        "recall" => (vec![root("nmpa")], now.recall(&name("recall")).map(|recall| recall.revision)),
        _ => {
            let last = now.acknowledgements(&name("recall")).find(|a| a.party.as_str() == text("party"));
            (vec![root(&text("party"))], last.map(|a| a.revision))
        }
    };
    value["revision"] = json!(last.unwrap_or(0) + 1);
    (signers, value)
}

fn signers() -> impl Strategy<Value = Vec<(PartyId, PublicKey)>> {
    let any_two = proptest::collection::vec((0..PARTIES.len(), 0..KEYS.len()), 0..3)
        .prop_map(|pairs| pairs.into_iter().map(|(p, k)| (party(PARTIES[p]), public(KEYS[k]))).collect());
    let own = (2..PARTIES.len()).prop_map(|p| verified(&[(PARTIES[p], PARTIES[p])]));
    let own_and_new = (2..PARTIES.len()).prop_map(|p| verified(&[(PARTIES[p], PARTIES[p]), (PARTIES[p], "new")]));
    prop_oneof![2 => any_two, 4 => own, 3 => own_and_new, 3 => Just(verified(BOTH))]
}

fn revised(mut value: Value, revision: u32) -> Value {
    value["revision"] = json!(revision);
    value
}

fn said() -> impl Strategy<Value = Said> {
    let who = 0..PARTIES.len();
    let lots = prop::sample::subsequence(vec!["L1", "L2", "L3"], 1..3);
    let notice = prop_oneof![
        (who.clone(), 1..4u32, any::<bool>(), 0..KEYS.len()).prop_map(|(who, revision, suspended, root)| {
            let roles = if suspended { json!([]) } else { json!(["hospital", "manufacturer"]) };
            let mut value = admission(PARTIES[who], revision, roles, json!([]), json!([]));
            value["rootKey"] = json!(public(KEYS[root]));
            value
        }),
        (who.clone(), 0..KEYS.len()).prop_map(|(who, key)| enrolment(PARTIES[who], KEYS[key])),
        (who.clone(), 0..KEYS.len()).prop_map(|(who, key)| revocation(PARTIES[who], KEYS[key])),
        (who.clone(), 1..5u32).prop_map(|(who, revision)| {
            let mut value = stent(revision);
            value["owner"] = json!(PARTIES[who]);
            value
        }),
        (who.clone(), 1..3u32).prop_map(|(who, revision)| revised(place(HOSPITAL_GLN, PARTIES[who]), revision)),
        (1..5u32, lots).prop_map(|(revision, lots)| recall("r", revision, json!([{"product": "stent", "lots": lots}]))),
        (1..5u32, prop_oneof![Just("lift"), Just("close")]).prop_map(|(revision, end)| recall_end("r", revision, end)),
        (who, 1..3u32).prop_map(|(who, revision)| acknowledgement("r", PARTIES[who], revision, "quarantined")),
    ];
    (prop::bool::weighted(0.7), signers(), notice)
}

/// All that can be asked of a height, as text.
fn everything(at: At<'_>) -> String {
    let keys: Vec<String> = at.key_entries().iter().map(KeyEntry::text).collect();
    let parties: Vec<_> = at.parties().collect();
    let (products, places, recalls) = (at.products(), at.places(), at.recalls());
    let recalls: Vec<_> = recalls.map(|r| (r, at.acknowledgements(&r.recall).collect::<Vec<_>>())).collect();
    format!("{keys:?} {parties:?} {:?} {:?} {recalls:?}", products.collect::<Vec<_>>(), places.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_log_of_good_and_bad(log in proptest::collection::vec(said(), 1..60)) {
        let world = World::new();
        let mut registry = world.registry.clone();
        let mut accepted = Vec::new();
        let mut past = vec![(world.height, everything(registry.at(world.height)))];
        for (height, (by_honest, signers, value)) in (world.height + 1..).zip(log) {
            let (signers, value) = if by_honest { honest(registry.now(), value) } else { (signers, value) };
            let position = Position { height, idx: 7, time_ms: height };
            let notice = notice(&value);
            let before = registry.clone();
            let checked = registry.check(position, &signers, &notice);
            prop_assert_eq!(&registry.apply(position, &signers, &notice), &checked);
            if checked.is_err() {
                prop_assert_eq!(&registry, &before);
            } else {
                let again = Position { idx: 8, ..position };
                prop_assert!(registry.check(again, &signers, &notice).is_err(), "said twice: {}", value);
                accepted.push((position, signers, notice));
            }
            past.push((height, everything(registry.at(height))));
        }
        for (height, then) in &past {
            prop_assert_eq!(&everything(registry.at(*height)), then, "the past at {} changed", height);
        }
        // Only what was accepted, in order, gives the same registry; so does the whole log.
        let mut again: Registry = world.registry.clone();
        for (position, signers, notice) in &accepted {
            prop_assert!(again.apply(*position, signers, notice).is_ok());
        }
        prop_assert_eq!(&again, &registry);
    }
}

/// The generator is worth something: it says both, a good deal of each.
#[test]
fn the_random_logs_hold_good_and_bad() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let log = proptest::collection::vec(said(), 3000).new_tree(&mut runner).unwrap().current();
    let (mut good, mut bad) = (std::collections::BTreeMap::new(), 0);
    for chunk in log.chunks(30) {
        let mut world = World::new();
        for (by_honest, signers, value) in chunk.iter().cloned() {
            let (signers, value) = if by_honest { honest(world.registry.now(), value) } else { (signers, value) };
            match world.registry.apply(world.next(), &signers, &notice(&value)) {
                Ok(_) => {
                    world.height += 1;
                    *good.entry(value["type"].as_str().unwrap().to_owned()).or_insert(0) += 1;
                }
                Err(_) => bad += 1,
            }
        }
    }
    assert!(bad > 500 && good.len() == 6 && good.values().all(|n| *n > 20), "{good:?} good, {bad} bad");
}
