//! What is inside containers, from the containment assertions.

use std::collections::BTreeMap;

use clickhouse::{Client, Row};
use medtrace_gs1::{Class, Thing};
use medtrace_timeline::{Cut, DEPTH_MAX};
use serde::Deserialize;

/// Containers of one statement: a literal list is limited to 256 KiB of SQL text.
const UNITS_PER_QUERY: usize = 2_000;
/// Most things that one answer unfolds.
pub const CONTENTS_MAX: usize = 200_000;

#[derive(Row, Deserialize)]
struct Inside {
    parent_class: u64,
    parent_id: String,
    child_class: u64,
    child_id: String,
}

/// Everything that was inside `units` at the cut, at any depth: each thing with the container it was directly in.
///
/// # Errors
/// Those of the store; [`clickhouse::error::Error::Custom`] beyond [`CONTENTS_MAX`].
pub async fn contents(
    client: &Client,
    units: Vec<Thing>,
    cut: Cut,
) -> clickhouse::error::Result<BTreeMap<Thing, Thing>> {
    let mut found: BTreeMap<Thing, Thing> = BTreeMap::new();
    let mut level = units;
    for _ in 0..DEPTH_MAX {
        let mut next = Vec::new();
        for some in level.chunks(UNITS_PER_QUERY) {
            for row in inside(client, some, cut).await? {
                let (Some(parent), Some(child)) = (Class::from_u64(row.parent_class), Class::from_u64(row.child_class))
                else {
                    continue;
                };
                let child = Thing::new(child, &row.child_id);
                if found.insert(child.clone(), Thing::new(parent, &row.parent_id)).is_none() {
                    next.push(child);
                }
            }
        }
        if found.len() > CONTENTS_MAX {
            return Err(clickhouse::error::Error::Custom(format!("more than {CONTENTS_MAX} things inside")));
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    Ok(found)
}

async fn inside(client: &Client, units: &[Thing], cut: Cut) -> clickhouse::error::Result<Vec<Inside>> {
    let keys: Vec<(u64, &str)> = units.iter().map(|t| (t.class().to_u64(), t.id())).collect();
    client
        .query(
            "SELECT parent_class, parent_id, child_class, child_id FROM containment FINAL
             WHERE (parent_class, parent_id) IN ? AND block <= ?
             GROUP BY parent_class, parent_id, child_class, child_id, from_t, until_t
             HAVING sum(sign) > 0 AND from_t <= ? AND until_t > ?",
        )
        .bind(keys)
        .bind(cut.known)
        .bind(cut.at)
        .bind(cut.at)
        .fetch_all::<Inside>()
        .await
}
