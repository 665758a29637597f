//! `medtrace proof`: fetch a proof; check one from two files, without a network.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use medtrace_ledger::{self as ledger, Genesis, Part, Verified, proof::PROOF_BYTES_MAX};
use medtrace_service::{ConfigError, Problem};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    client::Client,
    context::{Context, Done, Outcome},
    output::Tone,
};

/// Pause between two questions whether the event is sealed and its block signed, in milliseconds.
const RETRY_PAUSE_MS: u64 = 100;

#[derive(Debug, Subcommand)]
pub enum Proof {
    /// Fetch the proof of an event
    Get(Get),
    /// Check a proof; needs only its file and the genesis
    Check(Check),
}

#[derive(Debug, clap::Args)]
pub struct Get {
    /// HEIGHT-INDEX, as every answer names events, or an eventID
    pub event: String,
    /// Write it here [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long to wait until the event is sealed and its block signed, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub wait: u64,
}

#[derive(Debug, clap::Args)]
pub struct Check {
    /// The proof
    pub file: PathBuf,
    /// The consortium's genesis note, from a source you trust
    #[arg(long, value_name = "FILE")]
    pub genesis: PathBuf,
}

impl Proof {
    pub async fn run(self, context: &Context) -> Done {
        match self {
            Proof::Get(get) => get.run(context).await,
            Proof::Check(check) => check.run(context),
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
        match &self.output {
            Some(file) => {
                fs::write(file, proof).with_context(|| format!("failed to write {}", file.display()))?;
            }
            None => context.out.line(proof.trim_end_matches('\n'))?,
        }
        Ok(Outcome::Fine)
    }

    /// The proof, or why it cannot be had yet.
    async fn ask(&self, client: &Client) -> anyhow::Result<Result<String, String>> {
        let Some(name) = name(client, &self.event).await? else {
            return Ok(Err(format!("there is no event {}", self.event)));
        };
        let (status, body) = client.text(&format!("/v1/events/{name}/proof")).await?;
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

/// A proof file beyond this length is not read, in bytes.
const FILE_BYTES_MAX: u64 = PROOF_BYTES_MAX as u64;

impl Check {
    fn run(self, context: &Context) -> Done {
        let genesis = fs::read_to_string(&self.genesis);
        let genesis = genesis.with_context(|| format!("failed to read {}", self.genesis.display()))?;
        let genesis = Genesis::parse(&genesis)
            .map_err(|error| ConfigError::new("--genesis", format!("{}: {error}", self.genesis.display())))?;
        let read = || format!("failed to read {}", self.file.display());
        let length = fs::metadata(&self.file).with_context(read)?.len();
        let bytes = if length > FILE_BYTES_MAX { Vec::new() } else { fs::read(&self.file).with_context(read)? };

        let checked = if length > FILE_BYTES_MAX {
            Err((Part::Format.as_str(), format!("longer than {FILE_BYTES_MAX} bytes")))
        } else {
            let proof = ledger::Proof::from_bytes(&bytes);
            proof.and_then(|proof| proof.check(&genesis)).map_err(|broken| (broken.part.as_str(), broken.detail))
        };
        match checked {
            Ok(shown) => proven(context, &genesis, &shown),
            Err((part, detail)) => {
                let value = json!({"proven": false, "part": part, "detail": detail});
                context
                    .out
                    .show(&value, |out| out.line(format!("{}  {part}: {detail}", out.tone(Tone::Bad, "NOT PROVEN"))))?;
                Ok(Outcome::Finding)
            }
        }
    }
}

fn proven(context: &Context, genesis: &Genesis, shown: &Verified) -> Done {
    let item: Value = serde_json::from_str(&shown.bytes).context("failed to read the item as JSON")?;
    let custody = shown.custody().map(ToString::to_string).unwrap_or_default();
    let (signed, sealed) = (time(shown.signed_ms), time(shown.block_ms));
    let event = shown.event.to_string();
    let witnesses = shown.cosignatures.len();
    let value = json!({
        "proven": true, "event": event, "party": shown.party, "custody": custody, "signed": signed, "sealed": sealed,
        "origin": genesis.origin, "submission": shown.submission, "checkpointSize": shown.checkpoint_size,
        "cosignatures": witnesses, "item": item,
    });
    context.out.show(&value, |out| {
        out.line(format!("{}  event {event}", out.tone(Tone::Good, "PROVEN")))?;
        let rows = [
            ("said by", format!("{} (key: {custody})", shown.party)),
            ("signed", signed.clone()),
            ("sealed", format!("{sealed}, block {} of {}", shown.event.height, genesis.origin)),
            ("covered by", format!("a checkpoint of {} blocks, {witnesses} witnesses", shown.checkpoint_size)),
            ("said", shown.bytes.clone()),
        ];
        out.table(&["", ""], rows.map(|(name, value)| vec![out.tone(Tone::Strong, name), value]).into())?;
        out.line(out.tone(Tone::Quiet, "that nothing was withheld is shown only by a full witness or an audit"))
    })?;
    Ok(Outcome::Fine)
}

/// RFC 3339 of Unix milliseconds.
fn time(unix_ms: u64) -> String {
    let at = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}
