//! From blocks to rows, case by case.
#![allow(clippy::unwrap_used)]

mod world;

use medtrace_event::{Action, Kind};
use medtrace_indexer::derive::{Deriver, Foreign};
use medtrace_indexer::keyed::Keyed;
use medtrace_ledger::{ItemKind, SubmissionKind, TopicUuid};
use medtrace_log::sealed::SealedBlock;
use medtrace_store::rows::*;
use medtrace_timeline::{Balance, Flags, Irregular, State, Whereabouts};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use world::*;

const PACK: &str = "https://id.gs1.org/01/09521321000117/21/A1";
const PACK_2: &str = "https://id.gs1.org/01/09521321000117/21/A2";
const CASE: &str = "https://id.gs1.org/00/095213210000000018";
const PALLET: &str = "https://id.gs1.org/00/095213210000000025";
const LOT: &str = "https://id.gs1.org/01/09521321000117/10/L1";

fn at(place: &str, mut members: Value) -> Value {
    members["readPoint"] = json!({"id": place});
    members["bizLocation"] = json!({"id": place});
    members
}

fn commission(number: u32, second: u32, pack: &str, lot: &str) -> Value {
    let members = json!({"action": "ADD", "bizStep": "commissioning", "disposition": "active", "epcList": [pack],
        "ilmd": {"cbvmda:lotNumber": lot, "cbvmda:itemExpirationDate": "2028-01-31"}});
    event(number, second, at(MAKER_GLN, members))
}

fn pack(number: u32, second: u32, child: &str, parent: &str) -> Value {
    let members = json!({"type": "AggregationEvent", "action": "ADD", "bizStep": "packing",
        "parentID": parent, "childEPCs": [child]});
    event(number, second, at(MAKER_GLN, members))
}

fn unpack(number: u32, second: u32, children: &[&str], parent: &str, place: &str) -> Value {
    let members = json!({"type": "AggregationEvent", "action": "DELETE", "bizStep": "unpacking",
        "parentID": parent, "childEPCs": children});
    event(number, second, at(place, members))
}

fn store(number: u32, second: u32, thing: &str, place: &str) -> Value {
    event(number, second, at(place, json!({"bizStep": "storing", "epcList": [thing]})))
}

fn ship(number: u32, second: u32, thing: &str) -> Value {
    let to = json!([{"type": "location", "destination": OTHER_GLN}]);
    event(
        number,
        second,
        json!({"bizStep": "shipping", "disposition": "in_transit", "epcList": [thing],
        "readPoint": {"id": MAKER_GLN}, "destinationList": to}),
    )
}

fn receive(number: u32, second: u32, thing: &str) -> Value {
    let members = json!({"bizStep": "receiving", "disposition": "in_progress", "epcList": [thing]});
    event(number, second, at(OTHER_GLN, members))
}

/// The one row under which a pack is listed.
fn item(world: &mut World, pack: &str) -> LotItemRow {
    let id = thing(pack);
    let mut rows = world.tables.all::<LotItemRow>().unwrap();
    rows.retain(|row| (row.class, &*row.id) == (id.class().to_u64(), id.id()));
    assert_eq!(rows.len(), 1, "{pack} is listed once: {rows:#?}");
    rows.remove(0)
}

fn unit(world: &mut World, uri: &str) -> State {
    let unit = thing(uri);
    let mut rows = world.tables.all::<UnitStateRow>().unwrap();
    rows.retain(|row| (row.class, &*row.id) == (unit.class().to_u64(), unit.id()));
    assert_eq!(rows.len(), 1, "{uri}");
    serde_json::from_str(&rows[0].state).unwrap()
}

fn balance(world: &mut World) -> Balance {
    let rows = world.tables.all::<LotBalanceRow>().unwrap();
    assert_eq!(rows.len(), 1);
    serde_json::from_str(&rows[0].balance).unwrap()
}

