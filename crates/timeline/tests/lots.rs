//! Lots as balances, against a simulation that moves single pieces: thousands of small random worlds in which some of a
//! lot is made, shipped, carried, handed over, received, accepted, moved, looked at, used, destroyed, or not shipped after
//! all. No piece may be counted twice, and each must be where the events say.

use std::collections::BTreeMap;

use medtrace_event::Event;
use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;
use medtrace_timeline::{Balance, Cut, Fact, Flags, Sealed, Whereabouts, facts_of};
use proptest::prelude::*;
use serde_json::{Value, json};

const LOT: &str = "https://id.gs1.org/01/09521321000018/10/L1";
const PLACES: [&str; 2] = ["https://id.gs1.org/414/9521321000001", "https://id.gs1.org/414/9521321000018"];
/// Two places and a party.
const BOUND: [&str; 3] = [PLACES[0], PLACES[1], "https://id.gs1.org/417/9521321000018"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Make,
    Ship { to: usize },
    Depart { to: Option<usize> },
    HandOver { to: usize },
    Arrive,
    Receive,
    Accept,
    Void { to: Option<usize> },
    Transfer,
    Store,
    Look,
    Use,
    Sell,
    Destroy,
}

#[derive(Clone, Copy, Debug)]
struct Happening {
    deed: Deed,
    amount: u8,
    place: usize,
    party: u8,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let to = || proptest::option::of(0usize..3);
    let deed = prop_oneof![
        Just(Deed::Make),
        (0usize..3).prop_map(|to| Deed::Ship { to }),
        (0usize..3).prop_map(|to| Deed::Ship { to }),
        to().prop_map(|to| Deed::Depart { to }),
        (0usize..3).prop_map(|to| Deed::HandOver { to }),
        Just(Deed::Arrive),
        Just(Deed::Receive),
        Just(Deed::Accept),
        to().prop_map(|to| Deed::Void { to }),
        Just(Deed::Transfer),
        Just(Deed::Store),
        Just(Deed::Look),
        Just(Deed::Use),
        Just(Deed::Sell),
        Just(Deed::Destroy),
    ];
    let one = (deed, 1u8..6, 0usize..2, 0u8..2);
    let one = one.prop_map(|(deed, amount, place, party)| Happening { deed, amount, place, party });
    prop::collection::vec(one, 1..12)
}

fn event(n: usize, happening: &Happening, unit: Option<&str>) -> Event {
    let (step, disposition) = match happening.deed {
        Deed::Make => ("commissioning", "active"),
        Deed::Ship { .. } => ("shipping", "in_transit"),
        Deed::Depart { .. } => ("departing", "in_transit"),
        Deed::HandOver { .. } => ("consigning", "in_transit"),
        Deed::Arrive => ("arriving", "in_transit"),
        Deed::Receive => ("receiving", "in_progress"),
        Deed::Accept => ("accepting", "in_progress"),
        Deed::Void { .. } => ("void_shipping", "in_progress"),
        Deed::Transfer => ("transporting", "in_progress"),
        Deed::Store => ("storing", "in_progress"),
        Deed::Look => ("other", ""),
        Deed::Use => ("dispensing", "dispensed"),
        Deed::Sell => ("retail_selling", ""),
        Deed::Destroy => ("destroying", "destroyed"),
    };
    let mut quantity = json!({ "epcClass": LOT, "quantity": happening.amount });
    if let Some(unit) = unit {
        quantity["uom"] = json!(unit);
    }
    let mut event = json!({
        "type": "ObjectEvent",
        "eventID": format!("urn:uuid:00000000-0000-4000-8000-{n:012}"),
        "eventTime": format!("2026-05-01T08:00:{n:02}Z"),
        "eventTimeZoneOffset": "+00:00",
        "action": if happening.deed == Deed::Make { "ADD" } else { "OBSERVE" },
        "bizStep": step,
        "quantityList": [quantity],
        "bizLocation": { "id": PLACES[happening.place] },
    });
    if !disposition.is_empty() {
        event["disposition"] = json!(disposition);
    }
    let to = match happening.deed {
        Deed::Ship { to } | Deed::HandOver { to } => Some(to),
        Deed::Depart { to } | Deed::Void { to } => to,
        _ => None,
    };
    if let Some(to) = to {
        let kind = if to < 2 { "location" } else { "owning_party" };
        event["destinationList"] = json!([{ "type": kind, "destination": BOUND[to] }]);
    }
    Event::from_bytes(event.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?} in {event}"))
}

