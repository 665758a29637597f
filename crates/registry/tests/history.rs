//! Every question as of a height: keys, parties, products, places, recalls.
#![allow(clippy::unwrap_used)]

mod world;

use medtrace_gs1::{Gtin, Thing};
use medtrace_ledger::{EventRef, KeyEntry, KeySet};
use medtrace_registry::notice::{AckStatus, Name};
use medtrace_registry::{At, Coverage, RecallStatus, Role, Subject};
use serde_json::json;
use world::*;

const MAKER: &[Signer] = &[("maker", "maker-2")];
const ROOT: &[Signer] = &[("maker", "maker")];

fn item(serial: &str) -> Thing {
    Gtin::parse(MAKER_GTIN).unwrap().item(serial).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn keys(at: At<'_>) -> Vec<String> {
    at.key_entries().iter().map(|entry| format!("{} {}", entry.party, entry.enrolled)).collect()
}

#[test]
fn a_key_is_valid_from_its_block_until_the_block_that_revokes_it() {
    let mut world = World::new();
    let enrolled = 5;
    world.good(&[("trader", "trader"), ("trader", "trader-2")], enrolment("trader", "trader-2"));
    let mut revoking = revocation("maker", "maker-2");
    revoking["since"] = json!(6);
    world.good(ROOT, revoking);
    let revoked = world.height;
    let (maker, key) = (party("maker"), public("maker-2"));
    let valid: Vec<bool> = (0..=revoked + 1).map(|k| world.registry.at(k).key_valid(&maker, &key)).collect();
    assert_eq!(valid, (0..=revoked + 1).map(|k| (enrolled..revoked).contains(&k)).collect::<Vec<_>>());
    assert!(!world.registry.now().key_valid(&party("trader"), &key), "nobody else's");

    // What it signed from height 6 on is suspect, once the revocation is known.
    let suspect = |known: u64, signed: u64| world.registry.at(known).suspect(&key, signed).is_some();
    assert!(!suspect(revoked - 1, 6) && !suspect(revoked, 5), "not known yet; before since");
    assert!(suspect(revoked, 6) && suspect(revoked + 9, revoked - 1));
    assert!(!suspect(revoked, revoked), "in the block that revokes it the key is not valid anyway");
    let blocks = |known: u64| world.registry.at(known).suspect_blocks();
    assert_eq!((blocks(revoked - 1), blocks(revoked)), (None, Some(6..revoked)));
}

#[test]
fn the_headers_keys_are_those_valid_after_the_block() {
    let mut world = World::new();
    world.good(ROOT, revocation("maker", "maker-2"));
    let authority = ["authority-a 0", "authority-b 0"];
    let sorted = |at: At<'_>| {
        let mut keys = keys(at);
        keys.sort();
        keys
    };
    assert_eq!(sorted(world.registry.at(0)), authority);
    assert_eq!(sorted(world.registry.at(1)), [&authority[..], &["maker 1"]].concat());
    let five = ["authority-a 0", "authority-b 0", "hospital 3", "maker 1", "maker 5", "nmpa 4", "trader 2"];
    assert_eq!(sorted(world.registry.at(6)), five);
    assert_eq!(sorted(world.registry.at(7)), five.into_iter().filter(|key| *key != "maker 5").collect::<Vec<_>>());

    let entries = world.registry.at(6).key_entries();
    let texts: Vec<String> = entries.iter().map(KeyEntry::text).collect();
    assert!(texts.is_sorted_by(|a, b| a < b), "ascending as the tree needs them");
    let set = KeySet::new(entries.clone());
    assert!(entries.iter().enumerate().all(|(index, entry)| set.path(entry).unwrap().0 == index as u64));
    let maker = world.registry.at(6).key_entry(&public("maker-2")).unwrap();
    assert_eq!(maker.text(), format!("medtrace/key/v1\nmaker\n{}\nown\nmanufacturer\n5\n", public("maker-2")));
    assert_eq!(world.registry.at(7).key_entry(&public("maker-2")), None);
}

