//! Any order of arrival gives the same state as the true order.
//!
//! Thousands of small random worlds: packs, cases and a pallet are commissioned, packed, shipped, received, unpacked,
//! emptied, held, released, found damaged, carried, used, destroyed; some events are withdrawn. Each world arrives in every permutation (up to six events) or in many
//! random ones, and the walk is asked after all have arrived. The expectation comes from a plain simulation that knows
//! nothing of facts, intervals or walks: it plays the events in true order and moves contents along with containers.

use std::collections::{BTreeMap, BTreeSet};

use medtrace_event::Event;
use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;
use medtrace_timeline::{Cut, Fact, Flags, Role, Sealed, Settled, State, Walk, facts_of, present};
use proptest::prelude::*;
use serde_json::{Value, json};

const PLACES: [&str; 2] = ["https://id.gs1.org/414/9521321000001", "https://id.gs1.org/414/9521321000018"];
const THINGS: [&str; 6] = [
    "https://id.gs1.org/01/09521321000018/21/A",
    "https://id.gs1.org/01/09521321000018/21/B",
    "https://id.gs1.org/01/09521321000018/21/C",
    "https://id.gs1.org/00/095213210000000018",
    "https://id.gs1.org/00/095213210000000025",
    "https://id.gs1.org/00/095213210000000032",
];
const ITEMS: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Deed {
    Commission { item: usize },
    Pack { child: usize, parent: usize },
    Unpack { child: usize, parent: usize },
    Empty { parent: usize },
    Ship { thing: usize, to: usize },
    Receive { thing: usize },
    Store { thing: usize },
    Depart { thing: usize },
    Arrive { thing: usize },
    Look { thing: usize },
    Hold { thing: usize },
    Damage { thing: usize },
    Release { thing: usize },
    Use { item: usize },
    Destroy { thing: usize },
}

#[derive(Clone, Copy, Debug)]
struct Happening {
    deed: Deed,
    second: u8,
    place: Option<usize>,
    party: u8,
    withdrawn: bool,
}

/// Children are smaller than parents, so that nothing is packed into itself.
fn deeds() -> impl Strategy<Value = Deed> {
    let pair = (3usize..6).prop_flat_map(|parent| (0..parent, Just(parent)));
    prop_oneof![
        (0..ITEMS).prop_map(|item| Deed::Commission { item }),
        pair.clone().prop_map(|(child, parent)| Deed::Pack { child, parent }),
        pair.clone().prop_map(|(child, parent)| Deed::Pack { child, parent }),
        pair.prop_map(|(child, parent)| Deed::Unpack { child, parent }),
        (3usize..6).prop_map(|parent| Deed::Empty { parent }),
        (0usize..6, 0usize..2).prop_map(|(thing, to)| Deed::Ship { thing, to }),
        (0usize..6).prop_map(|thing| Deed::Receive { thing }),
        (0usize..6).prop_map(|thing| Deed::Store { thing }),
        (0usize..6).prop_map(|thing| Deed::Depart { thing }),
        (0usize..6).prop_map(|thing| Deed::Arrive { thing }),
        (0usize..6).prop_map(|thing| Deed::Look { thing }),
        (0usize..6).prop_map(|thing| Deed::Hold { thing }),
        (0usize..6).prop_map(|thing| Deed::Damage { thing }),
        (0usize..6).prop_map(|thing| Deed::Release { thing }),
        (0..ITEMS).prop_map(|item| Deed::Use { item }),
        (0usize..6).prop_map(|thing| Deed::Destroy { thing }),
    ]
}

fn happenings(most: usize) -> impl Strategy<Value = Vec<Happening>> {
    let one = (deeds(), 0u8..6, proptest::option::weighted(0.8, 0usize..2), 0u8..2, prop::bool::weighted(0.1));
    let one =
        one.prop_map(|(deed, second, place, party, withdrawn)| Happening { deed, second, place, party, withdrawn });
    prop::collection::vec(one, 1..=most)
}

