//! Reading facts back, for whoever folds them.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Client;
use clickhouse::error::{Error, Result};
use futures::{StreamExt, TryStreamExt};
use medtrace_gs1::Thing;
use medtrace_timeline::{Cut, Fact, Role, Story, Walk};

use crate::rows::FactRow;

/// Things of one statement: a literal list is limited to 256 KiB of SQL text.
const THINGS_PER_QUERY: usize = 500;
/// Statements of one question at a time.
const QUERIES_AT_ONCE: usize = 4;

/// Facts that one statement reads at most; beyond, the question is refused, not cut short.
pub const FACTS_MAX: u64 = 200_000;

/// A question about more than one answer can take in. Asked again it is the same.
///
/// Travels inside of [`Error::Other`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TooMuch(pub String);

impl From<TooMuch> for Error {
    fn from(too_much: TooMuch) -> Error {
        Error::Other(Box::new(too_much))
    }
}

/// Height of the first block whose events have no event hashes yet.
///
/// # Errors
/// The store's own.
pub async fn hashed_to(client: &Client) -> Result<u64> {
    client.query("SELECT max(next) FROM hashed").fetch_one().await
}

/// Every fact of these things, sealed up to `known`.
///
/// # Errors
/// The store's own, [`TooMuch`] beyond [`FACTS_MAX`], or [`Error::Custom`] where a row is not a fact.
pub async fn facts(client: &Client, things: &[Thing], known: u64) -> Result<Vec<Fact>> {
    facts_as(client, things, Role::ALL, known).await
}

/// Of the facts of these things, sealed up to `known`, those in which they play one of these roles.
///
/// # Errors
/// As [`facts`].
pub async fn facts_as(client: &Client, things: &[Thing], roles: &[Role], known: u64) -> Result<Vec<Fact>> {
    let queries: Vec<_> = things.chunks(THINGS_PER_QUERY).map(|some| facts_of(client, some, roles, known)).collect();
    let found: Vec<Vec<Fact>> = futures::stream::iter(queries).buffered(QUERIES_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn facts_of(client: &Client, things: &[Thing], roles: &[Role], known: u64) -> Result<Vec<Fact>> {
    let keys: Vec<(u64, &str)> = things.iter().map(|t| (t.class().to_u64(), t.id())).collect();
    let roles: Vec<u8> = roles.iter().map(|role| role.to_u8()).collect();
    let rows = client
        .query("SELECT ?fields FROM fact FINAL WHERE (class, id) IN ? AND role IN ? AND block <= ? LIMIT ?")
        .bind(keys)
        .bind(roles)
        .bind(known)
        .bind(FACTS_MAX + 1)
        .fetch_all::<FactRow>()
        .await?;
    if rows.len() as u64 > FACTS_MAX {
        return Err(TooMuch(format!("more than {FACTS_MAX} facts for one question")).into());
    }
    rows.into_iter().map(|row| Fact::try_from(row).map_err(|bad| Error::Custom(bad.to_string()))).collect()
}

/// The story of a thing at a cut, read level by level upward.
///
/// # Errors
/// As [`facts`].
pub async fn story(client: &Client, thing: Thing, cut: Cut) -> Result<Story> {
    Ok(stories(client, [thing], cut).await?.pop().expect("one story of one thing"))
}

/// The stories of many things at one cut, in their order. What they share, containers above all, is read once.
///
/// # Errors
/// As [`facts`].
pub async fn stories(client: &Client, things: impl IntoIterator<Item = Thing>, cut: Cut) -> Result<Vec<Story>> {
    let mut walks: Vec<Walk> = things.into_iter().map(|thing| Walk::new(thing, cut)).collect();
    let mut known: BTreeMap<Thing, Vec<Fact>> = BTreeMap::new();
    loop {
        let wanted: BTreeSet<Thing> = walks.iter().flat_map(Walk::wanted).collect();
        if wanted.is_empty() {
            return Ok(walks.into_iter().map(Walk::finish).collect());
        }
        let unread: Vec<Thing> = wanted.into_iter().filter(|thing| !known.contains_key(thing)).collect();
        for fact in facts(client, &unread, cut.known).await? {
            known.entry(fact.thing.clone()).or_default().push(fact);
        }
        for walk in &mut walks {
            for thing in walk.wanted() {
                let facts = known.entry(thing.clone()).or_default().clone();
                walk.supply(thing, facts);
            }
        }
    }
}
