//! Every way we know to say what one may not say. One row an attack: who signs, what they say, the refusal's code; and the
//! registry afterwards equals the one before.
#![allow(clippy::unwrap_used)]

mod world;

use medtrace_registry::Registry;
use proptest::prelude::*;
use serde_json::{Value, json};
use world::*;

const A: &[Signer] = &[("authority-a", "authority-a")];
const MAKER: &[Signer] = &[("maker", "maker-2")];
const ROOT: &[Signer] = &[("maker", "maker")];
const TRADER: &[Signer] = &[("trader", "trader")];
const HOSPITAL: &[Signer] = &[("hospital", "hospital")];
const NMPA: &[Signer] = &[("nmpa", "nmpa")];

struct Attack {
    what: &'static str,
    signers: &'static [Signer],
    says: Value,
    code: &'static str,
}

/// The consortium after some life: a revoked key, a recall by the regulator, a closed one.
fn lived() -> World {
    let mut world = World::new();
    world.good(&[("maker", "maker"), ("maker", "maker-3")], enrolment("maker", "maker-3"));
    world.good(ROOT, revocation("maker", "maker-3"));
    world.good(NMPA, recall("by-nmpa", 1, json!([{"product": "stent", "lots": ["L1"]}])));
    world.good(MAKER, recall("done", 1, json!([{"product": "stent", "lots": ["L1"]}])));
    world.good(MAKER, recall_end("done", 2, "close"));
    world.good(HOSPITAL, acknowledgement("by-nmpa", "hospital", 1, "received"));
    world.good(MAKER, place(MAKER_GLN, "maker"));
    world.good(BOTH, erasure("2-0", 1));
    world.cut("scan-events", "first");
    world.good(BOTH, gap("scan-events", 1, "first", "second"));
    world.good(
        &[("authority-b", "authority-b"), ("authority-b", "authority-b-2")],
        enrolment("authority-b", "authority-b-2"),
    );
    world
}

fn with(mut value: Value, member: &str, to: Value) -> Value {
    value[member] = to;
    value
}