#[test]
fn a_keys_roles_are_those_of_its_party_that_it_was_given() {
    let mut world = World::new();
    let both = json!(["distributor", "logistics"]);
    world.good(BOTH, admission("trader", 2, both, json!([TRADER_GLN]), json!(["9521555"])));
    let mut only = enrolment("trader", "dock");
    only["roles"] = json!(["logistics"]);
    only["custody"] = json!("hosted:distributor");
    world.good(&[("trader", "trader"), ("trader", "dock")], only);
    let (trader, dock) = (party("trader"), public("dock"));
    let roles = |at: At<'_>, key| at.key_roles(&trader, key).into_iter().collect::<Vec<_>>();
    assert_eq!(roles(world.registry.now(), &dock), [Role::Logistics]);
    assert_eq!(roles(world.registry.now(), &public("trader")), [Role::Distributor, Role::Logistics]);
    let entry = world.registry.now().key_entry(&dock).unwrap().text();
    assert!(entry.ends_with("\nhosted:distributor\nlogistics\n8\n"), "{entry}");

    // One member is enough to take a role away: the key that had only this one says nothing any more.
    world.good(&BOTH[..1], admission("trader", 3, json!(["distributor"]), json!([TRADER_GLN]), json!(["9521555"])));
    assert!(!world.registry.now().key_valid(&trader, &dock));
    assert!(world.registry.at(8).key_valid(&trader, &dock), "then it was");
    // Suspended: none of its keys speaks.
    world.good(&BOTH[1..], admission("trader", 4, json!([]), json!([TRADER_GLN]), json!(["9521555"])));
    assert!(!world.registry.now().key_valid(&trader, &public("trader")));
}

#[test]
fn a_new_root_key_ends_the_old_one_and_leaves_the_others() {
    let mut world = World::new();
    let mut party_notice = admission("maker", 2, json!(["manufacturer"]), json!([MAKER_GLN]), json!(["9521321"]));
    party_notice["rootKey"] = json!(public("maker-new-root"));
    world.good(BOTH, party_notice);
    let valid = |key: &str| world.registry.now().key_valid(&party("maker"), &public(key));
    assert!(valid("maker-new-root") && valid("maker-2") && !valid("maker"));
    let old_root = world.say(&[("maker", "maker"), ("maker", "x")], &enrolment("maker", "x"));
    assert_eq!(old_root.unwrap_err().code, "key-not-valid");
    world.good(&[("maker", "maker-new-root"), ("maker", "x")], enrolment("maker", "x"));
}

#[test]
fn several_keys_are_enrolled_under_one_set_of_signatures() {
    let mut world = World::new();
    let all = &[("maker", "maker"), ("maker", "x"), ("maker", "y")];
    world.good(all, enrolment("maker", "x"));
    world.good(all, enrolment("maker", "y"));
    assert!(world.registry.now().key_valid(&party("maker"), &public("y")));
}

#[test]
fn the_authority_may_grow_and_lose_a_member_above_its_threshold() {
    let mut world = World::empty();
    world.good(BOTH, admission("authority-c", 1, json!(["authority"]), json!([]), json!([])));
    world.good(&[("authority-a", "authority-a")], revocation("authority-a", "authority-a"));
    let two = &[("authority-b", "authority-b"), ("authority-c", "authority-c")];
    world.good(two, admission("x", 1, json!(["hospital"]), json!([]), json!([])));
}

