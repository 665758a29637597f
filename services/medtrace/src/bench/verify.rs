//! Verifying a pack while so many are stored: first they are made, then random ones are asked for, one after the other
//! and by several at a time.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    Quantiles,
    goods::Goods,
    watch::{Place, Watch},
};
use crate::client::Client;

/// How packs are stored.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Packs of one commissioning event.
    pub per_event: u64,
    /// Events of one submission.
    pub per_submission: u64,
}

/// As a packing line reports a lot: within the limits of identifiers and bytes.
pub const LOTS: Shape = Shape { per_event: 1_000, per_submission: 16 };
/// Submissions under way at a time.
const AT_ONCE: usize = 4;
/// Who asks at a time.
const CLIENTS: [u64; 2] = [1, 8];

/// How fast packs were stored.
#[derive(Debug, Clone, Serialize)]
pub struct Preload {
    pub items: u64,
    /// Packs of one event.
    pub per_event: u64,
    /// Facts (one event on one pack) a second, posted to queryable.
    pub items_per_s: f64,
    #[serde(skip)]
    first: u64,
    #[serde(skip)]
    per_maker: u64,
}

/// So many clients, each with one question after the other.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    pub clients: u64,
    pub per_s: f64,
    /// From question to answer, as the client sees it, milliseconds.
    pub ms: Quantiles,
}

impl Preload {
    /// Serials of the packs, those of one factory after those of another.
    pub fn serials(&self) -> Range<u64> {
        self.first..self.first + self.items
    }
}

/// Stores packs.
pub async fn preload(
    items: u64,
    shape: Shape,
    goods: &Arc<Goods>,
    watch: &Watch,
    bar: &ProgressBar,
) -> anyhow::Result<Preload> {
    let per_submission = shape.per_event * shape.per_submission;
    let makers = goods.makers.len() as u64;
    let per_maker = items.div_ceil(makers);
    let first = goods.take(per_maker * makers).start;
    let begun = Instant::now();
    let chunks = (0..makers).flat_map(|maker| {
        let from = first + maker * per_maker;
        (from..from + per_maker)
            .step_by(per_submission as usize)
            .map(move |start| (maker as usize, start..(start + per_submission).min(from + per_maker)))
    });
    let posts = chunks.map(|(maker, serials)| {
        let goods = goods.clone();
        async move {
            let (maker, count) = (&goods.makers[maker], serials.end - serials.start);
            let body = goods.submission(maker, serials, shape.per_event as usize)?;
            let answer = maker.client.post("/v1/submissions", &body).await?.text().await?;
            bar.inc(count);
            Place::of(&answer)
        }
    });
    let places: Vec<Place> = stream::iter(posts).buffer_unordered(AT_ONCE).try_collect().await?;
    watch.until_indexed(&places).await?;
    let items = per_maker * makers;
    let items_per_s = items as f64 / begun.elapsed().as_secs_f64();
    Ok(Preload { items, per_event: shape.per_event, items_per_s, first, per_maker })
}

/// Asks for random packs for so long.
pub async fn verify(preload: &Preload, seconds: f64, goods: &Arc<Goods>, query: &str) -> anyhow::Result<Vec<Verified>> {
    let mut all = Vec::new();
    for clients in CLIENTS {
        let begun = Instant::now();
        let until = begun + Duration::from_secs_f64(seconds);
        let mut askers = JoinSet::new();
        for seed in 0..clients {
            let (client, goods, preload) = (Client::new(query, None)?, goods.clone(), preload.clone());
            askers.spawn(ask(client, goods, preload, seed + 1, until));
        }
        let mut ms = Vec::new();
        while let Some(asked) = askers.join_next().await {
            ms.extend(asked??);
        }
        all.push(Verified { clients, per_s: ms.len() as f64 / begun.elapsed().as_secs_f64(), ms: Quantiles::of(ms) });
    }
    Ok(all)
}

async fn ask(
    client: Client,
    goods: Arc<Goods>,
    preload: Preload,
    seed: u64,
    until: Instant,
) -> anyhow::Result<Vec<f64>> {
    let mut ms = Vec::new();
    let mut state = seed;
    while Instant::now() < until {
        // A linear congruential generator (Knuth's MMIX): all packs are equally likely, none is asked for twice in a row.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pack = (state >> 33) % preload.items;
        let maker = &goods.makers[(pack / preload.per_maker) as usize];
        let question = json!({ "code": maker.code(preload.first + pack) });
        let begun = Instant::now();
        let answer: Value = client.post_json("/v1/verify", &question).await?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(answer["verdict"] == "accept", "a stored pack should be accepted: {answer}");
    }
    Ok(ms)
}
