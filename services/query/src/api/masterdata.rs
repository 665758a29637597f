//! `GET /v1/masterdata?id=`: what the headers of documents say of a place, product or party, and who says it.

use axum::Json;
use axum::extract::{RawQuery, State};
use medtrace_gs1::{Thing, parse};
use medtrace_ledger::EventRef;
use medtrace_service::Problem;
use medtrace_store::rows::MasterDataRow;
use serde_json::{Map, Value, json};

use super::provenance::read_known;
use crate::app::App;
use crate::item::party_name;
use crate::master::statements;
use crate::params::Params;

/// `id`: a code in any spelling, or the URI of something else. `known`: as for provenance.
pub async fn get(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let (id, known) = (params.required("id")?, params.take("known"));
    params.end("id and known")?;
    let snapshot = app.view.now();
    let known = read_known(known.as_deref(), &snapshot)?;
    let thing = Thing::from_uri(&id).ok().or_else(|| parse(&id).ok().map(|code| code.thing));
    let id = thing.map_or(id, |thing| thing.uri());
    let rows = statements(&app.client, &id, known).await?;
    let registry = snapshot.registry()?;
    let at = registry.at(known);
    let said = rows.iter().map(|row| {
        let mut line = statement(row);
        line["partyName"] = json!(party_name(&row.party, at));
        line
    });
    let statements: Vec<Value> = said.collect();
    Ok(Json(json!({ "height": snapshot.height, "known": known, "id": id, "statements": statements })))
}

fn statement(row: &MasterDataRow) -> Value {
    let attributes: Map<String, Value> =
        row.names.iter().cloned().zip(row.texts.iter().map(|text| json!(text))).collect();
    json!({
        "vocabulary": row.kind,
        "party": row.party,
        "entitled": row.entitled,
        "document": EventRef { height: row.block, idx: row.idx }.to_string(),
        "attributes": attributes,
        "children": row.children,
    })
}
