//! Scan requests: codes, steps, places, times, rights. All by the factory, through the query service.

use medtrace_tests::county::{AGENT, FACTORY, HEPARIN, STENT, WIRES};
use serde_json::{Value, json};

use crate::row::Row;

const TIME: &str = "2026-03-01T08:00:00+08:00";
const PARENT: &str = "(00)095060001000000012";

/// A request that would be taken.
pub fn commission() -> Value {
    json!({
        "id": "0190e0a0-0000-4000-8000-000000000001", "step": "commission", "time": TIME, "place": FACTORY,
        "items": [{"code": format!("(01){STENT}(10)X(21)X1")}],
    })
}

fn with(changes: Value) -> Value {
    let mut scan = commission();
    for (name, change) in changes.as_object().into_iter().flatten() {
        scan[name] = change.clone();
    }
    scan
}

pub fn rows() -> Vec<Row> {
    let change = |what, changes: Value| Row::post(what, "/v1/scans", &with(changes));
    let code = |what, code: &str| change(what, json!({"items": [{"code": code}]}));
    let item = |what, item: Value| change(what, json!({"items": [item]}));
    let wrong = |row: Row, rule| row.invalid(&[rule]);
    let serial = |serial: &str| format!("(01){STENT}(21){serial}");
    let lot = format!("(01){WIRES}(10)W1");
    let pack = |parent: &str, code: &str| json!({"step": "pack", "parent": parent, "items": [{"code": code}]});
    let without = |member: &str| {
        let mut scan = commission();
        scan.as_object_mut().map(|members| members.remove(member));
        scan
    };
    let mut rows = vec![
        // Codes.
        wrong(code("a wrong check digit", "(01)09506000100013(21)X1"), "check-digit /items/0/code"),
        wrong(code("a box with a wrong check digit", "(00)095060001000000018"), "check-digit /items/0/code"),
        wrong(code("a truncated FNC1", &format!("]d201{STENT}21X123456789012345678917281231")), "fnc1 /items/0/code"),
        wrong(code("a spelled FNC1 before nothing known", &format!("01{STENT}21X1<GS>L")), "unknown-ai /items/0/code"),
        wrong(code("an unknown AI", &format!("]d201{STENT}04X")), "unknown-ai /items/0/code"),
        wrong(code("an AI twice", &format!("]d201{STENT}21A\u{1d}21B")), "repeated /items/0/code"),
        wrong(code("a thirteenth month", &format!("]d201{STENT}1728130121X1")), "date /items/0/code"),
        wrong(code("a serial with an umlaut", &serial("ü")), "charset /items/0/code"),
        wrong(code("a serial too long", &serial("123456789012345678901")), "length /items/0/code"),
        wrong(code("an empty code", ""), "empty /items/0/code"),
        wrong(code("no code at all", "hello"), "not-a-code /items/0/code"),
        wrong(code("no check character", "+A99912345/$$52001510X3"), "check-digit /items/0/code"),
        wrong(code("a drug code of 19 digits", "8312345000000000001"), "unknown-ai /items/0/code"),
        wrong(code("a code without end", &"1".repeat(5_000)), "too-long /items/0/code"),
        wrong(code("a product without a serial", &format!("(01){STENT}")), "level /items/0/code"),
        wrong(code("a place among goods", &format!("(414){FACTORY}")), "level /items/0/code"),
        wrong(item("a list for a code", json!({"code": []})), "scan /items/0/code"),
        wrong(item("no code in an item", json!({})), "scan /items/0"),
        wrong(item("an unknown member in an item", json!({"code": serial("X1"), "colour": 1})), "scan /items/0/colour"),
        wrong(
            item("its own code again", json!({"code": serial("X1"), "also": [serial("X1")]})),
            "repeated /items/0/also/0",
        ),
        wrong(
            item("a further code that is none", json!({"code": serial("X1"), "also": ["x"]})),
            "not-a-code /items/0/also/0",
        ),
        // Quantities.
        wrong(item("a lot without a quantity", json!({"code": lot})), "missing /items/0/quantity"),
        wrong(
            item("a quantity of one pack", json!({"code": serial("X1"), "quantity": 2})),
            "quantity /items/0/quantity",
        ),
        wrong(item("nothing of a lot", json!({"code": lot, "quantity": 0})), "quantity /items/0/quantity"),
        wrong(item("less than nothing", json!({"code": lot, "quantity": -1})), "quantity /items/0/quantity"),
        wrong(item("a quantity in words", json!({"code": lot, "quantity": "ten"})), "quantity /items/0/quantity"),
        wrong(
            item("a quantity no double holds", json!({"code": lot, "quantity": "0.12345678901234567891"})),
            "quantity /items/0/quantity",
        ),
        wrong(item("a unit that is none", json!({"code": lot, "quantity": 1, "uom": "pieces"})), "uom /items/0/uom"),
        // What a step needs, and what it does not take.
        wrong(change("an unknown step", json!({"step": "teleport"})), "step /step"),
        wrong(change("no item", json!({"items": []})), "missing /items"),
        wrong(change("packed into nothing", json!({"step": "pack"})), "missing /parent"),
        wrong(change("packed into a kind of product", pack(&format!("(01){STENT}"), &serial("X1"))), "level /parent"),
        wrong(change("packed into itself", pack(PARENT, PARENT)), "self-parent /items/0/code"),
        wrong(change("commissioned into a box", json!({"parent": PARENT})), "not-allowed /parent"),
        wrong(change("shipped to nowhere", json!({"step": "ship"})), "missing /to"),
        wrong(change("inspected without a result", json!({"step": "inspect"})), "missing /result"),
        wrong(change("a result that is none", json!({"step": "inspect", "result": "perhaps"})), "scan /result"),
        change("withdrawn, but what", json!({"step": "undo", "items": []})).invalid(&["missing /event"]),
        wrong(
            change(
                "withdrawn for no reason",
                json!({"step": "undo", "items": [], "event": "urn:x:1", "reason": "sorry"}),
            ),
            "vocabulary /reason",
        ),
        wrong(change("a temperature of nothing", json!({"temperature": {}})), "missing /temperature"),
        wrong(
            change("a document of no type", json!({"documents": [{"type": "letter", "id": "urn:x:1"}]})),
            "vocabulary /documents/0/type",
        ),
        wrong(change("an expiry that is no date", json!({"expiry": "soon"})), "date /expiry"),
        // Id, time, place.
        wrong(change("an id that is no UUID", json!({"id": "17"})), "scan /id"),
        wrong(change("the UUID of nothing", json!({"id": "00000000-0000-0000-0000-000000000000"})), "id /id"),
        wrong(Row::post("no id", "/v1/scans", &without("id")), "scan "),
        wrong(Row::post("no place", "/v1/scans", &without("place")), "scan "),
        wrong(change("an unknown member", json!({"mood": "good"})), "scan /mood"),
        wrong(change("a time without a zone", json!({"time": "2026-03-01T08:00:00"})), "time /time"),
        wrong(change("a day that is not in the calendar", json!({"time": "2026-02-30T08:00:00Z"})), "time /time"),
        wrong(change("a time to come", json!({"time": "2999-01-01T00:00:00Z"})), "future /time"),
        wrong(change("a place with a wrong check digit", json!({"place": "9506000100013"})), "check-digit /place"),
        wrong(
            change("a place that is none", json!({"place": format!("https://id.gs1.org/01/{STENT}/21/1")})),
            "place /place",
        ),
        wrong(
            change("a place that is a party", json!({"place": format!("https://id.gs1.org/417/{FACTORY}")})),
            "place /place",
        ),
    ];
    rows.extend(contradictions());
    rows.extend(rights());
    rows.extend(sizes());
    rows
}

