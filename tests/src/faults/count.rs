//! Counting afterwards, in the store itself: every acknowledged event once, nothing twice, nothing that nobody said.

use std::{collections::BTreeMap, fs, sync::Arc};

use anyhow::{Context, bail, ensure};
use medtrace_tool::stack::Endpoints;

use super::{EventId, Fate, Lane};

/// ClickHouse, asked directly.
pub struct Store {
    http: reqwest::Client,
    endpoints: Endpoints,
    password: String,
}

/// What the store holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events in the store.
    pub events: u64,
    /// Of those, events that were never acknowledged.
    pub unacknowledged: u64,
    /// Events of the lanes that were abandoned and are not there.
    pub absent: u64,
}

impl Store {
    pub fn new(endpoints: Endpoints) -> anyhow::Result<Store> {
        let password = fs::read_to_string(&endpoints.clickhouse_password_file)?.trim().to_owned();
        Ok(Store { http: reqwest::Client::new(), endpoints, password })
    }

    /// Asks, and hands over the answer line by line.
    pub async fn lines(&self, sql: &str, mut line: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let Endpoints { clickhouse, clickhouse_user, clickhouse_database, .. } = &self.endpoints;
        let request = self.http.post(clickhouse).query(&[("database", clickhouse_database)]);
        let request = request.header("X-ClickHouse-User", clickhouse_user).header("X-ClickHouse-Key", &self.password);
        let mut answer = request.body(sql.to_owned()).send().await?;
        if !answer.status().is_success() {
            bail!("{sql}: {}", answer.text().await?);
        }
        let mut rest = Vec::new();
        while let Some(bytes) = answer.chunk().await? {
            rest.extend_from_slice(&bytes);
            let end = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let whole: Vec<u8> = rest.drain(..end).collect();
            std::str::from_utf8(&whole)?.lines().try_for_each(&mut line)?;
        }
        ensure!(rest.is_empty(), "{sql}: the answer ended within a line");
        Ok(())
    }

    /// The one number that a question asks for.
    pub async fn number(&self, sql: &str) -> anyhow::Result<u64> {
        let mut number = None;
        self.lines(sql, |line| {
            number = Some(line.parse()?);
            Ok(())
        })
        .await?;
        number.with_context(|| format!("{sql}: no answer"))
    }

    /// The height after the last marker.
    pub async fn next_height(&self) -> anyhow::Result<u64> {
        self.number("SELECT if(count() = 0, 0, max(height) + 1) FROM block").await
    }
}

/// Holds every event of the store against what the lanes said.
pub async fn events(store: &Store, lanes: &[Arc<Lane>]) -> anyhow::Result<Tally> {
    let mut counts: BTreeMap<u16, Vec<u8>> =
        lanes.iter().map(|lane| (lane.number, vec![0; lane.next() as usize])).collect();
    store
        .lines("SELECT event_id FROM event FINAL FORMAT TabSeparated", |line| {
            let id = EventId::read(line)?;
            let count = counts.get_mut(&id.lane).and_then(|lane| lane.get_mut(id.number as usize));
            let count = count.with_context(|| format!("{line} was never said"))?;
            *count = count.saturating_add(1);
            Ok(())
        })
        .await?;
    let mut tally = Tally::default();
    for lane in lanes {
        let counts = &counts[&lane.number];
        for (first, batch) in lane.fates().chunks(lane.batch as usize).enumerate() {
            let first = first * lane.batch as usize;
            let counts = &counts[first..first + batch.len()];
            let id = EventId { lane: lane.number, number: first as u32 };
            let fate = batch[0];
            ensure!(batch.iter().all(|other| *other == fate), "a batch has one fate: {id:?}");
            let wrong = || format!("the batch of {id:?} was {fate:?}; its events are in the store {counts:?} times");
            let whole = counts.iter().all(|count| *count == 1);
            let none = counts.iter().all(|count| *count == 0);
            let right = match fate {
                Fate::Acknowledged => whole,
                // A request is stored whole or not at all.
                Fate::Abandoned => whole || none,
                Fate::Open => false,
            };
            ensure!(right, wrong());
            let events = batch.len() as u64;
            match (fate, whole) {
                (Fate::Acknowledged, _) => tally.events += events,
                (_, true) => {
                    tally.events += events;
                    tally.unacknowledged += events;
                }
                (_, false) => tally.absent += events,
            }
        }
    }
    Ok(tally)
}
