//! EPCIS queries while so many events of one pack each are stored: first they are made, then each question is asked with
//! changing values, one after the other.
//!
//! ```text
//! machine ─▶ stack of its own ─▶ events stored ─▶ all of them hashed ─▶ each question for so long ─▶ report
//! ```

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use medtrace_store::{client::StoreConfig, read::hashed_to};
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    Quantiles,
    goods::{Goods, Maker},
    machine::Machine,
    report::tell,
    verify::{Shape, preload},
    watch::Watch,
};
use crate::{client::Client, output::Output, stack::Stack};

/// One pack an event, as many events as a submission takes.
const SHAPE: Shape = Shape { per_event: 1, per_submission: 500 };
/// Pause between two looks how far events are hashed, milliseconds.
const LOOK_MS: u64 = 200;

/// What is measured.
#[derive(Debug, Clone, Serialize)]
pub struct QueriesPlan {
    pub events: u64,
    /// Of each question.
    pub seconds: f64,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct QueriesReport {
    pub version: &'static str,
    /// RFC 3339.
    pub time: String,
    /// The figures of a build for debugging say nothing.
    pub optimised: bool,
    pub machine: Machine,
    pub plan: QueriesPlan,
    /// Posted to queryable.
    pub events_per_s: f64,
    /// From when the last was queryable until all were hashed, seconds.
    pub hashed_s: f64,
    pub asked: Vec<Asked>,
    /// `SELECT 1` of the store over the same way: what any answer costs at least.
    pub baseline: Quantiles,
}

/// One question.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    pub what: &'static str,
    /// Of one answer, the last.
    pub events: usize,
    /// From question to answer, as the client sees it, milliseconds.
    pub ms: Quantiles,
}

/// A question with values of its own for each number.
struct Question {
    what: &'static str,
    path: fn(&Maker, u64, &Samples) -> String,
    /// There is always something to find; else the page may end first, after the rows that one question looks at.
    finds: bool,
}

/// What questions need to know of what is stored.
struct Samples {
    event_id: String,
    hash: String,
    next: String,
}

const QUESTIONS: [Question; 8] = [
    Question {
        what: "one pack: MATCH_epc",
        path: |maker, n, _| format!("/events?MATCH_epc={}", maker.digital_link(n)),
        finds: true,
    },
    Question {
        what: "one event: EQ_eventID",
        path: |_, _, s| format!("/events?EQ_eventID={}", s.event_id),
        finds: true,
    },
    Question {
        what: "one event by its hash: EQ_eventID",
        path: |_, _, s| format!("/events?EQ_eventID={}", s.hash),
        finds: true,
    },
    Question {
        what: "30 of a place, oldest first",
        path: |maker, _, _| format!("/events?EQ_readPoint={}", maker.place()),
        finds: true,
    },
    Question {
        what: "30 of a place, newest first",
        path: |maker, _, _| format!("/events?EQ_readPoint={}&orderBy=recordTime&orderDirection=DESC", maker.place()),
        finds: true,
    },
    Question {
        what: "500 of a step, newest first",
        path: |_, _, _| {
            "/events?EQ_bizStep=commissioning&perPage=500&orderBy=recordTime&orderDirection=DESC".to_owned()
        },
        finds: true,
    },
    Question { what: "30 of the next page", path: |_, _, s| s.next.clone(), finds: true },
    Question {
        // Told by the events themselves, not by a column: 5,000 rows of the place are looked at.
        what: "a page of a lot of a place: EQ_ILMD",
        path: |maker, n, _| {
            format!("/events?EQ_readPoint={}&EQ_ILMD_cbvmda:lotNumber={}", maker.place(), Maker::lot(n))
        },
        finds: false,
    },
];

