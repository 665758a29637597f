//! Any order of arrival leaves the same tables as the true order.
//!
//! Thousands of small random worlds: packs, cases, pallets and lots with quantities are commissioned, packed, shipped,
//! received, unpacked, emptied, used; declarations withdraw some of it. Each world arrives in every permutation (few
//! events) or in a random one, cut into blocks anywhere, and is held against three others: the tables after the true
//! order; a walk over all facts; a plain simulation that knows nothing of facts.
#![allow(clippy::unwrap_used)]

mod world;

use std::collections::BTreeMap;

use medtrace_gs1::Thing;
use medtrace_store::rows::*;
use medtrace_timeline::{Balance, Cut, Fact, Role, Settled, State, Walk, Whereabouts, present};
use proptest::prelude::*;
use serde_json::Value;
use world::simulation::*;
use world::{Said, World, thing};

/// The tables of states, without what tells of arrival: positions and versions.
#[derive(Debug, PartialEq)]
struct States {
    items: Vec<LotItemRow>,
    units: BTreeMap<String, Value>,
    lots: BTreeMap<String, Value>,
    stays: BTreeMap<(String, String, i64, i64), i32>,
}

impl States {
    fn of(world: &mut World) -> States {
        let mut items = world.tables.all::<LotItemRow>().unwrap();
        for row in &mut items {
            (row.ver, row.last_block, row.last_idx) = (0, 0, 0);
        }
        let units = world.tables.all::<UnitStateRow>().unwrap();
        let lots = world.tables.all::<LotBalanceRow>().unwrap();
        let mut stays = BTreeMap::new();
        for row in world.tables.all::<ContainmentRow>().unwrap() {
            *stays.entry((row.parent_id, row.child_id, row.from_t, row.until_t)).or_default() += i32::from(row.sign);
        }
        stays.retain(|_, sum| *sum != 0);
        States {
            items,
            units: units.into_iter().map(|row| (row.id, timeless(&row.state))).collect(),
            lots: lots.into_iter().map(|row| (row.lot, timeless(&row.balance))).collect(),
            stays,
        }
    }
}

/// JSON without positions.
fn timeless(json: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("position");
                members.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::from_str(json).unwrap();
    strip(&mut value);
    if let Some(last) = value.get_mut("last").filter(|last| last.is_array()) {
        *last = last[0].clone();
    }
    value
}

/// Lets everything arrive in this order; a block ends after each arrival whose bit is set.
fn arrive(said: &[Said], arrival: &[usize], ends: u32) -> World {
    let mut world = World::new();
    // Nothing but a notice of the authority can stand at the very beginning.
    world.seal(&[]);
    let mut block = Vec::new();
    for (n, which) in arrival.iter().enumerate() {
        block.push(said[*which].clone());
        if ends >> (n % 32) & 1 == 1 || n + 1 == arrival.len() {
            world.seal(&std::mem::take(&mut block));
        }
    }
    world
}

fn settled(facts: &[Fact], of: &Thing) -> Settled {
    let mut walk = Walk::new(of.clone(), Cut::ALL);
    loop {
        let wanted = walk.wanted();
        let Some(next) = wanted.first() else { return walk.settle() };
        walk.supply(next.clone(), facts.iter().filter(|f| f.thing == *next).cloned().collect());
    }
}

/// The tables say what a walk over all facts says.
fn agrees_with_a_walk(states: &States, facts: &[Fact]) -> Result<(), TestCaseError> {
    let mut stays = BTreeMap::new();
    for single in THINGS[..SINGLE].iter().map(|uri| thing(uri)) {
        let Settled { state, stays: told, .. } = settled(facts, &single);
        for stay in &told {
            let until = stay.to.map_or(OPEN, |to| to.at);
            stays.insert((stay.container.id().to_owned(), single.id().to_owned(), stay.from.at, until), 1);
        }
        let touched = facts.iter().any(|fact| fact.thing == single);
        if single.product().is_none() {
            let told = states.units.get(single.id());
            let expected = touched.then(|| timeless(&serde_json::to_string(&state).unwrap()));
            prop_assert_eq!(told, expected.as_ref(), "{}", single);
            continue;
        }
        let rows: Vec<_> = states.items.iter().filter(|row| row.id == single.id()).collect();
        prop_assert_eq!(rows.len(), usize::from(touched));
        let Some(row) = rows.first() else { continue };
        let (container, since) = state.inside.map_or((String::new(), 0), |(c, since)| (c.id().to_owned(), since.at));
        prop_assert_eq!((&row.container_id, row.since), (&container, since));
        prop_assert_eq!((&*row.lot, &*row.place, &*row.holder), (&*state.lot, &*state.place, &*state.holder));
        prop_assert_eq!((row.commissioned, row.alias), (state.commissioned.is_some(), false));
        prop_assert_eq!(&*row.heading, state.heading.as_deref().unwrap_or_default());
        let moments = (moment(state.placed), moment(state.held), moment(state.disposed));
        prop_assert_eq!((row.placed, row.held, row.disposed), moments);
        prop_assert_eq!((row.irregular, row.last_t), (state.irregular.0, state.last.map_or(0, |last| last.order.at)));
    }
    prop_assert_eq!(&states.stays, &stays);
    for lot in THINGS[SINGLE..].iter().map(|uri| thing(uri)) {
        let own: Vec<Fact> =
            facts.iter().filter(|fact| fact.thing == lot || fact.role == Role::Emptied).cloned().collect();
        let told = states.lots.get(lot.id());
        let balance = || timeless(&serde_json::to_string(&Balance::of(&own, Cut::ALL)).unwrap());
        let expected = own.iter().any(|fact| fact.thing == lot).then(balance);
        prop_assert_eq!(told, expected.as_ref(), "{}", lot);
    }
    Ok(())
}

