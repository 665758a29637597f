//! `medtrace post`: EPCIS documents, single EPCIS events, scan lists, notices.
//!
//! ```text
//! {"type": "EPCISDocument" | "EPCISQueryDocument", …}    POST /capture, then its job until it is finished;
//! <epcis:EPCISDocument …>                                files are sent as they are read
//! {"type": "ObjectEvent" | "AggregationEvent" | …}       POST /events
//! {"step": …} or [{"step": …}, …]                        POST /v1/scans, in requests of at most SCANS_MAX
//! {"type": "product" | "place" | …} or a list of these   POST /v1/notices, signed there with the party's hosted key
//! ```
//!
//! A scan without an `id` is given one before it is sent, so that sending it again after a lost answer counts once.

use std::{
    fs,
    io::BufReader,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use medtrace_event::{Source, document::DocumentKind};
use reqwest::{Response, header};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    client::{Body, Client},
    commands::show::words,
    context::{Context, Done, Outcome},
    output::Tone,
};

/// Scans of one request.
const SCANS_MAX: usize = 100;
/// Identifiers of one request, as far as scans are gathered (a single scan may have more).
const CODES_MAX: usize = 5_000;
/// Pause between two questions for a capture job, in milliseconds.
const JOB_PAUSE_MS: u64 = 100;

#[derive(Debug, clap::Args)]
pub struct Post {
    /// JSON files, or EPCIS documents in XML; `-` is standard input (JSON)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// What a file holds.
enum Content {
    Document(Vec<u8>),
    /// A document that is sent as it is read, of this media type.
    File(&'static str),
    Event(Vec<u8>),
    Scans(Vec<Value>),
    Notices(Vec<u8>),
}

/// The types of notices.
const NOTICES: [&str; 7] = ["party", "key", "product", "place", "delegation", "recall", "acknowledgement"];

impl Post {
    pub async fn run(self, context: &Context) -> Done {
        let client = context.client_with_token()?;
        let mut answers = Vec::new();
        let mut failed = 0;
        for file in &self.files {
            let name = file.display().to_string();
            match post(context, &client, file).await {
                Ok((good, answer)) => {
                    failed += usize::from(!good);
                    answers.push(json!({"file": name, "success": good, "answer": answer}));
                }
                Err(error) if self.files.len() == 1 => return Err(error.context(format!("failed to post {name}"))),
                Err(error) => {
                    failed += 1;
                    answers.push(json!({"file": name, "success": false, "answer": format!("{error:#}")}));
                }
            }
        }
        context.out.show(&answers, |out| {
            answers.iter().try_for_each(|answer| {
                let (tone, word) = match answer["success"] == true {
                    true => (Tone::Good, "stored"),
                    false => (Tone::Bad, "refused"),
                };
                out.line(format!("{}  {}  {}", out.tone(tone, word), words(&answer["file"]), told(&answer["answer"])))
            })
        })?;
        match failed {
            0 => Ok(Outcome::Fine),
            n => bail!("{n} of {} files were refused", self.files.len()),
        }
    }
}

async fn post(context: &Context, client: &Client, file: &Path) -> anyhow::Result<(bool, Value)> {
    match read(file)? {
        Content::File(media_type) => {
            captured(context, client, &client.post_file("/capture", file, media_type).await?).await
        }
        Content::Document(bytes) => {
            let body = Body { bytes, media_type: "application/json" };
            captured(context, client, &client.post("/capture", &body).await?).await
        }
        Content::Event(bytes) => {
            let body = Body { bytes, media_type: "application/json" };
            let answer = client.post("/events", &body).await?;
            let place = answer.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
            Ok((true, json!({"location": place.map(path)})))
        }
        Content::Notices(bytes) => {
            let answer = client.post("/v1/notices", &Body { bytes, media_type: "application/json" }).await?;
            Ok((true, answer.json().await.context("failed to read the answer as JSON")?))
        }
        Content::Scans(scans) => {
            let bar = context.out.progress(Some(scans.len() as u64), "scans");
            let mut results = Vec::new();
            for request in requests(scans) {
                let sent = request.len() as u64;
                let answer = client.post_json("/v1/scans", &Value::Array(request)).await?;
                results.extend(answer["results"].as_array().cloned().unwrap_or_default());
                bar.inc(sent);
            }
            bar.finish_and_clear();
            Ok((true, json!({"results": results})))
        }
    }
}

/// Waits for the job of a document that was taken.
async fn captured(context: &Context, client: &Client, answer: &Response) -> anyhow::Result<(bool, Value)> {
    let job = answer.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
    let job = path(job.context("the answer has no Location of its job")?).to_owned();
    let bar = context.out.progress(None, "events being sealed and indexed");
    let job = finished(client, &job, &bar).await;
    bar.finish_and_clear();
    let job = job?;
    Ok((job["success"] == true, job))
}

/// Waits until a capture job is finished.
async fn finished(client: &Client, path: &str, bar: &ProgressBar) -> anyhow::Result<Value> {
    loop {
        let job = client.get(path, &[]).await?;
        if job["running"] != true {
            return Ok(job);
        }
        bar.set_message(format!("capture {} running", words(&job["captureID"])));
        sleep(Duration::from_millis(JOB_PAUSE_MS)).await;
    }
}

/// The media type of a file that begins as an EPCIS document does.
fn document(file: &Path) -> Option<&'static str> {
    let source = Source::open(BufReader::new(fs::File::open(file).ok()?)).ok()?;
    let is_document = source.kind() != DocumentKind::Event;
    is_document.then_some(match source {
        Source::Json(_) => "application/json",
        Source::Xml(_) => "application/xml",
    })
}

fn read(file: &Path) -> anyhow::Result<Content> {
    if let Some(media_type) = document(file).filter(|_| file.to_str() != Some("-")) {
        return Ok(Content::File(media_type));
    }
    let bytes = match file.to_str() {
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes)?;
            bytes
        }
        _ => fs::read(file)?,
    };
    // Only to see what it is: what is sent is the file's own bytes, so that numbers keep their spelling.
    let value: Value = serde_json::from_slice(&bytes).context("not JSON")?;
    let first = value.get(0).unwrap_or(&value);
    let kind = first["type"].as_str().unwrap_or_default();
    if NOTICES.contains(&kind) {
        return Ok(Content::Notices(bytes));
    }
    match &value {
        Value::Array(scans) => Ok(Content::Scans(scans.clone())),
        Value::Object(scan) if scan.contains_key("step") => Ok(Content::Scans(vec![value])),
        Value::Object(_) if matches!(kind, "EPCISDocument" | "EPCISQueryDocument") => Ok(Content::Document(bytes)),
        Value::Object(_) if kind.ends_with("Event") => Ok(Content::Event(bytes)),
        _ => bail!("neither an EPCIS document, nor an event, nor a scan list, nor a notice"),
    }
}

