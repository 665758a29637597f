//! Who may say which event where: the roles' tables against the scan steps, and the rules of place and prefix.
#![allow(clippy::unwrap_used)]

mod world;

use std::collections::BTreeSet;

use medtrace_event::steps::STEPS;
use medtrace_event::vocab::BIZ_STEPS;
use medtrace_event::{Event, Json};
use medtrace_registry::rights::{self, needs};
use medtrace_registry::{Right, Role, may};
use serde_json::{Value, json};
use world::*;

const OWN: &str = "https://id.gs1.org/01/09521321000117/21/S1";
const FOREIGN: &str = "https://id.gs1.org/01/09521555000112/21/S1";

fn event(value: &Value) -> Event {
    Event::from_json(Json::try_from(value).unwrap()).unwrap_or_else(|faults| panic!("{value}: {faults:?}"))
}

/// An event of this shape, about the maker's stent, nowhere.
fn shaped(kind: &str, action: Option<&str>, step: Option<&str>, disposition: Option<&str>) -> Value {
    let mut value = json!({"type": kind, "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+00:00",
        "eventID": "urn:uuid:6f1f2c3e-0000-4000-8000-000000000001"});
    for (member, text) in [("action", action), ("bizStep", step), ("disposition", disposition)] {
        if let Some(text) = text {
            value[member] = json!(text);
        }
    }
    match kind {
        "AggregationEvent" | "AssociationEvent" => {
            value["parentID"] = json!("https://id.gs1.org/00/095213210000000018");
            value["childEPCs"] = json!([OWN]);
        }
        "TransformationEvent" => {
            value["inputEPCList"] = json!([FOREIGN]);
            value["outputEPCList"] = json!([OWN]);
        }
        "TransactionEvent" => {
            value["bizTransactionList"] =
                json!([{"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9521321000018:1"}]);
            value["epcList"] = json!([OWN]);
        }
        _ => value["epcList"] = json!([OWN]),
    }
    value
}

fn object(action: &str, step: &str) -> Value {
    shaped("ObjectEvent", Some(action), Some(step), None)
}

fn at(gln: &str, mut value: Value) -> Value {
    value["readPoint"] = json!({"id": format!("https://id.gs1.org/414/{gln}")});
    value
}

fn codes(world: &World, who: &str, value: &Value) -> Vec<(String, &'static str)> {
    let refusals = may(world.registry.now(), &party(who), None, &event(value)).err().unwrap_or_default();
    refusals.into_iter().map(|refusal| (refusal.path, refusal.code)).collect()
}

fn right(word: &str) -> Right {
    *Right::ALL.iter().find(|right| right.as_str() == word).unwrap()
}

#[test]
fn every_scan_step_needs_the_right_of_its_name() {
    for step in STEPS {
        let word = match step.name {
            "use-part" | "implant" => "use",
            name => name,
        };
        for disposition in [step.disposition, step.failed.or(step.disposition)] {
            let value = shaped(step.kind.name(), Some(step.action.name()), Some(step.biz_step), disposition);
            assert_eq!(needs(&event(&value)), BTreeSet::from([right(word)]), "{}", step.name);
        }
    }
}

/// The tables of the four roles as the design states them, word by word.
#[test]
fn the_tables_are_those_of_the_design() {
    let words = |role| rights::of(role).iter().map(|right| right.as_str()).collect::<BTreeSet<_>>();
    let set = |words: &'static str| words.split(' ').collect::<BTreeSet<_>>();
    let distributor = set(
        "receive unpack pack store load depart arrive unload hand-over hold ship void-shipment return refuse damage \
         observe temperature undo",
    );
    let manufacturer = set("commission transform pack unpack inspect ship void-shipment receive destroy undo");
    assert_eq!(words(Role::Manufacturer), manufacturer);
    for role in [Role::Distributor, Role::Carrier, Role::Logistics] {
        assert_eq!(words(role), distributor);
    }
    let hospital = set("receive refuse unpack pack store transfer inspect use return destroy observe temperature undo");
    assert_eq!(words(Role::Hospital), hospital);
    assert_eq!(words(Role::Regulator), set("inspect hold seize release"));
    assert!(rights::of(Role::Authority).is_empty() && rights::of(Role::Service).is_empty());
}