/// Looking upward from the tables tells what the simulation tells.
fn agrees_with_the_simulation(states: &States, facts: &[Fact], played: &Played) -> Result<(), TestCaseError> {
    let number = |thing_: &Thing| THINGS.iter().position(|uri| thing(uri) == *thing_).unwrap();
    for (n, uri) in THINGS[..SINGLE].iter().enumerate() {
        let own = settled(facts, &thing(uri)).state;
        let mut chain: Vec<(Thing, State)> = Vec::new();
        let mut next = own.inside.clone();
        while let Some((container, _)) = next {
            let state = settled(facts, &container).state;
            next = state.inside.clone();
            chain.push((container, state));
        }
        let now = present(&own, &chain);
        let expected = played.outcome(n);
        prop_assert_eq!(&now.condition, &expected.condition, "{}", uri);
        // What was used inside a container keeps its own last word, and stays where it was.
        if own.ended.is_none() {
            let containers = now.containers.iter().map(number).collect();
            let seen = Outcome {
                place: now.place,
                heading: now.heading,
                holder: now.holder,
                condition: now.condition,
                containers,
            };
            prop_assert_eq!(seen, expected, "{}", uri);
        }
    }
    for (n, uri) in THINGS.iter().enumerate().skip(SINGLE) {
        let Some(balance) = states.lots.get(thing(uri).id()) else { continue };
        let balance: Balance = serde_json::from_value(with_position(balance.clone())).unwrap();
        let mut amounts = Amounts::new();
        for (bin, amount) in &balance.parts {
            let whereabouts = match &bin.whereabouts {
                Whereabouts::Place(place) => Where::Place(place.to_string()),
                Whereabouts::Heading(place) => Where::Heading(place.to_string()),
                Whereabouts::Inside(unit) => Where::Inside(number(unit)),
            };
            *amounts.entry((whereabouts, &*bin.condition == "dispensed")).or_default() +=
                i64::try_from(*amount).unwrap();
        }
        prop_assert_eq!(&amounts, &played.lots.get(&n).cloned().unwrap_or_default(), "{}", uri);
        let of = |amounts: &BTreeMap<usize, i64>| amounts.get(&n).copied().unwrap_or_default();
        let (made, conjured) = (of(&played.made), of(&played.conjured));
        prop_assert_eq!((balance.commissioned, balance.unaccounted()), (made.into(), (-conjured).into()), "{}", uri);
        prop_assert_eq!(balance.overdrawn, conjured > 0, "{}", uri);
    }
    Ok(())
}

/// What [`timeless`] took out, so that the value can be read.
fn with_position(mut balance: Value) -> Value {
    balance["last"] = Value::Null;
    balance
}

fn check(said: &[Said], arrival: &[usize], ends: u32, truth: &States, played: &Played) -> Result<(), TestCaseError> {
    let mut world = arrive(said, arrival, ends);
    let states = States::of(&mut world);
    prop_assert_eq!(&states, truth, "arrival {:?}, blocks {:b}", arrival, ends);
    let facts = world.facts();
    agrees_with_a_walk(&states, &facts)?;
    agrees_with_the_simulation(&states, &facts, played)
}

/// The tables after the true order, one event a block; declarations last.
fn truth(said: &[Said], happenings: &[Happening]) -> States {
    let mut order: Vec<usize> = (0..said.len()).collect();
    order.sort_by_key(|n| happenings.get(*n).map_or(u8::MAX, |happening| happening.second));
    States::of(&mut arrive(said, &order, u32::MAX))
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let shorter = permutations(n - 1);
    let insert = |p: &Vec<usize>, at: usize| [&p[..at], &[n - 1], &p[at..]].concat();
    shorter.iter().flat_map(|p| (0..n).map(|at| insert(p, at)).collect::<Vec<_>>()).collect()
}

/// So many, or as many as PROPTEST_CASES says.
fn cases(cases: u32) -> ProptestConfig {
    let default = ProptestConfig { failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() };
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if asked { default.cases } else { cases }, ..default }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn every_permutation_of_a_small_world(happenings in happenings(3), ends in any::<u32>()) {
        let (said, played) = (said(&happenings), simulate(&happenings));
        prop_assume!(said.len() <= 5);
        let truth = truth(&said, &happenings);
        for arrival in permutations(said.len()) {
            check(&said, &arrival, ends, &truth, &played)?;
        }
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn shuffled_larger_worlds(
        happenings in happenings(14), narrow in any::<bool>(), ends in any::<u32>(), seed in any::<u64>(),
    ) {
        let happenings = if narrow { narrowed(&happenings) } else { happenings };
        let (said, played) = (said(&happenings), simulate(&happenings));
        let truth = truth(&said, &happenings);
        let arrival = shuffled(said.len(), seed);
        check(&said, &arrival, ends, &truth, &played)?;
    }
}

/// Keys of a splitmix generator, sorted: every order is possible, and shrinks with the seed.
fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let key = |n: usize| {
        let mut z = seed.wrapping_add((n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if seed == 0 { n as u64 } else { z ^ (z >> 31) }
    };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|n| key(*n));
    order
}
