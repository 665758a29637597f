//! `GET /v1/provenance`: the whole way of an item, containers included, at any time and as known at any height.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{RawQuery, State};
use medtrace_gs1::{Thing, parse};
use medtrace_ledger::EventRef;
use medtrace_registry::At;
use medtrace_service::Problem;
use medtrace_timeline::{Cut, Entry, Flags, Irregular, Role, Story};
use serde_json::{Value, json};

use crate::app::{App, store_failed};
use crate::body::erased;
use crate::hashes::suspected;
use crate::item::{item, place_name, time};
use crate::master::name_places;
use crate::params::{Params, wrong};
use crate::suspect::suspect;
use crate::view::Snapshot;

/// `at`: true time, RFC 3339; all of it if not given. `known`: a height, or the RFC 3339 time of which the last block is
/// meant; the newest block if not given.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let (code, at_asked, known) = (params.required("code")?, params.take("at"), params.take("known"));
    params.end("code, at and known")?;
    let snapshot = app.view.now();
    let code = parse(&code).map_err(|fault| wrong("code", fault.code, format!("code: {fault}")))?;
    let cut = Cut { at: read_at(at_asked.as_deref())?, known: read_known(known.as_deref(), &snapshot)? };
    let story = medtrace_store::read::story(&app.client, code.thing.clone(), cut).await.map_err(store_failed)?;
    let events: BTreeSet<EventRef> = story.entries.iter().filter(told).map(|e| e.fact.head.position).collect();
    let (suspected, erased, suspect) = tokio::try_join!(
        suspected(&app.client, &events),
        erased(&app, &snapshot, events.iter().copied()),
        suspect(&app, &snapshot, cut.known, events.iter().copied()),
    )?;
    let marks = Marks { suspected, erased, suspect };
    let mut answer = shown(&code.thing, &story, cut, &events, &marks, &snapshot)?;
    name_places(&app.client, &mut answer, cut.known).await?;
    answer["at"] = json!(at_asked);
    Ok(Json(answer))
}

/// What the story itself does not tell of its events.
struct Marks {
    /// Those that repeat another.
    suspected: BTreeSet<EventRef>,
    /// The notices that erased them.
    erased: BTreeMap<EventRef, EventRef>,
    /// The revocations that make their signatures suspect.
    suspect: BTreeMap<EventRef, EventRef>,
}

/// All but what was asked for. `events` are those of the story.
fn shown(
    thing: &Thing,
    story: &Story,
    cut: Cut,
    events: &BTreeSet<EventRef>,
    marks: &Marks,
    snapshot: &Snapshot,
) -> Result<Value, Problem> {
    let registry = snapshot.registry()?;
    let at = registry.at(cut.known);
    let record_time = |height: u64| {
        let headers = snapshot.headers.read().ok()?;
        headers.get(height as usize).map(|(_, time_ms)| crate::item::time_of_ms(*time_ms))
    };
    let has_more_to_say = |e: &&Entry| told(e) || !events.contains(&e.fact.head.position);
    let history: Vec<Value> = story
        .entries
        .iter()
        .filter(has_more_to_say)
        .map(|e| {
            let mut flags = flags(e.fact.head.flags);
            flags.extend(marks.suspected.contains(&e.fact.head.position).then_some("suspected-duplicate"));
            let mut line = line(e, at, cut);
            line["flags"] = json!(flags);
            line["recordTime"] = json!(record_time(e.fact.head.position.height));
            line["suspectBy"] = json!(marks.suspect.get(&e.fact.head.position).map(ToString::to_string));
            line["erasedBy"] = json!(marks.erased.get(&e.fact.head.position).map(ToString::to_string));
            line
        })
        .collect();
    Ok(json!({
        "height": snapshot.height,
        "known": cut.known,
        "item": item(thing, story, at),
        "things": story.things.iter().map(|t| t.uri()).collect::<Vec<_>>(),
        "containers": story.containers.iter().map(|t| t.uri()).collect::<Vec<_>>(),
        "irregular": irregular(story.state.irregular),
        "history": history,
    }))
}

