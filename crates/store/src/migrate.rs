//! The numbered files of `schemas/clickhouse/`, applied once each, in order, and recorded in `schema_migration`.
//!
//! A file is named `NNNN_what.sql` and holds statements separated by `;`. A crash may come between two of them, or
//! between the last and the record, and then the file is applied again: so every statement must bear repetition
//! (`CREATE TABLE IF NOT EXISTS`, `ALTER … ADD COLUMN IF NOT EXISTS`). A file that has been applied never changes.
//!
//! One process migrates (the indexer); the others wait until [`check`] is content. On a cluster the same files are
//! applied with the table engines of the cluster's own DDL, and `schema_migration` filled in by hand.

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::statement::statements;

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// File name without `.sql`; starts with its number.
    pub name: &'static str,
    pub sql: &'static str,
}

/// The files of this build, in order.
pub const MIGRATIONS: &[Migration] = &include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Why the schema is not what this build needs.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error("failed to record or read the applied migrations")]
    Record(#[source] clickhouse::error::Error),
    #[error("failed to apply statement {statement} of {name}")]
    Statement { name: &'static str, statement: usize, source: clickhouse::error::Error },
    #[error(
        "failed to read migration {0:?}: its name must be four digits, an underscore and words, its number its own"
    )]
    Name(&'static str),
    #[error("failed to trust the schema: {0} was changed after it was applied; write a new file instead")]
    Changed(&'static str),
    #[error("failed to use the schema: it has migration {0}, which this build does not know; use a newer build")]
    Newer(String),
    #[error("failed to use the schema: {0} is not applied yet")]
    Pending(&'static str),
}

/// What `schema_migration` holds.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
struct Applied {
    number: u32,
    name: String,
    sha256: String,
}

const RECORD_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    number UInt32, name String, sha256 String, applied DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = ReplacingMergeTree ORDER BY number";

/// Brings the client's database to this build's schema: makes it (`ENGINE = Atomic`) and applies what is missing.
/// Returns the names applied now. Repeatable; for one process at a time.
pub async fn migrate(client: &Client) -> Result<Vec<&'static str>, MigrateError> {
    apply(client, MIGRATIONS).await
}

/// [`migrate`] for a given list.
pub async fn apply(client: &Client, migrations: &[Migration]) -> Result<Vec<&'static str>, MigrateError> {
    let database = client.database().unwrap_or(crate::client::DATABASE_DEFAULT).to_owned();
    client
        .clone()
        .with_database("default")
        .query_raw("CREATE DATABASE IF NOT EXISTS {name:Identifier} ENGINE = Atomic")
        .param("name", &database)
        .execute()
        .await
        .map_err(MigrateError::Record)?;
    client.query_raw(RECORD_TABLE).execute().await.map_err(MigrateError::Record)?;
    let mut applied = Vec::new();
    for (migration, record) in pending(client, migrations).await? {
        for (at, statement) in statements(migration.sql).enumerate() {
            let failed = |source| MigrateError::Statement { name: migration.name, statement: at + 1, source };
            client.query_raw(statement).execute().await.map_err(failed)?;
        }
        let mut insert = client.insert::<Applied>("schema_migration").await.map_err(MigrateError::Record)?;
        insert.write(&record).await.map_err(MigrateError::Record)?;
        insert.end().await.map_err(MigrateError::Record)?;
        tracing::info!(migration = migration.name, "the schema has changed");
        applied.push(migration.name);
    }
    Ok(applied)
}

/// Whether the database has exactly this build's schema.
pub async fn check(client: &Client) -> Result<(), MigrateError> {
    match pending(client, MIGRATIONS).await?.first() {
        Some((migration, _)) => Err(MigrateError::Pending(migration.name)),
        None => Ok(()),
    }
}

/// Drops the client's database and everything in it: the log can rebuild it.
pub async fn drop_database(client: &Client) -> Result<(), clickhouse::error::Error> {
    let database = client.database().unwrap_or(crate::client::DATABASE_DEFAULT).to_owned();
    let drop = "DROP DATABASE IF EXISTS {name:Identifier} SYNC";
    client.clone().with_database("default").query_raw(drop).param("name", &database).execute().await
}

/// The migrations not applied yet, with their records to be; fails if what is applied is not what they say.
async fn pending(client: &Client, migrations: &[Migration]) -> Result<Vec<(Migration, Applied)>, MigrateError> {
    let mut wanted = Vec::with_capacity(migrations.len());
    for &migration in migrations {
        let number = number(migration.name).ok_or(MigrateError::Name(migration.name))?;
        if wanted.last().is_some_and(|(_, last): &(Migration, Applied)| last.number >= number) {
            return Err(MigrateError::Name(migration.name));
        }
        let sha256 = Sha256::digest(migration.sql).iter().map(|byte| format!("{byte:02x}")).collect();
        wanted.push((migration, Applied { number, name: migration.name.to_owned(), sha256 }));
    }
    let applied = client
        .query_raw("SELECT number, name, sha256 FROM schema_migration FINAL ORDER BY number")
        .fetch_all::<Applied>()
        .await
        .map_err(MigrateError::Record)?;
    for record in applied {
        let at = wanted.iter().position(|(_, own)| own.number == record.number);
        let (migration, own) = wanted.remove(at.ok_or_else(|| MigrateError::Newer(record.name.clone()))?);
        if own.sha256 != record.sha256 {
            return Err(MigrateError::Changed(migration.name));
        }
    }
    Ok(wanted)
}

fn number(name: &str) -> Option<u32> {
    let (number, words) = name.split_once('_')?;
    (number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()) && !words.is_empty())
        .then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_numbers() {
        assert_eq!(number("0012_facts"), Some(12));
        assert_eq!(number("12_facts"), None);
        assert_eq!(number("0012"), None);
        assert_eq!(number("+012_facts"), None);
    }

    #[test]
    fn the_files_of_this_build_are_numbered_in_order() {
        let numbers: Vec<_> =
            MIGRATIONS.iter().map(|migration| number(migration.name).expect(migration.name)).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}
