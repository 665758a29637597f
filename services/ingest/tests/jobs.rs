//! Capture jobs: what a client sees of one, and that a restart at any stage publishes the rest and nothing twice.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::*;
use medtrace_event::{CbvVersion, hash::event_hash};
use medtrace_ingest::MANUFACTURER;
use medtrace_ledger::{Hash, ItemKind, Note, Receipt};
use serde_json::{Value, json};

/// So many events, each of another item.
fn events(count: usize) -> Vec<Value> {
    (0..count).map(|n| seen(&format!("S{n}"))).collect()
}

async fn capture(running: &Running, document: &Value) -> Answer {
    let answer = running.send(running.post(FACTORY, "/capture").json(document)).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer
}

fn location(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// [`document`] as XML of this version. Lists of EPCs take other spellings there.
fn xml(version: &str, serials: &[&str]) -> String {
    let schema = if version.starts_with('2') { "urn:epcglobal:epcis:xsd:2" } else { "urn:epcglobal:epcis:xsd:1" };
    let event = |serial: &&str| {
        format!(
            "<ObjectEvent><eventTime>2026-03-01T08:00:00+08:00</eventTime>\
             <eventTimeZoneOffset>+08:00</eventTimeZoneOffset><epcList><epc>https://id.gs1.org/01/09506000134352/21/{serial}\
             </epc></epcList><action>OBSERVE</action><bizStep>urn:epcglobal:cbv:bizstep:inspecting</bizStep>\
             <readPoint><id>https://id.gs1.org/414/9506000134352</id></readPoint></ObjectEvent>"
        )
    };
    format!(
        "<epcis:EPCISDocument xmlns:epcis=\"{schema}\" schemaVersion=\"{version}\" creationDate=\"2026-03-01T08:00:00Z\">\
         <EPCISBody><EventList>{}</EventList></EPCISBody></epcis:EPCISDocument>",
        serials.iter().map(event).collect::<String>()
    )
}

/// The same events in either syntax are the same bytes, so that each counts once.
// epcis: POST /capture
#[tokio::test(flavor = "multi_thread")]
async fn xml_becomes_the_events_that_it_means() {
    let running = start(MANUFACTURER, &folder("xml"), world(), FakeLog::new()).await;
    let events = |taken: &Taken| {
        let events = taken.items().into_iter().filter(|(kind, _)| *kind == ItemKind::Event);
        events.map(|(_, event)| event).collect::<Vec<_>>()
    };
    let published = async |answer: Answer| {
        assert_eq!(answer.status, 202, "{}", answer.body);
        let done = |job: &Value| job["receipts"].as_array().unwrap().len() == 1;
        let job = running.job_until(FACTORY, &location(&answer), done).await;
        let taken = running.log.taken();
        let taken = taken.last().unwrap();
        // The receipt is of this very record, as the plan on disk has it.
        let receipt = Note::parse(job["receipts"][0].as_str().unwrap()).unwrap();
        let receipt = Receipt::parse(receipt.text()).unwrap();
        assert_eq!(receipt.leaf, Hash::of(format!("\0S{}", taken.unpacked().record.note)));
        taken.items()[0].1.clone()
    };
    published(capture(&running, &document(&[seen("X1"), seen("X2")])).await).await;
    for (media_type, version) in [("application/xml", "2.0"), ("text/xml; charset=utf-8", "1.2")] {
        let post = running.post_as(FACTORY, "/capture", media_type).body(xml(version, &["X1", "X2"]));
        let source = published(running.send(post).await).await;
        let taken = running.log.taken();
        assert_eq!(events(&taken[0]), events(taken.last().unwrap()), "{version}");
        // The evidence names the bytes that were sent.
        let sha256 = medtrace_ledger::Hash::of(xml(version, &["X1", "X2"])).to_string();
        assert_eq!((&source["mediaType"], &source["sha256"]), (&json!(media_type.split(';').next()), &json!(sha256)));
    }

    // What the party may not say is named by its place in the XML; the rest is stored if the rest is wanted.
    let wrong = xml("1.2", &["X3", "X4"]).replace("09506000134352/21/X4", "09506000134353/21/X4");
    let post = running.post_as(FACTORY, "/capture", "application/xml").header("GS1-Capture-Error-Behaviour", "proceed");
    let path = location(&running.send(post.body(wrong)).await);
    let job = running.job_until(FACTORY, &path, |job| job["receipts"].as_array().unwrap().len() == 1).await;
    let place = "/epcis:EPCISDocument/EPCISBody/EventList/ObjectEvent[2]/epcList/epc[1]";
    assert_eq!(job["errors"][0]["errors"][0]["path"], place);
    assert_eq!((&job["success"], &job["events"]), (&json!(false), &json!(1)));
}

/// One event as three clients spell it is one event to whoever compares: its hash by the CBV is the same.
// epcis: POST /capture
#[tokio::test(flavor = "multi_thread")]
async fn three_spellings_are_one_event() {
    let running = start(MANUFACTURER, &folder("spellings"), world(), FakeLog::new()).await;
    let urns = |serial: &str| {
        let mut event = seen("");
        event["eventTime"] = "2026-03-01T00:00:00.000Z".into();
        event["epcList"] = json!([format!("urn:epc:id:sgtin:9506000.013435.{serial}")]);
        event["bizStep"] = "https://ref.gs1.org/cbv/BizStep-inspecting".into();
        event["readPoint"] = json!({ "id": "urn:epc:id:sgln:9506000.13435.0" });
        document(&[event]).to_string()
    };
    let mut hashes = Vec::new();
    for (media_type, body) in [
        ("application/json", document(&[seen("SP1")]).to_string()),
        ("application/ld+json", urns("SP1")),
        ("application/xml", xml("1.2", &["SP1"])),
        ("application/json", urns("sp1")),
    ] {
        let answer = running.send(running.post_as(FACTORY, "/capture", media_type).body(body)).await;
        let published = |job: &Value| job["receipts"].as_array().unwrap().len() == 1;
        running.job_until(FACTORY, &location(&answer), published).await;
        let event = running.log.taken().last().unwrap().items().remove(1).1;
        let event = medtrace_event::Json::try_from(&event).unwrap();
        hashes.push(event_hash(&event, CbvVersion::V2_0).to_string());
    }
    assert_eq!((&hashes[1], &hashes[2]), (&hashes[0], &hashes[0]));
    assert_ne!(hashes[3], hashes[0], "another serial is another event");
}

/// How often the log holds each event, by its EPC.
fn counts(log: &FakeLog) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (kind, item) in log.taken().iter().flat_map(Taken::items) {
        if kind == ItemKind::Event {
            *counts.entry(item["epcList"][0].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    counts
}

/// The service's folder as it would be found after it was killed: a copy, so that the running one cannot touch it.
fn killed(from: &Path, test: &str) -> std::path::PathBuf {
    let to = folder(test);
    let status = std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(&to).status().unwrap();
    assert!(status.success());
    to
}

fn job_file(folder: &Path) -> Value {
    let jobs = folder.join("data/jobs");
    let job = std::fs::read_dir(jobs).unwrap().next().unwrap().unwrap().path();
    serde_json::from_slice(&std::fs::read(job.join("job.json")).unwrap()).unwrap()
}

// epcis: POST /capture
// epcis: GET /capture/{captureID}
#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_running_until_the_index_holds_all_of_it() {
    let running = start(MANUFACTURER, &folder("capture"), world(), FakeLog::new()).await;
    let sent = document(&events(600));
    let answer = capture(&running, &sent).await;
    let path = location(&answer);
    let published = running.job_until(FACTORY, &path, |job| job["receipts"].as_array().unwrap().len() == 2).await;
    assert_eq!((&published["running"], &published["success"]), (&json!(true), &json!(true)));

    // Not before the last of its two submissions.
    running.index.reach(1);
    running.index.reach(2);
    let done = running.job_until(FACTORY, &path, |job| job["running"] == false).await;
    insta::assert_json_snapshot!("done", steady_job(done));

    let taken = running.log.taken();
    let kinds = |n: usize| taken[n].items().iter().map(|item| item.0).collect::<Vec<_>>();
    assert_eq!((kinds(0)[0], kinds(1)[0]), (ItemKind::Document, ItemKind::Document));
    assert_eq!((kinds(0).len(), kinds(1).len()), (500, 102));
    insta::assert_json_snapshot!("documents", [taken[0].items()[0].1.clone(), taken[1].items()[0].1.clone()]);
    assert!(counts(&running.log).len() == 600 && counts(&running.log).values().all(|count| *count == 1));

    // The same document again is the same job; another party does not see it.
    assert_eq!(location(&capture(&running, &sent).await), path);
    assert_eq!(running.send(running.get(HOSPITAL, &path)).await.status, 404);
    assert_eq!(running.log.taken().len(), 2);
}

fn steady_job(mut job: Value) -> Value {
    let receipts = job["receipts"].as_array().unwrap().len();
    job["receipts"] = json!(format!("{receipts} receipts"));
    job
}

// epcis: POST /capture GS1-Capture-Error-Behaviour
#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_event_rolls_all_back_or_is_left_out() {
    let running = start(MANUFACTURER, &folder("behaviour"), world(), FakeLog::new()).await;
    let mut sent = events(3);
    sent[1]["bizStep"] = "dispensing".into();
    sent[2]["epcList"] = json!(["https://id.gs1.org/01/09506000134353/21/1"]);
    let rollback = location(&capture(&running, &document(&sent)).await);
    let failed = running.job_until(FACTORY, &rollback, |job| job["running"] == false).await;
    insta::assert_json_snapshot!("rollback", failed);
    assert!(running.log.taken().is_empty());

    running.index.reach(1);
    let post = running.post(FACTORY, "/capture").header("GS1-Capture-Error-Behaviour", "proceed");
    let proceed = location(&running.send(post.json(&document(&sent))).await);
    assert_ne!(proceed, rollback);
    let partly = running.job_until(FACTORY, &proceed, |job| job["running"] == false).await;
    insta::assert_json_snapshot!("proceed", steady_job(partly));
    assert_eq!(counts(&running.log).len(), 1);
}

/// An event that cannot be read is one that is refused: in either syntax the others are stored, or nothing is.
// epcis: POST /capture GS1-Capture-Error-Behaviour
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_one_of_the_refused() {
    let running = start(MANUFACTURER, &folder("unreadable"), world(), FakeLog::new()).await;
    running.index.reach(9);
    let good = document(&[seen("U1"), json!("here"), seen("U2")]).to_string();
    let json = |event: &str| ("application/json", good.replace("\"here\"", event), "/epcisBody/eventList/1");
    let list = "/epcis:EPCISDocument/EPCISBody/EventList";
    let sound = xml("1.2", &["U1", "U2"]);
    let second = sound.rfind("<ObjectEvent>").unwrap();
    let xml = |event: &str| ("application/xml", [&sound[..second], event, &sound[second..]].concat(), list);
    for ((media_type, body, place), code) in [
        (json("{\"type\":\"ObjectEvent\",\"x:a\":0.12345678901234567890}"), "inexact-number"),
        (json("{\"type\":\"ObjectEvent\",\"type\":\"ObjectEvent\"}"), "duplicate-member"),
        (json("{\"type\":\"ObjectEvent\",\"@context\":7}"), "context"),
        (xml("<QuantityEvent><epcClass>urn:epc:idpat:sgtin:9506000.013435.*</epcClass></QuantityEvent>"), "event-type"),
        (xml("<ObjectEvent><action>ADD</action><action>ADD</action></ObjectEvent>"), "duplicate-member"),
    ] {
        let post = || running.post_as(FACTORY, "/capture", media_type).body(body.clone());
        let before = running.log.taken().len();
        let answer = running.send(post()).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["code"]), (400, &json!(code)), "{body}");
        assert_eq!(running.log.taken().len(), before, "rollback: {body}");

        let answer = running.send(post().header("GS1-Capture-Error-Behaviour", "proceed")).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let job = running.job_until(FACTORY, &location(&answer), |job| job["running"] == false).await;
        assert_eq!((&job["success"], &job["events"], &job["refused"]), (&json!(false), &json!(2), &json!(1)), "{body}");
        let wrong = &job["errors"][0]["errors"][0];
        assert_eq!(wrong["code"], code, "{job}");
        assert!(wrong["path"].as_str().unwrap().starts_with(place), "{job}");
        let taken = running.log.taken();
        let stored = taken[before..].iter().flat_map(Taken::items);
        assert_eq!(stored.filter(|(kind, _)| *kind == ItemKind::Event).count(), 2, "{body}");
    }
    // What ends the document ends it for both.
    for torn in [good.replace("\"here\"", "{\"type\" 1}"), good.replace("\"here\"", "tru")] {
        let post = running.post(FACTORY, "/capture").header("GS1-Capture-Error-Behaviour", "proceed").body(torn);
        assert_eq!(running.send(post).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_failed_is_tried_again_when_it_is_sent_again() {
    let running = start(MANUFACTURER, &folder("retry"), world(), FakeLog::new()).await;
    let mut event = seen("S1");
    event["readPoint"] = json!({ "id": "https://id.gs1.org/414/4006381000000" });
    let sent = document(&[event]);
    let path = location(&capture(&running, &sent).await);
    let failed = running.job_until(FACTORY, &path, |job| job["running"] == false).await;
    assert_eq!(failed["success"], false);

    let mut notice = party_notice("factory-01", 10, &["manufacturer"], "9506000134352", &["9506000"]);
    notice["revision"] = json!(2);
    notice["glns"] = json!(["9506000134352", "4006381000000"]);
    running.app.view.apply(&block(1, &[sealed_notices("moh", &[key(1)], &[notice])])).unwrap();
    running.index.reach(1);
    assert_eq!(location(&capture(&running, &sent).await), path);
    let done = running.job_until(FACTORY, &path, |job| job["running"] == false).await;
    assert_eq!((&done["success"], &done["events"]), (&json!(true), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_anything_was_judged_it_starts_there() {
    let home = folder("kill-received");
    // A view that has not caught up: the job is spooled, and waits.
    let view = world();
    view.set_head(Some(1));
    let running = start(MANUFACTURER, &home, view, FakeLog::new()).await;
    let path = location(&capture(&running, &document(&events(3))).await);
    assert_eq!(job_file(&home)["stage"], "received");

    let again = start(MANUFACTURER, &killed(&home, "kill-received-2"), world(), FakeLog::new()).await;
    again.index.reach(1);
    let done = again.job_until(FACTORY, &path, |job| job["running"] == false).await;
    assert_eq!(done["success"], true);
    assert_eq!(counts(&again.log).len(), 3);
    assert!(running.log.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_two_submissions_the_rest_follows_with_the_bytes_that_were_fixed() {
    let home = folder("kill-planned");
    // The first of three submissions is taken, then nothing is answered any more.
    let running = start(MANUFACTURER, &home, world(), FakeLog::gated(1)).await;
    let path = location(&capture(&running, &document(&events(1_200))).await);
    running.job_until(FACTORY, &path, |job| job["receipts"].as_array().unwrap().len() == 1).await;
    let after = killed(&home, "kill-planned-2");
    assert_eq!(job_file(&after)["stage"], "planned");

    // The log goes on where it was.
    let again = start(MANUFACTURER, &after, world(), running.log.clone()).await;
    running.shutdown.cancel();
    again.index.reach(9);
    again.log.gate.add_permits(99);
    let done = again.job_until(FACTORY, &path, |job| job["running"] == false).await;
    assert_eq!((&done["success"], &done["events"]), (&json!(true), &json!(1_200)));
    let counts = counts(&again.log);
    assert_eq!(counts.len(), 1_200);
    // The killed process's own second append may have come through as well: then with the very same bytes.
    let mut values: Vec<Vec<u8>> = again.log.taken().into_iter().map(|taken| taken.value).collect();
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 3, "every submission has one form, whoever sends it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_that_is_not_acknowledged_goes_out_again_with_the_same_bytes() {
    let log = FakeLog::scripted([Act::Lose, Act::TakeUnseen, Act::Refuse]);
    let running = start(MANUFACTURER, &folder("resend"), world(), log).await;
    running.index.reach(9);
    let path = location(&capture(&running, &document(&events(2))).await);
    let done = running.job_until(FACTORY, &path, |job| job["running"] == false).await;
    assert_eq!(done["success"], true);
    let taken = running.log.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].value, taken[1].value);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_publishing_nothing_is_published_again() {
    let home = folder("kill-published");
    let running = start(MANUFACTURER, &home, world(), FakeLog::new()).await;
    let path = location(&capture(&running, &document(&events(2))).await);
    running.job_until(FACTORY, &path, |job| job["receipts"].as_array().unwrap().len() == 1).await;
    let again = start(MANUFACTURER, &killed(&home, "kill-published-2"), world(), FakeLog::new()).await;
    let waiting = again.send(again.get(FACTORY, &path)).await;
    assert_eq!(waiting.body["running"], true);
    again.index.reach(1);
    let done = again.job_until(FACTORY, &path, |job| job["running"] == false).await;
    assert_eq!(done["receipts"].as_array().unwrap().len(), 1);
    assert!(again.log.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_acknowledged_is_swept_away_and_a_damaged_job_stops_the_start() {
    let home = folder("sweep");
    let jobs = home.join("data/jobs");
    std::fs::create_dir_all(jobs.join("half")).unwrap();
    std::fs::write(jobs.join("half/body"), "{").unwrap();
    drop(start(MANUFACTURER, &home, world(), FakeLog::new()).await);
    assert!(!jobs.join("half").exists());
}

// epcis: GET /capture perPage Link
#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_newest_first_page_by_page() {
    let running = start(MANUFACTURER, &folder("list"), world(), FakeLog::new()).await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(location(&capture(&running, &document(&[seen(&format!("L{n}"))])).await));
    }
    let mut path = "/capture?perPage=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = running.send(running.get(FACTORY, &path)).await;
        let ids = page.body.as_array().unwrap().iter().map(|job| job["captureID"].as_str().unwrap().to_owned());
        seen.extend(ids.map(|id| format!("/capture/{id}")));
        let Some(link) = page.headers.get("link") else { break };
        let link = link.to_str().unwrap();
        assert!(link.ends_with("; rel=\"next\""));
        path = link[1..link.find('>').unwrap()].to_owned();
    }
    sent.sort();
    seen.sort();
    assert_eq!(seen, sent, "each job once");
    assert_eq!(running.send(running.get(HOSPITAL, "/capture")).await.body, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_names_bad_is_a_failure() {
    let running = start(MANUFACTURER, &folder("bad"), world(), FakeLog::new()).await;
    let path = location(&capture(&running, &document(&events(1))).await);
    running.job_until(FACTORY, &path, |job| job["receipts"].as_array().unwrap().len() == 1).await;
    let mut sealed = block(1, &[]);
    sealed.header.cuts = vec![medtrace_ledger::Cut {
        topic: "scan-events".parse().unwrap(),
        uuid: uuid(),
        partition: 2,
        from: 0,
        to: 1,
        records: 1,
        root: medtrace_ledger::Hash::default(),
    }];
    sealed.header.bad = vec![medtrace_ledger::Bad {
        topic: "scan-events".parse().unwrap(),
        partition: 2,
        ordinal: 0,
        reason: "unknown-key".parse().unwrap(),
    }];
    running.app.view.apply(&sealed).unwrap();
    running.index.reach(1);
    let done = running.job_until(FACTORY, &path, |job| job["running"] == false).await;
    insta::assert_json_snapshot!("bad", steady_job(done));
}