fn event(happening: &Happening, n: usize) -> Event {
    let mut json = json!({
        "type": "ObjectEvent",
        "eventID": format!("urn:uuid:00000000-0000-4000-8000-{n:012}"),
        "eventTime": format!("2026-05-01T08:00:{:02}.000Z", happening.second),
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
    });
    let mut set = |name: &str, value: Value| json[name] = value;
    if let Some(place) = happening.place {
        set("bizLocation", json!({ "id": PLACES[place] }));
    }
    let (step, disposition) = match happening.deed {
        Deed::Commission { .. } => ("commissioning", Some("active")),
        Deed::Pack { .. } => ("packing", Some("in_progress")),
        Deed::Unpack { .. } | Deed::Empty { .. } => ("unpacking", None),
        Deed::Ship { .. } => ("shipping", Some("in_transit")),
        Deed::Receive { .. } => ("receiving", Some("in_progress")),
        Deed::Store { .. } => ("storing", Some("sellable_accessible")),
        Deed::Depart { .. } => ("departing", Some("in_transit")),
        Deed::Arrive { .. } => ("arriving", Some("in_transit")),
        Deed::Look { .. } => ("other", None),
        Deed::Hold { .. } => ("holding", Some("non_sellable_other")),
        Deed::Damage { .. } => ("inspecting", Some("damaged")),
        Deed::Release { .. } => ("inspecting", Some("available")),
        Deed::Use { .. } => ("dispensing", Some("dispensed")),
        Deed::Destroy { .. } => ("destroying", Some("destroyed")),
    };
    set("bizStep", json!(step));
    if let Some(disposition) = disposition {
        set("disposition", json!(disposition));
    }
    match happening.deed {
        Deed::Commission { item } => {
            set("action", json!("ADD"));
            set("epcList", json!([THINGS[item]]));
        }
        Deed::Pack { child, parent } | Deed::Unpack { child, parent } => {
            set("type", json!("AggregationEvent"));
            set("action", json!(if matches!(happening.deed, Deed::Pack { .. }) { "ADD" } else { "DELETE" }));
            set("parentID", json!(THINGS[parent]));
            set("childEPCs", json!([THINGS[child]]));
        }
        Deed::Empty { parent } => {
            set("type", json!("AggregationEvent"));
            set("action", json!("DELETE"));
            set("parentID", json!(THINGS[parent]));
            set("childEPCs", json!([]));
        }
        Deed::Ship { thing, to } => {
            set("epcList", json!([THINGS[thing]]));
            set("destinationList", json!([{ "type": "location", "destination": PLACES[to] }]));
        }
        Deed::Receive { thing } | Deed::Store { thing } | Deed::Depart { thing } | Deed::Arrive { thing } => {
            set("epcList", json!([THINGS[thing]]));
        }
        Deed::Look { thing } | Deed::Hold { thing } | Deed::Damage { thing } | Deed::Release { thing } => {
            set("epcList", json!([THINGS[thing]]));
        }
        Deed::Destroy { thing } => {
            set("action", json!("DELETE"));
            set("epcList", json!([THINGS[thing]]));
        }
        Deed::Use { item } => set("epcList", json!([THINGS[item]])),
    }
    Event::from_bytes(json.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?} in {json}"))
}

/// The facts of a world whose events are sealed in the order `arrival`.
fn arrive(happenings: &[Happening], arrival: &[usize]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (height, n) in arrival.iter().enumerate() {
        let happening = &happenings[*n];
        let sealed = Sealed {
            position: EventRef { height: height as u64, idx: 0 },
            note_ms: *n as u64,
            submission: [*n as u8; 32],
            index: 0,
            party: format!("party-{}", happening.party).into(),
            flags: Flags::default(),
        };
        let mut of_event = facts_of(&event(happening, *n), &sealed);
        if happening.withdrawn {
            for fact in &mut of_event {
                let mut head = (*fact.head).clone();
                head.voided = Some(EventRef { height: 1000, idx: 0 });
                fact.head = head.into();
            }
        }
        facts.extend(of_event);
    }
    facts
}