/// (parent, child, from, until) in seconds after 08:00, of every stay that the assertions add up to.
fn stays(world: &mut World) -> Vec<(String, String, i64, Option<i64>)> {
    let second = |t: i64| (t - 1_772_352_000_000_000) / 1_000_000;
    let mut sums = std::collections::BTreeMap::new();
    for row in world.tables.all::<ContainmentRow>().unwrap() {
        let until = (row.until_t != OPEN).then(|| second(row.until_t));
        *sums.entry((row.parent_id, row.child_id, second(row.from_t), until)).or_insert(0) += i32::from(row.sign);
    }
    assert!(sums.values().all(|sum| [0, 1].contains(sum)), "{sums:?}");
    sums.into_iter().filter(|(_, sum)| *sum == 1).map(|(stay, _)| stay).collect()
}

fn stay(parent: &str, child: &str, from: i64, until: Option<i64>) -> (String, String, i64, Option<i64>) {
    (thing(parent).id().to_owned(), thing(child).id().to_owned(), from, until)
}

#[test]
fn a_commissioned_pack_is_listed_and_its_event_can_be_looked_up() {
    let mut world = World::with_parties();
    let rows = world.say("maker", &[commission(1, 0, PACK, "L1")]).clone();
    assert_eq!((rows.alerts.len(), rows.refused.len(), rows.replays.len()), (0, 0, 0));
    let [event] = &rows.events[..] else { panic!("{:?}", rows.events) };
    assert_eq!((event.block, event.idx, event.things, event.flags), (2, 0, 1, 0));
    assert_eq!(
        (&*event.kind, &*event.action, &*event.step),
        (Kind::Object.name(), Action::Add.name(), "commissioning")
    );
    assert_eq!(event.t, 1_772_352_000_000_000);
    assert_eq!(event.record_ms, NOW_MS + 400);
    let row = item(&mut world, PACK);
    assert_eq!((&*row.lot, &*row.condition, &*row.place, &*row.holder), ("L1", "active", MAKER_GLN, "maker"));
    let kinds: Vec<u8> = rows.event_refs.iter().map(|r| r.kind).collect();
    assert_eq!(kinds, [RefKind::Submission as u8, RefKind::EventKey as u8, RefKind::EventId as u8]);
    let [block] = &rows.blocks[..] else { panic!("{:?}", rows.blocks) };
    assert_eq!((block.height, block.submissions, block.events, block.notices), (2, 1, 1, 0));
    assert_eq!(block.positions, [("scan-events".to_owned(), 0, 1)]);
}

#[test]
fn the_same_bytes_again_are_a_replay_and_count_once() {
    let mut world = World::with_parties();
    let event = commission(1, 0, PACK, "L1");
    world.say("maker", std::slice::from_ref(&event));
    let before = item(&mut world, PACK);
    // Within one block and one submission, and later.
    let rows = world.say("maker", &[event.clone(), commission(2, 1, PACK_2, "L1"), event.clone()]).clone();
    let replay = |idx| ReplayRow { of_block: 2, of_idx: 0, block: 3, idx };
    assert_eq!(rows.replays, [replay(0), replay(2)]);
    assert_eq!((rows.events.len(), rows.facts.len()), (1, 1));
    assert_eq!(item(&mut world, PACK), before);
    // Another party's eventIDs are its own.
    let rows = world.say("other", &[event]).clone();
    assert_eq!((rows.replays.len(), rows.events.len()), (0, 1));
    assert!(!Flags(rows.events[0].flags).has(Flags::CONFLICT));
}

#[test]
fn the_same_event_id_with_other_content_is_stored_flagged_and_without_effect() {
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1")]);
    let rows = world.say("maker", &[commission(1, 0, PACK, "L2")]).clone();
    assert!(Flags(rows.events[0].flags).has(Flags::CONFLICT));
    assert!(Flags(rows.facts[0].flags).has(Flags::CONFLICT));
    assert_eq!(rows.alerts.iter().map(|a| &*a.code).collect::<Vec<_>>(), ["conflicting"]);
    assert_eq!(item(&mut world, PACK).lot, "L1");
}

