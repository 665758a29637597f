//! What the scan steps do to a pack, told in the very events that they make: what lasts, who has it, where it is bound.

use medtrace_event::Event;
use medtrace_event::scan::{ScanRequest, Who};
use medtrace_event::vocab::DISPOSITIONS;
use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;
use medtrace_timeline::{
    Caller, Cut, Fact, Flags, Judgement, Purpose, Scan, Sealed, Story, Verdict, Walk, facts_of, judge,
};
use serde_json::{Value, json};

const PACK: &str = "https://id.gs1.org/01/09521321000018/21/A";
const CASE: &str = "https://id.gs1.org/00/095213210000000018";
const FACTORY: &str = "9521321000001";
const HUB: &str = "9521321000025";
const TRADER: &str = "9521321000032";
const HOSPITAL: &str = "9521321000018";
const ELSEWHERE: &str = "9521321000049";

/// (party, step, place, further members). The `thing` of a step is the pack unless it says otherwise.
type Told = (&'static str, &'static str, &'static str, Value);

fn told(party: &'static str, step: &'static str, place: &'static str) -> Told {
    (party, step, place, json!({}))
}

fn to(told: Told, place: &str) -> Told {
    with(told, "to", json!(place))
}

/// Of the case.
fn case(told: Told) -> Told {
    with(told, "items", json!([{ "code": CASE }]))
}

fn with(told: Told, name: &str, value: Value) -> Told {
    let (party, step, place, mut members) = told;
    members[name] = value;
    (party, step, place, members)
}

fn fail(told: Told) -> Told {
    with(told, "result", json!("fail"))
}

fn pass(told: Told) -> Told {
    with(told, "result", json!("pass"))
}

fn packed() -> Told {
    with(told("factory", "pack", FACTORY), "parent", json!(CASE))
}

fn events(n: usize, (_, step, place, members): &Told) -> Vec<Event> {
    let mut request = json!({
        "id": format!("00000000-0000-4000-8000-{:012}", n + 1),
        "step": step,
        "time": format!("2026-05-01T08:{n:02}:00Z"),
        "place": place,
        "items": [{ "code": PACK }],
    });
    if *step == "temperature" {
        request["temperature"] = json!(5);
    }
    for (name, value) in members.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let request: ScanRequest = serde_json::from_value(request).unwrap_or_else(|e| panic!("{step}: {e}"));
    let scanned = request.events(&Who::default());
    let faults: Vec<_> = scanned.all_faults().collect();
    assert!(faults.is_empty(), "{step}: {faults:?}");
    let read = |entry: &medtrace_event::document::Entry| Event::from_json(entry.json.clone());
    scanned.events.iter().map(|entry| read(entry).unwrap_or_else(|faults| panic!("{step}: {faults:?}"))).collect()
}

fn facts(story: &[Told], flags: impl Fn(usize) -> Flags) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (n, one) in story.iter().enumerate() {
        for event in events(n, one) {
            let position = EventRef { height: n as u64, idx: 0 };
            let (party, flags) = (one.0.into(), flags(n));
            let sealed = Sealed { position, note_ms: 0, submission: [0; 32], index: 0, party, flags };
            facts.extend(facts_of(&event, &sealed));
        }
    }
    facts
}

fn walk(asked: &str, facts: &[Fact]) -> Story {
    let mut walk = Walk::new(thing(asked), Cut::ALL);
    while let Some(next) = walk.wanted().first().cloned() {
        walk.supply(next.clone(), facts.iter().filter(|f| f.thing == next).cloned().collect());
    }
    walk.finish()
}

fn thing(uri: &str) -> Thing {
    Thing::from_uri(uri).unwrap_or_else(|e| panic!("{e}"))
}

fn place(gln: &str) -> String {
    format!("https://id.gs1.org/414/{gln}")
}

fn caller(party: &str, gln: &str) -> Caller {
    Caller {
        purpose: Purpose::Receive,
        place: Some(place(gln)),
        party: Some(party.to_owned()),
        addresses: vec![place(gln)],
        product_known: true,
        ..Caller::default()
    }
}

