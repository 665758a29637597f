//! One row for each reason: what happened to a pack, who asks, and what the verdict must be.

use medtrace_event::Event;
use medtrace_gs1::Thing;
use medtrace_ledger::EventRef;
use medtrace_timeline::{
    Caller, Cut, Fact, Flags, Purpose, Recall, Scan, Sealed, Story, Verdict, Walk, facts_of, judge,
};
use serde_json::{Value, json};

const PACK: &str = "https://id.gs1.org/01/09521321000018/21/A";
const CASE: &str = "https://id.gs1.org/00/095213210000000018";
const FACTORY: &str = "https://id.gs1.org/414/9521321000001";
const HOSPITAL: &str = "https://id.gs1.org/414/9521321000018";
/// 2026-06-01.
const TODAY: i32 = 20_605;

/// (seconds, party, members over a plain observation of the pack).
type Told = (u32, &'static str, Value);

fn event(n: usize, (second, _, members): &Told) -> Event {
    let mut json = json!({
        "type": "ObjectEvent",
        "eventID": format!("urn:uuid:00000000-0000-4000-8000-{n:012}"),
        "eventTime": format!("2026-05-01T08:00:{second:02}Z"),
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "epcList": [PACK],
    });
    for (name, value) in members.as_object().into_iter().flatten() {
        json[name] = value.clone();
    }
    if json["type"] == "AggregationEvent" {
        json["epcList"] = Value::Null;
        json.as_object_mut().map(|o| o.remove("epcList"));
    }
    Event::from_bytes(json.to_string().as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}: {json}"))
}

fn story(told: &[Told], flags: Flags) -> Story {
    story_of(PACK, told, flags)
}

fn story_of(asked: &str, told: &[Told], flags: Flags) -> Story {
    let mut facts: Vec<Fact> = Vec::new();
    for (n, one) in told.iter().enumerate() {
        let position = EventRef { height: n as u64, idx: 0 };
        let sealed = Sealed { position, note_ms: 0, submission: [0; 32], index: 0, party: one.1.into(), flags };
        facts.extend(facts_of(&event(n, one), &sealed));
    }
    let mut walk = Walk::new(thing(asked), Cut::ALL);
    while let Some(next) = walk.wanted().first().cloned() {
        walk.supply(next.clone(), facts.iter().filter(|f| f.thing == next).cloned().collect());
    }
    walk.finish()
}

fn thing(uri: &str) -> Thing {
    Thing::from_uri(uri).unwrap_or_else(|e| panic!("{e}"))
}

fn made() -> Told {
    let ilmd = json!({ "cbvmda:lotNumber": "L1", "cbvmda:itemExpirationDate": "2027-01-31" });
    (
        0,
        "factory",
        json!({ "action": "ADD", "bizStep": "commissioning", "bizLocation": { "id": FACTORY }, "ilmd": ilmd }),
    )
}

fn at(second: u32, party: &'static str, step: &str, place: &str) -> Told {
    (second, party, json!({ "bizStep": step, "bizLocation": { "id": place } }))
}

fn with(told: Told, name: &str, value: Value) -> Told {
    let (second, party, mut members) = told;
    members[name] = value;
    (second, party, members)
}

fn shipped(to: &str) -> Told {
    let to = json!([{ "type": "location", "destination": to }]);
    (2, "factory", json!({ "bizStep": "shipping", "disposition": "in_transit", "destinationList": to }))
}

fn packed() -> Told {
    let members = json!({
        "type": "AggregationEvent", "action": "ADD", "bizStep": "packing", "parentID": CASE, "childEPCs": [PACK],
        "bizLocation": { "id": FACTORY },
    });
    (1, "factory", members)
}

fn used(second: u32) -> Told {
    with(at(second, "hospital", "dispensing", HOSPITAL), "disposition", json!("dispensed"))
}

fn hospital(purpose: Purpose) -> Caller {
    Caller {
        purpose,
        place: Some(HOSPITAL.to_owned()),
        party: Some("hospital".to_owned()),
        addresses: vec![HOSPITAL.to_owned()],
        product_known: true,
        recalls: Vec::new(),
        today: TODAY,
    }
}

fn label(lot: &str, expiry: i32) -> Scan {
    Scan { lot: Some(lot.to_owned()), expiry: Some(expiry) }
}

/// 2027-01-31.
const EXPIRY: i32 = 20_849;

fn received() -> Vec<Told> {
    vec![made(), shipped(HOSPITAL), with(at(3, "hospital", "receiving", HOSPITAL), "disposition", json!("in_progress"))]
}

fn expect(name: &str, told: &[Told], scan: &Scan, caller: &Caller, verdict: Verdict, reasons: &[&str]) {
    let judgement = judge(&story(told, Flags::default()), scan, caller);
    let codes: Vec<&str> = judgement.reasons.iter().map(|r| r.code.code()).collect();
    assert_eq!((judgement.verdict, codes.as_slice()), (verdict, reasons), "{name}");
}

#[test]
fn each_reason() {
    use Verdict::{Accept, Check, Reject};
    let ask = hospital(Purpose::Receive);
    let good = label("L1", EXPIRY);
    let mine = received();
    let and = |more: Told| [received(), vec![more]].concat();

    expect("received here", &mine, &good, &ask, Accept, &["genuine"]);
    expect("on its way here", &[made(), shipped(HOSPITAL)], &good, &ask, Accept, &["genuine"]);
    expect("never commissioned", &[], &good, &ask, Reject, &["never-commissioned"]);
    expect("wrong lot", &mine, &label("l1", EXPIRY), &ask, Reject, &["wrong-lot"]);
    expect("wrong expiry", &mine, &label("L1", EXPIRY + 1), &ask, Reject, &["wrong-expiry"]);
    expect("expired", &mine, &good, &Caller { today: EXPIRY + 1, ..ask.clone() }, Reject, &["expired"]);
    expect("still good on its last day", &mine, &good, &Caller { today: EXPIRY, ..ask.clone() }, Accept, &["genuine"]);
    let unknown = Caller { product_known: false, ..ask.clone() };
    expect("unknown product", &mine, &good, &unknown, Reject, &["unknown-product"]);
    let recall = |certain| Recall { id: "r".to_owned(), notice: EventRef { height: 9, idx: 0 }, certain };
    let recalled = |certain| Caller { recalls: vec![recall(certain)], ..ask.clone() };
    expect("recalled", &mine, &good, &recalled(true), Reject, &["recalled"]);
    expect("perhaps recalled", &mine, &good, &recalled(false), Check, &["maybe-recalled"]);
    expect("used", &and(used(5)), &good, &ask, Reject, &["already-used"]);
    expect(
        "used twice",
        &[received(), vec![used(5), used(6)]].concat(),
        &good,
        &ask,
        Reject,
        &["already-used", "used-twice"],
    );
    let destroyed = with(at(5, "hospital", "destroying", HOSPITAL), "action", json!("DELETE"));
    expect("destroyed", &and(destroyed), &good, &ask, Reject, &["destroyed"]);
    expect("elsewhere", &[made()], &good, &ask, Check, &["elsewhere"]);
    expect("bound for another", &[made(), shipped(FACTORY)], &good, &ask, Check, &["not-shipped-to-you"]);
    expect("in a case at the factory", &[made(), packed()], &good, &ask, Check, &["elsewhere", "in-container"]);
    let damaged = with(at(5, "hospital", "inspecting", HOSPITAL), "disposition", json!("damaged"));
    expect("damaged", &and(damaged), &good, &ask, Reject, &["damaged"]);
    let failed = with(at(5, "hospital", "inspecting", HOSPITAL), "disposition", json!("non_conformant"));
    expect("failed inspection", &and(failed), &good, &ask, Reject, &["non-conformant"]);
    expect("on hold", &and(at(5, "hospital", "holding", HOSPITAL)), &good, &ask, Check, &["on-hold"]);
    let partly = with(at(5, "hospital", "dispensing", HOSPITAL), "disposition", json!("partially_dispensed"));
    expect("partly used stays live", &and(partly), &good, &ask, Accept, &["genuine", "partly-used"]);
    expect(
        "commissioned twice",
        &[made(), with(made(), "bizLocation", json!({ "id": HOSPITAL }))],
        &good,
        &Caller { place: None, ..ask.clone() },
        Reject,
        &["commissioned-twice"],
    );
    let stolen = with(at(5, "hospital", "other", HOSPITAL), "persistentDisposition", json!({ "set": ["stolen"] }));
    let found_again = with(at(6, "hospital", "storing", HOSPITAL), "disposition", json!("in_progress"));
    expect(
        "stolen survives later dispositions",
        &[received(), vec![stolen, found_again]].concat(),
        &good,
        &ask,
        Reject,
        &["stolen"],
    );
    expect(
        "received by a stranger unshipped",
        &[made(), at(3, "hospital", "receiving", HOSPITAL)],
        &good,
        &ask,
        Check,
        &["received-not-shipped"],
    );
}

#[test]
fn a_signer_without_the_right_is_told() {
    let judgement = judge(
        &story(&[made()], Flags::NOT_ENTITLED),
        &Scan::default(),
        &Caller { product_known: true, ..Caller::default() },
    );
    assert_eq!(judgement.verdict, Verdict::Check);
    assert_eq!(judgement.reasons[0].code.code(), "signer-not-entitled");
    assert_eq!(judgement.reasons[0].events, [EventRef { height: 0, idx: 0 }]);
}

#[test]
fn contents_of_a_received_case_are_inferred_and_must_be_unpacked_before_use() {
    let arrived = [
        made(),
        packed(),
        (
            2,
            "factory",
            json!({ "bizStep": "shipping", "epcList": [CASE], "destinationList": [{ "type": "location", "destination": HOSPITAL }] }),
        ),
        (3, "hospital", json!({ "bizStep": "receiving", "epcList": [CASE], "bizLocation": { "id": HOSPITAL } })),
    ];
    expect(
        "at receipt",
        &arrived,
        &Scan::default(),
        &hospital(Purpose::Receive),
        Verdict::Accept,
        &["genuine", "inferred"],
    );
    expect(
        "at use",
        &arrived,
        &Scan::default(),
        &hospital(Purpose::Use),
        Verdict::Check,
        &["in-container", "inferred"],
    );
}

#[test]
fn a_lot_is_not_used_up_by_those_who_use_some_of_it() {
    const LOT: &str = "https://id.gs1.org/01/09521321000018/10/L1";
    let of = |told: Told, quantity: u32| {
        let lists = json!([{ "epcClass": LOT, "quantity": quantity }]);
        with(with(told, "epcList", json!([])), "quantityList", lists)
    };
    let told = [of(made(), 600), of(made(), 400), of(shipped(HOSPITAL), 400), of(used(3), 5), of(used(4), 5)];
    let story = story_of(LOT, &told, Flags::default());
    assert_eq!(story.entries.len(), told.len());
    let judgement = judge(&story, &Scan { lot: Some("L1".to_owned()), expiry: None }, &hospital(Purpose::Use));
    assert_eq!((judgement.verdict, judgement.reasons[0].code.code()), (Verdict::Accept, "genuine"));
    assert_eq!(story.state.expiry, Some(EXPIRY));
}
