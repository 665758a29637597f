//! Small random worlds, and what a plain simulation makes of them: one mutable world, played in true order; contents move
//! with their containers. It knows nothing of facts, folds, blocks or arrival.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Said, declaration, event};

pub const PLACES: [&str; 2] = ["https://id.gs1.org/414/9521321000018", "https://id.gs1.org/414/9521555000013"];
/// Three packs, three units, two lots without serials.
pub const THINGS: [&str; 8] = [
    "https://id.gs1.org/01/09521321000117/21/A",
    "https://id.gs1.org/01/09521321000117/21/B",
    "https://id.gs1.org/01/09521321000117/21/C",
    "https://id.gs1.org/00/095213210000000018",
    "https://id.gs1.org/00/095213210000000025",
    "https://id.gs1.org/00/095213210000000032",
    "https://id.gs1.org/01/09521321000124/10/K",
    "https://id.gs1.org/01/09521321000124/10/M",
];
pub const SINGLE: usize = 6;
const ITEMS: usize = 3;

#[derive(Clone, Copy, Debug)]
pub enum Deed {
    Commission { item: usize, lot: u8 },
    Pack { child: usize, parent: usize },
    Unpack { child: usize, parent: usize },
    Empty { parent: usize },
    Ship { thing: usize, to: usize },
    Receive { thing: usize },
    Store { thing: usize },
    Use { item: usize },
    Some { lot: usize, amount: u8, deed: Of },
}

/// What is done with some of a lot.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    Make,
    Pack { parent: usize },
    Unpack { parent: usize },
    Ship { to: usize },
    Receive,
    Use,
}

