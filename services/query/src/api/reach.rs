//! `GET /v1/reach`: who holds how many of a lot, in which state, sealed inside which container.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{RawQuery, State};
use medtrace_gs1::{Class, Gtin, Scheme, Thing};
use medtrace_ledger::{EventRef, PartyId};
use medtrace_registry::At;
use medtrace_registry::notice::{Name, Product};
use medtrace_service::{Kind, Problem};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::app::{App, store_failed};
use crate::item::{amount as text, party_name, place_name, time};
use crate::master::name_places;
use crate::params::{Params, wrong};
use crate::reach::{Part, Reach, Scope, reach};
use crate::view::Snapshot;

/// Containers named for one holder.
const SEALED_IN_MAX: usize = 100;
/// How long rows newer than the view are waited for, milliseconds: goods on the move are written to all the time.
const PATIENCE_MS: u64 = 2_000;

/// Of a GTIN, or of the product with an id; of all its lots if none is given.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let (gtin, product, lot) = (params.take("gtin"), params.take("product"), params.take("lot"));
    params.end("gtin, product and lot")?;
    let classes = {
        let snapshot = app.view.now();
        let registry = snapshot.registry()?;
        match (&gtin, &product) {
            (Some(gtin), None) => {
                let gtin = Gtin::parse(gtin).map_err(|fault| wrong("gtin", fault.code, format!("gtin: {fault}")))?;
                classes_of_gtin(gtin, registry.at(snapshot.known()))
            }
            (None, Some(product)) => classes_of_product(product, registry.at(snapshot.known()))?,
            _ => return Err(wrong("gtin", "missing", "give either gtin or product".to_owned())),
        }
    };
    let scope = Scope { classes, all: lot.is_none(), lots: lot.iter().cloned().collect(), serials: Vec::new() };
    let (found, snapshot) = settled(&app, &[scope]).await?;
    let mut answer = shown(&found, snapshot.registry()?.at(snapshot.known()));
    name_places(&app.client, &mut answer, snapshot.known()).await?;
    answer["height"] = json!(snapshot.height);
    answer["gtin"] = json!(gtin);
    answer["product"] = json!(product);
    answer["lot"] = json!(lot);
    Ok(Json(answer))
}

/// A reach and the snapshot that it is as of: read again until no row is newer.
pub async fn settled(app: &App, scopes: &[Scope]) -> Result<(Reach, Snapshot), Problem> {
    let began = Instant::now();
    let mut snapshot = app.view.now();
    loop {
        let found = reach(&app.client, scopes).await.map_err(store_failed)?;
        if found.height <= snapshot.known() {
            return Ok((found, snapshot));
        }
        let patience = Duration::from_millis(PATIENCE_MS).saturating_sub(began.elapsed());
        let newer = || Kind::Unavailable.because("newer rows are being written; ask again");
        snapshot = app.view.at_least(found.height, patience).await.ok_or_else(newer)?;
    }
}

/// Items and lots under a GTIN, and under the other codes of the product that carries it.
pub fn classes_of_gtin(gtin: Gtin, at: At<'_>) -> Vec<Class> {
    let mut classes = vec![Class::new(Scheme::Item, gtin.value()), Class::new(Scheme::Lot, gtin.value())];
    if let Some(product) = at.product_by_gtin(gtin) {
        classes.extend(other_codes(&product.value));
    }
    classes
}

/// Items and lots of a product.
pub fn classes_of_product(product: &str, at: At<'_>) -> Result<Vec<Class>, Problem> {
    let unknown = || Kind::NoSuchResource.because(format!("no product {product:?} is registered"));
    let name = Name::new(product).map_err(|_| unknown())?;
    let product = at.product(&name).ok_or_else(unknown)?;
    Ok(match product.gtin {
        Some(gtin) => classes_of_gtin(gtin, at),
        None => other_codes(&product.value).collect(),
    })
}

fn other_codes(product: &Product) -> impl Iterator<Item = Class> {
    product.codes.iter().filter_map(|code| code.class())
}

/// States and holders, with names and contacts.
pub fn shown(reach: &Reach, at: At<'_>) -> Value {
    let mut states: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut holders: BTreeMap<(&str, &str), Vec<&Part>> = BTreeMap::new();
    for part in &reach.parts {
        *states.entry(&part.condition).or_default() += part.amount;
        let place = if part.place.is_empty() { &part.heading } else { &part.place };
        holders.entry((&part.holder, place)).or_default().push(part);
    }
    let states: Vec<Value> =
        states.iter().map(|(state, amount)| json!({ "state": state, "amount": text(*amount) })).collect();
    let holders: Vec<Value> = holders.iter().map(|((party, _), parts)| holder(party, parts, reach, at)).collect();
    json!({
        "commissioned": text(reach.commissioned),
        "unaccounted": text(reach.unaccounted),
        "neverCommissioned": text(reach.never_commissioned),
        "states": states,
        "holders": holders,
    })
}

fn holder(party: &str, parts: &[&Part], reach: &Reach, at: At<'_>) -> Value {
    let mut states: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut sealed: BTreeMap<&Thing, Decimal> = BTreeMap::new();
    for part in parts {
        *states.entry(&part.condition).or_default() += part.amount;
        if let Some(unit) = &part.sealed_in {
            *sealed.entry(unit).or_default() += part.amount;
        }
    }
    let amount: Decimal = parts.iter().map(|part| part.amount).sum();
    let (place, heading) = parts.first().map_or(("", ""), |part| (&*part.place, &*part.heading));
    let known = party.parse::<PartyId>().ok().and_then(|id| at.party(&id));
    let contact = known.and_then(|p| p.contact.as_ref()).map(|c| json!({ "phone": c.phone, "email": c.email }));
    let last = parts.iter().filter_map(|part| part.last).max();
    let step = |event: &EventRef| reach.steps.get(event).filter(|step| !step.is_empty());
    let words = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let states: BTreeMap<&str, String> = states.iter().map(|(s, a)| (*s, text(*a))).collect();
    let sealed_in: Vec<Value> = sealed
        .iter()
        .take(SEALED_IN_MAX)
        .map(|(unit, amount)| json!({ "unit": unit.uri(), "amount": text(*amount) }))
        .collect();
    json!({
        "party": party,
        "name": party_name(party, at),
        "contact": contact,
        "place": words(place),
        "placeName": place_name(place, at),
        "heading": words(heading),
        "amount": text(amount),
        "states": states,
        "sealedIn": sealed_in,
        "containers": sealed.len(),
        "lastEvent": last.map(|(at, event)| json!({ "event": event.to_string(), "time": time(at), "step": step(&event) })),
    })
}