#[test]
fn parties_products_and_places_are_as_they_were() {
    let mut world = World::new();
    let before = world.height;
    let gtin = Gtin::parse(MAKER_GTIN).unwrap();
    let cn = Thing::from_uri("urn:medtrace:cn-drug:81234560000000000017").unwrap();
    world.good(MAKER, place(MAKER_GLN, "maker"));
    let mut stent = stent(2);
    stent["owner"] = json!("trader");
    stent["codes"] = json!([]);
    world.good(&[("maker", "maker-2"), ("trader", "trader")], stent);
    world.good(BOTH, admission("maker", 2, json!(["manufacturer"]), json!([]), json!(["9521999"])));
    world
        .good(BOTH, admission("trader", 2, json!(["distributor"]), json!([TRADER_GLN, MAKER_GLN]), json!(["9521555"])));

    let (then, now) = (world.registry.at(before), world.registry.now());
    assert_eq!(then.product_by_gtin(gtin).unwrap().owner, party("maker"));
    assert_eq!(now.product_by_gtin(gtin).unwrap().owner, party("trader"));
    assert_eq!(then.product_of(&cn).unwrap().product, name("stent"));
    assert!(now.product_of(&cn).is_none(), "the code was given up");
    assert!(world.registry.at(5).product_by_gtin(gtin).is_none(), "not known yet");

    let store = Thing::from_uri(&format!("https://id.gs1.org/414/{MAKER_GLN}")).unwrap();
    assert!(then.place(&store).is_none() && now.place(&store).is_some());
    assert_eq!(now.place(&store).unwrap().position.height, before + 1, "which notice said so");
    assert_eq!(then.owner_of_place(&store), Some(&party("maker")));
    assert_eq!(now.owner_of_place(&store), Some(&party("trader")), "who lists the GLN now");
    assert_eq!(then.issuer(&item("1")), Some(&party("maker")));
    assert_eq!(now.issuer(&Gtin::parse("09521321000216").unwrap().product()), None, "the prefix was given up");
}

/// Codes of other schemes: a scan finds the product; another party cannot claim the code.
#[test]
fn products_are_found_by_the_codes_of_other_schemes() {
    let mut world = World::new();
    let mut stent = stent(2);
    stent["codes"] = json!([
        {"scheme": "ma", "code": "MA.156.M0.100761.21234561"},
        {"scheme": "hibcc", "code": "A99912345"},
        {"scheme": "isbt128", "code": "A9999XYZ100T0944"},
        {"scheme": "cn-insurance", "code": "XA01ABD075A002010100483"},
    ]);
    world.good(MAKER, stent.clone());
    for scanned in [
        "MA.156.M0.100761.21234561.Sx00008.M220117",
        "+A99912345/$$52001510X33",
        "=/A9999XYZ100T0944=,000025=A99971312345600=>014032",
        "XA01ABD075A002010100483",
    ] {
        let thing = medtrace_gs1::parse(scanned).unwrap().thing;
        assert_eq!(world.registry.now().product_of(&thing).unwrap().product, name("stent"), "{scanned}");
    }
    let unknown = Thing::from_uri("urn:medtrace:hibcc:A99912346").unwrap();
    assert!(world.registry.now().product_of(&unknown).is_none());
    // A class that only looks like the hash of a claimed code.
    let known = Thing::from_uri("urn:medtrace:hibcc:A99912345").unwrap();
    assert!(world.registry.now().product_of(&Thing::new(known.class(), "A99912346")).is_none());

    stent["product"] = json!("copy");
    stent["revision"] = json!(1);
    stent["owner"] = json!("trader");
    stent["gtin"] = json!("09521555000112");
    stent["codes"] = json!([{"scheme": "hibcc", "code": "A99912345"}]);
    let refused = world.say(&[("trader", "trader")], &stent).unwrap_err();
    assert_eq!(refused.code, "code-taken");
}