#[test]
fn did_not_occur_withdraws_before_and_after_the_original() {
    for order in [[0, 1, 2], [0, 2, 1], [2, 0, 1], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let mut world = World::with_parties();
        let wrong = store(2, 10, PACK, OTHER_GLN);
        let events = [commission(1, 0, PACK, "L1"), wrong.clone(), declaration(&wrong, "did_not_occur", &[])];
        for n in order {
            world.say("maker", &events[n..=n]);
        }
        let row = item(&mut world, PACK);
        assert_eq!((&*row.place, row.last_t), (MAKER_GLN, 1_772_352_000_000_000), "{order:?}");
        let events = world.tables.all::<EventRow>().unwrap();
        let height = |step: &str, declares: bool| {
            let is = |e: &&EventRow| e.step == step && Flags(e.flags).has(Flags::DECLARATION) == declares;
            events.iter().find(is).unwrap().clone()
        };
        let (original, declared) = (height("storing", false), height("storing", true));
        assert_eq!(original.void_block, declared.block, "withdrawn by its declaration, {order:?}");
        let facts = world.tables.all::<FactRow>().unwrap();
        let fact = facts.iter().find(|f| f.block == original.block).unwrap();
        assert_eq!((fact.void_block, fact.ver), (original.void_block, original.ver));
    }
}

#[test]
fn another_partys_declaration_withdraws_nothing() {
    let mut world = World::with_parties();
    let event = commission(1, 0, PACK, "L1");
    world.say("maker", std::slice::from_ref(&event));
    world.say("other", &[declaration(&event, "did_not_occur", &[])]);
    assert_eq!(item(&mut world, PACK).lot, "L1");
    assert!(world.tables.all::<EventRow>().unwrap().iter().all(|event| event.void_block == 0));
}

#[test]
fn original_declaration_and_all_in_one_block_leave_one_row_a_version() {
    let mut world = World::with_parties();
    let wrong = ship(2, 10, PACK);
    let said = [declaration(&wrong, "did_not_occur", &[]), wrong, commission(1, 0, PACK, "L1")];
    let rows = world.say("maker", &said).clone();
    for idx in 0..3 {
        assert_eq!(rows.events.iter().filter(|row| row.idx == idx).count(), 1);
        assert_eq!(rows.facts.iter().filter(|row| row.idx == idx).count(), 1);
    }
    assert_eq!(rows.deliveries.len(), 1);
    assert_eq!((rows.deliveries[0].void_block, rows.deliveries[0].void_idx), (2, 0));
    assert_eq!(item(&mut world, PACK).condition, "active");
}

#[test]
fn incorrect_data_withdraws_once_a_correction_is_there() {
    let original = commission(1, 0, PACK, "L1");
    let corrective = commission(3, 0, PACK, "L9");
    let declared = declaration(&original, "incorrect_data", &[3]);
    let events = [original, declared, corrective];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut world = World::with_parties();
        for n in order {
            world.say("maker", &events[n..=n]);
        }
        let row = item(&mut world, PACK);
        assert_eq!((&*row.lot, row.irregular), ("L9", 0), "{order:?}");
    }
    // Never, or by itself: the original stays in force.
    for declared in [events[1].clone(), declaration(&events[0], "incorrect_data", &[1])] {
        let mut world = World::with_parties();
        world.say("maker", &[events[0].clone(), declared]);
        assert_eq!(item(&mut world, PACK).lot, "L1");
    }
}

#[test]
fn what_is_kept_of_a_name_does_not_grow_with_what_is_said_under_it() {
    let mut world = World::with_parties();
    // The same name with other contents, and many names that wait for one correction.
    let conflicts: Vec<Value> = (0..200).map(|second| commission(1, second, PACK, "L1")).collect();
    let waiting = (1_000..1_200).map(|number| declaration(&commission(number, 0, PACK, "L1"), "incorrect_data", &[2]));
    world.say("maker", &conflicts);
    world.say("maker", &waiting.collect::<Vec<_>>());
    assert_eq!(world.say("maker", &conflicts[100..101]).replays.len(), 1, "of one that was not the first");
    world.deriver.commit().unwrap();
    let names = world.deriver.base().range(b"I", b"J", usize::MAX).unwrap();
    assert_eq!(names.len(), 202);
    assert!(names.iter().all(|(_, value)| value.len() < 64), "no name is a list");
    // All of them are withdrawn at once, and so is what comes later.
    world.say("maker", &[declaration(&conflicts[0], "did_not_occur", &[])]);
    world.say("maker", &[commission(1, 300, PACK, "L1")]);
    let events = world.tables.all::<EventRow>().unwrap();
    let left = events.iter().filter(|row| row.event_id == event_id(1) && row.void_block == 0).count();
    assert_eq!((events.len(), left), (200 + 200 + 2, 1), "the declaration alone is in force");
}

