//! The service in a process of its own, which holds nothing of the log and makes nothing of the document: its memory while
//! it captures a large one, and a disk that becomes full.
//!
//! `MEDTRACE_CAPTURE_EVENTS=300000 cargo test --release -p medtrace-ingest --test memory -- --nocapture` takes 200 MB and
//! prints figures.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::large::Syntax;
use common::*;
use futures::future::BoxFuture;
use medtrace_ingest::log::{AppendError, Log, Placed};
use medtrace_ingest::{MANUFACTURER, jobs::Positions};
use medtrace_ledger::{PartyId, submission::SubmissionKind};
use serde_json::{Value, json};

/// Most that a document may add to what the service takes when idle (64 MiB).
const GROWTH_BYTES_MAX: u64 = 64 << 20;
/// Events of the documents of normal tests: 40 to 48 MB.
const EVENTS: usize = 60_000;
/// Tells the child that it is one, and where its files are.
const CHILD: &str = "MEDTRACE_MEMORY_CHILD";

/// Counts, and keeps nothing.
#[derive(Default)]
struct Counting(AtomicU64);

impl Log for Counting {
    fn append<'a>(
        &'a self,
        _: SubmissionKind,
        _: &'a PartyId,
        _: &'a [u8],
    ) -> BoxFuture<'a, Result<Placed, AppendError>> {
        let offset = self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { Ok(Placed { uuid: uuid(), partition: 2, offset }) })
    }
}

/// What the child process does: serves until its standard input ends.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other test starts it"]
async fn serve() {
    let Some(home) = std::env::var_os(CHILD) else { return };
    let running = start_on(MANUFACTURER, home.as_ref(), world(), Arc::new(Counting::default())).await;
    *running.index.0.lock().unwrap() = Positions { height: Some(0), scan_events: vec![u64::MAX; 4] };
    println!("\nserving {} {}", running.base, running.tokens[FACTORY]);
    let wait = || std::io::stdin().read_line(&mut String::new());
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}

struct Served {
    child: Child,
    out: BufReader<ChildStdout>,
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Served {
    /// With files of at most so many bytes: a write beyond fails, as on a disk that is full.
    fn start(test: &str, file_bytes_max: Option<u64>) -> Served {
        let limit = file_bytes_max.map_or(String::new(), |bytes| format!("trap '' XFSZ; ulimit -f {};", bytes / 512));
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit} exec \"$0\" --ignored --exact serve --nocapture")])
            .arg(std::env::current_exe().unwrap())
            .env(CHILD, folder(test))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("serving ") {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "the child should serve");
        }
        let mut words = line.split_whitespace().skip(1).map(str::to_owned);
        let (base, token) = (words.next().unwrap(), words.next().unwrap());
        // Each request on a connection of its own: one that was answered early has ended.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Served { child, out, base, token, http }
    }

    /// Of `/proc/<pid>/status`, in bytes.
    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    async fn post(&self, syntax: Syntax, events: usize) -> reqwest::Response {
        let post = self.http.post(format!("{}/capture", self.base)).bearer_auth(&self.token);
        post.header("content-type", syntax.media_type()).body(syntax.body(events, &[])).send().await.unwrap()
    }

    /// Posts a document and waits for its job; with the seconds until each.
    async fn capture(&self, syntax: Syntax, events: usize) -> (Value, f64, f64) {
        let begun = Instant::now();
        let post = self.http.post(format!("{}/capture", self.base)).bearer_auth(&self.token);
        let answer =
            post.header("content-type", syntax.media_type()).body(syntax.body(events, &[])).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let taken = begun.elapsed();
        let place = format!("{}{}", self.base, answer.headers()["location"].to_str().unwrap());
        loop {
            let job = self.http.get(&place).bearer_auth(&self.token).send().await.unwrap();
            let job: Value = job.json().await.unwrap();
            if job["running"] == false {
                return (job, taken.as_secs_f64(), begun.elapsed().as_secs_f64());
            }
            // Only so that asking does not take the time that the job needs.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All receipts of a job, page by page.
    async fn receipts(&self, job: &Value) -> usize {
        let mut path = format!("/capture/{}", job["captureID"].as_str().unwrap());
        let mut count = 0;
        loop {
            let page = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await.unwrap();
            let next = page.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let job: Value = page.json().await.unwrap();
            count += job["receipts"].as_array().unwrap().len();
            let Some(next) = next else { return count };
            next[1..next.find('>').unwrap()].clone_into(&mut path);
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.stdin.take().map(|mut input| input.write_all(b"\n"));
        let _ = std::io::copy(&mut self.out, &mut std::io::sink());
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_large_document_takes_no_more_memory_than_a_small_one() {
    let events = std::env::var("MEDTRACE_CAPTURE_EVENTS").map_or(EVENTS, |events| events.parse().unwrap());
    for syntax in [Syntax::Json, Syntax::JsonContextLast, Syntax::Xml] {
        let served = Served::start(&format!("memory-{syntax:?}"), None);
        served.capture(syntax, 10).await;
        let idle = served.status("VmRSS");
        let (job, taken_s, done_s) = served.capture(syntax, events).await;
        let peak = served.status("VmHWM");
        assert_eq!((&job["success"], &job["events"]), (&json!(true), &json!(events)));
        let parts = served.receipts(&job).await;
        assert_eq!(parts, events.div_ceil(499));
        let bytes: usize = syntax.pieces(events, &[]).map(|piece| piece.len()).sum();
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        println!(
            "{syntax:?}: {:.0} MB, {events} events, {parts} submissions: taken after {taken_s:.1} s, done after {done_s:.1} s \
             ({:.0} events/s); idle {:.0} MiB, peak {:.0} MiB",
            bytes as f64 / 1e6,
            events as f64 / done_s,
            mib(idle),
            mib(peak)
        );
        assert!(peak - idle < GROWTH_BYTES_MAX, "{syntax:?}: {:.1} MiB above idle", mib(peak - idle));
    }
}

#[tokio::test]
async fn a_disk_that_becomes_full_on_the_way_leaves_nothing() {
    let served = Served::start("full", Some(1 << 20));
    let answer = served.post(Syntax::Json, 3_000).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["detail"], "the document cannot be spooled; nothing was stored, send it again");
    let jobs = std::env::temp_dir().join(format!("medtrace-ingest-full-{}/data/jobs", std::process::id()));
    assert_eq!(std::fs::read_dir(jobs).unwrap().count(), 0);
    // What there is room for is taken.
    let (job, ..) = served.capture(Syntax::Json, 1_000).await;
    assert_eq!(job["success"], true);
}