#[test]
fn every_business_step_of_the_vocabulary_needs_some_right() {
    let observed: Vec<&str> = BIZ_STEPS
        .into_iter()
        .filter(|step| needs(&event(&object("OBSERVE", step))) == BTreeSet::from([Right::Observe]))
        .collect();
    let changes_nothing =
        ["assembling", "cycle_counting", "disassembling", "entering_exiting", "other", "removing", "stock_taking"];
    assert_eq!(observed, changes_nothing);
    let own = object("OBSERVE", "https://example.org/steps/polishing");
    assert_eq!(needs(&event(&own)), BTreeSet::from([Right::Observe]));
}

/// Words do not hide deeds: what an event does is asked for whatever it calls itself.
#[test]
#[rustfmt::skip]
fn deeds_count_whatever_the_words() {
    type Row<'a> = (&'a str, Option<&'a str>, Option<&'a str>, &'a [Right]);
    let rows: &[Row<'_>] = &[
        ("ObjectEvent", Some("ADD"), None, &[Right::Commission]),
        ("ObjectEvent", Some("ADD"), Some("https://example.com/bizStep/inspecting"), &[Right::Commission]),
        ("ObjectEvent", Some("ADD"), Some("receiving"), &[Right::Commission, Right::Receive]),
        ("ObjectEvent", Some("OBSERVE"), None, &[Right::Observe]),
        ("ObjectEvent", Some("OBSERVE"), Some("commissioning"), &[Right::Commission]),
        ("ObjectEvent", Some("DELETE"), None, &[Right::Destroy]),
        ("ObjectEvent", Some("DELETE"), Some("dispensing"), &[Right::Use]),
        ("ObjectEvent", Some("DELETE"), Some("storing"), &[Right::Destroy, Right::Store]),
        ("AggregationEvent", Some("ADD"), None, &[Right::Pack]),
        ("AggregationEvent", Some("ADD"), Some("shipping"), &[Right::Pack, Right::Ship]),
        ("AggregationEvent", Some("DELETE"), Some("receiving"), &[Right::Receive, Right::Unpack]),
        ("AggregationEvent", Some("OBSERVE"), Some("receiving"), &[Right::Receive]),
        ("TransformationEvent", None, None, &[Right::Transform]),
        ("TransformationEvent", None, Some("commissioning"), &[Right::Commission, Right::Transform]),
        ("TransactionEvent", Some("ADD"), Some("shipping"), &[Right::Ship]),
        ("AssociationEvent", Some("ADD"), Some("installing"), &[Right::Observe]),
        ("AssociationEvent", Some("ADD"), Some("assembling"), &[Right::Observe]),
    ];
    for (kind, action, step, want) in rows {
        let value = shaped(kind, *action, *step, None);
        assert_eq!(needs(&event(&value)), want.iter().copied().collect(), "{kind} {action:?} {step:?}");
    }
    let mut withdrawn = object("ADD", "commissioning");
    withdrawn["errorDeclaration"] = json!({"declarationTime": "2026-03-01T09:00:00Z", "reason": "did_not_occur"});
    assert_eq!(needs(&event(&withdrawn)), BTreeSet::from([Right::Undo]));
}