#[test]
fn a_corrected_lot_leaves_a_tombstone_where_the_pack_was_listed() {
    let mut world = World::with_parties();
    let original = commission(1, 0, PACK, "LI");
    world.say("maker", std::slice::from_ref(&original));
    world.say("maker", &[declaration(&original, "incorrect_data", &[2])]);
    let rows = world.say("maker", &[commission(2, 0, PACK, "L1")]).clone();
    let listed: Vec<(&str, u8)> = rows.lot_items.iter().map(|row| (&*row.lot, row.is_deleted)).collect();
    assert_eq!(listed, [("LI", 1), ("L1", 0)]);
    assert_eq!(item(&mut world, PACK).lot, "L1");
}

#[test]
fn a_late_pack_is_told_from_when_it_happened() {
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1")]);
    world.say("maker", &[ship(3, 20, CASE)]);
    assert_eq!(item(&mut world, PACK).container_id, "");
    world.say("maker", &[pack(2, 10, PACK, CASE)]);
    let row = item(&mut world, PACK);
    assert_eq!((&*row.container_id, row.since), (thing(CASE).id(), 1_772_352_010_000_000));
    assert_eq!(stays(&mut world), [stay(CASE, PACK, 10, None)]);
    let case = unit(&mut world, CASE);
    assert_eq!((case.condition(), case.heading.as_deref()), ("in_transit", Some(OTHER_GLN)));
}

#[test]
fn a_late_event_of_a_container_reaches_what_has_left_it() {
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1"), pack(2, 10, PACK, CASE)]);
    world.say("maker", &[unpack(5, 60, &[PACK], CASE, "https://id.gs1.org/414/9521321000025")]);
    let before = item(&mut world, PACK);
    assert_eq!(before.condition, "active");
    // Inside at the time, said late: recalled for the case is recalled for the pack.
    let rows = world
        .say(
            "maker",
            &[event(
                3,
                30,
                at(
                    MAKER_GLN,
                    json!({"bizStep": "inspecting",
        "disposition": "non_conformant", "epcList": [CASE]}),
                ),
            )],
        )
        .clone();
    assert_eq!(rows.lot_items.len(), 1, "the pack is told again");
    assert_eq!(item(&mut world, PACK).condition, "non_conformant");
    // After it left: nothing of the pack's.
    let rows = world
        .say(
            "maker",
            &[event(
                4,
                90,
                at(
                    MAKER_GLN,
                    json!({"bizStep": "inspecting",
        "disposition": "damaged", "epcList": [CASE]}),
                ),
            )],
        )
        .clone();
    assert_eq!(rows.lot_items.len(), 0);
}

#[test]
fn a_late_event_of_a_containers_container_reaches_down_too() {
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1"), pack(2, 10, PACK, CASE), pack(3, 20, CASE, PALLET)]);
    // The pack leaves the case, the case stays on the pallet.
    world.say("maker", &[unpack(4, 60, &[PACK], CASE, MAKER_GLN)]);
    world.say(
        "maker",
        &[event(
            5,
            30,
            at(
                MAKER_GLN,
                json!({"bizStep": "inspecting",
        "disposition": "non_conformant", "epcList": [PALLET]}),
            ),
        )],
    );
    assert_eq!(item(&mut world, PACK).condition, "non_conformant");
}