fn facts(events: &[(Event, u8)]) -> Vec<Fact> {
    let of = |(n, (event, party)): (usize, &(Event, u8))| {
        let (position, party) = (EventRef { height: n as u64, idx: 0 }, format!("party-{party}").into());
        let flags = Flags::default();
        facts_of(event, &Sealed { position, note_ms: 0, submission: [0; 32], index: 0, party, flags })
    };
    events.iter().enumerate().flat_map(of).collect()
}

/// One piece of the lot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    /// (on the road, where or whither)
    at: (bool, String),
    party: u8,
    fares: &'static str,
}

/// Which pieces an event means, the first first; `None`: not this one.
fn wish(happening: &Happening, piece: &Piece) -> Option<u8> {
    let (place, mine) = (PLACES[happening.place], piece.party == happening.party);
    let (road, at) = (piece.at.0, &*piece.at.1);
    let bound_for_a_party = road && at == BOUND[2];
    match happening.deed {
        Deed::Make | Deed::Arrive => None,
        Deed::Receive | Deed::Accept if road && at == place => Some(0),
        Deed::Receive | Deed::Accept if road && at.is_empty() => Some(1),
        Deed::Accept if !road && at == place => Some(2),
        Deed::Receive | Deed::Accept => bound_for_a_party.then_some(3),
        Deed::Depart { to: None } if road => Some(if mine { 0 } else { 2 }),
        Deed::Depart { to: None } => (at == place).then_some(if mine { 1 } else { 3 }),
        Deed::Depart { to: Some(to) } | Deed::HandOver { to } if road => Some(if at == BOUND[to] { 0 } else { 2 }),
        Deed::Depart { .. } | Deed::HandOver { .. } => (at == place).then_some(if mine { 1 } else { 3 }),
        Deed::Void { to: Some(to) } => (road && at == BOUND[to]).then_some(0),
        Deed::Void { to: None } => road.then_some(match (at.is_empty(), mine) {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        }),
        Deed::Transfer if !road && at == place => Some(1),
        Deed::Transfer => (!road && mine).then_some(0),
        _ => (!road && at == place).then_some(0),
    }
}

fn play(pieces: &mut Vec<Piece>, happening: &Happening) {
    let here = (false, PLACES[happening.place].to_owned());
    let (to, fares) = match happening.deed {
        Deed::Arrive => return,
        Deed::Make => (here, "active"),
        Deed::Ship { to } | Deed::HandOver { to } | Deed::Depart { to: Some(to) } => {
            ((true, BOUND[to].to_owned()), "in_transit")
        }
        Deed::Depart { to: None } => ((true, String::new()), "in_transit"),
        Deed::Look => (here, ""),
        Deed::Use | Deed::Sell => (here, "dispensed"),
        Deed::Destroy => (here, "destroyed"),
        _ => (here, "in_progress"),
    };
    let is_live = |piece: &Piece| !["dispensed", "destroyed"].contains(&piece.fares);
    let mut meant: Vec<usize> =
        (0..pieces.len()).filter(|n| is_live(&pieces[*n]) && wish(happening, &pieces[*n]).is_some()).collect();
    meant.sort_by_key(|n| (wish(happening, &pieces[*n]), pieces[*n].party != happening.party, pieces[*n].clone()));
    meant.truncate(happening.amount.into());
    let missing = usize::from(happening.amount) - meant.len();
    for n in meant {
        let piece = &mut pieces[n];
        let keeps = to.1.is_empty() && piece.at.0;
        if !keeps {
            piece.at = to.clone();
        }
        if happening.deed != Deed::Look {
            (piece.party, piece.fares) = (happening.party, fares);
        }
    }
    if happening.deed != Deed::Look {
        pieces.extend((0..missing).map(|_| Piece { at: to.clone(), party: happening.party, fares }));
    }
}

/// How many are where, with whom, faring how.
type Sums = BTreeMap<(bool, String, String, String), i64>;