/// What is compared: where, bound for where, with whom, how it fares, what warns of it, in what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Outcome {
    warnings: BTreeSet<String>,
    place: String,
    heading: Option<String>,
    holder: String,
    condition: String,
    containers: Vec<usize>,
}

/// The plain simulation: one mutable world, contents move with their containers.
#[derive(Default)]
struct World {
    things: BTreeMap<usize, Simulated>,
}

#[derive(Clone, Default)]
struct Simulated {
    place: String,
    heading: Option<String>,
    holder: String,
    disposition: String,
    ended: Option<&'static str>,
    /// Said of itself, and of a container that it was in.
    warnings: BTreeSet<&'static str>,
    told_by_container: BTreeSet<&'static str>,
    commissioned: bool,
    container: Option<usize>,
}

impl World {
    fn contents(&self, container: usize) -> Vec<usize> {
        let direct = self.things.iter().filter(|(_, t)| t.container == Some(container)).map(|(n, _)| *n);
        let direct: Vec<usize> = direct.collect();
        let deeper: Vec<usize> = direct.iter().flat_map(|n| self.contents(*n)).collect();
        [direct, deeper].concat()
    }

    /// Everything that a word about `thing` reaches: itself and what is inside.
    fn reach(&self, thing: usize) -> Vec<usize> {
        [vec![thing], self.contents(thing)].concat()
    }

    /// Seen, wherever it goes and whoever has it.
    fn see(&mut self, things: &[usize], happening: &Happening, disposition: &str) {
        for n in things {
            let thing = self.things.entry(*n).or_default();
            if thing.ended.is_some() {
                continue;
            }
            if let Some(place) = happening.place {
                thing.place = PLACES[place].to_owned();
            }
            if !disposition.is_empty() {
                thing.disposition = disposition.to_owned();
            }
        }
    }

    fn warn(&mut self, thing: usize, word: &'static str) {
        for n in self.reach(thing) {
            let told = self.things.entry(n).or_default();
            if told.ended.is_none() {
                if n == thing {
                    told.warnings.insert(word)
                } else {
                    told.told_by_container.insert(word)
                };
            }
        }
    }

    fn release(&mut self, thing: usize) {
        for n in self.reach(thing) {
            let told = self.things.entry(n).or_default();
            if told.ended.is_none() {
                told.told_by_container.clear();
                if n == thing {
                    told.warnings.clear();
                }
            }
        }
    }

    fn settle(&mut self, things: &[usize], happening: &Happening, disposition: &str) {
        for n in things {
            let thing = self.things.entry(*n).or_default();
            if thing.ended.is_some() {
                continue;
            }
            if let Some(place) = happening.place {
                thing.place = PLACES[place].to_owned();
                thing.heading = None;
            }
            thing.holder = format!("party-{}", happening.party);
            if !disposition.is_empty() {
                thing.disposition = disposition.to_owned();
            }
        }
    }