/// Scans in requests of bounded size, in their order, each with an id.
fn requests(scans: Vec<Value>) -> Vec<Vec<Value>> {
    let mut requests: Vec<Vec<Value>> = Vec::new();
    let mut codes = 0;
    for mut scan in scans {
        if let Value::Object(members) = &mut scan {
            members.entry("id").or_insert_with(|| json!(Uuid::new_v4()));
        }
        let more = scan["items"].as_array().map_or(0, Vec::len);
        let fits = codes + more <= CODES_MAX;
        match requests.last_mut() {
            Some(request) if fits && request.len() < SCANS_MAX => request.push(scan),
            _ => {
                requests.push(vec![scan]);
                codes = 0;
            }
        }
        codes += more;
    }
    requests
}

/// The path of a Location, which may be a whole URL: the base stays the one that was asked.
fn path(location: &str) -> &str {
    let after = location.find("://").map(|at| at + 3);
    match after.and_then(|host| location[host..].find('/').map(|slash| host + slash)) {
        Some(slash) => &location[slash..],
        None => location,
    }
}

fn told(answer: &Value) -> String {
    if let Some(results) = answer["results"].as_array() {
        let count =
            |what: &str| -> usize { results.iter().map(|result| result[what].as_array().map_or(0, Vec::len)).sum() };
        return match count("notices") {
            0 => format!("{} scans, {} events", results.len(), count("events")),
            notices => format!("{notices} notices"),
        };
    }
    let errors: Vec<String> = answer["errors"].as_array().into_iter().flatten().map(words).collect();
    match (answer["captureID"].as_str(), answer["location"].as_str()) {
        (Some(id), _) => [vec![format!("capture {id}")], errors].concat().join("\n  "),
        (None, Some(location)) => location.to_owned(),
        (None, None) => words(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_keep_their_order_and_get_ids_within_bounds() {
        let scan =
            |n: usize, codes: usize| json!({"step": "receive", "n": n, "items": vec![json!({"code": "x"}); codes]});
        let scans: Vec<Value> = (0..250).map(|n| scan(n, if n == 7 { 6_000 } else { 30 })).collect();
        let requests = requests(scans);
        let order: Vec<u64> = requests.iter().flatten().filter_map(|scan| scan["n"].as_u64()).collect();
        assert_eq!(order, (0..250).collect::<Vec<u64>>());
        assert!(requests.iter().flatten().all(|scan| scan["id"].is_string()));
        for request in &requests {
            let codes: usize = request.iter().filter_map(|scan| scan["items"].as_array()).map(Vec::len).sum();
            assert!(request.len() <= SCANS_MAX && (codes <= CODES_MAX || request.len() == 1));
        }
    }

    #[test]
    fn a_job_is_asked_for_where_the_document_was_posted() {
        assert_eq!(path("/capture/7"), "/capture/7");
        assert_eq!(path("http://10.0.0.1:7081/capture/7?a=b"), "/capture/7?a=b");
        assert_eq!(path("capture"), "capture");
    }
}
