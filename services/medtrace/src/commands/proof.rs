//! `medtrace proof`: fetch evidence; check it from two files, without a network.

mod check;
mod log;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use medtrace_ledger::Genesis;
use medtrace_service::{ConfigError, Problem};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    client::Client,
    context::{Context, Done, Outcome},
};

/// Pause between two questions whether the event is sealed and its block signed, in milliseconds.
const RETRY_PAUSE_MS: u64 = 100;

#[derive(Debug, Subcommand)]
pub enum Proof {
    /// Fetch the proof of an event, or of several in one file
    Get(Get),
    /// Check a proof or other evidence; needs only its file and the genesis
    Check(check::Check),
    /// Show that the log grew from a checkpoint to the newest one; if it was signed twice, the fork
    Consistency(log::Consistency),
    /// Show that two checkpoints cannot both be true
    Fork(log::Fork),
    /// Show that what a receipt acknowledges was left out of the log
    Missing(log::Missing),
}

#[derive(Debug, clap::Args)]
pub struct Get {
    /// HEIGHT-INDEX, as every answer names events, or an eventID; several give one file
    #[arg(required = true)]
    pub events: Vec<String>,
    /// Write it here [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long to wait until the event is sealed and its block signed, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub wait: u64,
}

impl Proof {
    pub async fn run(self, context: &Context) -> Done {
        match self {
            Proof::Get(get) => get.run(context).await,
            Proof::Check(check) => check.run(context),
            Proof::Consistency(consistency) => consistency.run(context).await,
            Proof::Fork(fork) => fork.run(context).await,
            Proof::Missing(missing) => missing.run(context).await,
        }
    }
}

impl Get {
    async fn run(self, context: &Context) -> Done {
        let client = context.client()?;
        let deadline = Instant::now() + Duration::from_secs(self.wait);
        let proof = loop {
            match self.ask(&client).await? {
                Ok(proof) => break proof,
                Err(_) if Instant::now() < deadline => sleep(Duration::from_millis(RETRY_PAUSE_MS)).await,
                Err(not_yet) => bail!("{not_yet}"),
            }
        };
        put(context, self.output.as_deref(), &proof)?;
        Ok(Outcome::Fine)
    }

    /// The proof, or why it cannot be had yet.
    async fn ask(&self, client: &Client) -> anyhow::Result<Result<String, String>> {
        let mut names = Vec::with_capacity(self.events.len());
        for event in &self.events {
            let Some(name) = name(client, event).await? else { return Ok(Err(format!("there is no event {event}"))) };
            names.push(name);
        }
        let (status, body) = match names.as_slice() {
            [one] => client.text(&format!("/v1/events/{one}/proof")).await?,
            many => client.text_of("/v1/proofs", &json!({ "events": many })).await?,
        };
        let why = || match serde_json::from_str::<Problem>(&body) {
            Ok(problem) => problem.to_string(),
            Err(_) => format!("{status}: {body}"),
        };
        match status {
            StatusCode::OK => Ok(Ok(body)),
            StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE => Ok(Err(why())),
            _ => bail!("{}", why()),
        }
    }
}

/// `HEIGHT-INDEX` itself, or the name of the event with this eventID.
async fn name(client: &Client, event: &str) -> anyhow::Result<Option<String>> {
    let is_name = event.split_once('-').is_some_and(|(height, index)| {
        [height, index].iter().all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()))
    });
    if is_name {
        return Ok(Some(event.to_owned()));
    }
    let Some(found) = client.find("/v1/events", &[("eventID", event)]).await? else { return Ok(None) };
    match found["events"].as_array().map(Vec::as_slice).unwrap_or_default() {
        [] => Ok(None),
        [one] => Ok(one["event"].as_str().map(str::to_owned)),
        several => {
            let names: Vec<&str> = several.iter().filter_map(|event| event["event"].as_str()).collect();
            bail!("several events have this eventID; name one: {}", names.join(", "))
        }
    }
}

/// Writes evidence to the file, or to standard output.
fn put(context: &Context, file: Option<&Path>, evidence: &str) -> anyhow::Result<()> {
    match file {
        Some(file) => fs::write(file, evidence).with_context(|| format!("failed to write {}", file.display())),
        None => Ok(context.out.line(evidence.trim_end_matches('\n'))?),
    }
}

/// The text of a small file.
fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))
}

/// The genesis in a file that was named with `--genesis`.
fn genesis(file: &Path) -> anyhow::Result<Genesis> {
    let parsed = Genesis::parse(&read(file)?);
    Ok(parsed.map_err(|error| ConfigError::new("--genesis", format!("{}: {error}", file.display())))?)
}