    fn play(&mut self, happening: &Happening) {
        match happening.deed {
            Deed::Commission { item } => {
                let already = std::mem::replace(&mut self.things.entry(item).or_default().commissioned, true);
                if !already {
                    self.settle(&[item], happening, "active");
                }
            }
            Deed::Pack { child, parent } => {
                let others = self.contents(parent);
                let already_in = self.things.get(&child).is_some_and(|c| c.container == Some(parent));
                let mut moved = self.reach(child);
                moved.push(parent);
                self.settle(&moved, happening, "in_progress");
                let rest: Vec<usize> = others.into_iter().filter(|n| !moved.contains(n)).collect();
                self.settle(&rest, happening, "in_progress");
                if !already_in {
                    self.things.entry(child).or_default().container = Some(parent);
                }
            }
            Deed::Unpack { child, parent } => {
                let mut moved = self.reach(child);
                let others: Vec<usize> = self.contents(parent).into_iter().filter(|n| !moved.contains(n)).collect();
                moved.push(parent);
                self.settle(&moved, happening, "");
                self.settle(&others, happening, "");
                let thing = self.things.entry(child).or_default();
                if thing.container == Some(parent) {
                    thing.container = None;
                }
            }
            Deed::Empty { parent } => {
                let inside = self.reach(parent);
                self.settle(&inside, happening, "");
                for thing in self.things.values_mut().filter(|t| t.container == Some(parent)) {
                    thing.container = None;
                }
            }
            Deed::Ship { thing, to } => {
                for n in self.reach(thing) {
                    let thing = self.things.entry(n).or_default();
                    if thing.ended.is_none() {
                        thing.place.clear();
                        thing.heading = Some(PLACES[to].to_owned());
                        thing.holder = format!("party-{}", happening.party);
                        thing.disposition = "in_transit".to_owned();
                    }
                }
            }
            Deed::Depart { thing } => {
                for n in self.reach(thing) {
                    let thing = self.things.entry(n).or_default();
                    if thing.ended.is_none() {
                        thing.place.clear();
                        thing.heading.get_or_insert_default();
                        thing.holder = format!("party-{}", happening.party);
                        thing.disposition = "in_transit".to_owned();
                    }
                }
            }
            Deed::Arrive { thing } => {
                let reached = self.reach(thing);
                self.see(&reached, happening, "in_transit");
                for n in reached {
                    let thing = self.things.entry(n).or_default();
                    if thing.ended.is_none() {
                        thing.holder = format!("party-{}", happening.party);
                    }
                }
            }
            Deed::Look { thing } => self.see(&self.reach(thing), happening, ""),
            Deed::Hold { thing } => {
                self.see(&self.reach(thing), happening, "non_sellable_other");
                self.warn(thing, "non_sellable_other");
            }
            Deed::Damage { thing } => {
                self.see(&self.reach(thing), happening, "damaged");
                self.warn(thing, "damaged");
            }
            Deed::Release { thing } => {
                self.see(&self.reach(thing), happening, "available");
                self.release(thing);
            }
            Deed::Destroy { thing } => {
                let reached = self.reach(thing);
                self.settle(&reached, happening, "destroyed");
                for n in reached {
                    self.things.entry(n).or_default().ended.get_or_insert("destroyed");
                }
            }
            Deed::Receive { thing } => self.settle(&self.reach(thing), happening, "in_progress"),
            Deed::Store { thing } => self.settle(&self.reach(thing), happening, "sellable_accessible"),
            Deed::Use { item } => {
                self.settle(&[item], happening, "dispensed");
                self.things.entry(item).or_default().ended.get_or_insert("dispensed");
            }
        }
    }

    fn outcome(&self, thing: usize) -> Option<Outcome> {
        let own = self.things.get(&thing)?;
        let mut containers = Vec::new();
        let mut next = own.container;
        while let Some(container) = next {
            containers.push(container);
            next = self.things.get(&container).and_then(|c| c.container);
        }
        let condition = match (own.ended, own.disposition.is_empty()) {
            (Some(end), _) => end.to_owned(),
            (None, true) => "unknown".to_owned(),
            (None, false) => own.disposition.clone(),
        };
        let (place, heading, holder) = (own.place.clone(), own.heading.clone(), own.holder.clone());
        let warnings = own.warnings.union(&own.told_by_container).map(|word| word.to_string()).collect();
        Some(Outcome { warnings, place, heading, holder, condition, containers })
    }
}

