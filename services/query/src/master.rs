//! Master data that came in the headers of documents. What notices say goes before it.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::{Client, Row};
use medtrace_service::Problem;
use medtrace_store::rows::MasterDataRow;
use serde::Deserialize;

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

/// What their owners call these, by id.
pub async fn names(client: &Client, ids: BTreeSet<String>, known: u64) -> Result<BTreeMap<String, String>, Problem> {
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
