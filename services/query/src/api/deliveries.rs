//! `/v1/deliveries`: what is on its way to me, and does what I scanned match it?

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use medtrace_gs1::Thing;
use medtrace_ledger::{EventRef, PartyId};
use medtrace_service::{Kind, Problem};
use medtrace_store::rows::DeliveryRow;
use serde_json::{Value, json};

use super::verify::read_place;
use crate::app::{App, store_failed};
use crate::body::event_at;
use crate::delivery::{Delivery, Standing};
use crate::expected::Expected;
use crate::item::{amount, party_name, place_name, time};
use crate::master::name_places;
use crate::params::{Params, read_cursor, wrong};
use crate::view::Snapshot;

/// Deliveries of one page, unless asked otherwise, and at most.
const PER_PAGE: u64 = 30;
const PER_PAGE_MAX: u64 = 200;
/// Deliveries looked at for one page: of those in one state there may be few among many.
const LOOKED_AT_MAX: usize = 200;
/// Units and items shown of one delivery.
const UNITS_SHOWN: usize = 50;
const ITEMS_SHOWN: usize = 1_000;

/// What `state` may ask for.
const STANDINGS: [(&str, Option<Standing>); 5] = [
    ("in_transit", Some(Standing::InTransit)),
    ("partly_received", Some(Standing::PartlyReceived)),
    ("received", Some(Standing::Received)),
    ("void", Some(Standing::Void)),
    ("all", None),
];

/// `GET /v1/deliveries?to=&state=`, newest first. `to`: GLN digits, URI of a place or party, or a party's name; `cursor`:
/// `next` of the page before, the name of the last delivery that was looked at. A page with fewer deliveries than asked
/// for is the last one only if its `next` is null.
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let (to, cursor) = (params.take("to"), params.take("cursor"));
    let standing = params.word("state", &STANDINGS)?.flatten();
    let per_page = params.number("perPage", PER_PAGE, 1, PER_PAGE_MAX)? as u32;
    params.end("to, state, perPage and cursor")?;
    let snapshot = app.view.now();
    let addresses = to.as_deref().map(|to| addresses(to, &snapshot)).transpose()?;
    let mut before = cursor.as_deref().map(read_cursor).transpose()?;
    let (mut shown, mut looked_at, mut more) = (Vec::new(), 0, true);
    while more && shown.len() < per_page as usize && looked_at < LOOKED_AT_MAX {
        let page = rows(&app, &snapshot, addresses.as_deref(), before, per_page).await?;
        more = page.len() == per_page as usize;
        for row in page {
            if shown.len() == per_page as usize || looked_at == LOOKED_AT_MAX {
                more = true;
                break;
            }
            looked_at += 1;
            before = Some(EventRef { height: row.block, idx: row.idx });
            let delivery = unfold(&app, row, &snapshot).await?;
            if standing.is_none_or(|standing| delivery.standing(snapshot.known()) == standing) {
                shown.push(summary(&delivery, &snapshot)?);
            }
        }
    }
    let next = before.filter(|_| more).map(|at| at.to_string());
    let mut answer = json!({ "height": snapshot.height, "deliveries": shown, "next": next });
    name_places(&app.client, &mut answer, snapshot.known()).await?;
    Ok(Json(answer))
}

/// `GET /v1/deliveries/{id}`: by event name, SSCC, or despatch advice.
pub async fn one(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let snapshot = app.view.now();
    let delivery = find(&app, &id, &snapshot).await?;
    let expected = Expected::of(&app, &delivery, &snapshot).await?;
    let inside = expected.leaves().filter_map(|(thing, container)| Some((thing, container?)));
    let items =
        inside.take(ITEMS_SHOWN).map(|(thing, container)| json!({ "key": thing.uri(), "container": container.uri() }));
    let arrived =
        |thing: &Thing| delivery.lots.iter().find(|line| line.thing == *thing).map(|line| amount(line.arrived));
    let lots = expected.lots().iter().map(|(thing, lot)| {
        json!({
            "key": thing.uri(),
            "quantity": lot.sent.map(amount),
            "received": arrived(thing),
            "container": lot.container.as_ref().map(Thing::uri),
        })
    });
    let mut answer = summary(&delivery, &snapshot)?;
    answer["height"] = json!(snapshot.height);
    answer["contents"] = json!({
        "expected": expected.count(),
        "units": delivery.units.iter().map(Thing::uri).collect::<Vec<_>>(),
        "items": items.collect::<Vec<_>>(),
        "lots": lots.collect::<Vec<_>>(),
    });
    name_places(&app.client, &mut answer, snapshot.known()).await?;
    Ok(Json(answer))
}

