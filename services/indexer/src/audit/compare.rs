//! The comparison of the store with what the log gives.
//!
//! First every table is streamed once. What is then left open (rows not seen, rows that a newer block made what they are)
//! is looked at again, row by row, in rounds; each round first derives the blocks that the store has got meanwhile. Once a
//! round has passed in which the log did not grow, what is still open is a difference.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clickhouse::Client;
use clickhouse::sql::Identifier;
use medtrace_ledger::hash::hex;
use medtrace_log::sealed::SealedBlock;
use medtrace_store::read::hashed_to;
use serde::Serialize;
use serde_json::Value;

use super::difference::{Difference, What, bytes, columns};
use super::expected::Auditor;
use crate::tables::{EachTable, Table, each};
use crate::write;

/// Differences that are named one by one; more are counted.
pub const NAMED_MAX: usize = 1_000;
/// How long the store may stand still before it is called behind the log, milliseconds.
const PATIENCE_MS: u64 = 10_000;
/// Pause before the store is looked at again, milliseconds.
const PAUSE_MS: u64 = 100;
/// Rounds after which rows that keep changing are given up.
const ROUNDS_MAX: u32 = 100;
/// Rows read at once by their keys, and the bytes of their keys: the store takes 256 KiB of literals.
const KEYS_PER_QUERY: usize = 500;
const KEY_BYTES_PER_QUERY: usize = 128 * 1024;
/// Rows between two reports of progress.
const TOLD_EVERY: u64 = 10_000;

/// Where newer blocks come from while the comparison goes on.
pub trait Chain {
    /// Number of blocks in the log now.
    fn size(&mut self) -> impl Future<Output = anyhow::Result<u64>>;
    /// The block of this height; asked for in order.
    fn block(&mut self, height: u64) -> impl Future<Output = anyhow::Result<SealedBlock>>;
}

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Blocks that were derived.
    pub blocks: u64,
    /// Rows of the store that were compared.
    pub rows: u64,
    /// Blocks by which the store was behind the log and stayed so.
    pub behind: u64,
    /// How many rows are not as the log says.
    pub differing: u64,
    /// The first [`NAMED_MAX`] of them.
    pub differences: Vec<Difference>,
}

/// Compares every row of every table with what `auditor` has derived; `told` hears the table and the rows read so far.
///
/// # Errors
/// Those of the store, of the log and of the keyed state. A row that is not as it should be is no error.
pub async fn compare<C: Chain>(
    client: &Client,
    chain: &mut C,
    auditor: &mut Auditor,
    told: impl FnMut(&'static str, u64),
) -> anyhow::Result<Report> {
    let behind = await_store(client, auditor.next_height()).await?;
    let mut work =
        Work { client, auditor, told, rows: 0, found: Found::default(), open: Found::default(), streaming: true };
    // What is erased disappears without a newer row: so first to where the store is.
    work.catch_up(chain).await?;
    each(&mut work).await?;
    work.streaming = false;
    for round in 0.. {
        let size = chain.size().await?;
        work.catch_up(chain).await?;
        work.open = Found::default();
        each(&mut work).await?;
        let derived = work.auditor.next_height();
        let still = chain.size().await? == size && (derived == size || behind > 0);
        if work.open.count == 0 || still {
            break;
        }
        if round == ROUNDS_MAX {
            work.open.named.iter_mut().for_each(|difference| difference.what = What::Unsettled);
            break;
        }
        tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
    }
    let Work { rows, mut found, open, .. } = work;
    found.count += open.count;
    found.named.extend(open.named);
    found.named.truncate(NAMED_MAX);
    let blocks = auditor.next_height();
    Ok(Report { blocks, rows, behind, differing: found.count, differences: found.named })
}

/// Blocks of which the store has every row, those included that are written later.
async fn next_height(client: &Client) -> anyhow::Result<u64> {
    Ok(write::next_height(client).await?.min(hashed_to(client).await?))
}

/// Waits until the store has `blocks` blocks; by how many it stays behind.
async fn await_store(client: &Client, blocks: u64) -> anyhow::Result<u64> {
    let (mut before, mut since) = (None, Instant::now());
    loop {
        let marker = next_height(client).await?;
        if marker >= blocks {
            return Ok(0);
        }
        if before != Some(marker) {
            (before, since) = (Some(marker), Instant::now());
        }
        if since.elapsed() > Duration::from_millis(PATIENCE_MS) {
            return Ok(blocks - marker);
        }
        tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
    }
}

struct Work<'a, T> {
    client: &'a Client,
    auditor: &'a mut Auditor,
    told: T,
    rows: u64,
    streaming: bool,
    found: Found,
    /// What would be a difference if nothing were under way.
    open: Found,
}

#[derive(Default)]
struct Found {
    count: u64,
    /// The first [`NAMED_MAX`].
    named: Vec<Difference>,
}

impl Found {
    fn add(&mut self, difference: Difference) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(difference);
        }
    }
}

