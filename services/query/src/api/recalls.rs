//! `/v1/recalls`: what is called back, by whom, how far it reached, who has answered.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use medtrace_ledger::PartyId;
use medtrace_registry::notice::{Acknowledgement, Name, Order};
use medtrace_registry::{At, Position, RecallState, RecallStatus, Recorded};
use medtrace_service::{Kind, Problem};
use serde_json::{Value, json};

use super::reach::{classes_of_gtin, classes_of_product, settled, shown};
use crate::app::App;
use crate::item::{party_name, texts, time, time_of_ms};
use crate::master::name_places;
use crate::params::Params;
use crate::reach::Scope;

/// Days within which holders must be told, by class 1 to 3. China: drugs since 2022-11-01 (Measures for drug recall,
/// articles 17 and 26), devices since 2017-05-01 (Measures for medical device recall).
const CHINA_DAYS: [i64; 3] = [1, 3, 7];

/// What `state` may ask for.
const STATES: [(&str, Option<RecallStatus>); 4] = [
    ("open", Some(RecallStatus::Issued)),
    ("lifted", Some(RecallStatus::Lifted)),
    ("closed", Some(RecallStatus::Closed)),
    ("all", None),
];

/// `GET /v1/recalls?state=open|lifted|closed|all`
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let wanted = params.word("state", &STATES)?.unwrap_or(Some(RecallStatus::Issued));
    params.end("state")?;
    let snapshot = app.view.now();
    let registry = snapshot.registry()?;
    let at = registry.at(snapshot.known());
    let recalls: Vec<Value> =
        at.recalls().filter(|r| wanted.is_none_or(|wanted| r.status == wanted)).map(|r| summary(r, at)).collect();
    Ok(Json(json!({ "height": snapshot.height, "recalls": recalls })))
}

/// `GET /v1/recalls/{id}`, with its history.
pub async fn one(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let snapshot = app.view.now();
    let registry = snapshot.registry()?;
    let at = registry.at(snapshot.known());
    let recall = find(&id, at)?;
    let mut answer = summary(recall, at);
    answer["height"] = json!(snapshot.height);
    answer["history"] = at.recall_history(&recall.recall).iter().map(revision).collect();
    Ok(Json(answer))
}

/// `GET /v1/recalls/{id}/acknowledgements`
pub async fn acknowledgements(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let snapshot = app.view.now();
    let registry = snapshot.registry()?;
    let at = registry.at(snapshot.known());
    let recall = find(&id, at)?;
    Ok(Json(json!({ "height": snapshot.height, "acknowledgements": answers(&recall.recall, at) })))
}

/// `GET /v1/recalls/{id}/reach`: who holds what it calls back, and who has answered or is late.
pub async fn reached(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let scopes = {
        let snapshot = app.view.now();
        let registry = snapshot.registry()?;
        let at = registry.at(snapshot.known());
        scopes(&find(&id, at)?.order, at)?
    };
    let (found, snapshot) = settled(&app, &scopes).await?;
    let mut answer = shown(&found, snapshot.registry()?.at(snapshot.known()));
    name_places(&app.client, &mut answer, snapshot.known()).await?;
    let registry = snapshot.registry()?;
    let at = registry.at(snapshot.known());
    let recall = find(&id, at)?;
    answer["height"] = json!(snapshot.height);
    answer["recall"] = summary(recall, at);
    mark_holders(&mut answer, recall, at);
    Ok(Json(answer))
}

fn mark_holders(answer: &mut Value, recall: &RecallState, at: At<'_>) {
    let due = due_us(&recall.order);
    // By the clock: who keeps silent does not make blocks.
    let late = due.is_some_and(|due| jiff::Timestamp::now().as_microsecond() > due);
    let widened = widened(&recall.recall, at);
    let Some(holders) = answer["holders"].as_array_mut() else { return };
    for holder in holders {
        let party: Option<PartyId> = holder["party"].as_str().and_then(|party| party.parse().ok());
        let said = party.and_then(|party| at.acknowledgements(&recall.recall).find(|a| a.party == party));
        let said = said.filter(|said| Some(said.position) > widened);
        holder["late"] = json!(said.is_none() && late);
        holder["acknowledged"] = said.map_or(Value::Null, |a| acknowledgement(a, widened, at));
    }
}

fn find<'a>(id: &str, at: At<'a>) -> Result<&'a Recorded<RecallState>, Problem> {
    let unknown = || Kind::NoSuchResource.because(format!("no recall {id:?} was issued"));
    at.recall(&Name::new(id).map_err(|_| unknown())?).ok_or_else(unknown)
}