#[test]
fn delete_of_everything_ends_all_stays_and_a_late_add_with_them() {
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1"), commission(2, 0, PACK_2, "L1"), pack(3, 10, PACK, CASE)]);
    world.say("maker", &[unpack(4, 60, &[], CASE, OTHER_GLN)]);
    assert_eq!((&*item(&mut world, PACK).container_id, &*item(&mut world, PACK).place), ("", OTHER_GLN));
    world.say("maker", &[pack(5, 20, PACK_2, CASE)]);
    assert_eq!((&*item(&mut world, PACK_2).container_id, &*item(&mut world, PACK_2).place), ("", OTHER_GLN));
    assert_eq!(stays(&mut world), [stay(CASE, PACK, 10, Some(60)), stay(CASE, PACK_2, 20, Some(60))]);
    // Packed again afterwards: a new stay.
    world.say("maker", &[pack(6, 90, PACK_2, CASE)]);
    assert_eq!(item(&mut world, PACK_2).container_id, thing(CASE).id());
    assert_eq!(stays(&mut world).len(), 3);
}

#[test]
fn a_withdrawn_emptying_leaves_everything_inside() {
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1"), pack(2, 10, PACK, CASE)]);
    let emptying = unpack(3, 60, &[], CASE, OTHER_GLN);
    world.say("maker", std::slice::from_ref(&emptying));
    assert_eq!(stays(&mut world), [stay(CASE, PACK, 10, Some(60))]);
    world.say("maker", &[declaration(&emptying, "did_not_occur", &[])]);
    assert_eq!(stays(&mut world), [stay(CASE, PACK, 10, None)]);
    assert_eq!(item(&mut world, PACK).container_id, thing(CASE).id());
}

#[test]
fn what_a_case_turns_out_to_have_gone_through_reaches_what_was_in_it() {
    let mut world = World::with_parties();
    let emptying = unpack(3, 20, &[], PALLET, MAKER_GLN);
    world.say("maker", &[commission(1, 0, PACK, "L1"), pack(2, 10, CASE, PALLET), emptying.clone()]);
    // With the case off the pallet, what happens to the pallet is nothing to the pack.
    world.say(
        "maker",
        &[
            pack(4, 30, PACK, CASE),
            event(
                5,
                40,
                at(
                    MAKER_GLN,
                    json!({"bizStep": "inspecting",
        "disposition": "damaged", "epcList": [PALLET]}),
                ),
            ),
        ],
    );
    world.say("maker", &[unpack(6, 50, &[PACK], CASE, MAKER_GLN)]);
    assert_eq!(item(&mut world, PACK).condition, "active");
    // But it never came off.
    world.say("maker", &[declaration(&emptying, "did_not_occur", &[])]);
    assert_eq!(item(&mut world, PACK).condition, "damaged");
}

#[test]
fn two_codes_of_one_pack_share_one_history() {
    let also = "urn:medtrace:cn-drug:81234560000000000001";
    let mut world = World::with_parties();
    let mut joined = commission(1, 0, PACK, "L1");
    joined["@context"] = json!(["https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        {"medtrace": "urn:medtrace:ns:"}]);
    joined["medtrace:sameAs"] = json!([{"epc": PACK, "also": [also]}]);
    world.say("maker", &[joined]);
    // Told of one, seen of both; what is packed under one code and shipped under the other is one pack.
    world.say("maker", &[pack(2, 10, PACK, CASE)]);
    world.say("maker", &[unpack(3, 20, &[PACK], CASE, MAKER_GLN)]);
    world.say("other", &[receive(4, 30, also)]);
    for (code, alias) in [(PACK, false), (also, true)] {
        let row = item(&mut world, code);
        assert_eq!((&*row.place, &*row.holder, row.last_block), (OTHER_GLN, "other", 5), "{code}");
        assert_eq!((row.commissioned, row.alias), (true, alias), "{code}");
    }
}

#[test]
fn a_code_stands_for_another_only_while_they_are_joined() {
    let also = "urn:medtrace:cn-drug:81234560000000000001";
    let joining = event(
        2,
        10,
        at(
            MAKER_GLN,
            json!({"bizStep": "inspecting", "epcList": [also],
        "@context": ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"medtrace": "urn:medtrace:ns:"}],
        "medtrace:sameAs": [{"epc": PACK, "also": [also]}]}),
        ),
    );
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1")]);
    world.say("maker", &[store(3, 20, also, MAKER_GLN)]);
    // Seen, never made: a counterfeit's way.
    assert_eq!((item(&mut world, also).commissioned, item(&mut world, also).alias), (false, false));
    world.say("maker", std::slice::from_ref(&joining));
    assert_eq!((item(&mut world, also).commissioned, item(&mut world, also).alias), (true, true));
    // Kept by what is applied in order.
    world.say("maker", &[store(4, 30, also, OTHER_GLN)]);
    assert!(item(&mut world, also).alias && !item(&mut world, PACK).alias);
    world.say("maker", &[declaration(&joining, "did_not_occur", &[])]);
    assert_eq!((item(&mut world, also).commissioned, item(&mut world, also).alias), (false, false));
}