fn judged(story: &[Told], party: &str, gln: &str) -> Judgement {
    judge(&walk(PACK, &facts(story, |_| Flags::default())), &Scan::default(), &caller(party, gln))
}

fn codes(judgement: &Judgement) -> Vec<&'static str> {
    judgement.reasons.iter().map(|reason| reason.code.code()).collect()
}

/// A pack that the hospital has received.
fn received() -> Vec<Told> {
    vec![
        told("factory", "commission", FACTORY),
        to(told("factory", "ship", FACTORY), HOSPITAL),
        told("hospital", "receive", HOSPITAL),
    ]
}

#[test]
fn what_warns_lasts_until_it_is_taken_back() {
    let warnings = [
        (told("nmpa", "hold", HOSPITAL), "on-hold"),
        (told("nmpa", "seize", HOSPITAL), "on-hold"),
        (told("hospital", "damage", HOSPITAL), "damaged"),
        (fail(told("hospital", "inspect", HOSPITAL)), "non-conformant"),
    ];
    let nothing_back = [
        told("hospital", "store", HOSPITAL),
        told("hospital", "temperature", HOSPITAL),
        told("hospital", "observe", HOSPITAL),
        to(told("hospital", "transfer", HOSPITAL), HOSPITAL),
        told("hospital", "receive", HOSPITAL),
    ];
    let back = [told("nmpa", "release", HOSPITAL), pass(told("hospital", "inspect", HOSPITAL))];
    for (warning, reason) in warnings {
        let mut story = [received(), vec![warning.clone()]].concat();
        assert_eq!(codes(&judged(&story, "hospital", HOSPITAL)), [reason], "{}", warning.1);
        for more in nothing_back.clone() {
            story.push(more.clone());
            let codes = codes(&judged(&story, "hospital", HOSPITAL));
            assert_eq!(codes, [reason], "{} then {}", warning.1, more.1);
        }
        for more in back.clone() {
            let after = [story.clone(), vec![more.clone()]].concat();
            let judgement = judged(&after, "hospital", HOSPITAL);
            let holds = reason == "on-hold" && more.1 == "inspect";
            let expected = if holds { ["on-hold"] } else { ["genuine"] };
            assert_eq!(codes(&judgement), expected, "{} then {}", warning.1, more.1);
        }
        // Who may not release it does not.
        story.push(told("hospital", "release", HOSPITAL));
        let last = story.len() - 1;
        let flags = |n| if n == last { Flags::NOT_ENTITLED } else { Flags::default() };
        let judgement = judge(&walk(PACK, &facts(&story, flags)), &Scan::default(), &caller("hospital", HOSPITAL));
        assert!(codes(&judgement).contains(&reason), "{}: {:?}", warning.1, codes(&judgement));
    }
}

#[test]
fn what_is_said_of_a_container_neither_hides_nor_clears_what_is_said_of_a_pack() {
    let ship = case(to(told("factory", "ship", FACTORY), HOSPITAL));
    let made = told("factory", "commission", FACTORY);
    let failed = fail(told("factory", "inspect", FACTORY));
    let in_transit = vec![made.clone(), failed, packed(), ship.clone()];
    assert_eq!(codes(&judged(&in_transit, "hospital", HOSPITAL)), ["non-conformant", "inferred"]);
    let passed = [in_transit, vec![case(pass(told("hospital", "inspect", HOSPITAL)))]].concat();
    assert_eq!(codes(&judged(&passed, "hospital", HOSPITAL)), ["non-conformant", "inferred"]);

    let held = vec![made, packed(), ship, case(told("nmpa", "hold", HUB))];
    assert_eq!(codes(&judged(&held, "hospital", HOSPITAL)), ["on-hold", "inferred"]);
    let released = [held.clone(), vec![case(told("nmpa", "release", HUB))]].concat();
    assert_eq!(codes(&judged(&released, "hospital", HOSPITAL)), ["genuine", "inferred"]);
    let alone = [held, vec![told("nmpa", "release", HUB)]].concat();
    assert_eq!(codes(&judged(&alone, "hospital", HOSPITAL)), ["genuine"]);
}