fn simulate(happenings: &[Happening]) -> World {
    let rank = |deed: &Deed| match deed {
        Deed::Commission { .. } => 1,
        Deed::Pack { .. } => 3,
        Deed::Ship { .. } | Deed::Depart { .. } => 5,
        Deed::Receive { .. } | Deed::Arrive { .. } => 6,
        Deed::Unpack { .. } | Deed::Empty { .. } => 7,
        Deed::Store { .. } | Deed::Look { .. } => 8,
        Deed::Hold { .. } | Deed::Damage { .. } | Deed::Release { .. } => 8,
        Deed::Use { .. } => 9,
        Deed::Destroy { .. } => 10,
    };
    let mut order: Vec<usize> = (0..happenings.len()).filter(|n| !happenings[*n].withdrawn).collect();
    order.sort_by_key(|n| (happenings[*n].second, rank(&happenings[*n].deed), *n));
    let mut world = World::default();
    for n in order {
        world.play(&happenings[n]);
    }
    world
}

fn thing(n: usize) -> Thing {
    Thing::from_uri(THINGS[n]).unwrap_or_else(|e| panic!("{e}"))
}

fn supplied(facts: &[Fact], n: usize, cut: Cut) -> Walk {
    let mut walk = Walk::new(thing(n), cut);
    loop {
        let wanted = walk.wanted();
        let Some(next) = wanted.first() else { return walk };
        walk.supply(next.clone(), facts.iter().filter(|f| f.thing == *next).cloned().collect());
    }
}

fn walked(facts: &[Fact], n: usize, cut: Cut) -> Outcome {
    let story = supplied(facts, n, cut).finish();
    let state = &story.state;
    let warnings = state.warnings().map(|warning| warning.word.to_string()).collect();
    let seen = outcome(&state.place, state.heading.as_deref(), &state.holder, state.condition(), &story.containers);
    Outcome { warnings, ..seen }
}

/// A thing's own part of the present.
fn settled(facts: &[Fact], n: usize) -> State {
    supplied(facts, n, Cut::ALL).settle().state
}

fn number(thing_: &Thing) -> usize {
    (0..THINGS.len()).find(|n| thing(*n) == *thing_).unwrap_or(usize::MAX)
}

fn outcome(place: &str, heading: Option<&str>, holder: &str, condition: &str, containers: &[Thing]) -> Outcome {
    Outcome {
        warnings: BTreeSet::new(),
        place: place.to_owned(),
        heading: heading.map(str::to_owned),
        holder: holder.to_owned(),
        condition: condition.to_owned(),
        containers: containers.iter().map(number).collect(),
    }
}