fn scopes(order: &Order, at: At<'_>) -> Result<Vec<Scope>, Problem> {
    let mut scopes = Vec::new();
    for line in &order.scope {
        let classes = match (&line.gtin, &line.product) {
            (Some(gtin), _) => classes_of_gtin(*gtin, at),
            (None, Some(product)) => classes_of_product(product.as_str(), at)?,
            (None, None) => Vec::new(),
        };
        scopes.push(Scope { classes, all: line.all, lots: line.lots.clone(), serials: line.serials.clone() });
    }
    Ok(scopes)
}

fn summary(recall: &Recorded<RecallState>, at: At<'_>) -> Value {
    let (order, widened) = (&recall.order, widened(&recall.recall, at));
    json!({
        "id": recall.recall.as_str(),
        "state": if recall.status == RecallStatus::Issued { "open" } else { recall.status.as_str() },
        "revision": recall.revision,
        "class": order.class,
        "scope": order.scope,
        "reason": texts(&recall.reason),
        "instructions": texts(&order.instructions),
        "jurisdiction": order.jurisdiction.as_str(),
        "effective": time(order.effective.unix_ms().saturating_mul(1000)),
        "deadline": due_us(order).map(time),
        "issued": time_of_ms(recall.position.time_ms),
        "issuedBy": recall.by.as_str(),
        "issuedByName": party_name(recall.by.as_str(), at),
        "event": format!("{}-{}", recall.position.height, recall.position.idx),
        "acknowledgements": at.acknowledgements(&recall.recall).filter(|said| Some(said.position) > widened).count(),
    })
}

fn revision(recall: &Recorded<RecallState>) -> Value {
    json!({
        "revision": recall.revision,
        "state": recall.status.as_str(),
        "by": recall.by.as_str(),
        "reason": texts(&recall.reason),
        "time": time_of_ms(recall.position.time_ms),
        "event": format!("{}-{}", recall.position.height, recall.position.idx),
    })
}

fn answers(recall: &Name, at: At<'_>) -> Vec<Value> {
    let widened = widened(recall, at);
    at.acknowledgements(recall).map(|a| acknowledgement(a, widened, at)).collect()
}

/// Where the recall last came to mean goods that it did not mean before: an answer from before does not speak of those.
fn widened(recall: &Name, at: At<'_>) -> Option<Position> {
    let history = at.recall_history(recall);
    let before = std::iter::once(None).chain(history.iter().map(Some));
    let widens = |(before, now): &(Option<&Recorded<RecallState>>, &Recorded<RecallState>)| {
        let before = before.filter(|before| before.status == RecallStatus::Issued);
        now.status == RecallStatus::Issued && before.is_none_or(|before| !covers(&before.order, &now.order))
    };
    before.zip(history).filter(widens).map(|(_, now)| now.position).last()
}

/// Whether every line of `order` lies in a line of `earlier`, as they are written.
fn covers(earlier: &Order, order: &Order) -> bool {
    order.scope.iter().all(|line| {
        let known = earlier.scope.iter().filter(|known| (&known.product, known.gtin) == (&line.product, line.gtin));
        let known: Vec<_> = known.collect();
        let all = known.iter().any(|known| known.all);
        let lots = line.lots.iter().all(|lot| known.iter().any(|known| known.lots.contains(lot)));
        let serials = line.serials.iter().all(|range| known.iter().any(|known| known.serials.contains(range)));
        all || (!line.all && lots && serials)
    })
}

fn acknowledgement(said: &Recorded<Acknowledgement>, widened: Option<Position>, at: At<'_>) -> Value {
    json!({
        "party": said.party.as_str(),
        "partyName": party_name(said.party.as_str(), at),
        "revision": said.revision,
        "current": Some(said.position) > widened,
        "status": said.status,
        "quantity": said.quantity,
        "note": said.note,
        "time": time_of_ms(said.position.time_ms),
        "event": format!("{}-{}", said.position.height, said.position.idx),
    })
}

/// When the last holder must have been told, µs; only where we know the rule.
fn due_us(order: &Order) -> Option<i64> {
    const DAY_US: i64 = 86_400_000_000;
    let days = CHINA_DAYS.get(usize::from(order.class).checked_sub(1)?)?;
    let china = order.jurisdiction.as_str().split('-').next() == Some("CN");
    china.then(|| order.effective.unix_ms().saturating_mul(1000).saturating_add(days * DAY_US))
}