/// Whoever adds a word must decide what it means to a pharmacist.
#[test]
fn every_disposition_is_calm_or_gives_a_reason() {
    let calm = [
        "active",
        "available",
        "completeness_inferred",
        "completeness_verified",
        "conformant",
        "container_closed",
        "container_open",
        "encoded",
        "in_progress",
        "in_transit",
        "reserved",
        "sellable_accessible",
        "sellable_not_accessible",
        "unknown",
    ];
    let say = |member: &str, value: Value| {
        let mut facts = facts(&received(), |_| Flags::default());
        let mut event = json!({
            "type": "ObjectEvent", "eventTime": "2026-05-01T09:00:00Z", "eventTimeZoneOffset": "+00:00",
            "eventID": "urn:uuid:00000000-0000-4000-8000-000000000099", "action": "OBSERVE", "bizStep": "other",
            "epcList": [PACK], "bizLocation": { "id": place(HOSPITAL) },
        });
        event[member] = value;
        let event = Event::from_bytes(event.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let (position, flags) = (EventRef { height: 99, idx: 0 }, Flags::default());
        let sealed = Sealed { position, note_ms: 0, submission: [0; 32], index: 0, party: "hospital".into(), flags };
        facts.extend(facts_of(&event, &sealed));
        judge(&walk(PACK, &facts), &Scan::default(), &caller("hospital", HOSPITAL))
    };
    for word in DISPOSITIONS {
        for judgement in [say("disposition", json!(word)), say("persistentDisposition", json!({ "set": [word] }))] {
            let expected = match word {
                _ if calm.contains(&word) || word == "partially_dispensed" => Verdict::Accept,
                "returned" | "unavailable" | "non_sellable_other" => Verdict::Check,
                _ if word.starts_with("mismatch_") => Verdict::Check,
                _ => Verdict::Reject,
            };
            assert_eq!(judgement.verdict, expected, "{word}: {:?}", codes(&judgement));
            let silent = codes(&judgement) == ["genuine"];
            assert_eq!(silent, calm.contains(&word), "{word}: {:?}", codes(&judgement));
        }
    }
}

#[test]
fn who_only_looks_does_not_take_it_over() {
    let looks = [
        pass(told("nmpa", "inspect", HOSPITAL)),
        told("nmpa", "hold", HOSPITAL),
        told("nmpa", "seize", HOSPITAL),
        told("nmpa", "release", HOSPITAL),
        told("visitor", "observe", HOSPITAL),
        told("visitor", "temperature", HOSPITAL),
        told("visitor", "damage", HOSPITAL),
    ];
    for look in looks {
        let story = walk(PACK, &facts(&[received(), vec![look.clone()]].concat(), |_| Flags::default()));
        assert_eq!((&*story.state.holder, story.state.irregular.0), ("hospital", 0), "{}", look.1);
    }
}

#[test]
fn hands_that_do_not_fit_are_told() {
    let made = told("factory", "commission", FACTORY);
    let shipped = to(told("factory", "ship", FACTORY), TRADER);
    let arrives = told("trader", "receive", TRADER);
    let on = to(told("trader", "ship", TRADER), HOSPITAL);
    let rows: [(&str, Vec<Told>, &[&str]); 7] = [
        ("in order", vec![made.clone(), shipped.clone(), arrives.clone(), on.clone()], &["genuine"]),
        ("never received", vec![made.clone(), shipped.clone(), on.clone()], &["shipped-not-held"]),
        ("taken from the factory", vec![made.clone(), on.clone()], &["shipped-not-held"]),
        (
            "stored where it was sent",
            vec![made.clone(), shipped.clone(), told("trader", "store", TRADER), on.clone()],
            &["genuine"],
        ),
        (
            "stored by another",
            vec![
                made.clone(),
                to(told("factory", "ship", FACTORY), HOSPITAL),
                told("trader", "store", TRADER),
                on.clone(),
            ],
            &["held-not-received"],
        ),
        (
            "used by another",
            vec![made.clone(), arrives, told("hospital", "store", HOSPITAL)],
            &["received-not-shipped", "held-not-received"],
        ),
        ("shipped to the trader, stands at the hospital", vec![made, shipped], &["not-shipped-to-you"]),
    ];
    for (name, story, reasons) in rows {
        assert_eq!(codes(&judged(&story, "hospital", HOSPITAL)), reasons, "{name}");
    }
}

#[test]
fn a_carrier_leaves_the_destination_as_it_was() {
    let shipped = vec![told("factory", "commission", FACTORY), to(told("factory", "ship", FACTORY), HOSPITAL)];
    let departed = [shipped.clone(), vec![told("carrier", "depart", FACTORY)]].concat();
    let arrived = [departed.clone(), vec![told("carrier", "arrive", HUB)]].concat();
    for story in [&departed, &arrived] {
        assert_eq!(codes(&judged(story, "hospital", HOSPITAL)), ["genuine"]);
        assert_eq!(codes(&judged(story, "elsewhere", ELSEWHERE)), ["not-shipped-to-you"]);
    }
    let loaded = [
        shipped.clone(),
        vec![with(told("carrier", "load", FACTORY), "parent", json!(CASE)), case(told("carrier", "depart", FACTORY))],
    ]
    .concat();
    assert_eq!(codes(&judged(&loaded, "hospital", HOSPITAL)), ["genuine", "inferred"]);
    let there = [arrived.clone(), vec![told("hospital", "receive", HOSPITAL)]].concat();
    assert_eq!(codes(&judged(&there, "hospital", HOSPITAL)), ["genuine"]);
    let handed = [arrived, vec![to(told("carrier", "hand-over", HUB), ELSEWHERE)]].concat();
    assert_eq!(codes(&judged(&handed, "elsewhere", ELSEWHERE)), ["genuine"]);
    assert_eq!(codes(&judged(&handed, "hospital", HOSPITAL)), ["not-shipped-to-you"]);
}

#[test]
fn on_the_road_to_nowhere_named_is_to_be_asked() {
    let made = told("factory", "commission", FACTORY);
    let departed = vec![made.clone(), told("factory", "depart", FACTORY)];
    assert_eq!(codes(&judged(&departed, "hospital", HOSPITAL)), ["in-transit"]);
    let mut somewhere = facts(&[made], |_| Flags::default());
    for fact in &mut somewhere {
        let mut head = (*fact.head).clone();
        head.place = Box::default();
        fact.head = head.into();
    }
    let story = walk(PACK, &somewhere);
    let asked = |party| codes(&judge(&story, &Scan::default(), &caller(party, HOSPITAL)));
    assert_eq!(asked("hospital"), ["held-by-another"]);
    assert_eq!(asked("factory"), ["genuine"]);
}

#[test]
fn what_is_inside_shares_the_end_of_its_container() {
    let made = told("factory", "commission", FACTORY);
    let out = with(with(told("factory", "unpack", FACTORY), "parent", json!(CASE)), "items", json!([]));
    let rows: [(&str, Vec<Told>, &[&str]); 3] = [
        ("inside", vec![made.clone(), packed(), case(told("factory", "destroy", FACTORY))], &["destroyed", "inferred"]),
        ("used", vec![made.clone(), packed(), case(told("factory", "use", FACTORY))], &["already-used", "inferred"]),
        ("out of it", vec![made, packed(), out, case(told("factory", "destroy", FACTORY))], &["genuine", "inferred"]),
    ];
    for (name, story, reasons) in rows {
        assert_eq!(codes(&judged(&story, "factory", FACTORY)), reasons, "{name}");
    }
}

#[test]
fn a_container_is_not_called_genuine() {
    let story = [told("factory", "commission", FACTORY), packed()];
    let judgement =
        judge(&walk(CASE, &facts(&story, |_| Flags::default())), &Scan::default(), &caller("factory", FACTORY));
    assert_eq!((judgement.verdict, codes(&judgement)), (Verdict::Accept, vec!["container"]));
}