fn sums(balance: &Balance) -> Sums {
    let part = |(bin, amount): (&medtrace_timeline::Bin, &rust_decimal::Decimal)| {
        let (road, at) = match &bin.whereabouts {
            Whereabouts::Place(place) => (false, place.to_string()),
            Whereabouts::Heading(to) => (true, to.to_string()),
            Whereabouts::Inside(unit) => panic!("nothing was packed, and some is in {unit}"),
        };
        ((road, at, bin.holder.to_string(), bin.condition.to_string()), i64::try_from(*amount).unwrap_or(i64::MIN))
    };
    balance.parts.iter().map(part).collect()
}

fn balance(happenings: &[Happening]) -> Balance {
    let events: Vec<_> = happenings.iter().enumerate().map(|(n, h)| (event(n, h, None), h.party)).collect();
    Balance::of(&facts(&events), Cut::ALL)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_where_the_events_say(happenings in happenings()) {
        let mut pieces = Vec::new();
        let mut expected = Sums::new();
        happenings.iter().for_each(|happening| play(&mut pieces, happening));
        for Piece { at: (road, at), party, fares } in pieces {
            *expected.entry((road, at, format!("party-{party}"), fares.to_owned())).or_default() += 1;
        }
        let balance = balance(&happenings);
        prop_assert_eq!(sums(&balance), expected);
        prop_assert!(balance.overdrawn || balance.unaccounted() >= 0.into());
    }
}

/// What the simulation and the fold must both get right, said in numbers.
#[test]
fn nothing_is_counted_twice() {
    let of = |deed, party, place| Happening { deed, amount: 4, place, party };
    let made = of(Deed::Make, 0, 0);
    let (ship, owner) = (of(Deed::Ship { to: 1 }, 0, 0), of(Deed::Ship { to: 2 }, 0, 0));
    let rows: [(&str, &[Happening], &str); 7] = [
        ("received, then accepted", &[made, ship, of(Deed::Receive, 1, 1), of(Deed::Accept, 1, 1)], PLACES[1]),
        ("shipped, then departed", &[made, ship, of(Deed::Depart { to: None }, 1, 0)], PLACES[1]),
        ("not shipped after all", &[made, ship, of(Deed::Void { to: None }, 0, 0)], PLACES[0]),
        ("bound for an owner", &[made, owner, of(Deed::Receive, 1, 1)], PLACES[1]),
        ("by way of a hub", &[made, ship, of(Deed::Arrive, 1, 0), of(Deed::Receive, 1, 1)], PLACES[1]),
        ("handed over", &[made, ship, of(Deed::HandOver { to: 0 }, 1, 1)], PLACES[0]),
        ("moved", &[made, of(Deed::Transfer, 0, 1)], PLACES[1]),
    ];
    for (name, happenings, at) in rows {
        let balance = balance(happenings);
        let parts: Vec<_> = sums(&balance).into_iter().map(|((_, at, ..), amount)| (at, amount)).collect();
        assert_eq!((parts, balance.overdrawn), (vec![(at.to_owned(), 4)], false), "{name}");
    }
}

#[test]
fn only_pieces_are_added_up() {
    let made = Happening { deed: Deed::Make, amount: 5, place: 0, party: 0 };
    let units = [None, Some("EA"), Some("KGM"), Some("C62"), Some("H87"), Some("LTR")];
    let events: Vec<_> = units.iter().enumerate().map(|(n, unit)| (event(n, &made, *unit), 0)).collect();
    let facts = facts(&events);
    assert_eq!(facts.iter().filter(|fact| fact.quantity.is_none()).count(), 2);
    assert_eq!(Balance::of(&facts, Cut::ALL).commissioned, 20.into());
    // In one event, too.
    let mut both = json!({
        "type": "ObjectEvent", "eventID": "urn:uuid:00000000-0000-4000-8000-000000000001", "action": "ADD",
        "eventTime": "2026-05-01T08:00:00Z", "eventTimeZoneOffset": "+00:00", "bizStep": "commissioning",
    });
    both["quantityList"] = Value::from(vec![
        json!({ "epcClass": LOT, "quantity": 100 }),
        json!({ "epcClass": LOT, "quantity": 50, "uom": "KGM" }),
    ]);
    let both = Event::from_bytes(both.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
    let facts = self::facts(&[(both, 0)]);
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].quantity, Some(100.into()));
    assert_eq!(facts[0].thing, Thing::from_uri(LOT).unwrap_or_else(|e| panic!("{e}")));
}