#[test]
fn a_lot_with_quantities_adds_up() {
    let quantity = |amount: i64| json!([{"epcClass": LOT, "quantity": amount}]);
    let mut world = World::with_parties();
    let event = |number, second, members| event(number, second, at(MAKER_GLN, members));
    world.say(
        "maker",
        &[
            event(
                1,
                0,
                json!({"action": "ADD", "bizStep": "commissioning", "disposition": "active",
            "quantityList": quantity(100)}),
            ),
            event(
                2,
                10,
                json!({"type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "parentID": CASE,
            "childQuantityList": quantity(30)}),
            ),
            event(3, 20, json!({"bizStep": "dispensing", "disposition": "dispensed", "quantityList": quantity(5)})),
        ],
    );
    let parts = |world: &mut World| {
        let balance = balance(world);
        assert_eq!(balance.commissioned, Decimal::from(100));
        let sum: Decimal = balance.parts.values().sum();
        assert_eq!(balance.commissioned, sum + balance.unaccounted());
        let part = |(bin, amount): (&medtrace_timeline::Bin, &Decimal)| {
            let place = match &bin.whereabouts {
                Whereabouts::Place(place) | Whereabouts::Heading(place) => place.to_string(),
                Whereabouts::Inside(unit) => unit.uri(),
            };
            (place, bin.condition.to_string(), i64::try_from(*amount).unwrap())
        };
        let mut parts: Vec<_> = balance.parts.iter().map(part).collect();
        parts.sort();
        parts
    };
    let of = |place: &str, condition: &str, amount: i64| (place.to_owned(), condition.to_owned(), amount);
    assert_eq!(parts(&mut world), [of(CASE, "active", 30), of(MAKER_GLN, "active", 65), of(MAKER_GLN, "dispensed", 5)]);
    // Everything out of the case: the thirty too.
    world.say("maker", &[unpack(4, 30, &[], CASE, MAKER_GLN)]);
    assert_eq!(parts(&mut world), [of(MAKER_GLN, "active", 95), of(MAKER_GLN, "dispensed", 5)]);
    // Five more into it, told late, came out as well.
    world.say(
        "maker",
        &[event(
            5,
            15,
            json!({"type": "AggregationEvent", "action": "ADD", "bizStep": "packing",
        "parentID": CASE, "childQuantityList": quantity(5)}),
        )],
    );
    assert_eq!(parts(&mut world), [of(MAKER_GLN, "active", 95), of(MAKER_GLN, "dispensed", 5)]);
    assert!(!balance(&mut world).overdrawn);
}

#[test]
fn quantities_beyond_all_bounds_end_nothing() {
    let mut world = World::with_parties();
    for number in 0..10 {
        world.say(
            "maker",
            &[event(
                number,
                number,
                at(
                    MAKER_GLN,
                    json!({"action": "ADD", "bizStep": "commissioning",
            "disposition": "active", "quantityList": [{"epcClass": LOT, "quantity": 9e27}]}),
                ),
            )],
        );
    }
    assert_eq!(balance(&mut world).commissioned, Decimal::MAX);
}