/// The delivery of this name.
pub async fn find(app: &App, id: &str, snapshot: &Snapshot) -> Result<Delivery, Problem> {
    let unknown = || {
        Kind::NoSuchResource.because(format!("no delivery {id:?}: give an event name, an SSCC or a despatch advice"))
    };
    let query = app.client.query("SELECT ?fields FROM delivery FINAL WHERE (block, idx) = (?, ?) AND block <= ?");
    if let Ok(at) = id.parse::<EventRef>() {
        let row = query.bind(at.height).bind(at.idx).bind(snapshot.known()).fetch_optional::<DeliveryRow>().await;
        return unfold(app, row.map_err(store_failed)?.ok_or_else(unknown)?, snapshot).await;
    }
    let position = match medtrace_gs1::parse(id) {
        Ok(code) if code.thing.scheme() == medtrace_gs1::Scheme::Unit => {
            shipped_last(app, &code.thing, snapshot).await?
        }
        _ => None,
    };
    let sql = "SELECT ?fields FROM delivery FINAL WHERE has(documents, ?) AND block <= ? ORDER BY block DESC, idx DESC LIMIT 1";
    let row = match position {
        Some(at) => query.bind(at.height).bind(at.idx).bind(snapshot.known()).fetch_optional::<DeliveryRow>().await,
        None => app.client.query(sql).bind(id).bind(snapshot.known()).fetch_optional::<DeliveryRow>().await,
    };
    unfold(app, row.map_err(store_failed)?.ok_or_else(unknown)?, snapshot).await
}

/// The last shipment that a thing was part of itself.
pub async fn shipped_last(app: &App, thing: &Thing, snapshot: &Snapshot) -> Result<Option<EventRef>, Problem> {
    let known = snapshot.known();
    let facts =
        medtrace_store::read::facts(&app.client, std::slice::from_ref(thing), known).await.map_err(store_failed)?;
    let cut = medtrace_timeline::Cut { at: i64::MAX, known };
    let shipments = facts.iter().filter(|f| f.counts(cut) && &*f.head.step == "shipping");
    Ok(shipments.max_by_key(|f| f.order()).map(|f| f.head.position))
}

async fn rows(
    app: &App,
    snapshot: &Snapshot,
    to: Option<&[String]>,
    before: Option<EventRef>,
    limit: u32,
) -> Result<Vec<DeliveryRow>, Problem> {
    let before = before.map_or((u64::MAX, u32::MAX), |at| (at.height, at.idx));
    let scope = if to.is_some() { "hasAny(destinations, ?) AND" } else { "" };
    let sql = format!(
        "SELECT ?fields FROM delivery FINAL WHERE {scope} block <= ? AND (block, idx) < (?, ?)
         ORDER BY block DESC, idx DESC LIMIT ?"
    );
    let mut query = app.client.query(&sql);
    if let Some(to) = to {
        query = query.bind(to);
    }
    let query = query.bind(snapshot.known()).bind(before.0).bind(before.1).bind(limit);
    query.fetch_all::<DeliveryRow>().await.map_err(store_failed)
}

async fn unfold(app: &App, row: DeliveryRow, snapshot: &Snapshot) -> Result<Delivery, Problem> {
    let position = EventRef { height: row.block, idx: row.idx };
    let event = event_at(&app.client, position).await?;
    Delivery::of(&app.client, row, event, snapshot).await
}

/// Everything that means the receiver: a party's places and its GLN, or the one place.
fn addresses(to: &str, snapshot: &Snapshot) -> Result<Vec<String>, Problem> {
    let registry = snapshot.registry()?;
    let at = registry.at(snapshot.known());
    if let Some(party) = to.parse::<PartyId>().ok().and_then(|party| at.party(&party)) {
        let mut all: Vec<String> = party.glns.iter().flat_map(|gln| [gln.place().uri(), gln.party().uri()]).collect();
        let own = at.places().filter(|place| place.party == party.party);
        all.extend(own.map(|place| place.place.uri()));
        return Ok(all);
    }
    let place = read_place(to).map_err(|(code, detail)| wrong("to", code, detail))?;
    let party = place.gln().map(|gln| gln.party().uri());
    Ok([Some(place.uri()), party].into_iter().flatten().collect())
}

fn summary(delivery: &Delivery, snapshot: &Snapshot) -> Result<Value, Problem> {
    let registry = snapshot.registry()?;
    let at = registry.at(snapshot.known());
    let row = &delivery.row;
    let advice = delivery.event.transactions.iter().find(|t| t.kind.as_deref() == Some("desadv")).map(|t| t.id.clone());
    let position = delivery.position().to_string();
    let shown: Vec<String> = delivery.units.iter().take(UNITS_SHOWN).map(Thing::uri).collect();
    Ok(json!({
        "id": advice.unwrap_or_else(|| position.clone()),
        "event": position,
        "time": time(row.t),
        "from": {
            "party": row.party,
            "partyName": party_name(&row.party, at),
            "place": row.source,
            "placeName": place_name(&row.source, at),
        },
        "to": row.destinations,
        "documents": row.documents,
        "things": row.things,
        "units": shown,
        "state": delivery.standing(snapshot.known()).as_str(),
        "received": delivery.arrived(),
    }))
}
