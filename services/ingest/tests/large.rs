//! Documents of many submissions: all or nothing, bodies that break off, disks that fail, restarts.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::large::Syntax;
use common::*;
use medtrace_ingest::MANUFACTURER;
use medtrace_ingest::jobs::CAPTURE_BYTES_MAX;
use medtrace_ledger::ItemKind;
use reqwest::Body;
use serde_json::{Value, json};

const EVENTS: usize = 3_000;
/// In the middle.
const WRONG: &[usize] = &[1_499];

impl Running {
    fn capture(&self, syntax: Syntax, behaviour: &str) -> reqwest::RequestBuilder {
        self.post_as(FACTORY, "/capture", syntax.media_type()).header("GS1-Capture-Error-Behaviour", behaviour)
    }

    /// Posts a document and waits for the end of its job.
    async fn captured(&self, syntax: Syntax, behaviour: &str, wrong: &'static [usize]) -> Value {
        let answer = self.send(self.capture(syntax, behaviour).body(syntax.body(EVENTS, wrong))).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let path = answer.headers["location"].to_str().unwrap();
        self.job_until(FACTORY, path, |job| job["running"] == false).await
    }
}

/// Everything in the folder of jobs, by name.
fn jobs(home: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(home.join("data/jobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Order numbers of the events in the log, in its order.
fn orders(log: &FakeLog) -> Vec<usize> {
    let items = log.taken().into_iter().flat_map(|taken| taken.items());
    let events = items.filter(|(kind, _)| *kind == ItemKind::Event);
    let order = |event: Value| {
        let order = event["bizTransactionList"][0]["bizTransaction"].as_str().unwrap().to_owned();
        order.rsplit_once('-').unwrap().1.parse().unwrap()
    };
    events.map(|(_, event)| order(event)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_event_among_thousands_stops_all_or_itself() {
    for syntax in [Syntax::Json, Syntax::JsonContextLast, Syntax::Xml] {
        let home = folder(&format!("many-{syntax:?}"));
        let running = start(MANUFACTURER, &home, world(), FakeLog::new()).await;
        running.index.reach(99);
        let path = match syntax {
            Syntax::Xml => "/epcis:EPCISDocument/EPCISBody/EventList/ObjectEvent[1500]/epcList/epc[1]",
            _ => "/epcisBody/eventList/1499/epcList/0",
        };
        let failed = running.captured(syntax, "rollback", WRONG).await;
        assert_eq!((&failed["success"], &failed["events"], &failed["refused"]), (&json!(false), &json!(0), &json!(1)));
        assert_eq!(failed["errors"].as_array().unwrap().len(), 1);
        assert_eq!(failed["errors"][0]["errors"][0]["path"], path);
        assert!(running.log.taken().is_empty(), "{syntax:?}: nothing of it is published");

        let partly = running.captured(syntax, "proceed", WRONG).await;
        assert_eq!(
            (&partly["success"], &partly["events"], &partly["refused"]),
            (&json!(false), &json!(2_999), &json!(1))
        );
        assert_eq!(partly["errors"][0]["errors"][0]["path"], path);
        let expected: Vec<usize> = (0..EVENTS).filter(|n| !WRONG.contains(n)).collect();
        assert_eq!(orders(&running.log), expected, "{syntax:?}: each once, in the document's order");
        for (part, taken) in running.log.taken().iter().enumerate() {
            let (kind, item) = taken.items().swap_remove(0);
            assert_eq!(kind, ItemKind::Document);
            assert_eq!((&item["part"], &item["parts"], &item["count"]), (&json!(part), &json!(7), &json!(EVENTS)));
            assert_eq!(item["header"].is_object(), part == 0);
        }
        assert_eq!(partly["receipts"].as_array().unwrap().len(), 7);
        // What is kept of a job that has ended is small.
        for job in jobs(&home) {
            assert!(["body", "items", "records"].iter().all(|file| !job.join(file).exists()));
        }
    }
}

// epcis: GET /capture/{} firstReceipt
#[tokio::test(flavor = "multi_thread")]
async fn every_refused_event_is_counted_and_the_first_hundred_are_named() {
    let running = start(MANUFACTURER, &folder("refused-many"), world(), FakeLog::new()).await;
    let wrong: Vec<Value> = (0..150).map(|_| json!({ "type": "ObjectEvent" })).collect();
    let answer = running.send(running.post(FACTORY, "/capture").json(&document(&wrong))).await;
    let path = answer.headers["location"].to_str().unwrap();
    let job = running.job_until(FACTORY, path, |job| job["running"] == false).await;
    assert_eq!((job["errors"].as_array().unwrap().len(), &job["refused"]), (100, &json!(150)));
    // A page of receipts that is beyond the last one is empty.
    let beyond = running.send(running.get(FACTORY, &format!("{path}?firstReceipt={}", usize::MAX))).await;
    assert_eq!((beyond.status, &beyond.body["receipts"]), (200, &json!([])));
    let of = |n: usize| job["errors"][n]["errors"][0]["path"].as_str().unwrap().to_owned();
    assert!(of(0).starts_with("/epcisBody/eventList/0") && of(99).starts_with("/epcisBody/eventList/99"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_arrive_whole_or_is_refused_leaves_nothing() {
    let home = folder("nothing-left");
    let running = start(MANUFACTURER, &home, world(), FakeLog::new()).await;
    let post = || running.capture(Syntax::Json, "rollback");

    // Too large, which is only seen on the way.
    let blank =
        futures::stream::iter((0..=CAPTURE_BYTES_MAX >> 20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 20])));
    assert_eq!(running.send(post().body(Body::wrap_stream(blank))).await.status, 413);
    assert_eq!(jobs(&home), Vec::<PathBuf>::new());
    // The client goes away in the middle.
    let mut pieces: Vec<_> = Syntax::Json.pieces(EVENTS, &[]).map(Ok).collect();
    pieces.truncate(10);
    pieces.push(Err(std::io::Error::other("gone")));
    assert!(post().body(Body::wrap_stream(futures::stream::iter(pieces))).send().await.is_err());
    let gone = async {
        while !jobs(&home).is_empty() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), gone).await.expect("its file should go");
    // What is no document at its very end.
    for tail in ["]}", "]}} x"] {
        let text: String = Syntax::Json.pieces(EVENTS, &[]).collect();
        let answer = running.send(post().body(text[..text.len() - 3].to_owned() + tail)).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["code"]), (400, &json!("syntax")), "{}", answer.body);
        assert_eq!(jobs(&home), Vec::<PathBuf>::new());
    }
    assert!(running.log.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_does_not_take_a_document_is_said_so() {
    let home = folder("no-disk");
    let running = start(MANUFACTURER, &home, world(), FakeLog::new()).await;
    std::fs::remove_dir(home.join("data/jobs")).unwrap();
    let answer = running.send(running.post(FACTORY, "/capture").json(&document(&[seen("S1")]))).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body["detail"], "the document cannot be spooled; nothing was stored, send it again");
    // Once it is there again, the same request is taken.
    std::fs::create_dir(home.join("data/jobs")).unwrap();
    assert_eq!(running.send(running.post(FACTORY, "/capture").json(&document(&[seen("S1")]))).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_disk_fails_goes_on_when_it_does_not() {
    let home = folder("disk-again");
    // A view that has not caught up: the job waits.
    let view = world();
    view.set_head(Some(1));
    let running = start(MANUFACTURER, &home, view, FakeLog::new()).await;
    running.index.reach(1);
    let answer = running.send(running.post(FACTORY, "/capture").json(&document(&[seen("S1")]))).await;
    let path = answer.headers["location"].to_str().unwrap();
    // Once the events are judged, no file can be made for their submissions.
    let job = jobs(&home).swap_remove(0);
    std::fs::create_dir(job.join("records")).unwrap();
    running.app.view.apply(&block(1, &[])).unwrap();
    while !std::fs::metadata(job.join("items")).is_ok_and(|file| file.len() > 0) {
        tokio::task::yield_now().await;
    }
    let waiting = running.send(running.get(FACTORY, path)).await;
    assert_eq!((&waiting.body["running"], &waiting.body["errors"]), (&json!(true), &json!([])));
    std::fs::remove_dir(job.join("records")).unwrap();
    let done = running.job_until(FACTORY, path, |job| job["running"] == false).await;
    assert_eq!((&done["success"], &done["events"]), (&json!(true), &json!(1)));
    assert_eq!(running.log.taken().len(), 1);
}

/// A service as it would be found after it was killed, its files changed by `change`, and the job that it goes on with.
async fn again(from: &Path, test: &str, change: impl FnOnce(&Path)) -> Running {
    let to = folder(test);
    let status = std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(&to).status().unwrap();
    assert!(status.success());
    change(&jobs(&to)[0]);
    start(MANUFACTURER, &to, world(), FakeLog::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_list_of_what_is_placed_costs_only_a_repetition() {
    let home = folder("torn");
    let running = start(MANUFACTURER, &home, world(), FakeLog::gated(3)).await;
    let answer = running.send(running.capture(Syntax::Json, "rollback").body(Syntax::Json.body(EVENTS, &[]))).await;
    let path = answer.headers["location"].to_str().unwrap().to_owned();
    running.job_until(FACTORY, &path, |job| job["receipts"].as_array().unwrap().len() == 3).await;
    let first: Vec<Vec<u8>> = running.log.taken().into_iter().map(|taken| taken.value).collect();

    for (name, keep, placed) in [("whole", 1.0, 3), ("cut", 0.9, 2), ("empty", 0.0, 0)] {
        let cut = |job: &Path| {
            let text = std::fs::read(job.join("placed")).unwrap();
            std::fs::write(job.join("placed"), &text[..(text.len() as f64 * keep) as usize]).unwrap();
            // Half of a document that was arriving.
            let arriving = job.with_file_name("new-1");
            std::fs::create_dir(&arriving).unwrap();
            std::fs::write(arriving.join("body"), "{").unwrap();
            std::fs::copy(job.join("job.json"), arriving.join("job.json")).unwrap();
        };
        let again = again(&home, &format!("torn-{name}"), cut).await;
        again.index.reach(99);
        let done = again.job_until(FACTORY, &path, |job| job["running"] == false).await;
        assert_eq!((&done["success"], done["receipts"].as_array().unwrap().len()), (&json!(true), 7), "{name}");
        let rest: Vec<Vec<u8>> = again.log.taken().into_iter().map(|taken| taken.value).collect();
        assert_eq!(rest.len(), 7 - placed, "{name}");
        assert_eq!(rest[..3 - placed], first[placed..], "{name}: with the bytes that were fixed");
        assert_eq!(
            jobs(&std::env::temp_dir().join(format!("medtrace-ingest-torn-{name}-{}", std::process::id()))).len(),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_job_whose_list_is_lost_is_published_once_more() {
    let home = folder("lost");
    let running = start(MANUFACTURER, &home, world(), FakeLog::new()).await;
    let answer = running.send(running.capture(Syntax::Xml, "rollback").body(Syntax::Xml.body(EVENTS, &[]))).await;
    let path = answer.headers["location"].to_str().unwrap().to_owned();
    let published = || {
        let job: Value = serde_json::from_slice(&std::fs::read(jobs(&home)[0].join("job.json")).unwrap()).unwrap();
        job["stage"] == "published"
    };
    running.job_until(FACTORY, &path, |_| published()).await;
    let again = again(&home, "lost-2", |job| std::fs::remove_file(job.join("placed")).unwrap()).await;
    again.index.reach(99);
    let done = again.job_until(FACTORY, &path, |job| job["running"] == false).await;
    assert_eq!((&done["success"], &done["events"]), (&json!(true), &json!(EVENTS)));
    let values = |log: &FakeLog| log.taken().into_iter().map(|taken| taken.value).collect::<Vec<_>>();
    assert_eq!(values(&again.log), values(&running.log));
}