#[rustfmt::skip]
fn attacks() -> Vec<Attack> {
    let mut rows = Vec::new();
    let mut row = |what, signers, says, code| rows.push(Attack { what, signers, says, code });
    let new = |name| admission(name, 1, json!(["hospital"]), json!([]), json!([]));
    let maker = |glns, prefixes| admission("maker", 2, json!(["manufacturer"]), glns, prefixes);
    let trader = |roles| admission("trader", 2, roles, json!([TRADER_GLN]), json!(["9521555"]));
    let stents = || json!([{"product": "stent", "all": true}]);
    let delegation = |from: &str, to: &str, gln: &str| {
        json!({"type": "delegation", "from": from, "to": to, "revision": 1, "glns": [gln], "steps": ["receive"]})
    };

    // Erasures: as many of the authority as give power, of what is sealed already.
    row("a party erases", MAKER, erasure("3-0", 1), "not-authority");
    row("one member erases alone", A, erasure("3-0", 1), "threshold");
    row("an erasure of this block", BOTH, erasure("18-0", 1), "not-sealed");
    row("a copy in this block", BOTH, with(erasure("3-0", 1), "copies", json!(["18-0"])), "not-sealed");
    row("an erasure replayed", BOTH, erasure("2-0", 1), "revision");
    row("an erasure at revision 2", BOTH, erasure("3-0", 2), "revision");

    // Gaps: as many of the authority as give power, from the id that the topic has to one that was never there.
    row("a party tells of a gap", MAKER, gap("scan-events", 2, "second", "third"), "not-authority");
    row("one member tells of a gap alone", A, gap("scan-events", 2, "second", "third"), "threshold");
    row("a gap replayed", BOTH, gap("scan-events", 1, "first", "second"), "revision");
    row("a gap from an id that went before", BOTH, gap("scan-events", 2, "first", "third"), "not-its-id");
    row("a gap from an id that never was", BOTH, gap("scan-events", 2, "other", "third"), "not-its-id");
    row("a gap back to the first id", BOTH, gap("scan-events", 2, "second", "first"), "id-used");
    row("a gap in what was never cut", BOTH, gap("notices", 1, "first", "third"), "unknown-topic");
    row("a gap at revision 3", BOTH, gap("scan-events", 3, "second", "third"), "revision");

    // Parties: only the authority, all of it where power is given.
    row("nobody signs", &[], new("x"), "signers");
    row("a party admits a party", ROOT, new("x"), "not-authority");
    row("one member admits a party alone", A, new("x"), "threshold");
    row("one member twice is not two", &[("authority-a", "authority-a"), ("authority-a", "authority-a")], new("x"), "threshold");
    row("two keys of one member are not two", &[("authority-b", "authority-b"), ("authority-b", "authority-b-2")], new("x"), "threshold");
    row("two keys of one member erase", &[("authority-b", "authority-b"), ("authority-b", "authority-b-2")], erasure("3-0", 1), "threshold");
    row("a member signs in the other's name", &[("authority-b", "authority-a")], new("x"), "key-not-valid");
    row("one member gives a role", A, trader(json!(["distributor", "manufacturer"])), "threshold");
    row("a party gives itself a role", TRADER, trader(json!(["manufacturer"])), "not-authority");
    row("one member replaces a root key", A, with(trader(json!(["distributor"])), "rootKey", json!(public("x"))), "threshold");
    row("one member gives a GLN", A, maker(json!([MAKER_GLN, "9521321000216"]), json!(["9521321"])), "threshold");
    row("one member gives a prefix", A, maker(json!([MAKER_GLN]), json!(["9521321", "9521322"])), "threshold");
    row("one member widens a region", A, with(trader(json!(["distributor"])), "regions", json!(["CN", "US"])), "threshold");
    row("an admission replayed", BOTH, admission("maker", 1, json!(["manufacturer"]), json!([MAKER_GLN]), json!(["9521321"])), "revision");
    row("a revision left out", BOTH, with(new("trader"), "revision", json!(3)), "revision");
    row("a new party at revision 2", BOTH, with(new("x"), "revision", json!(2)), "revision");
    row("another party's GLN", BOTH, admission("x", 1, json!(["hospital"]), json!([HOSPITAL_GLN]), json!([])), "gln-taken");
    row("another party's prefix", BOTH, admission("x", 1, json!(["manufacturer"]), json!([]), json!(["9521321"])), "prefix-taken");
    row("a prefix within another's", BOTH, admission("x", 1, json!(["manufacturer"]), json!([]), json!(["95213210"])), "prefix-taken");
    row("a prefix around another's", BOTH, admission("x", 1, json!(["manufacturer"]), json!([]), json!(["95213"])), "prefix-taken");
    row("another party's key as root key", BOTH, with(new("x"), "rootKey", json!(public("maker-2"))), "key-taken");
    row("a revoked key as root key", BOTH, with(new("x"), "rootKey", json!(public("maker-3"))), "key-revoked");
    row("the chainer's key as root key", BOTH, with(new("x"), "rootKey", json!(public("county.example/log"))), "key-taken");
    row("a witness's key as root key", BOTH, with(new("x"), "rootKey", json!(public("witness"))), "key-taken");
    row("the authority below its threshold", BOTH, admission("authority-b", 1, json!(["regulator"]), json!([]), json!([])), "authority-too-small");

    // Keys: only the root key, and the new key itself.
    row("the authority enrols a further key for a party", BOTH, enrolment("maker", "x"), "not-root-key");
    row("the authority and the new key enrol it", &[("authority-a", "authority-a"), ("authority-b", "authority-b"), ("maker", "x")], enrolment("maker", "x"), "not-root-key");
    row("a working key enrols another", &[("maker", "maker-2"), ("maker", "x")], enrolment("maker", "x"), "not-root-key");
    row("the new key alone enrols itself", &[("maker", "x")], enrolment("maker", "x"), "not-root-key");
    row("another party's root key", &[("trader", "trader"), ("maker", "x")], enrolment("maker", "x"), "not-root-key");
    row("a key that its holder has not shown", ROOT, enrolment("maker", "x"), "no-possession");
    row("another new key shown than enrolled", &[("maker", "maker"), ("maker", "y")], enrolment("maker", "x"), "no-possession");
    row("a revoked enrolment replayed", &[("maker", "maker"), ("maker", "maker-3")], enrolment("maker", "maker-3"), "key-not-valid");
    row("a revoked key enrolled anew by the root key", ROOT, enrolment("maker", "maker-3"), "key-revoked");
    row("a revoked key enrolled anew at revision 3", ROOT, with(enrolment("maker", "maker-3"), "revision", json!(3)), "key-revoked");
    row("a revoked key enrolled for another party", TRADER, enrolment("trader", "maker-3"), "key-revoked");
    row("a valid key enrolled again", &[("maker", "maker"), ("maker", "maker-2")], enrolment("maker", "maker-2"), "key-taken");
    row("another party's key enrolled", TRADER, enrolment("trader", "maker-2"), "key-taken");
    row("a witness's key enrolled", ROOT, enrolment("maker", "witness"), "key-taken");
    row("an enrolment at revision 2", &[("maker", "maker"), ("maker", "x")], with(enrolment("maker", "x"), "revision", json!(2)), "revision");
    row("a key with a role that the party has not", &[("maker", "maker"), ("maker", "x")], with(enrolment("maker", "x"), "roles", json!(["regulator"])), "role-not-held");
    row("a key of nobody", &[("x", "x")], enrolment("x", "y"), "unknown-party");
    row("a working key revokes the root key", MAKER, revocation("maker", "maker"), "not-root-key");
    row("the authority revokes a party's key", BOTH, revocation("maker", "maker-2"), "not-root-key");
    row("another party revokes a key", TRADER, revocation("maker", "maker-2"), "not-root-key");
    row("another party's key revoked as one's own", TRADER, revocation("trader", "maker-2"), "unknown-key");
    row("a revocation replayed", ROOT, revocation("maker", "maker-3"), "key-revoked");
    row("a revocation at revision 1", ROOT, with(revocation("maker", "maker-2"), "revision", json!(1)), "revision");
    row("a revocation since before the enrolment", ROOT, with(revocation("maker", "maker-2"), "since", json!(1)), "since");
    row("a revocation since a block to come", ROOT, with(revocation("maker", "maker-2"), "since", json!(1000)), "since");
    row("the authority gives up its last key", &[("authority-a", "authority-a")], revocation("authority-a", "authority-a"), "authority-too-small");

    // Products, places, delegations: by whose they are.
    row("a product by a stranger", TRADER, stent(2), "not-signed-by");
    row("a product by the authority", BOTH, stent(2), "not-signed-by");
    row("a product signed with a revoked key", &[("maker", "maker-3")], stent(2), "key-not-valid");
    row("another party's key beside one's own name", &[("maker", "trader")], stent(2), "key-not-valid");
    row("a product taken over without its owner", TRADER, with(stent(2), "owner", json!("trader")), "not-signed-by");
    row("a product replayed", MAKER, stent(1), "revision");
    row("a product two revisions ahead", MAKER, stent(3), "revision");
    row("a product under a foreign prefix", TRADER, json!({"type": "product", "product": "fake", "revision": 1, "owner": "trader", "gtin": "09521321000216", "name": {"en": "fake"}, "kind": "device", "serialised": true, "lotRequired": true}), "foreign-prefix");
    row("a product with another's drug code", TRADER, json!({"type": "product", "product": "fake", "revision": 1, "owner": "trader", "codes": [{"scheme": "cn-drug", "code": "8123456"}], "name": {"en": "fake"}, "kind": "drug", "serialised": true, "lotRequired": true}), "code-taken");
    row("a second product with the same GTIN", MAKER, with(stent(1), "product", json!("stent-again")), "code-taken");
    row("a product without a code that a recall reaches", MAKER, with(stent(2), "codes", json!([])), "recalled");
    row("a product under another GTIN than the recalled one", MAKER, with(stent(2), "gtin", json!("09521321000216")), "recalled");
    row("a product of nobody", MAKER, with(with(stent(1), "product", json!("x")), "owner", json!("x")), "unknown-party");
    row("a place at another's GLN", MAKER, place(HOSPITAL_GLN, "maker"), "foreign-place");
    row("a place for another party", TRADER, place(HOSPITAL_GLN, "hospital"), "not-signed-by");
    row("a place at nobody's URI", MAKER, with(place(MAKER_GLN, "maker"), "place", json!("https://nobody.example/1")), "foreign-place");
    row("a place replayed", MAKER, place(MAKER_GLN, "maker"), "revision");
    row("another party's place lent", MAKER, delegation("maker", "trader", HOSPITAL_GLN), "foreign-place");
    row("a place lent to oneself by a trader", TRADER, delegation("hospital", "trader", HOSPITAL_GLN), "not-signed-by");
    row("a place lent to nobody", HOSPITAL, delegation("hospital", "x", HOSPITAL_GLN), "unknown-party");

    // Recalls: the owner or a regulator.
    row("a recall by a stranger", TRADER, recall("r", 1, stents()), "not-entitled");
    row("a recall by the authority", BOTH, recall("r", 1, stents()), "not-entitled");
    row("a recall of another's GTIN", TRADER, recall("r", 1, json!([{"gtin": MAKER_GTIN, "all": true}])), "not-entitled");
    row("a recall of a GTIN that nobody issued", MAKER, recall("r", 1, json!([{"gtin": "04006381333931".to_owned(), "all": true}])), "not-entitled");
    row("a recall of one's own and another's", TRADER, recall("r", 1, json!([{"gtin": "09521555000112", "all": true}, {"product": "stent", "all": true}])), "not-entitled");
    row("a recall outside the regulator's region", NMPA, with(recall("r", 1, stents()), "jurisdiction", json!("US")), "not-entitled");
    row("a recall of no known product", MAKER, recall("r", 1, json!([{"product": "x", "all": true}])), "unknown-product");
    row("the owner lifts the regulator's recall", MAKER, recall_end("by-nmpa", 2, "lift"), "not-entitled");
    row("the owner narrows the regulator's recall", MAKER, recall("by-nmpa", 2, json!([{"product": "stent", "lots": ["L9"]}])), "not-entitled");
    row("a stranger closes a recall", TRADER, recall_end("by-nmpa", 2, "close"), "not-entitled");
    row("a recall replayed", NMPA, recall("by-nmpa", 1, stents()), "revision");
    row("a closed recall issued again", MAKER, recall("done", 3, stents()), "recall-closed");
    row("a closed recall lifted", MAKER, recall_end("done", 3, "lift"), "recall-closed");
    row("a recall lifted that was never issued", MAKER, recall_end("r", 1, "lift"), "not-issued");
    row("an answer in another's name", TRADER, acknowledgement("by-nmpa", "hospital", 2, "none"), "not-signed-by");
    row("an answer replayed", HOSPITAL, acknowledgement("by-nmpa", "hospital", 1, "received"), "revision");
    row("an answer to no recall", HOSPITAL, acknowledgement("r", "hospital", 1, "none"), "unknown-recall");
    row("an answer to a closed recall", HOSPITAL, acknowledgement("done", "hospital", 1, "none"), "recall-closed");
    rows
}

