//! Master data that came in the headers of documents. What notices say goes before it, in every answer that names places.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::{Client, Row};
use medtrace_service::Problem;
use medtrace_store::rows::MasterDataRow;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::store_failed;

/// Statements of one answer.
pub const STATEMENTS_MAX: u64 = 1_000;
/// Ids of one query: the store takes 256 KiB of literals.
const IDS_PER_QUERY: usize = 500;

/// The newest statement of each party and vocabulary about an id.
pub async fn statements(client: &Client, id: &str, known: u64) -> Result<Vec<MasterDataRow>, Problem> {
    let query = client.query(
        "SELECT ?fields FROM (
             SELECT * FROM master_data FINAL WHERE id = ? AND block <= ? ORDER BY block DESC, idx DESC LIMIT 1 BY kind, party)
         ORDER BY entitled DESC, party, kind LIMIT ?",
    );
    query.bind(id).bind(known).bind(STATEMENTS_MAX).fetch_all().await.map_err(store_failed)
}

/// Gives each place of an answer that no notice names (`place`, and `placeName` that is null) the name that its owner's
/// documents gave it up to `known`.
///
/// # Errors
/// 503 if the store does not answer.
pub async fn name_places(client: &Client, answer: &mut Value, known: u64) -> Result<(), Problem> {
    let mut unnamed = BTreeSet::new();
    each_unnamed(answer, &mut |place, _| _ = unnamed.insert(place.to_owned()));
    if unnamed.is_empty() {
        return Ok(());
    }
    let names = names(client, unnamed, known).await?;
    each_unnamed(answer, &mut |place, name| {
        if let Some(found) = names.get(place) {
            *name = json!({ "zh-CN": found, "en": found });
        }
    });
    Ok(())
}

/// Every place without a name, with the member where the name belongs.
fn each_unnamed(answer: &mut Value, see: &mut impl FnMut(&str, &mut Value)) {
    match answer {
        Value::Array(items) => items.iter_mut().for_each(|item| each_unnamed(item, see)),
        Value::Object(members) => {
            let place = members.get("place").and_then(Value::as_str).filter(|place| !place.is_empty());
            if let Some(place) = place.map(str::to_owned)
                && let Some(name) = members.get_mut("placeName").filter(|name| name.is_null())
            {
                see(&place, name);
            }
            members.values_mut().for_each(|member| each_unnamed(member, see));
        }
        _ => {}
    }
}

/// What their owners call these, by id.
async fn names(client: &Client, ids: BTreeSet<String>, known: u64) -> Result<BTreeMap<String, String>, Problem> {
    #[derive(Row, Deserialize)]
    struct Named {
        id: String,
        name: String,
    }
    let ids: Vec<String> = ids.into_iter().collect();
    let mut names = BTreeMap::new();
    for some in ids.chunks(IDS_PER_QUERY) {
        let query = client.query(
            "SELECT id, argMax(texts[indexOf(names, 'name')], (block, idx)) AS name FROM master_data
             WHERE id IN ? AND entitled AND has(names, 'name') AND block <= ? GROUP BY id",
        );
        let rows = query.bind(some).bind(known).fetch_all::<Named>().await.map_err(store_failed)?;
        names.extend(rows.into_iter().map(|row| (row.id, row.name)));
    }
    Ok(names)
}