/// What becomes of an event.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Stands,
    DidNotOccur,
    /// Declared incorrect; the event of this number (it may never come) puts it right.
    Corrected {
        by: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Happening {
    pub deed: Deed,
    pub second: u8,
    pub place: Option<usize>,
    pub party: u8,
    pub fate: Fate,
}

/// Children are smaller than parents, so that nothing is packed into itself.
fn deeds() -> impl Strategy<Value = Deed> {
    let pair = (ITEMS..SINGLE).prop_flat_map(|parent| (0..parent, Just(parent)));
    let of = prop_oneof![
        2 => Just(Of::Make),
        2 => (ITEMS..SINGLE).prop_map(|parent| Of::Pack { parent }),
        1 => (ITEMS..SINGLE).prop_map(|parent| Of::Unpack { parent }),
        1 => (0usize..2).prop_map(|to| Of::Ship { to }),
        1 => Just(Of::Receive),
        1 => Just(Of::Use),
    ];
    prop_oneof![
        (0..ITEMS, 0u8..2).prop_map(|(item, lot)| Deed::Commission { item, lot }),
        pair.clone().prop_map(|(child, parent)| Deed::Pack { child, parent }),
        pair.clone().prop_map(|(child, parent)| Deed::Pack { child, parent }),
        pair.prop_map(|(child, parent)| Deed::Unpack { child, parent }),
        (ITEMS..SINGLE).prop_map(|parent| Deed::Empty { parent }),
        (0..SINGLE, 0usize..2).prop_map(|(thing, to)| Deed::Ship { thing, to }),
        (0..SINGLE).prop_map(|thing| Deed::Receive { thing }),
        (0..SINGLE).prop_map(|thing| Deed::Store { thing }),
        (0..ITEMS).prop_map(|item| Deed::Use { item }),
        (SINGLE..THINGS.len(), 1u8..20, of).prop_map(|(lot, amount, deed)| Deed::Some { lot, amount, deed }),
    ]
}

pub fn happenings(most: usize) -> impl Strategy<Value = Vec<Happening>> {
    let fate = prop_oneof![
        8 => Just(Fate::Stands),
        1 => Just(Fate::DidNotOccur),
        1 => (0..most).prop_map(|by| Fate::Corrected { by }),
    ];
    let place = proptest::option::weighted(0.8, 0usize..2);
    let one = (deeds(), 0u8..6, place, 0u8..2, fate);
    let one = one.prop_map(|(deed, second, place, party, fate)| Happening { deed, second, place, party, fate });
    prop::collection::vec(one, 1..=most)
}

/// The same with one pack, a case and a pallet, so that everything meets.
pub fn narrowed(happenings: &[Happening]) -> Vec<Happening> {
    let narrow = |thing: usize| match thing {
        _ if thing < ITEMS => 0,
        ITEMS => ITEMS,
        _ if thing < SINGLE => ITEMS + 1,
        _ => SINGLE,
    };
    let pair = |child: usize, parent: usize| match child < ITEMS {
        true => (0, narrow(parent)),
        false => (ITEMS, ITEMS + 1),
    };
    let of = |deed| match deed {
        Of::Pack { parent } => Of::Pack { parent: narrow(parent) },
        Of::Unpack { parent } => Of::Unpack { parent: narrow(parent) },
        other => other,
    };
    let deed = |deed| match deed {
        Deed::Commission { lot, .. } => Deed::Commission { item: 0, lot },
        Deed::Pack { child, parent } => {
            let (child, parent) = pair(child, parent);
            Deed::Pack { child, parent }
        }
        Deed::Unpack { child, parent } => {
            let (child, parent) = pair(child, parent);
            Deed::Unpack { child, parent }
        }
        Deed::Empty { parent } => Deed::Empty { parent: narrow(parent) },
        Deed::Ship { thing, to } => Deed::Ship { thing: narrow(thing), to },
        Deed::Receive { thing } => Deed::Receive { thing: narrow(thing) },
        Deed::Store { thing } => Deed::Store { thing: narrow(thing) },
        Deed::Use { .. } => Deed::Use { item: 0 },
        Deed::Some { lot, amount, deed } => Deed::Some { lot: narrow(lot), amount, deed: of(deed) },
    };
    happenings.iter().map(|happening| Happening { deed: deed(happening.deed), ..*happening }).collect()
}

/// Everything that is said in a world: the events in their order, then the declarations.
pub fn said(happenings: &[Happening]) -> Vec<Said> {
    let mut said = Vec::new();
    let events: Vec<Value> = happenings.iter().enumerate().map(|(n, happening)| to_event(happening, n)).collect();
    let say = |n: usize, event: &Value| {
        let party = format!("party-{}", happenings[n].party);
        Said::events(&party, super::NOW_MS + n as u64, std::slice::from_ref(event))
    };
    said.extend(events.iter().enumerate().map(|(n, event)| say(n, event)));
    for (n, happening) in happenings.iter().enumerate() {
        said.extend(match happening.fate {
            Fate::Stands => None,
            Fate::DidNotOccur => Some(say(n, &declaration(&events[n], "did_not_occur", &[]))),
            Fate::Corrected { by } => Some(say(n, &declaration(&events[n], "incorrect_data", &[by as u32]))),
        });
    }
    said
}

fn to_event(happening: &Happening, n: usize) -> Value {
    let (step, disposition) = match happening.deed {
        Deed::Commission { .. } | Deed::Some { deed: Of::Make, .. } => ("commissioning", Some("active")),
        Deed::Pack { .. } | Deed::Some { deed: Of::Pack { .. }, .. } => ("packing", Some("in_progress")),
        Deed::Unpack { .. } | Deed::Empty { .. } | Deed::Some { deed: Of::Unpack { .. }, .. } => ("unpacking", None),
        Deed::Ship { .. } | Deed::Some { deed: Of::Ship { .. }, .. } => ("shipping", Some("in_transit")),
        Deed::Receive { .. } | Deed::Some { deed: Of::Receive, .. } => ("receiving", Some("in_progress")),
        Deed::Store { .. } => ("storing", Some("sellable_accessible")),
        Deed::Use { .. } | Deed::Some { deed: Of::Use, .. } => ("dispensing", Some("dispensed")),
    };
    let mut event = event(n as u32, happening.second.into(), json!({"bizStep": step}));
    let mut set = |name: &str, value: Value| event[name] = value;
    if let Some(disposition) = disposition {
        set("disposition", json!(disposition));
    }
    if let Some(place) = happening.place {
        set("bizLocation", json!({"id": PLACES[place]}));
    }
    let mut aggregate = |action: &str, parent: usize| {
        set("type", json!("AggregationEvent"));
        set("action", json!(action));
        set("parentID", json!(THINGS[parent]));
    };
    match happening.deed {
        Deed::Pack { parent, .. } | Deed::Some { deed: Of::Pack { parent }, .. } => aggregate("ADD", parent),
        Deed::Unpack { parent, .. } | Deed::Some { deed: Of::Unpack { parent }, .. } => aggregate("DELETE", parent),
        Deed::Empty { parent } => aggregate("DELETE", parent),
        _ => {}
    }
    let quantity = |lot: usize, amount: u8| json!([{"epcClass": THINGS[lot], "quantity": amount}]);
    match happening.deed {
        Deed::Commission { item, lot } => {
            set("action", json!("ADD"));
            set("epcList", json!([THINGS[item]]));
            set("ilmd", json!({"cbvmda:lotNumber": format!("L{lot}")}));
        }
        Deed::Pack { child, .. } | Deed::Unpack { child, .. } => set("childEPCs", json!([THINGS[child]])),
        Deed::Empty { .. } => set("childEPCs", json!([])),
        Deed::Ship { thing, .. } | Deed::Receive { thing } | Deed::Store { thing } => {
            set("epcList", json!([THINGS[thing]]));
        }
        Deed::Use { item } => set("epcList", json!([THINGS[item]])),
        Deed::Some { lot, amount, deed: Of::Pack { .. } | Of::Unpack { .. } } => {
            set("childQuantityList", quantity(lot, amount));
        }
        Deed::Some { lot, amount, deed } => {
            set("action", json!(if matches!(deed, Of::Make) { "ADD" } else { "OBSERVE" }));
            set("quantityList", quantity(lot, amount));
        }
    }
    if let Deed::Ship { to, .. } | Deed::Some { deed: Of::Ship { to }, .. } = happening.deed {
        set("destinationList", json!([{"type": "location", "destination": PLACES[to]}]));
    }
    event
}

/// What is compared of a pack or unit: where, bound for where, with whom, how it fares, in what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    pub place: String,
    pub heading: Option<String>,
    pub holder: String,
    pub condition: String,
    pub containers: Vec<usize>,
}