/// Nor does a harmless step: who ends, bars or clears a thing by its disposition needs the right to.
#[test]
#[rustfmt::skip]
fn dispositions_count_whatever_the_step() {
    type Row<'a> = (&'a str, Value, &'a [Right]);
    let rows: &[Row<'_>] = &[
        ("disposition", json!("in_progress"), &[Right::Observe]),
        ("disposition", json!("destroyed"), &[Right::Destroy]),
        ("disposition", json!("disposed"), &[Right::Destroy]),
        ("disposition", json!("dispensed"), &[Right::Use]),
        ("disposition", json!("retail_sold"), &[Right::Use]),
        ("disposition", json!("partially_dispensed"), &[Right::Use]),
        ("disposition", json!("recalled"), &[Right::Hold]),
        ("disposition", json!("stolen"), &[Right::Hold]),
        ("persistentDisposition", json!({"set": ["completeness_verified"]}), &[Right::Observe]),
        ("persistentDisposition", json!({"set": ["destroyed"]}), &[Right::Destroy]),
        ("persistentDisposition", json!({"set": ["stolen"]}), &[Right::Hold]),
        ("persistentDisposition", json!({"set": ["expired"]}), &[Right::Inspect]),
        ("persistentDisposition", json!({"unset": ["recalled"]}), &[Right::Release]),
        ("persistentDisposition", json!({"unset": ["destroyed"]}), &[Right::Release]),
        ("persistentDisposition", json!({"unset": ["damaged"]}), &[Right::Inspect]),
    ];
    for (member, said, want) in rows {
        let mut value = object("OBSERVE", "cycle_counting");
        value[*member] = said.clone();
        assert_eq!(needs(&event(&value)), want.iter().copied().collect(), "{said}");
    }
    let mut destroyed = at(TRADER_GLN, object("OBSERVE", "cycle_counting"));
    destroyed["disposition"] = json!("destroyed");
    assert_eq!(codes(&World::new(), "trader", &destroyed), [("/bizStep".to_owned(), "not-entitled")]);
}

#[test]
fn a_role_says_only_what_its_table_says() {
    let world = World::new();
    let glns = [("maker", MAKER_GLN), ("trader", TRADER_GLN), ("hospital", HOSPITAL_GLN)];
    let roles = [("maker", Role::Manufacturer), ("trader", Role::Distributor), ("hospital", Role::Hospital)];
    for step in STEPS {
        for ((who, gln), (_, role)) in glns.into_iter().zip(roles) {
            let value = shaped(step.kind.name(), Some(step.action.name()), Some(step.biz_step), step.disposition);
            let entitled = needs(&event(&value)).iter().all(|right| rights::of(role).contains(right));
            let found = codes(&world, who, &at(gln, value));
            let refused = found.iter().any(|(path, code)| path == "/bizStep" && *code == "not-entitled");
            assert_eq!(refused, !entitled, "{who} {}: {found:?}", step.name);
            assert!(!entitled || found.is_empty(), "{who} {}: {found:?}", step.name);
        }
    }
}

