//! `/v1/blocks`: what was sealed, block by block.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use clickhouse::Row;
use medtrace_ledger::{Bad, Cut, Hash};
use medtrace_service::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{App, store_failed};
use crate::item::time_of_ms;
use crate::params::Params;
use crate::proof::header_at;

/// Blocks of one answer, unless asked otherwise, and at most.
const LIMIT: u64 = 30;
const LIMIT_MAX: u64 = 1_000;
/// Submissions listed of one block.
const SUBMISSIONS_SHOWN: u64 = 1_000;

#[derive(Row, Deserialize)]
struct Brief {
    height: u64,
    time_ms: u64,
    leaf: [u8; 32],
    submissions: u32,
    events: u32,
    notices: u32,
}

#[derive(Row, Deserialize)]
struct Listed {
    ordinal: u32,
    topic: String,
    partition: i32,
    offset: i64,
    party: String,
    id: [u8; 32],
    leaf: [u8; 32],
    bad: String,
}

/// `GET /v1/blocks?from=&limit=`: from that height upward, or the newest ones; ascending.
pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let limit = params.number("limit", LIMIT, 1, LIMIT_MAX)?;
    let snapshot = app.view.now();
    let newest_first = (snapshot.known() + 1).saturating_sub(limit);
    let from = params.number("from", newest_first, 0, u64::MAX)?;
    params.end("from and limit")?;
    let to = snapshot.height.map_or(0, |newest| (newest + 1).min(from.saturating_add(limit)));
    let blocks = read(&app, from, to).await?;
    Ok(Json(json!({ "height": snapshot.height, "blocks": blocks.iter().map(brief).collect::<Vec<_>>() })))
}

/// `GET /v1/blocks/{height}`: with its header and the first submissions.
pub async fn one(State(app): State<App>, Path(height): Path<u64>) -> Result<Json<Value>, Problem> {
    let snapshot = app.view.now();
    let header = header_at(&app, &snapshot, height).await?;
    let mut answer = read(&app, height, height + 1).await?.first().map(brief).unwrap_or_default();
    let submissions = app
        .client
        .query("SELECT ?fields FROM submission FINAL WHERE block = ? ORDER BY ordinal LIMIT ?")
        .bind(height)
        .bind(SUBMISSIONS_SHOWN)
        .fetch_all::<Listed>()
        .await
        .map_err(store_failed)?;
    answer["logRoot"] = json!(header.log_root);
    answer["keys"] = json!({ "count": header.keys.0, "root": header.keys.1 });
    answer["header"] = json!(header.text());
    answer["cuts"] = header.cuts.iter().map(cut).collect();
    answer["bad"] = header.bad.iter().map(bad).collect();
    answer["submissionsList"] = submissions.iter().map(listed).collect();
    Ok(Json(answer))
}

async fn read(app: &App, from: u64, to: u64) -> Result<Vec<Brief>, Problem> {
    let sql = "SELECT ?fields FROM block FINAL WHERE height >= ? AND height < ? ORDER BY height";
    app.client.query(sql).bind(from).bind(to).fetch_all::<Brief>().await.map_err(store_failed)
}

fn brief(block: &Brief) -> Value {
    json!({
        "height": block.height,
        "time": time_of_ms(block.time_ms),
        "events": block.events,
        "notices": block.notices,
        "submissions": block.submissions,
        "hash": Hash(block.leaf),
    })
}

fn cut(cut: &Cut) -> Value {
    json!({
        "topic": cut.topic,
        "uuid": cut.uuid,
        "partition": cut.partition,
        "from": cut.from,
        "to": cut.to,
        "records": cut.records,
        "root": cut.root,
    })
}

fn bad(bad: &Bad) -> Value {
    json!({ "topic": bad.topic, "partition": bad.partition, "ordinal": bad.ordinal, "reason": bad.reason })
}

fn listed(submission: &Listed) -> Value {
    // What cannot be read as a submission has neither party nor id.
    let read = !submission.party.is_empty();
    json!({
        "ordinal": submission.ordinal,
        "topic": submission.topic,
        "partition": submission.partition,
        "offset": submission.offset,
        "party": read.then_some(&submission.party),
        "id": read.then_some(Hash(submission.id)),
        "leaf": Hash(submission.leaf),
        "bad": (!submission.bad.is_empty()).then_some(&submission.bad),
    })
}