/// Items that contradict each other, and the second of a list.
fn contradictions() -> Vec<Row> {
    let items = |what, codes: [&str; 2]| {
        let items: Vec<Value> = codes.iter().map(|code| json!({"code": format!("(01){STENT}{code}")})).collect();
        Row::post(what, "/v1/scans", &with(json!({ "items": items })))
    };
    vec![
        items("a code twice, of two lots", ["(10)X(21)X1", "(10)Y(21)X1"]).invalid(&["repeated /items/1/code"]),
        items("a lot with two expiries", ["(17)281231(10)X(21)X1", "(17)291231(10)X(21)X2"])
            .invalid(&["expiry /items/1/code"]),
        items("two wrong codes", ["(21)ü", "(04)X"]).invalid(&["charset /items/0/code", "unknown-ai /items/1/code"]),
        Row::post("the second of a list", "/v1/scans", &json!([commission(), with(json!({"step": "teleport"}))]))
            .invalid(&["step /1/step"]),
        Row::post("the third is no request", "/v1/scans", &json!([commission(), commission(), 3]))
            .invalid(&["scan /2"]),
    ]
}

fn rights() -> Vec<Row> {
    let change = |what, changes: Value| Row::post(what, "/v1/scans", &with(changes));
    vec![
        change("a step of hospitals", json!({"step": "use"})).forbidden(&["not-entitled /step"]),
        change("a place of somebody else", json!({"place": AGENT})).forbidden(&["foreign-place /place"]),
        change("a place of nobody", json!({"place": "9506000900018"})).forbidden(&["foreign-place /place"]),
        change("a prefix of somebody else", json!({"items": [{"code": "(01)09506000700014(21)1"}]}))
            .forbidden(&["foreign-prefix /items/0/code"]),
        change("a prefix of nobody", json!({"items": [{"code": "(01)04006381333931(21)1"}]}))
            .forbidden(&["foreign-prefix /items/0/code"]),
        change("a drug code that no product has", json!({"items": [{"code": "83999990000000000001"}]}))
            .forbidden(&["foreign-prefix /items/0/code"]),
        change(
            "joined to another's code",
            json!({"items": [{"code": format!("(01){HEPARIN}(21)X1"), "also": ["83999990000000000001"]}]}),
        )
        .forbidden(&["foreign-join /items/0/also/0"]),
        Row::post("the second of a list may not", "/v1/scans", &json!([commission(), with(json!({"step": "use"}))]))
            .forbidden(&["not-entitled /1/step"]),
    ]
}

fn sizes() -> Vec<Row> {
    let id = |n: u32| json!(format!("0190e0a0-0000-4000-8000-{n:012}"));
    let many: Vec<Value> = (0..20_001).map(|n| json!({"code": format!("(01){STENT}(21){n}")})).collect();
    let requests: Vec<Value> = (0..501).map(|n| with(json!({"id": id(n)}))).collect();
    let documents: Vec<Value> = (0..101).map(|n| json!({"type": "po", "id": format!("urn:x:{n}")})).collect();
    let lots: Vec<Value> = (0..501).map(|n| json!({"code": format!("(01){STENT}(10)L{n}(21){n}")})).collect();
    vec![
        Row::post("20,001 identifiers", "/v1/scans", &with(json!({ "items": many })))
            .too_much(&["too-many-identifiers /items"]),
        Row::post("501 requests", "/v1/scans", &json!(requests)).too_much(&["too-large "]),
        Row::post("501 lots make 501 events", "/v1/scans", &with(json!({ "items": lots })))
            .too_much(&["too-many-events /items"]),
        Row::post("101 documents", "/v1/scans", &with(json!({ "documents": documents })))
            .too_much(&["too-many-documents /documents"]),
    ]
}