/// Measures on a stack of its own.
pub async fn measure_queries(plan: QueriesPlan, stack: &Stack, out: &Output) -> anyhow::Result<QueriesReport> {
    let machine = Machine::here();
    let endpoints = stack.endpoints();
    let goods = Arc::new(Goods::enrol(&stack.layout, &endpoints).await?);
    let watch = Watch::start(&endpoints.kafka, &endpoints.query).await?;
    let told = |what: &str| tell(out, what);
    told(&format!("storing {} events", plan.events));
    let bar = out.progress(Some(plan.events), "events");
    let stored = preload(plan.events, SHAPE, &goods, &watch, &bar).await.context("failed to store events")?;
    bar.finish_and_clear();
    let store = StoreConfig {
        url: endpoints.clickhouse.clone(),
        user: endpoints.clickhouse_user.clone(),
        password: std::fs::read_to_string(&endpoints.clickhouse_password_file)?.trim().to_owned(),
        database: endpoints.clickhouse_database.clone(),
    }
    .client();
    told("waiting for event hashes");
    let begun = Instant::now();
    let sealed = store.query("SELECT max(height) + 1 FROM block").fetch_one::<u64>().await?;
    while hashed_to(&store).await? < sealed {
        sleep(Duration::from_millis(LOOK_MS)).await;
    }
    let hashed_s = begun.elapsed().as_secs_f64();
    let client = Client::new(&endpoints.query, None)?;
    let samples = Samples::find(&client).await?;
    let mut asked = Vec::new();
    for question in &QUESTIONS {
        told(question.what);
        asked.push(ask(question, &client, &goods, stored.serials(), &samples, plan.seconds).await?);
    }
    let mut ms = Vec::new();
    for _ in 0..asked.first().map_or(0, |first| first.ms.count) {
        let begun = Instant::now();
        store.query("SELECT 1").fetch_one::<u8>().await?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(QueriesReport {
        version: env!("CARGO_PKG_VERSION"),
        time: Timestamp::now().to_string(),
        optimised: !cfg!(debug_assertions),
        machine,
        plan,
        events_per_s: stored.items_per_s,
        hashed_s,
        asked,
        baseline: Quantiles::of(ms),
    })
}

impl Samples {
    /// Of an event in the midst of a page, and of that page's end.
    async fn find(client: &Client) -> anyhow::Result<Samples> {
        let answer = client.answer("/events?perPage=30").await?;
        let link = answer.headers().get("link").and_then(|link| link.to_str().ok()).unwrap_or_default();
        let next = link.strip_prefix('<').and_then(|link| link.split_once('>')).context("there is no next page")?;
        let next = next.0.to_owned();
        let page: Value = answer.json().await?;
        let id = list(&page).get(15).and_then(|event| event["eventID"].as_str()).context("an event has no eventID")?;
        let found = client.get("/v1/events", &[("eventID", id)]).await?;
        let name = found["events"][0]["event"].as_str().context("an event has no name")?;
        let event = client.get(&format!("/v1/events/{name}"), &[]).await?;
        let hash = event["hashes"][0].as_str().context("an event has no hash")?;
        // `?` of the hash would end the path.
        Ok(Samples { event_id: id.to_owned(), hash: hash.replace('?', "%3F"), next })
    }
}

fn list(document: &Value) -> &[Value] {
    let list = &document["epcisBody"]["queryResults"]["resultsBody"]["eventList"];
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

async fn ask(
    question: &Question,
    client: &Client,
    goods: &Goods,
    serials: std::ops::Range<u64>,
    samples: &Samples,
    seconds: f64,
) -> anyhow::Result<Asked> {
    let (mut ms, mut events) = (Vec::new(), 0);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut n = 0_u64;
    while Instant::now() < until {
        // Packs far apart, of the factory that made them; a large odd stride meets them all.
        n = n.wrapping_add(2_654_435_761) % (serials.end - serials.start).max(1);
        let serial = serials.start + n;
        let maker = goods.maker_of(serial, &serials).context("there is no factory")?;
        let path = (question.path)(maker, serial, samples);
        let begun = Instant::now();
        let (status, text) = client.text(&path).await?;
        ms.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(status.is_success(), "{path} was answered {status}: {text}");
        events = list(&serde_json::from_str(&text)?).len();
        ensure!(events > 0 || !question.finds, "{path} found nothing");
    }
    Ok(Asked { what: question.what, events, ms: Quantiles::of(ms) })
}
