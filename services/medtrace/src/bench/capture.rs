//! The capture of EPCIS documents: many small ones, and one as large as is taken, each in JSON and in XML.
//!
//! ```text
//! machine ─▶ stack of its own ─▶ of each syntax: small documents ─▶ one large document ─▶ its file copied ─▶ report
//! ```
//!
//! A document is taken when the service has answered 202, and done when its job is: sealed, indexed, queryable.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use reqwest::{Response, header};
use serde::{Serialize, de::IgnoredAny};
use tokio::time::sleep;

use super::{documents::Syntax, goods::Goods, machine::Machine, report::tell, usage};
use crate::{
    client::{Body, Client},
    output::Output,
    stack::Stack,
};

/// Events of a small document.
const SMALL_EVENTS: u64 = 10;
/// Small documents that are under way at a time.
const SMALL_AT_ONCE: usize = 16;
/// Pause between two questions for a job, in milliseconds.
const JOB_PAUSE_MS: u64 = 20;
/// The process that is measured.
const SERVICE: &str = "manufacturer";

/// What is measured.
#[derive(Debug, Clone, Serialize)]
pub struct CapturePlan {
    /// Small documents of each syntax.
    pub documents: u64,
    /// Events of the large document.
    pub events: u64,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct CaptureReport {
    pub version: &'static str,
    /// RFC 3339.
    pub time: String,
    /// The figures of a build for debugging say nothing.
    pub optimised: bool,
    pub machine: Machine,
    pub plan: CapturePlan,
    pub small: Vec<Captured>,
    pub large: Vec<Captured>,
    pub baselines: Vec<Baseline>,
}

/// Documents of one syntax and size.
#[derive(Debug, Clone, Serialize)]
pub struct Captured {
    pub syntax: Syntax,
    pub documents: u64,
    pub events: u64,
    /// Of all documents together.
    pub bytes: u64,
    /// From the first post until the last was taken, seconds.
    pub taken_s: f64,
    /// From the first post until the last was done, seconds.
    pub done_s: f64,
    /// The service's memory before, and the most that it had, bytes.
    pub idle_bytes: u64,
    pub peak_bytes: u64,
}

/// What the same file takes otherwise.
#[derive(Debug, Clone, Serialize)]
pub struct Baseline {
    pub syntax: Syntax,
    /// Copied, the copy on disk, seconds.
    pub copied_s: f64,
    /// Read by serde_json and nothing kept, seconds.
    pub parsed_s: Option<f64>,
}

/// Measures on a stack of its own.
pub async fn measure_capture(plan: CapturePlan, stack: &Stack, out: &Output) -> anyhow::Result<CaptureReport> {
    let machine = Machine::here();
    let endpoints = stack.endpoints();
    let pid = *endpoints.pids.get(SERVICE).context("there is no such process")?;
    let goods = Goods::enrol(&stack.layout, &endpoints).await?;
    let (mut small, mut large, mut baselines) = (Vec::new(), Vec::new(), Vec::new());
    let file = stack.layout.root().join("document");
    for syntax in Syntax::ALL {
        tell(out, &format!("{} documents of {SMALL_EVENTS} events, {}", plan.documents, syntax.told()));
        small.push(many(syntax, plan.documents, &goods, pid).await?);
        tell(out, &format!("one document of {} events, {}", plan.events, syntax.told()));
        large.push(one(syntax, plan.events, &goods, pid, &file).await?);
        baselines.push(baseline(syntax, &file)?);
        fs::remove_file(&file)?;
    }
    Ok(CaptureReport {
        version: env!("CARGO_PKG_VERSION"),
        time: Timestamp::now().to_string(),
        optimised: !cfg!(debug_assertions),
        machine,
        plan,
        small,
        large,
        baselines,
    })
}

async fn many(syntax: Syntax, documents: u64, goods: &Goods, pid: u32) -> anyhow::Result<Captured> {
    let mut bodies = Vec::new();
    for n in 0..documents {
        let maker = &goods.makers[usize::try_from(n)? % goods.makers.len()];
        let mut bytes = Vec::new();
        syntax.write(&mut bytes, maker, goods.take(SMALL_EVENTS))?;
        bodies.push((&maker.client, Body { bytes, media_type: syntax.media_type() }));
    }
    let bytes = bodies.iter().map(|(_, body)| body.bytes.len() as u64).sum();
    let idle_bytes = usage::begin_peak(pid)?;
    let begun = Instant::now();
    let posts = bodies.iter().map(|(client, body)| async move {
        let answer = client.post("/capture", body).await.context("a document was refused")?;
        anyhow::Ok((*client, place(&answer)?))
    });
    let jobs: Vec<_> = stream::iter(posts).buffer_unordered(SMALL_AT_ONCE).try_collect().await?;
    let taken_s = begun.elapsed().as_secs_f64();
    for (client, job) in jobs {
        done(client, &job).await?;
    }
    let done_s = begun.elapsed().as_secs_f64();
    let (events, peak_bytes) = (documents * SMALL_EVENTS, usage::peak_of(pid));
    Ok(Captured { syntax, documents, events, bytes, taken_s, done_s, idle_bytes, peak_bytes })
}

async fn one(syntax: Syntax, events: u64, goods: &Goods, pid: u32, file: &Path) -> anyhow::Result<Captured> {
    let maker = goods.makers.first().context("there is no factory")?;
    let bytes = syntax.write_file(file, maker, goods.take(events))?;
    let idle_bytes = usage::begin_peak(pid)?;
    let begun = Instant::now();
    let answer = maker.client.post_file("/capture", file, syntax.media_type()).await?;
    let taken_s = begun.elapsed().as_secs_f64();
    let captured = done(&maker.client, &place(&answer)?).await?;
    let done_s = begun.elapsed().as_secs_f64();
    ensure!(captured == events, "{captured} of {events} events were captured");
    let peak_bytes = usage::peak_of(pid);
    Ok(Captured { syntax, documents: 1, events, bytes, taken_s, done_s, idle_bytes, peak_bytes })
}

fn place(answer: &Response) -> anyhow::Result<String> {
    let place = answer.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
    Ok(place.context("the answer has no Location of its job")?.to_owned())
}

/// Waits until a job is done; how many events it captured.
async fn done(client: &Client, job: &str) -> anyhow::Result<u64> {
    loop {
        let job = client.get(job, &[]).await?;
        if job["running"] != true {
            if job["success"] != true {
                bail!("a document of the load is wrong: {}", job["errors"]);
            }
            return job["events"].as_u64().context("the job has no events");
        }
        sleep(Duration::from_millis(JOB_PAUSE_MS)).await;
    }
}

fn baseline(syntax: Syntax, file: &Path) -> anyhow::Result<Baseline> {
    let copy = file.with_extension("copy");
    let begun = Instant::now();
    let mut to = File::create(&copy)?;
    io::copy(&mut File::open(file)?, &mut to)?;
    to.sync_all()?;
    let copied_s = begun.elapsed().as_secs_f64();
    fs::remove_file(&copy)?;
    let parsed_s = match syntax {
        Syntax::Json => {
            let begun = Instant::now();
            serde_json::from_reader::<_, IgnoredAny>(BufReader::with_capacity(64 << 10, File::open(file)?))?;
            Some(begun.elapsed().as_secs_f64())
        }
        Syntax::Xml => None,
    };
    Ok(Baseline { syntax, copied_s, parsed_s })
}