#[test]
fn who_may_not_say_it_is_flagged_and_shown() {
    let mut world = World::with_parties();
    let rows = world.say("other", &[commission(1, 0, PACK, "L1")]).clone();
    assert!(Flags(rows.events[0].flags).has(Flags::NOT_ENTITLED));
    assert_eq!(
        rows.alerts.iter().map(|a| (&*a.code, &*a.party)).collect::<Vec<_>>(),
        [("signer-not-entitled", "other")]
    );
    assert!(Irregular(item(&mut world, PACK).irregular).has(Irregular::NOT_ENTITLED));
    let rows = world.say("maker", &[commission(1, 0, PACK_2, "L1")]).clone();
    assert_eq!((rows.events[0].flags, rows.alerts.len()), (0, 0));
}

#[test]
fn what_does_not_fit_raises_an_alert_once() {
    let mut world = World::with_parties();
    world.say("maker", &[commission(1, 0, PACK, "L1"), ship(2, 5, PACK)]);
    let rows = world.say("maker", &[commission(3, 10, PACK, "L2")]).clone();
    assert_eq!(rows.alerts.iter().map(|a| (&*a.code, &*a.id)).collect::<Vec<_>>(), [("commissioned-twice", "A1")]);
    let rows = world.say("maker", &[commission(4, 20, PACK, "L3")]).clone();
    assert_eq!(rows.alerts.len(), 0);
}

#[test]
fn bad_records_are_kept_and_change_nothing() {
    let mut world = World::with_parties();
    let signed = Said::events("maker", NOW_MS, &[commission(1, 0, PACK, "L1")]).bad("signature");
    let rows = world.seal(&[Said::undecodable(b"\xc3\x01nonsense"), signed]).clone();
    assert_eq!(rows.submissions.iter().map(|s| &*s.bad).collect::<Vec<_>>(), ["undecodable", "signature"]);
    assert_eq!(rows.submissions[0].party, "");
    assert_eq!(rows.submissions[1].party, "maker");
    assert!(rows.events.is_empty() && rows.facts.is_empty() && rows.event_refs.is_empty());
    // A record that does not decode and is not named bad: the log is not what the chainer sealed.
    let block = world.chain.block(&[Said::undecodable(b"").good()]);
    assert!(world.deriver.derive(&block).unwrap_err().to_string().contains("does not name"));
}

#[test]
fn a_block_of_another_chain_is_not_indexed() {
    let mut world = World::with_parties();
    let said = |number| Said::events("maker", NOW_MS, &[commission(number, 0, PACK, "L1")]);
    let (good, mut elsewhere) = (world.chain.clone().block(&[said(1)]), world.chain.clone());
    // A chain that has gone another way one block ago, as it stands in a log that was exchanged.
    elsewhere.block(&[said(2)]);
    let after_another = elsewhere.block(&[said(3)]);
    let change = |change: &dyn Fn(&mut SealedBlock)| {
        let mut block = good.clone();
        change(&mut block);
        block
    };
    let table = [
        ("its origin is other.example/log", change(&|b| b.header.origin = "other.example/log".parse().unwrap())),
        ("its root of the headers before it is", change(&|b| b.header.log_root.0[0] ^= 1)),
        ("its root of the cut scan-events/0 is", change(&|b| b.records = elsewhere.clone().block(&[said(2)]).records)),
    ];
    world.restart();
    let before = world.deriver.base().clone();
    let open = || Deriver::open(before.clone(), &genesis()).unwrap();
    for (says, block) in table {
        let error = open().follow(&block).unwrap_err();
        assert!(error.is::<Foreign>() && error.to_string().contains(says), "{says}: {error}");
    }
    let mut deriver = open();
    deriver.follow(&good).unwrap();
    assert!(deriver.follow(&after_another).unwrap_err().to_string().contains("headers before it"));
    assert_eq!(after_another.header.height, 3);
}

