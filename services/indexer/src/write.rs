//! Rows into the store: every table in parallel, the block markers last.

use std::pin::Pin;

use clickhouse::Client;
use clickhouse::error::Error;
use medtrace_store::rows::RefusedRow;

use crate::derive::Rows;
use crate::erase;
use crate::tables::Table;

/// ClickHouse's codes for a row that it cannot take as it is: what cannot be read, converted or is out of bounds,
/// and violated constraints. Anything else that it says (no memory, too many parts, no such table) may pass.
const ROW_CODES: &[u32] = &[6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 407, 469];

/// Why an insert did not succeed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store could not be reached, or cannot do it now: nothing is known, the same rows may be inserted again.
    #[error("reach the store: {0}")]
    NotNow(Error),
    /// The table is not ours, or refuses even the record of what was refused.
    #[error("write to table {table}: {source}")]
    Refused { table: &'static str, source: Error },
    /// What the table holds cannot be read.
    #[error("read table {table}: {error:#}")]
    Damaged { table: &'static str, error: anyhow::Error },
}

/// Inserts the rows of whole blocks. When it returns `Ok`, every row is durable or stands in `refused` with the
/// store's reason; the markers are the last to be written. Inserting the same rows again changes nothing.
///
/// # Errors
/// See [`WriteError`]; after either, everything may be inserted again.
pub async fn write(client: &Client, rows: &Rows) -> Result<(), WriteError> {
    let Some(height) = rows.blocks.last().map(|block| block.height) else { return Ok(()) };
    let refused = tokio::try_join!(
        insert(client, height, &rows.submissions),
        insert(client, height, &rows.event_refs),
        insert(client, height, &rows.events),
        insert(client, height, &rows.replays),
        insert(client, height, &rows.erasures),
        insert(client, height, &rows.facts),
        insert(client, height, &rows.lot_items),
        insert(client, height, &rows.unit_states),
        insert(client, height, &rows.lot_balances),
        insert(client, height, &rows.containments),
        insert(client, height, &rows.deliveries),
        insert(client, height, &rows.notices),
        insert(client, height, &rows.alerts),
        insert(client, height, &rows.master_data),
    )?;
    let (a, b, c, d, e, f, g, h, i, j, k, l, m, n) = refused;
    let mut refused = rows.refused.clone();
    refused.extend([a, b, c, d, e, f, g, h, i, j, k, l, m, n].into_iter().flatten());
    accept(client, &refused).await?;
    erase::take_out(client, &rows.erasures).await?;
    // The commit point: a block whose marker is here is here with all its rows.
    accept(client, &rows.blocks).await
}

/// Inserts rows; those that the store refuses come back as rows of `refused`, under the newest `height` of the batch.
async fn insert<T: Table>(client: &Client, height: u64, rows: &[T]) -> Result<Vec<RefusedRow>, WriteError> {
    match put(client, rows).await {
        Ok(()) => Ok(Vec::new()),
        Err(error) if is_row_refusal(&error) => halve(client, height, rows, error).await,
        Err(error) => Err(passing::<T>(error)),
    }
}

/// Finds the refused rows by halves, so that one bad row does not keep the others out.
fn halve<'a, T: Table>(
    client: &'a Client,
    height: u64,
    rows: &'a [T],
    error: Error,
) -> Pin<Box<dyn Future<Output = Result<Vec<RefusedRow>, WriteError>> + Send + 'a>> {
    Box::pin(async move {
        if let [row] = rows {
            let content = serde_json::to_string(row).unwrap_or_default();
            tracing::error!(table = T::TABLE, reason = %error, "the store refused a row");
            return Ok(vec![RefusedRow {
                block: height,
                target: T::TABLE.to_owned(),
                reason: error.to_string(),
                content,
            }]);
        }
        let (left, right) = rows.split_at(rows.len() / 2);
        let mut refused = insert(client, height, left).await?;
        refused.extend(insert(client, height, right).await?);
        Ok(refused)
    })
}

/// As [`insert`], for tables whose rows must not be refused.
async fn accept<T: Table>(client: &Client, rows: &[T]) -> Result<(), WriteError> {
    put(client, rows).await.map_err(|error| match is_row_refusal(&error) {
        true => WriteError::Refused { table: T::TABLE, source: error },
        false => passing::<T>(error),
    })
}

/// Inserts rows; durable when it returns.
pub(crate) async fn put<T: Table>(client: &Client, rows: &[T]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    // `fsync_after_insert` is a setting of the tables, not of an insert: see the embedded engine's server settings.
    let mut insert = client.insert::<T>(T::TABLE).await?;
    for row in rows {
        insert.write(row).await?;
    }
    insert.end().await
}

pub(crate) fn passing<T: Table>(error: Error) -> WriteError {
    match error {
        Error::SchemaMismatch(_) => WriteError::Refused { table: T::TABLE, source: error },
        error => WriteError::NotNow(error),
    }
}

fn is_row_refusal(error: &Error) -> bool {
    let Error::BadResponse(text) = error else { return false };
    let code = text.split_once("Code: ").and_then(|(_, rest)| rest.split_once('.')).map(|(code, _)| code.parse());
    matches!(code, Some(Ok(code)) if ROW_CODES.contains(&code))
}

/// The height after the last marker.
///
/// # Errors
/// The store's own.
pub async fn next_height(client: &Client) -> Result<u64, Error> {
    client.query("SELECT if(count() = 0, 0, max(height) + 1) FROM block").fetch_one::<u64>().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_row_is_to_blame_for_counts_against_it() {
        let said = |text: &str| is_row_refusal(&Error::BadResponse(text.to_owned()));
        assert!(said("Code: 131. DB::Exception: Too large string size. (TOO_LARGE_STRING_SIZE)"));
        assert!(!said("Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)"));
        assert!(!said("Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)"));
        assert!(!said("connection refused"));
        assert!(!is_row_refusal(&Error::TimedOut));
    }
}