fn check(happenings: &[Happening], arrival: &[usize]) -> Result<(), TestCaseError> {
    let facts = arrive(happenings, arrival);
    let world = simulate(happenings);
    for (n, name) in THINGS.iter().enumerate() {
        let expected =
            world.outcome(n).unwrap_or_else(|| Outcome { condition: "unknown".to_owned(), ..Outcome::default() });
        prop_assert_eq!(walked(&facts, n, Cut::ALL), expected, "{} after arrival {:?}", name, arrival);
    }
    Ok(())
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let shorter = permutations(n - 1);
    let insert = |p: &Vec<usize>, at: usize| [&p[..at], &[n - 1], &p[at..]].concat();
    shorter.iter().flat_map(|p| (0..n).map(|at| insert(p, at)).collect::<Vec<_>>()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_permutation_of_a_small_world(happenings in happenings(4)) {
        for arrival in permutations(happenings.len()) {
            check(&happenings, &arrival)?;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shuffled_larger_worlds(
        (happenings, arrival) in happenings(14).prop_flat_map(|h| {
            let order: Vec<usize> = (0..h.len()).collect();
            (Just(h), Just(order).prop_shuffle())
        })
    ) {
        check(&happenings, &arrival)?;
    }

    /// What was known at a height does not change when more arrives.
    #[test]
    fn later_arrivals_do_not_change_what_was_known(happenings in happenings(10), known in 0u64..10) {
        let arrival: Vec<usize> = (0..happenings.len()).collect();
        let facts = arrive(&happenings, &arrival);
        let early: Vec<Fact> = facts.iter().filter(|f| f.head.position.height <= known).cloned().collect();
        let cut = Cut { at: i64::MAX, known };
        for n in 0..THINGS.len() {
            prop_assert_eq!(walked(&facts, n, cut), walked(&early, n, cut));
        }
    }

    /// Looking upward from settled states tells the same as the whole walk, for all that has not ended.
    #[test]
    fn present_agrees_with_the_walk(happenings in happenings(12)) {
        let arrival: Vec<usize> = (0..happenings.len()).collect();
        let facts = arrive(&happenings, &arrival);
        for (n, name) in THINGS.iter().enumerate() {
            let own = settled(&facts, n);
            let mut chain: Vec<(Thing, State)> = Vec::new();
            let (mut next, mut since, mut ended_before) = (own.inside.clone(), None, false);
            while let Some((container, from)) = next {
                since = since.max(Some(from));
                let state = settled(&facts, number(&container));
                ended_before |= state.ended.as_ref().is_some_and(|(_, mark)| Some(mark.order) < since);
                next = state.inside.clone();
                chain.push((container, state));
            }
            let now = present(&own, &chain);
            let walked = walked(&facts, n, Cut::ALL);
            let ends = ["dispensed", "destroyed"];
            if ends.contains(&&*now.condition) {
                // A container that had ended before the thing came into it keeps no second end, which might be the first here.
                let agree = if ended_before { ends.contains(&&*walked.condition) } else { now.condition == walked.condition };
                prop_assert!(agree, "{}: {} and {}", name, now.condition, walked.condition);
                continue;
            }
            // Of a container that had ended before, what is said later is not kept.
            if chain.iter().any(|(_, state)| state.ended.is_some()) {
                continue;
            }
            let seen = outcome(&now.place, now.heading.as_deref(), &now.holder, &now.condition, &now.containers);
            prop_assert_eq!(Outcome { warnings: now.warnings, ..seen }, walked, "{}", name);
        }
    }

    /// What is kept up to date fact by fact tells the same as a fold of all facts.
    #[test]
    fn appending_agrees_with_folding(happenings in happenings(12)) {
        let arrival: Vec<usize> = (0..happenings.len()).collect();
        let mut facts = arrive(&happenings, &arrival);
        facts.sort_by_key(|fact| (fact.order(), fact.role));
        for (n, name) in THINGS.iter().enumerate() {
            let mut kept = Settled::default();
            for (last, fact) in facts.iter().enumerate() {
                let known = &facts[..=last];
                let inside = kept.state.inside.as_ref().map(|(container, _)| container);
                let emptied = |container: &Thing| {
                    let emptyings = known.iter().filter(|f| f.role == Role::Emptied && f.thing == *container);
                    emptyings.map(Fact::order).max()
                };
                let spilt = fact.role == Role::Emptied && inside == Some(&fact.thing);
                let own = fact.thing == thing(n);
                if spilt || (own && !kept.append(fact, emptied)) {
                    kept = supplied(known, n, Cut::ALL).settle();
                }
            }
            let folded = supplied(&facts, n, Cut::ALL).settle();
            prop_assert_eq!((kept.state, kept.stays), (folded.state, folded.stays), "{}", name);
        }
    }
}

/// A container that ended, took something in and ended again: the first end here is that of the walk, the present may know
/// another, and none of them shows the pack as one that can still be used.
#[test]
fn a_container_that_ends_twice_leaves_nothing_usable() {
    let at = |deed, second| Happening { deed, second, place: None, party: 0, withdrawn: false };
    let happenings = [
        at(Deed::Destroy { thing: 3 }, 0),
        at(Deed::Pack { child: 1, parent: 3 }, 1),
        at(Deed::Destroy { thing: 3 }, 2),
        at(Deed::Use { item: 1 }, 3),
    ];
    let facts = arrive(&happenings, &[0, 1, 2, 3]);
    assert_eq!(walked(&facts, 1, Cut::ALL).condition, "destroyed");
    let own = settled(&facts, 1);
    let (container, _) = own.inside.clone().unwrap();
    let state = settled(&facts, number(&container));
    assert_eq!(present(&own, &[(container, state)]).condition, "dispensed");
}