impl<T: FnMut(&'static str, u64)> EachTable for Work<'_, T> {
    type Error = anyhow::Error;

    async fn table<R: Table>(&mut self) -> anyhow::Result<()> {
        match self.streaming {
            true => self.stream::<R>().await,
            false => {
                self.left::<R>().await?;
                self.deferred::<R>().await
            }
        }
    }
}

impl<T: FnMut(&'static str, u64)> Work<'_, T> {
    async fn stream<R: Table>(&mut self) -> anyhow::Result<()> {
        let query = self.client.query("SELECT ?fields FROM ? FINAL").bind(Identifier(R::TABLE));
        let mut rows = query.fetch::<R>()?;
        let mut read = 0;
        while let Some(row) = rows.next().await? {
            let row: R = row;
            let key = row.key();
            match self.auditor.expected.get::<R>(&key)? {
                Some(expected) if expected == row => self.auditor.expected.strike::<R>(&key)?,
                Some(_) if self.is_newer(&row) => {}
                None if self.is_newer(&row) => self.auditor.expected.defer(&row)?,
                Some(expected) => {
                    self.auditor.expected.strike::<R>(&key)?;
                    self.found.add(Difference::between(&expected, &row));
                }
                None => self.found.add(Difference::unexpected(&row)),
            }
            read += 1;
            if read % TOLD_EVERY == 0 {
                (self.told)(R::TABLE, read);
            }
        }
        self.rows += read;
        (self.told)(R::TABLE, read);
        Ok(())
    }

    /// Rows that the log gives and that were not seen as such yet.
    async fn left<R: Table>(&mut self) -> anyhow::Result<()> {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let page = self.auditor.expected.page::<R>(last.as_deref(), KEYS_PER_QUERY)?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.key());
            let found = self.read::<R>(page.iter().map(literal).collect()).await?;
            for expected in page {
                let key = expected.key();
                match found.get(&key) {
                    Some(row) if *row == expected => {}
                    Some(row) if self.is_newer(row) => {
                        self.open.add(Difference::between(&expected, row));
                        continue;
                    }
                    Some(row) => self.found.add(Difference::between(&expected, row)),
                    // A newer row may hide it.
                    None if R::HIDES => {
                        self.open.add(Difference::missing(&expected));
                        continue;
                    }
                    None => self.found.add(Difference::missing(&expected)),
                }
                // Judged: whatever was deferred under its key with it.
                self.auditor.expected.strike::<R>(&key)?;
                self.auditor.expected.settle::<R>(&key);
            }
        }
    }

    /// Rows of the store of which nothing was known when they were read.
    async fn deferred<R: Table>(&mut self) -> anyhow::Result<()> {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let page = self.auditor.expected.deferred::<R>(last.as_deref(), KEYS_PER_QUERY)?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.key());
            let found = self.read::<R>(page.iter().map(literal).collect()).await?;
            for row in page {
                let key = row.key();
                // What is expected by now is judged as such.
                let row = found.get(&key).filter(|_| !matches!(self.auditor.expected.get::<R>(&key), Ok(Some(_))));
                if let Some(row) = row.filter(|row| self.is_newer(*row)) {
                    self.open.add(Difference::unexpected(row));
                    continue;
                }
                self.auditor.expected.settle::<R>(&key);
                if let Some(row) = row {
                    self.found.add(Difference::unexpected(row));
                }
            }
        }
    }

    async fn read<R: Table>(&self, keys: Vec<String>) -> anyhow::Result<HashMap<Vec<u8>, R>> {
        let mut found = HashMap::new();
        let mut keys = keys.into_iter().peekable();
        while keys.peek().is_some() {
            let mut some = String::new();
            while let Some(key) = keys.next_if(|_| some.len() < KEY_BYTES_PER_QUERY) {
                some += if some.is_empty() { "" } else { "," };
                some += &key;
            }
            let columns = R::KEY.join(", ");
            let query = format!("SELECT ?fields FROM ? FINAL WHERE ({columns}) IN ({})", some.replace('?', "??"));
            for row in self.client.query(&query).bind(Identifier(R::TABLE)).fetch_all::<R>().await? {
                found.insert(row.key(), row);
            }
        }
        Ok(found)
    }

    /// Made what it is by a block that has not been derived here yet, or by none.
    fn is_newer<R: Table>(&self, row: &R) -> bool {
        row.height() >= self.auditor.next_height()
    }

    async fn catch_up<C: Chain>(&mut self, chain: &mut C) -> anyhow::Result<()> {
        let marker = next_height(self.client).await?.min(chain.size().await?);
        while self.auditor.next_height() < marker {
            let block = chain.block(self.auditor.next_height()).await?;
            self.auditor.take(&block)?;
        }
        Ok(())
    }
}

/// A row's key as SQL.
fn literal<R: Table>(row: &R) -> String {
    let columns = columns(row);
    let value = |name: &&str| match columns.get(*name) {
        Some(Value::String(text)) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Some(list @ Value::Array(_)) => format!("unhex('{}')", hex(&bytes(list).unwrap_or_default())),
        Some(other) => other.to_string(),
        None => "NULL".to_owned(),
    };
    let values: Vec<String> = R::KEY.iter().map(value).collect();
    // Of one value this is no tuple, as it is none in the query.
    format!("({})", values.join(", "))
}