#[test]
fn recalls_cover_lots_serials_and_whole_products_while_in_force() {
    let mut world = World::new();
    let scope = json!([{"product": "stent", "lots": ["L1"], "serials": [{"from": "S100", "to": "S199"}]}]);
    world.good(MAKER, recall("r1", 1, scope));
    let issued = world.height;
    world.good(&[("nmpa", "nmpa")], recall("r2", 1, json!([{"gtin": MAKER_GTIN, "all": true}])));
    let wide = world.height;
    world.good(&[("nmpa", "nmpa")], recall_end("r2", 2, "lift"));
    world.good(MAKER, recall("r1", 2, json!([{"product": "stent", "lots": ["L1"]}])));
    let narrow = world.height;
    world.good(MAKER, recall_end("r1", 3, "close"));

    let covering = |height: u64, thing: &Thing, lot: Option<&str>| -> Vec<(String, Coverage)> {
        let found = world.registry.at(height).recalls_covering(thing, lot);
        found.iter().map(|covered| (covered.recall.recall.to_string(), covered.coverage)).collect()
    };
    let (r1, r2) = ("r1".to_owned(), "r2".to_owned());
    let (certain, possible) = (Coverage::Certain, Coverage::Possible);
    let gtin = Gtin::parse(MAKER_GTIN).unwrap();
    let cn = Thing::from_uri("urn:medtrace:cn-drug:81234560000000000017").unwrap();
    let rows = [
        (issued - 1, item("1"), Some("L1"), vec![]),
        (issued, item("1"), Some("L1"), vec![(r1.clone(), certain)]),
        (issued, item("1"), Some("l1"), vec![]),
        (issued, item("1"), Some("L2"), vec![]),
        (issued, item("1"), None, vec![(r1.clone(), possible)]),
        (issued, item("S150"), Some("L2"), vec![(r1.clone(), certain)]),
        (issued, item("S1500"), Some("L2"), vec![]),
        (issued, item("S200"), Some("L2"), vec![]),
        (issued, gtin.lot("L1").unwrap(), None, vec![(r1.clone(), certain)]),
        (issued, gtin.lot("L2").unwrap(), None, vec![(r1.clone(), possible)]),
        (issued, gtin.product(), None, vec![(r1.clone(), possible)]),
        (issued, cn.clone(), Some("L1"), vec![(r1.clone(), certain)]),
        (wide, item("1"), Some("L2"), vec![(r2.clone(), certain)]),
        (wide, cn, Some("L2"), vec![(r2.clone(), certain)]),
        (wide, item("1"), Some("L1"), vec![(r1.clone(), certain), (r2, certain)]),
        (narrow, item("S150"), Some("L2"), vec![]),
        (narrow, item("S150"), Some("L1"), vec![(r1, certain)]),
        (narrow + 1, item("S150"), Some("L1"), vec![]),
        (issued, Gtin::parse("09521321000216").unwrap().item("1").unwrap(), Some("L1"), vec![]),
    ];
    for (height, thing, lot, want) in rows {
        assert_eq!(covering(height, &thing, lot), want, "{thing} of lot {lot:?} at {height}");
    }
    let statuses: Vec<_> = world.registry.now().recall_history(&name("r1")).iter().map(|r| r.status).collect();
    assert_eq!(statuses, [RecallStatus::Issued, RecallStatus::Issued, RecallStatus::Closed]);
    assert_eq!(world.registry.at(wide).recalls().count(), 2);
}

#[test]
fn a_regulator_may_take_over_and_only_regulators_may_then_change_it() {
    let mut world = World::new();
    let lots = |lots: serde_json::Value| json!([{"product": "stent", "lots": lots}]);
    world.good(MAKER, recall("r", 1, lots(json!(["L1"]))));
    let effect = world.good(&[("nmpa", "nmpa")], recall("r", 2, lots(json!(["L1", "L2"]))));
    assert_eq!((effect.by, effect.subject), (party("nmpa"), Subject::Recall(name("r"), RecallStatus::Issued)));
    assert_eq!(world.say(MAKER, &recall_end("r", 3, "lift")).unwrap_err().code, "not-entitled");
    world.good(&[("nmpa", "nmpa")], recall_end("r", 3, "lift"));
    // Lifted is not closed: it can come back.
    world.good(&[("nmpa", "nmpa")], recall("r", 4, lots(json!(["L1"]))));
    world.good(&[("nmpa", "nmpa")], recall_end("r", 5, "close"));
}