#[test]
fn what_is_no_event_is_refused_with_its_reason() {
    let with = |name: &str, value: Value| {
        let mut event = commission(1, 0, PACK, "L1");
        event[name] = value;
        event.to_string()
    };
    let mut nameless = commission(1, 0, PACK, "L1");
    nameless.as_object_mut().unwrap().remove("eventID");
    let standard = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld";
    let codes: Vec<String> = (0..20_001).map(|n| format!("a:{n}")).collect();
    let table = [
        (json!({"type": "ObjectEvent"}).to_string(), "eventTime"),
        (nameless.to_string(), "eventID"),
        (format!(" {}", commission(1, 0, PACK, "L1")), "not-canonical"),
        (with("recordTime", json!("2026-03-01T08:00:00Z")), "record-time"),
        (with("@context", json!([standard])), "not-canonical"),
        (with("epcList", json!(codes)), "too-many-identifiers"),
    ];
    let mut items: Vec<_> = table.iter().map(|(bytes, _)| (ItemKind::Event, bytes.clone().into_bytes())).collect();
    items.push((ItemKind::Event, commission(2, 0, PACK, "L1").to_string().into_bytes()));
    let mut world = World::with_parties();
    let rows = world.seal(&[Said::items(SubmissionKind::Events, "maker", &["maker"], NOW_MS, &items)]).clone();
    assert_eq!(rows.refused.len(), table.len(), "{:?}", rows.refused);
    for (index, (row, (_, reason))) in rows.refused.iter().zip(&table).enumerate() {
        assert_eq!((&*row.target, row.content.clone()), ("event", format!("2-{index}")));
        assert!(row.reason.contains(reason), "{reason}: {}", row.reason);
    }
    assert_eq!(rows.events.len(), 1);
    assert_eq!(rows.blocks[0].events, table.len() as u32 + 1);
}

#[test]
fn notices_are_kept_with_what_refused_them_and_survive_a_restart() {
    let mut world = World::with_parties();
    let again = json!({"type": "party", "party": "maker", "revision": 1, "name": {"en": "maker"},
        "rootKey": key("maker-root").public(), "roles": ["manufacturer"], "glns": [], "prefixes": [], "regions": ["CN"]});
    let rows = world.seal(&[Said::notice(AUTHORITY, &[AUTHORITY], &again)]).clone();
    assert_eq!(rows.notices.len(), 1);
    assert!(!rows.notices[0].refusal.is_empty());
    world.restart();
    let rows = world.say("maker", &[commission(1, 0, PACK, "L1")]).clone();
    assert_eq!(rows.events[0].flags, 0, "still entitled");
}

#[test]
fn gaps_are_judged_by_the_ids_in_headers_also_after_a_restart() {
    let id = |byte| TopicUuid([byte; 16]);
    let gap = |revision: u32, lost: u8, new: u8| {
        let notice = json!({"type": "gap", "topic": "scan-events", "revision": revision, "lost": id(lost),
            "new": id(new), "reason": {"en": "a disk"}});
        Said::notice(AUTHORITY, &[AUTHORITY], &notice)
    };
    let mut world = World::with_parties();
    let refusal = |world: &mut World, said: Said| world.seal(&[said]).notices[0].refusal.clone();
    assert!(refusal(&mut world, gap(1, 1, 2)).contains("(unknown-topic)"), "nothing of it is sealed yet");
    world.say("maker", &[commission(1, 0, PACK, "L1")]);
    assert!(refusal(&mut world, gap(1, 3, 2)).contains("(not-its-id)"));
    // The id that a gap names is taken up only by who knows the first.
    world.restart();
    assert_eq!(refusal(&mut world, gap(1, 1, 2)), "");
    let before = world.deriver.registry().clone();
    world.restart();
    assert_eq!(*world.deriver.registry(), before);
    assert!(refusal(&mut world, gap(2, 2, 1)).contains("(id-used)"));
    assert_eq!(refusal(&mut world, gap(2, 2, 3)), "");
}

#[test]
fn a_shipment_is_a_delivery_and_a_withdrawn_one_says_so() {
    let mut world = World::with_parties();
    let shipment = ship(1, 0, CASE);
    let rows = world.say("maker", std::slice::from_ref(&shipment)).clone();
    assert_eq!(rows.deliveries.len(), 1);
    assert_eq!(rows.deliveries[0].destinations, [OTHER_GLN]);
    assert_eq!(rows.deliveries[0].source, MAKER_GLN);
    world.say("maker", &[declaration(&shipment, "did_not_occur", &[])]);
    let deliveries = world.tables.all::<DeliveryRow>().unwrap();
    assert_eq!(deliveries.iter().map(|row| row.void_block).collect::<Vec<_>>(), [3]);
}