/// That two codes were joined is told by the event that joined them, once.
fn told(entry: &&Entry) -> bool {
    entry.fact.role != Role::SameAs
}

/// µs of an RFC 3339 time; the end of time if none is given.
pub fn read_at(text: Option<&str>) -> Result<i64, Problem> {
    let Some(text) = text else { return Ok(i64::MAX) };
    let time: jiff::Timestamp =
        text.parse().map_err(|e| wrong("at", "time", format!("at should be an RFC 3339 time: {e}")))?;
    Ok(time.as_microsecond())
}

/// A height, or the last block not after a time.
pub fn read_known(text: Option<&str>, snapshot: &Snapshot) -> Result<u64, Problem> {
    let Some(text) = text else { return Ok(snapshot.known()) };
    let newest = snapshot.known();
    if let Ok(height) = text.parse::<u64>() {
        let beyond = || wrong("known", "range", format!("known is {height}, the newest block is {newest}"));
        return (height <= newest).then_some(height).ok_or_else(beyond);
    }
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|e| wrong("known", "time", format!("known should be a height or an RFC 3339 time: {e}")))?;
    let time_ms = u64::try_from(time.as_millisecond()).unwrap_or(0);
    let nothing = || wrong("known", "range", "nothing was known yet at that time".to_owned());
    snapshot.height_at(time_ms).ok_or_else(nothing)
}

fn line(entry: &Entry, at: At<'_>, cut: Cut) -> Value {
    let fact = &entry.fact;
    let head = &fact.head;
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "event": head.position.to_string(),
        "time": time(head.order.at),
        "type": head.kind.name(),
        "action": head.action.map(|a| a.name()),
        "step": text(&head.step),
        "disposition": text(&head.disposition),
        "place": text(&head.place),
        "placeName": place_name(&head.place, at),
        "destination": text(&head.destination),
        "party": &*head.party,
        "partyName": crate::item::party_name(&head.party, at),
        "role": format!("{:?}", fact.role).to_lowercase(),
        "counterpart": fact.counterpart.as_ref().map(|c| c.uri()),
        "quantity": fact.quantity.map(|q| q.to_string()),
        "via": entry.via.as_ref().map(|v| v.uri()),
        "inferred": entry.via.is_some(),
        "inForce": entry.in_force,
        "voidedBy": head.voided.filter(|by| by.height <= cut.known).map(|by| by.to_string()),
    })
}

pub fn flags(flags: Flags) -> Vec<&'static str> {
    const NAMES: [(Flags, &str); 4] = [
        (Flags::NOT_ENTITLED, "signer-not-entitled"),
        (Flags::CONFLICT, "conflict"),
        (Flags::PART_IGNORED, "part-ignored"),
        (Flags::DECLARATION, "declaration"),
    ];
    NAMES.iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| *name).collect()
}

fn irregular(irregular: Irregular) -> Vec<&'static str> {
    const NAMES: [(Irregular, &str); 10] = [
        (Irregular::COMMISSIONED_TWICE, "commissioned-twice"),
        (Irregular::BEFORE_COMMISSIONING, "before-commissioning"),
        (Irregular::AFTER_END, "after-end"),
        (Irregular::USED_TWICE, "used-twice"),
        (Irregular::TWO_CONTAINERS, "two-containers"),
        (Irregular::NOT_IN_CONTAINER, "not-in-container"),
        (Irregular::RECEIVED_NOT_SHIPPED, "received-not-shipped"),
        (Irregular::SHIPPED_NOT_HELD, "shipped-not-held"),
        (Irregular::NOT_ENTITLED, "signer-not-entitled"),
        (Irregular::SAME_SECOND, "same-second"),
    ];
    NAMES.iter().filter(|(flag, _)| irregular.has(*flag)).map(|(_, name)| *name).collect()
}