#[test]
fn every_holder_answers_for_itself() {
    let mut world = World::new();
    world.good(MAKER, recall("r", 1, json!([{"product": "stent", "all": true}])));
    world.good(MAKER, recall("r-other", 1, json!([{"product": "stent", "all": true}])));
    world.good(&[("hospital", "hospital")], acknowledgement("r", "hospital", 1, "received"));
    let early = world.height;
    world.good(&[("trader", "trader")], acknowledgement("r", "trader", 1, "none"));
    let mut found = acknowledgement("r", "hospital", 2, "quarantined");
    found["quantity"] = json!(12);
    world.good(&[("hospital", "hospital")], found);
    world.good(&[("hospital", "hospital")], acknowledgement("r-other", "hospital", 1, "none"));
    let answers = |at: At<'_>| -> Vec<(String, AckStatus, Option<u32>)> {
        at.acknowledgements(&name("r")).map(|a| (a.party.to_string(), a.status, a.quantity)).collect()
    };
    assert_eq!(answers(world.registry.at(early)), [("hospital".to_owned(), AckStatus::Received, None)]);
    let late =
        [("hospital".to_owned(), AckStatus::Quarantined, Some(12)), ("trader".to_owned(), AckStatus::None, None)];
    assert_eq!(answers(world.registry.now()), late);
}

#[test]
fn an_erasure_holds_for_what_its_notice_names() {
    let mut world = World::new();
    let mut notice = erasure("3-7", 1);
    notice["copies"] = json!(["4-0", "4-1"]);
    let effect = world.good(BOTH, notice);
    let item = |height, idx| EventRef { height, idx };
    let (event, by) = (item(3, 7), item(world.height, 0));
    assert_eq!((effect.by, effect.subject), (party("authority-a"), Subject::Erasure(event)));
    let now = world.registry.now();
    assert!([event, item(4, 0), item(4, 1)].iter().all(|one| now.is_erased(*one, event, by)));
    assert!(!now.is_erased(item(4, 2), event, by) && !now.is_erased(event, item(4, 0), by));
    assert!(!now.is_erased(event, event, item(world.height, 1)));
    assert!(!world.registry.at(world.height - 1).is_erased(event, event, by));
}

#[test]
fn a_topic_has_the_id_of_its_last_gap() {
    let mut world = World::new();
    let topic = |name: &str| name.parse::<medtrace_ledger::TopicName>().unwrap();
    let id = |world: &World, height: u64| world.registry.at(height).topic(&topic("scan-events")).map(|id| id.value);
    world.cut("notices", "notices");
    world.cut("scan-events", "first");
    // The id that a topic was first cut under stays, whatever a header says.
    world.cut("scan-events", "forged");
    let cut = world.height;
    let effect = world.good(BOTH, gap("scan-events", 1, "first", "second"));
    assert_eq!(effect.subject, Subject::Gap(topic("scan-events"), uuid("second")));
    // Under another topic's id nothing is sealed either.
    let refused = world.say(BOTH, &gap("scan-events", 2, "second", "notices")).unwrap_err();
    assert_eq!((refused.path.as_str(), refused.code), ("/new", "id-used"));
    world.good(BOTH, gap("scan-events", 2, "second", "third"));
    let seen: Vec<_> = [0, cut - 2, cut - 1, cut, cut + 1, cut + 2].map(|height| id(&world, height)).to_vec();
    let want = [None, None, Some("first"), Some("first"), Some("second"), Some("third")];
    assert_eq!(seen, want.map(|name| name.map(uuid)));
    assert_eq!(world.registry.now().topic(&topic("notices")).unwrap().value, uuid("notices"));
}
