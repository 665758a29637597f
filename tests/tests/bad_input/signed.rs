//! Submissions signed at the party, whose notes do not hold or say what the party may not.

use medtrace_ledger::{Hash, Origin, PartyId, SigningKey, SubmissionKind};
use medtrace_tests::{
    codes::uri,
    county::{FACTORY, STENT},
    home::Home,
};
use serde_json::{Value, json};

use crate::{
    row::Row,
    world::{HOME, HOME_GLN, World},
};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// An event of the party that signs at home.
pub fn event(changes: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "action": "ADD", "bizStep": "commissioning", "disposition": "active",
        "eventID": "urn:uuid:0190e0a0-0000-4000-8000-000000000077",
        "eventTime": "2026-03-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
        "epcList": [uri::item("09506000700014", "1")], "readPoint": {"id": uri::place(HOME_GLN)},
    });
    for (name, change) in changes.as_object().into_iter().flatten() {
        match change {
            Value::Null => drop(event.as_object_mut().map(|members| members.remove(name))),
            change => event[name] = change.clone(),
        }
    }
    event
}

pub fn rows(world: &World) -> anyhow::Result<Vec<Row>> {
    let mut rows = notes(world)?;
    rows.extend(signers(world)?);
    rows.extend(items(world)?);
    Ok(rows)
}

fn row(what: &'static str, body: Value) -> Row {
    Row::post(what, "/v1/submissions", &body).by(HOME)
}

/// The note's text and its signature lines.
fn notes(world: &World) -> anyhow::Result<Vec<Row>> {
    let good = world.home.events(&[event(json!({}))])?;
    let note = good["note"].as_str().unwrap_or_default().to_owned();
    let (text, signature) = note.split_once("\n\n").unwrap_or_default();
    let renote = |what, note: String| {
        let mut body = good.clone();
        body["note"] = json!(note);
        row(what, body)
    };
    let another = Home { keys: vec![SigningKey::from_seed(&[99; 32])], ..world.home.clone() };
    let another = another.events(&[event(json!({}))])?;
    let another_line = another["note"].as_str().unwrap_or_default().split_once("\n\n").unwrap_or_default().1.to_owned();
    // A bit of the signature itself, behind the name, the key id and 40 of its bytes.
    let at = note.len() - 20;
    let flipped = if note.as_bytes()[at] == b'A' { "B" } else { "A" };
    let lines = |count: usize| text.replace("\n1\n", &format!("\n{count}\n"));
    Ok(vec![
        renote("no note", "hello".into()).invalid(&["undecodable /note"]),
        renote("a note without a signature", format!("{text}\n\n")).invalid(&["undecodable /note"]),
        renote("a wrong signature", format!("{}{flipped}{}", &note[..at], &note[at + 1..]))
            .invalid(&["bad-signature /note"]),
        renote("a signature line twice", format!("{note}{signature}")).invalid(&["undecodable /note"]),
        renote("two signature lines", format!("{note}{another_line}")).invalid(&["signature-lines /note"]),
        renote("another's signature line", format!("{text}\n\n{another_line}")).invalid(&["signature-lines /note"]),
        renote("an origin changed after signing", note.replace("medtrace.local", "medtrace.other"))
            .invalid(&["wrong-origin /note"]),
        renote("a count changed after signing", format!("{}\n\n{signature}", lines(2)))
            .invalid(&["bad-signature /note"]),
        renote("a count of nothing", format!("{}\n\n{signature}", lines(0))).invalid(&["undecodable /note"]),
        renote("line ends of Windows", note.replace('\n', "\r\n")).invalid(&["undecodable /note"]),
        renote("a line more", format!("{text}\nmore\n\n{signature}")).invalid(&["undecodable /note"]),
        renote("a note without end", format!("{text}\n\n{}", signature.repeat(100))).invalid(&["undecodable /note"]),
        row("no note at all", json!({"items": good["items"]})).invalid(&["missing /note"]),
        row("no items", json!({"note": note})).invalid(&["missing /items"]),
        row("an empty list of items", json!({"note": note, "items": []})).invalid(&["empty /items"]),
    ])
}