/// Where some of a lot is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Where {
    Place(String),
    Heading(String),
    Inside(usize),
}

/// How much of a lot is where, and whether it is gone: used.
pub type Amounts = BTreeMap<(Where, bool), i64>;

#[derive(Default)]
pub struct Played {
    things: BTreeMap<usize, Simulated>,
    pub lots: BTreeMap<usize, Amounts>,
    /// How much of each lot was made, and how much came up without having been where it was said to come from.
    pub made: BTreeMap<usize, i64>,
    pub conjured: BTreeMap<usize, i64>,
}

#[derive(Clone, Default)]
struct Simulated {
    place: String,
    heading: Option<String>,
    holder: String,
    disposition: String,
    used: bool,
    commissioned: bool,
    container: Option<usize>,
}

/// Plays all that stands, in true order.
pub fn simulate(happenings: &[Happening]) -> Played {
    let rank = |deed: &Deed| match deed {
        Deed::Commission { .. } | Deed::Some { deed: Of::Make, .. } => 1,
        Deed::Pack { .. } | Deed::Some { deed: Of::Pack { .. }, .. } => 3,
        Deed::Ship { .. } | Deed::Some { deed: Of::Ship { .. }, .. } => 5,
        Deed::Receive { .. } | Deed::Some { deed: Of::Receive, .. } => 6,
        Deed::Unpack { .. } | Deed::Empty { .. } | Deed::Some { deed: Of::Unpack { .. }, .. } => 7,
        Deed::Store { .. } => 8,
        Deed::Use { .. } | Deed::Some { deed: Of::Use, .. } => 9,
    };
    let stands = |n: &usize| match happenings[*n].fate {
        Fate::Stands => true,
        Fate::DidNotOccur => false,
        // Only something else that the same party says can put it right.
        Fate::Corrected { by } => {
            by == *n || happenings.get(by).is_none_or(|other| other.party != happenings[*n].party)
        }
    };
    let mut order: Vec<usize> = (0..happenings.len()).filter(stands).collect();
    order.sort_by_key(|n| (happenings[*n].second, rank(&happenings[*n].deed), *n));
    let mut world = Played::default();
    for n in order {
        world.play(&happenings[n]);
    }
    world
}

impl Played {
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

