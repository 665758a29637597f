//! How soon: the same load at half of what goes through, each request at its own time, whether or not those before it
//! have been answered. Latencies count from when a request was due.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet, time::sleep_until};

use super::{
    Quantiles,
    goods::Goods,
    load::Form,
    watch::{LOOK_MS, Place, Watch},
};

/// Requests under way at a time; beyond it the load generator waits, and the wait counts.
const AT_ONCE_MAX: usize = 1_024;
/// Most events of one measurement: their bodies are made before, and held in memory.
const EVENTS_MAX: f64 = 200_000.0;

/// From when a request was due to when it was there, milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    pub form: Form,
    /// Events a second.
    pub offered: f64,
    pub seconds: f64,
    pub acknowledged: Quantiles,
    pub sealed: Quantiles,
    pub queryable: Quantiles,
    /// How exactly `queryable` is known, milliseconds.
    pub look_ms: u64,
}

/// Offers so many events a second for so long.
pub async fn latency(
    form: Form,
    offered: f64,
    seconds: f64,
    goods: &Arc<Goods>,
    watch: &Watch,
) -> anyhow::Result<Latency> {
    let events = (offered * seconds).clamp(1.0, EVENTS_MAX);
    let requests = form.requests(goods, events as u64)?;
    let (interval, room) = (form.batch() as f64 / offered, Arc::new(Semaphore::new(AT_ONCE_MAX)));
    let begun = Instant::now();
    let mut posts = JoinSet::new();
    for (n, request) in requests.into_iter().enumerate() {
        let due = begun + Duration::from_secs_f64(n as f64 * interval);
        sleep_until(due.into()).await;
        let (goods, permit) = (goods.clone(), room.clone().acquire_owned().await?);
        posts.spawn(async move {
            let place = request.post(&goods).await?;
            drop(permit);
            anyhow::Ok((due, due.elapsed(), place))
        });
    }
    let mut posted = Vec::new();
    while let Some(post) = posts.join_next().await {
        posted.push(post??);
    }
    let places: Vec<Place> = posted.iter().map(|(.., place)| *place).collect();
    watch.until_indexed(&places).await?;
    let since = |when: fn(&Watch, Place) -> Option<Instant>| {
        let ms = posted.iter().map(|(due, _, place)| {
            let there = when(watch, *place).context("a record was never seen")?;
            Ok(ms(there.saturating_duration_since(*due)))
        });
        ms.collect::<anyhow::Result<Vec<f64>>>().map(Quantiles::of)
    };
    Ok(Latency {
        form,
        offered,
        seconds: events / offered,
        acknowledged: Quantiles::of(posted.iter().map(|(_, took, _)| ms(*took)).collect()),
        sealed: since(Watch::sealed)?,
        queryable: since(Watch::indexed)?,
        look_ms: LOOK_MS,
    })
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