/// Whose note it is, for which log, and when.
fn signers(world: &World) -> anyhow::Result<Vec<Row>> {
    let home = |change: &dyn Fn(&mut Home)| {
        let mut home = world.home.clone();
        change(&mut home);
        home.events(&[event(json!({}))])
    };
    let origin: Origin = "elsewhere.example".parse()?;
    let factory: PartyId = "factory".parse()?;
    let unknown = vec![SigningKey::from_seed(&[99; 32])];
    Ok(vec![
        row("a note of another origin", home(&|home| home.origin = origin.clone())?).invalid(&["wrong-origin /note"]),
        row("a note of another genesis", home(&|home| home.genesis = Hash([7; 32]))?).invalid(&["wrong-genesis /note"]),
        row("a note of eight days ago", home(&|home| home.time_ms -= 8 * DAY_MS)?).invalid(&["time /note"]),
        row("a note of tomorrow", home(&|home| home.time_ms += DAY_MS)?).invalid(&["time /note"]),
        row("a key that nobody enrolled", home(&|home| home.keys = unknown.clone())?).forbidden(&["unknown-key /note"]),
        row("a revoked key", world.revoked.events(&[event(json!({}))])?).forbidden(&["unknown-key /note"]),
        row("another's note", home(&|home| home.party = factory.clone())?).forbidden(&["another-party /note"]),
        row("one's own note with another's token", world.home.events(&[event(json!({}))])?)
            .by("factory")
            .forbidden(&["another-party /note"]),
        row("notices among events", world.home.notices(&[place()])?).invalid(&["wrong-kind /items/0/kind"]),
        Row::post("events among notices", "/v1/notices", &world.home.events(&[event(json!({}))])?)
            .by(HOME)
            .invalid(&["wrong-kind /items/0/kind"]),
    ])
}

/// Items that are not those of the note, and what they say.
fn items(world: &World) -> anyhow::Result<Vec<Row>> {
    let good = world.home.events(&[event(json!({}))])?;
    let change = |what, path: &str, value: Value| {
        let mut body = good.clone();
        if let Some(place) = body.pointer_mut(path) {
            *place = value;
        }
        row(what, body)
    };
    // Bytes as a party may have signed them, whether or not they are an event's.
    let raw = |what, event: Value| -> anyhow::Result<Row> {
        let bytes = medtrace_event::Json::try_from(&event).map_err(|fault| anyhow::anyhow!("{fault}"))?.to_jcs();
        Ok(row(what, world.home.body(SubmissionKind::Events, &[bytes])?))
    };
    let two = json!([good["items"][0], good["items"][0]]);
    let many = json!(vec![good["items"][0].clone(); 501]);
    Ok(vec![
        change("another body than signed", "/items/0/body/action", json!("OBSERVE")).invalid(&["root /note"]),
        change("another salt than signed", "/items/0/salt", json!("AQAAAAAAAAAAAAAAAAAAAA==")).invalid(&["root /note"]),
        change("a salt too short", "/items/0/salt", json!("AA==")).invalid(&["salt /items/0/salt"]),
        change("a salt that is not canonical", "/items/0/salt", json!("AQAAAAAAAAAAAAAAAAAAAB=="))
            .invalid(&["salt /items/0/salt"]),
        change("another kind than signed", "/items/0/kind", json!("D")).invalid(&["root /note"]),
        change("a kind that is none", "/items/0/kind", json!("X")).invalid(&["wrong-kind /items/0/kind"]),
        change("one item more than signed", "/items", two).invalid(&["count /note"]),
        change("501 items", "/items", many).too_much(&["too-many-items /items"]),
        raw("an event without its ID", event(json!({"eventID": null})))?.invalid(&["missing /items/0/body/eventID"]),
        raw("a record time", event(json!({"recordTime": "2026-03-01T08:00:00Z"})))?
            .invalid(&["record-time /items/0/body/recordTime"]),
        raw("no event at all", json!({"type": "Thing"}))?.invalid(&["event-type /items/0/body/type"]),
        raw("a number", json!(7))?.invalid(&["type /items/0/body"]),
        raw("a step of hospitals", event(json!({"action": "OBSERVE", "bizStep": "dispensing"})))?
            .forbidden(&["not-entitled /items/0/body/bizStep"]),
        raw("another's prefix", event(json!({"epcList": [uri::item(STENT, "1")]})))?
            .forbidden(&["foreign-prefix /items/0/body/epcList/0"]),
        raw("another's place", event(json!({"readPoint": {"id": uri::place(FACTORY)}})))?
            .forbidden(&["foreign-place /items/0/body/readPoint/id"]),
        raw("a time to come", event(json!({"eventTime": "2999-01-01T00:00:00Z"})))?
            .invalid(&["future /items/0/body/eventTime"]),
    ])
}

pub fn place() -> Value {
    json!({
        "type": "place", "place": uri::place(HOME_GLN), "revision": 1, "party": HOME, "name": {"en": "Home"}, "region": "CN",
    })
}