    fn settle(&mut self, things: &[usize], happening: &Happening, disposition: &str) {
        for n in things {
            let thing = self.things.entry(*n).or_default();
            if thing.used {
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
            Deed::Commission { item, .. } => {
                let already = std::mem::replace(&mut self.things.entry(item).or_default().commissioned, true);
                if !already {
                    self.settle(&[item], happening, "active");
                }
            }
            Deed::Pack { child, parent } => {
                let moved = self.reach(child);
                let rest: Vec<usize> = self.reach(parent).into_iter().filter(|n| !moved.contains(n)).collect();
                self.settle(&moved, happening, "in_progress");
                self.settle(&rest, happening, "in_progress");
                self.things.entry(child).or_default().container = Some(parent);
            }
            Deed::Unpack { child, parent } => {
                let moved = self.reach(child);
                let rest: Vec<usize> = self.reach(parent).into_iter().filter(|n| !moved.contains(n)).collect();
                self.settle(&moved, happening, "");
                self.settle(&rest, happening, "");
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
                self.spill(parent, &here(happening));
            }
            Deed::Ship { thing, to } => {
                for n in self.reach(thing) {
                    let thing = self.things.entry(n).or_default();
                    if !thing.used {
                        thing.place.clear();
                        thing.heading = Some(PLACES[to].to_owned());
                        thing.holder = format!("party-{}", happening.party);
                        thing.disposition = "in_transit".to_owned();
                    }
                }
            }
            Deed::Receive { thing } => self.settle(&self.reach(thing), happening, "in_progress"),
            Deed::Store { thing } => self.settle(&self.reach(thing), happening, "sellable_accessible"),
            Deed::Use { item } => {
                self.settle(&[item], happening, "dispensed");
                self.things.entry(item).or_default().used = true;
            }
            Deed::Some { lot, amount, deed } => self.play_some(happening, lot, amount.into(), deed),
        }
    }

    fn play_some(&mut self, happening: &Happening, lot: usize, amount: i64, deed: Of) {
        let place = here(happening);
        let (from, to, used) = match deed {
            Of::Make => (vec![], Where::Place(place), false),
            Of::Pack { parent } => {
                self.settle(&self.reach(parent), happening, "in_progress");
                (vec![Where::Place(place)], Where::Inside(parent), false)
            }
            Of::Unpack { parent } => {
                self.settle(&self.reach(parent), happening, "");
                (vec![Where::Inside(parent)], Where::Place(place), false)
            }
            Of::Ship { to } => (vec![Where::Place(place)], Where::Heading(PLACES[to].to_owned()), false),
            Of::Receive => {
                let bound = [Where::Heading(place.clone()), Where::Heading(String::new())];
                (bound.to_vec(), Where::Place(place), false)
            }
            Of::Use => (vec![Where::Place(place.clone())], Where::Place(place), true),
        };
        let parts = self.lots.entry(lot).or_default();
        let mut left = amount;
        for source in from {
            let have = parts.entry((source, false)).or_default();
            let taken = left.min(*have);
            *have -= taken;
            left -= taken;
        }
        let out_of_nothing = if matches!(deed, Of::Make) { &mut self.made } else { &mut self.conjured };
        *out_of_nothing.entry(lot).or_default() += left;
        *parts.entry((to, used)).or_default() += amount;
        parts.retain(|_, amount| *amount != 0);
    }

    fn spill(&mut self, unit: usize, place: &str) {
        for parts in self.lots.values_mut() {
            for used in [false, true] {
                if let Some(amount) = parts.remove(&(Where::Inside(unit), used)) {
                    *parts.entry((Where::Place(place.to_owned()), used)).or_default() += amount;
                }
            }
        }
    }

    pub fn outcome(&self, thing: usize) -> Outcome {
        let Some(own) = self.things.get(&thing) else {
            return Outcome { condition: "unknown".to_owned(), ..Outcome::default() };
        };
        let mut containers = Vec::new();
        let mut next = own.container;
        while let Some(container) = next {
            containers.push(container);
            next = self.things.get(&container).and_then(|c| c.container);
        }
        let condition = match (own.used, own.disposition.is_empty()) {
            (true, _) => "dispensed".to_owned(),
            (false, true) => "unknown".to_owned(),
            (false, false) => own.disposition.clone(),
        };
        let (place, heading, holder) = (own.place.clone(), own.heading.clone(), own.holder.clone());
        Outcome { place, heading, holder, condition, containers }
    }
}

fn here(happening: &Happening) -> String {
    happening.place.map_or_else(String::new, |place| PLACES[place].to_owned())
}