#[test]
#[rustfmt::skip]
fn places_and_prefixes() {
    let mut world = World::new();
    let lent = json!({"type": "delegation", "from": "hospital", "to": "trader", "revision": 1, "glns": [HOSPITAL_GLN], "steps": ["receive", "store"]});
    let no: &[(&str, &str)] = &[];
    let read = &[("/readPoint/id", "foreign-place")];
    let mut shipping = at(TRADER_GLN, object("OBSERVE", "shipping"));
    shipping["sourceList"] = json!([{"type": "owning_party", "source": "https://id.gs1.org/417/9521321000018"},
                                    {"type": "location", "source": format!("https://id.gs1.org/414/{HOSPITAL_GLN}")}]);
    let mut several = object("ADD", "commissioning");
    several["epcList"] = json!([OWN, FOREIGN, "https://id.gs1.org/01/09521321000117/21/S2", "urn:medtrace:cn-drug:81234560000000000017"]);
    several["quantityList"] = json!([{"epcClass": "https://id.gs1.org/01/09521555000112/10/L1", "quantity": 3}]);
    let mut cn = object("ADD", "commissioning");
    cn["epcList"] = json!(["urn:medtrace:cn-drug:99999990000000000017"]);
    let mut uri = object("ADD", "commissioning");
    uri["epcList"] = json!(["https://nobody.example/1"]);
    let mut transform = shaped("TransformationEvent", None, None, None);
    transform["outputEPCList"] = json!([FOREIGN]);
    let mut moving = object("OBSERVE", "storing");
    moving["readPoint"] = json!({"id": "geo:29.5,106.5"});
    let mut extension = object("OBSERVE", "receiving");
    extension["bizLocation"] = json!({"id": format!("https://id.gs1.org/414/{TRADER_GLN}/254/dock")});
    let mut nowhere = object("OBSERVE", "receiving");
    nowhere["bizLocation"] = json!({"id": "https://nobody.example/dock"});
    let rows = [
        ("own place", "trader", at(TRADER_GLN, object("OBSERVE", "receiving")), no),
        ("own place, under its own prefix", "trader", at("9521555000020", object("OBSERVE", "receiving")), no),
        ("an extension of it", "trader", extension, no),
        ("another's place", "trader", at(HOSPITAL_GLN, object("OBSERVE", "receiving")), read),
        ("nobody's place", "trader", nowhere, &[("/bizLocation/id", "foreign-place")]),
        ("a point on the globe", "trader", moving, no),
        ("a step that needs a place", "trader", object("OBSERVE", "receiving"), &[("", "place-missing")]),
        ("a step that needs none", "trader", object("OBSERVE", "other"), no),
        ("shipped from another's place", "trader", shipping, &[("/sourceList/1/source", "foreign-place")]),
        ("own prefix", "maker", object("ADD", "commissioning"), no),
        ("foreign prefix, own drug code, a lot", "maker", several, &[("/epcList/1", "foreign-prefix"), ("/quantityList/0/epcClass", "foreign-prefix")]),
        ("nobody's drug code", "maker", cn, &[("/epcList/0", "foreign-prefix")]),
        ("nobody's URI", "maker", uri, &[("/epcList/0", "foreign-prefix")]),
        ("foreign inputs, own outputs", "maker", shaped("TransformationEvent", None, None, None), no),
        ("foreign outputs", "maker", transform, &[("/outputEPCList/0", "foreign-prefix")]),
        ("own prefix, but no manufacturer", "trader", { let mut v = object("ADD", "commissioning"); v["epcList"] = json!([FOREIGN]); v }, &[("/bizStep", "not-entitled")]),
        ("a stranger", "x", object("OBSERVE", "other"), &[("", "unknown-party")]),
        ("the authority", "authority-a", object("OBSERVE", "other"), &[("/bizStep", "not-entitled")]),
    ];
    for (what, who, value, want) in rows {
        let want: Vec<_> = want.iter().map(|(path, code)| (path.to_string(), *code)).collect();
        assert_eq!(codes(&world, who, &value), want, "{what}: {value}");
    }
    world.good(&[("hospital", "hospital")], lent.clone());
    let at_hospital = |step| at(HOSPITAL_GLN, object("OBSERVE", step));
    assert_eq!(codes(&world, "trader", &at_hospital("receiving")), []);
    assert_eq!(codes(&world, "trader", &at_hospital("holding")), [("/readPoint/id".to_owned(), "foreign-place")], "not lent");
    let known_before = may(world.registry.at(world.height - 1), &party("trader"), None, &event(&at_hospital("receiving")));
    assert_eq!(known_before.unwrap_err()[0].code, "foreign-place", "as of the block before");
    // Taken back; and it lapses when the place passes to somebody else.
    let mut back = lent.clone();
    back["revision"] = json!(2);
    back["steps"] = json!([]);
    world.good(&[("hospital", "hospital")], back);
    assert_eq!(codes(&world, "trader", &at_hospital("receiving")).len(), 1);
}

