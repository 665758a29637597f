//! Reading facts back, for whoever folds them.

use clickhouse::Client;
use medtrace_gs1::Thing;
use medtrace_timeline::{Cut, Fact, Story, Walk};

use crate::rows::FactRow;

/// Things of one statement: a literal list is limited to 256 KiB of SQL text.
const THINGS_PER_QUERY: usize = 500;

/// Facts of one thing that are read at most; a thing with more is refused, not cut short.
pub const FACTS_MAX: u64 = 200_000;

/// Every fact of these things, sealed up to `known`.
///
/// # Errors
/// The store's own, or [`clickhouse::error::Error::Custom`] where a row is not a fact or there are more than
/// [`FACTS_MAX`].
pub async fn facts(client: &Client, things: &[Thing], known: u64) -> clickhouse::error::Result<Vec<Fact>> {
    let mut found = Vec::new();
    for some in things.chunks(THINGS_PER_QUERY) {
        let keys: Vec<(u64, &str)> = some.iter().map(|t| (t.class().to_u64(), t.id())).collect();
        let rows = client
            .query("SELECT ?fields FROM fact FINAL WHERE (class, id) IN ? AND block <= ? LIMIT ?")
            .bind(keys)
            .bind(known)
            .bind(FACTS_MAX + 1)
            .fetch_all::<FactRow>()
            .await?;
        if rows.len() as u64 > FACTS_MAX {
            return Err(clickhouse::error::Error::Custom(format!("more than {FACTS_MAX} facts for one question")));
        }
        for row in rows {
            found.push(Fact::try_from(row).map_err(|bad| clickhouse::error::Error::Custom(bad.to_string()))?);
        }
    }
    Ok(found)
}

/// The story of a thing at a cut, read level by level upward.
///
/// # Errors
/// As [`facts`].
pub async fn story(client: &Client, thing: Thing, cut: Cut) -> clickhouse::error::Result<Story> {
    let mut walk = Walk::new(thing, cut);
    loop {
        let wanted = walk.wanted();
        if wanted.is_empty() {
            return Ok(walk.finish());
        }
        let mut facts = facts(client, &wanted, cut.known).await?;
        facts.sort_by(|a, b| a.thing.cmp(&b.thing));
        for thing in wanted {
            let from = facts.partition_point(|f| f.thing < thing);
            let to = facts.partition_point(|f| f.thing <= thing);
            walk.supply(thing, facts[from..to].to_vec());
        }
    }
}
