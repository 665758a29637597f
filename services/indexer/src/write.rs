//! Rows into the store: every table in parallel, the block markers last.

use std::future::Future;

use clickhouse::{Client, RowOwned, RowWrite};
use medtrace_store::rows::*;
use serde::Serialize;

use crate::derive::Rows;

/// Why an insert did not succeed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store could not be reached, or did not answer: nothing is known, the same rows may be inserted again.
    #[error("reach the store: {0}")]
    Unreachable(clickhouse::error::Error),
    /// The store refuses even the record of what it refused.
    #[error("write to table {table}: {source}")]
    Refused { table: &'static str, source: clickhouse::error::Error },
}

/// Inserts the rows of whole blocks. When it returns `Ok`, every row is durable or stands in `refused` with the
/// store's reason; the markers are the last to be written. Inserting the same rows again changes nothing.
///
/// # Errors
/// See [`WriteError`]; after either, everything may be inserted again.
pub async fn write(client: &Client, rows: &Rows) -> Result<(), WriteError> {
    let Some(height) = rows.blocks.last().map(|block| block.height) else { return Ok(()) };
    let refused = tokio::try_join!(
        insert(client, height, "submission", &rows.submissions),
        insert(client, height, "event_ref", &rows.event_refs),
        insert(client, height, "event", &rows.events),
        insert(client, height, "replay", &rows.replays),
        insert(client, height, "fact", &rows.facts),
        insert(client, height, "lot_item", &rows.lot_items),
        insert(client, height, "unit_state", &rows.unit_states),
        insert(client, height, "lot_balance", &rows.lot_balances),
        insert(client, height, "containment", &rows.containments),
        insert(client, height, "delivery", &rows.deliveries),
        insert(client, height, "notice", &rows.notices),
        insert(client, height, "alert", &rows.alerts),
    )?;
    let (a, b, c, d, e, f, g, h, i, j, k, l) = refused;
    let mut refused = rows.refused.clone();
    refused.extend([a, b, c, d, e, f, g, h, i, j, k, l].into_iter().flatten());
    accept(client, "refused", &refused).await?;
    // The commit point: a block whose marker is here is here with all its rows.
    accept(client, "block", &rows.blocks).await
}

/// Inserts rows; those that the store refuses come back as rows of `refused`, under the newest `height` of the batch.
async fn insert<T>(client: &Client, height: u64, table: &'static str, rows: &[T]) -> Result<Vec<RefusedRow>, WriteError>
where
    T: RowOwned + RowWrite + Serialize + Sync,
{
    match put(client, table, rows).await {
        Ok(()) => Ok(Vec::new()),
        Err(error) if !is_refusal(&error) => Err(WriteError::Unreachable(error)),
        Err(error) => halve(client, height, table, rows, error).await,
    }
}

/// Finds the refused rows by halves, so that one bad row does not keep the others out.
fn halve<'a, T>(
    client: &'a Client,
    height: u64,
    table: &'static str,
    rows: &'a [T],
    error: clickhouse::error::Error,
) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<RefusedRow>, WriteError>> + Send + 'a>>
where
    T: RowOwned + RowWrite + Serialize + Sync,
{
    Box::pin(async move {
        if let [row] = rows {
            let content = serde_json::to_string(row).unwrap_or_default();
            tracing::error!(table, reason = %error, "the store refused a row");
            return Ok(vec![RefusedRow {
                block: height,
                target: table.to_owned(),
                reason: error.to_string(),
                content,
            }]);
        }
        let (left, right) = rows.split_at(rows.len() / 2);
        let mut refused = insert(client, height, table, left).await?;
        refused.extend(insert(client, height, table, right).await?);
        Ok(refused)
    })
}

/// As [`insert`], for tables whose rows must not be refused.
async fn accept<T>(client: &Client, table: &'static str, rows: &[T]) -> Result<(), WriteError>
where
    T: RowOwned + RowWrite + Serialize + Sync,
{
    put(client, table, rows).await.map_err(|error| match is_refusal(&error) {
        true => WriteError::Refused { table, source: error },
        false => WriteError::Unreachable(error),
    })
}

async fn put<T>(client: &Client, table: &'static str, rows: &[T]) -> Result<(), clickhouse::error::Error>
where
    T: RowOwned + RowWrite + Serialize + Sync,
{
    if rows.is_empty() {
        return Ok(());
    }
    // `fsync_after_insert` is a setting of the tables, not of an insert: see the embedded engine's server settings.
    let mut insert = client.insert::<T>(table).await?;
    for row in rows {
        insert.write(row).await?;
    }
    insert.end().await
}

/// An answer of the store, not a failure to reach it.
fn is_refusal(error: &clickhouse::error::Error) -> bool {
    use clickhouse::error::Error;
    matches!(error, Error::BadResponse(_) | Error::SchemaMismatch(_) | Error::Custom(_))
}