fn attack(registry: &mut Registry, world: &World, attack: &Attack) {
    let (before, what) = (registry.clone(), attack.what);
    let (signers, notice, position) = (verified(attack.signers), notice(&attack.says), world.next());
    let checked = registry.check(position, &signers, &notice);
    let applied = registry.apply(position, &signers, &notice);
    assert_eq!(checked, applied, "{what}: check and apply agree");
    let refusal = applied.expect_err(what);
    assert_eq!(refusal.code, attack.code, "{what}: {refusal}");
    assert_eq!(*registry, before, "{what}: no trace");
}

#[test]
fn every_attack_is_refused_for_its_own_reason() {
    let mut world = lived();
    let mut registry = world.registry.clone();
    for row in attacks() {
        attack(&mut registry, &world, &row);
    }
    // The attacks leave nothing that stops the honest.
    world.registry = registry;
    world.good(MAKER, stent(2));
    world.good(NMPA, recall_end("by-nmpa", 2, "lift"));
}

#[test]
fn a_position_is_used_once() {
    let mut world = World::new();
    let position = medtrace_registry::Position { height: world.height, ..world.next() };
    let refused = world.registry.apply(position, &verified(MAKER), &notice(&stent(2)));
    assert_eq!(refused.map_err(|refusal| refusal.code), Err("out-of-order"));
}

#[test]
fn a_submission_speaks_with_the_keys_of_who_it_names() {
    let world = lived();
    let signers = |name: &str, keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| public(key)).collect();
        world.registry.signers(&party(name), &keys).map_err(|refusal| refusal.code)
    };
    assert_eq!(signers("maker", &["maker-2"]), Ok(verified(MAKER)));
    assert_eq!(signers("authority-a", &["authority-a", "authority-b"]), Ok(verified(BOTH)));
    assert_eq!(signers("maker", &["maker", "new"]), Ok(verified(&[("maker", "maker"), ("maker", "new")])));
    for (name, key) in [("maker", "trader"), ("maker", "maker-3"), ("maker", "new"), ("nobody", "maker")] {
        assert_eq!(signers(name, &[key]), Err("key-not-valid"), "{key} for {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// Whatever the order of the attacks, and however often: the registry is what it was.
    #[test]
    fn any_order_of_attacks_changes_nothing(order in proptest::collection::vec(any::<prop::sample::Index>(), 1..60)) {
        let (world, rows) = (lived(), attacks());
        let mut registry = world.registry.clone();
        for index in order {
            attack(&mut registry, &world, index.get(&rows));
        }
        prop_assert_eq!(&registry, &world.registry);
    }
}