#[test]
fn a_contract_manufacturer_commissions_under_a_lent_prefix() {
    let mut world = World::new();
    world.good(BOTH, admission("plant", 1, json!(["manufacturer"]), json!([]), json!([])));
    let commission = object("ADD", "commissioning");
    assert_eq!(codes(&world, "plant", &commission), [("/epcList/0".to_owned(), "foreign-prefix")]);
    let lent = json!({"type": "delegation", "from": "maker", "to": "plant", "revision": 1, "steps": ["commission"]});
    world.good(&[("maker", "maker-2")], lent);
    assert_eq!(codes(&world, "plant", &commission), []);
    // The trader may not, whatever it is lent: its role has no such step.
    let lent = json!({"type": "delegation", "from": "maker", "to": "trader", "revision": 1, "steps": ["commission"]});
    world.good(&[("maker", "maker-2")], lent);
    assert_eq!(codes(&world, "trader", &commission), [("/bizStep".to_owned(), "not-entitled")]);
}

#[test]
fn codes_on_one_pack_are_of_one_party_or_the_speakers_own() {
    let mut world = World::new();
    let cn = "urn:medtrace:cn-drug:81234560000000000017";
    world.good(
        BOTH,
        admission("hospital", 2, json!(["hospital"]), json!([HOSPITAL_GLN]), json!(["https://hospital.example/"])),
    );
    let says = |world: &World, who, step: (&str, &str), also: &str| {
        let mut joined = object(step.0, step.1);
        joined["@context"] = json!([{"medtrace": "urn:medtrace:ns:"}]);
        joined["medtrace:sameAs"] = json!([{"epc": OWN, "also": [also]}]);
        codes(world, who, &joined)
    };
    let (commission, seen) = (("ADD", "commissioning"), ("OBSERVE", "other"));
    let foreign = [("/medtrace:sameAs/0/also/0".to_owned(), "foreign-join")];
    assert_eq!(says(&world, "maker", commission, cn), []);
    assert_eq!(says(&world, "maker", commission, FOREIGN), foreign);
    assert_eq!(says(&world, "hospital", seen, cn), [], "both are the maker's");
    let other = "https://id.gs1.org/01/09521321000117/21/S2";
    assert_eq!(says(&world, "hospital", seen, other), foreign, "two packs are not one");
    assert_eq!(says(&world, "maker", commission, other), [], "whoever issues both may say so");
    assert_eq!(says(&world, "hospital", seen, "https://hospital.example/stock/17"), [], "its own");
    assert_eq!(says(&world, "hospital", seen, FOREIGN), foreign);
    assert_eq!(says(&world, "hospital", seen, "https://nobody.example/17"), foreign);
}

#[test]
fn a_regulator_acts_at_any_known_place_of_its_region() {
    let mut world = World::new();
    let hold = at(HOSPITAL_GLN, object("OBSERVE", "holding"));
    assert_eq!(codes(&world, "nmpa", &hold), [("/readPoint/id".to_owned(), "foreign-place")], "region not known");
    world.good(&[("hospital", "hospital")], place(HOSPITAL_GLN, "hospital"));
    assert_eq!(codes(&world, "nmpa", &hold), []);
    let receive = at(HOSPITAL_GLN, object("OBSERVE", "receiving"));
    assert_eq!(codes(&world, "nmpa", &receive).len(), 2, "neither its step nor its place");
}

#[test]
fn a_key_speaks_in_its_own_roles() {
    let mut world = World::new();
    let roles = json!(["distributor", "manufacturer"]);
    world.good(BOTH, admission("trader", 2, roles, json!([TRADER_GLN]), json!(["9521555"])));
    let mut dock = enrolment("trader", "dock");
    dock["roles"] = json!(["distributor"]);
    world.good(&[("trader", "trader"), ("trader", "dock")], dock);
    let mut commission = object("ADD", "commissioning");
    commission["epcList"] = json!([FOREIGN]);
    let says = |key: &str| {
        let answer = may(world.registry.now(), &party("trader"), Some(&public(key)), &event(&commission));
        answer.map_err(|refusals| refusals[0].code)
    };
    assert_eq!(says("trader"), Ok(()));
    assert_eq!(says("dock"), Err("not-entitled"));
    assert_eq!(says("maker-2"), Err("key-not-valid"));
}
