//! Posting as fast as it goes: every body is made before the clock starts, so many are under way at a time.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{
    figures::median,
    goods::Goods,
    scrape::{self, Spent},
    usage,
    watch::{Place, Watch},
};
use crate::{client::Body, stack::Endpoints};

/// Events of one submission, and of one list.
pub const BATCH_EVENTS: u64 = 500;

/// How events are posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Submissions of 500 that the party signed itself.
    Submissions,
    /// Lists of 500 scans.
    Lists,
    /// One scan a request.
    Singles,
}

impl Form {
    pub const ALL: [Form; 3] = [Form::Submissions, Form::Lists, Form::Singles];

    pub fn told(self) -> &'static str {
        match self {
            Form::Submissions => "submissions of 500 signed at home, POST /v1/submissions",
            Form::Lists => "lists of 500 scans, POST /v1/scans",
            Form::Singles => "single scans, POST /v1/scans",
        }
    }

    /// Events of one request.
    pub fn batch(self) -> u64 {
        match self {
            Form::Submissions | Form::Lists => BATCH_EVENTS,
            Form::Singles => 1,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Form::Submissions => "/v1/submissions",
            Form::Lists | Form::Singles => "/v1/scans",
        }
    }

    /// Requests under way at a time.
    fn at_once(self) -> usize {
        match self {
            Form::Submissions | Form::Lists => 8,
            Form::Singles => 256,
        }
    }

    /// The requests for so many events, in turn by each factory.
    pub fn requests(self, goods: &Goods, events: u64) -> anyhow::Result<Vec<Request>> {
        let body = |n: u64| {
            let maker = usize::try_from(n)? % goods.makers.len();
            let (by, serials) = (&goods.makers[maker], goods.take(self.batch()));
            let body = match self {
                Form::Submissions => goods.submission(by, serials, 1)?,
                Form::Lists | Form::Singles => goods.list(by, serials)?,
            };
            Ok(Request { form: self, maker, body })
        };
        (0..events.div_ceil(self.batch())).map(body).collect()
    }
}

/// One request, ready to be sent.
pub struct Request {
    form: Form,
    maker: usize,
    body: Body,
}

impl Request {
    /// Posts it; where the log has taken it.
    pub async fn post(&self, goods: &Goods) -> anyhow::Result<Place> {
        let client = &goods.makers[self.maker].client;
        let answer = client.post(self.form.path(), &self.body).await.context("the load was refused")?;
        Place::of(&answer.text().await?)
    }
}

/// Events a second from the first post on, until the last was acknowledged, sealed, queryable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Rates {
    pub acknowledged: f64,
    pub sealed: f64,
    pub queryable: f64,
}

/// What one form of load came to.
#[derive(Debug, Clone, Serialize)]
pub struct Throughput {
    pub form: Form,
    /// Events of each run.
    pub events: u64,
    pub median: Rates,
    pub runs: Vec<Rates>,
    /// Processor time of each process, microseconds an event.
    pub cpu_us_per_event: BTreeMap<String, f64>,
    /// What the services count themselves, over all runs.
    pub steps: Vec<Spent>,
    /// From first post to last answer, over all runs, seconds.
    pub wall_s: f64,
}

/// Runs a form of load so many times.
pub async fn throughput(
    form: Form,
    events: u64,
    repeats: usize,
    goods: &Arc<Goods>,
    watch: &Watch,
    endpoints: &Endpoints,
) -> anyhow::Result<Throughput> {
    let (mut runs, mut cpu, mut wall_s) = (Vec::new(), BTreeMap::<String, f64>::new(), 0.0);
    let steps = scrape::now(&endpoints.admin).await?;
    for _ in 0..repeats {
        let requests = form.requests(goods, events)?;
        let before = usage::now(&endpoints.pids);
        let (rates, took_s) = run(form, requests, goods, watch).await?;
        for (process, seconds) in usage::spent(&before, &usage::now(&endpoints.pids)) {
            *cpu.entry(process).or_default() += seconds;
        }
        runs.push(rates);
        wall_s += took_s;
    }
    let all = (events * repeats as u64) as f64;
    let of = |rate: fn(&Rates) -> f64| median(runs.iter().map(rate).collect());
    Ok(Throughput {
        form,
        events,
        median: Rates {
            acknowledged: of(|rates| rates.acknowledged),
            sealed: of(|rates| rates.sealed),
            queryable: of(|rates| rates.queryable),
        },
        cpu_us_per_event: cpu.into_iter().map(|(process, seconds)| (process, seconds * 1e6 / all)).collect(),
        steps: scrape::spent(&steps, &scrape::now(&endpoints.admin).await?),
        runs,
        wall_s,
    })
}

async fn run(form: Form, requests: Vec<Request>, goods: &Arc<Goods>, watch: &Watch) -> anyhow::Result<(Rates, f64)> {
    let events = requests.len() as f64 * form.batch() as f64;
    let begun = Instant::now();
    let posts = requests.into_iter().map(|request| {
        let goods = goods.clone();
        // Each on a task of its own, so that both cores carry the clients.
        let post = tokio::spawn(async move { request.post(&goods).await });
        async move { post.await? }
    });
    let places: Vec<Place> = stream::iter(posts).buffer_unordered(form.at_once()).try_collect().await?;
    let acknowledged = begun.elapsed().as_secs_f64();
    watch.until_indexed(&places).await?;
    let last = |when: fn(&Watch, Place) -> Option<Instant>| {
        let moments = places.iter().filter_map(|place| when(watch, *place));
        moments.max().map_or(f64::NAN, |moment| (moment - begun).as_secs_f64())
    };
    let (sealed, queryable) = (last(Watch::sealed), last(Watch::indexed));
    let rates = Rates { acknowledged: events / acknowledged, sealed: events / sealed, queryable: events / queryable };
    Ok((rates, queryable))
}
