//! `medtrace rebuild`: drops everything derived and waits until it is derived again.
//!
//! The indexer does it, asked at its admin port; the stack keeps running, and answers when it is where it was.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use medtrace_service::ConfigError;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    context::{Context, Done, Outcome},
    output::Tone,
};

/// Longest wait for one answer, in milliseconds.
const ANSWER_MS_MAX: u64 = 10_000;
/// Pause between two questions how far it is, in milliseconds.
const PAUSE_MS: u64 = 100;
/// How long the indexer may give no answer at all before that is an error, in milliseconds.
const SILENCE_MS_MAX: u64 = 60_000;

#[derive(Debug, clap::Args)]
pub struct Rebuild {
    /// Base URL of the indexer's admin port, on its own machine [default: of the stack in --data]
    #[arg(long, value_name = "URL")]
    pub admin: Option<String>,
    /// Return as soon as it has begun
    #[arg(long)]
    pub no_wait: bool,
}

impl Rebuild {
    pub async fn run(self, context: &Context) -> Done {
        let running = || context.endpoints().and_then(|endpoints| endpoints.admin.get("indexer").cloned());
        let none =
            || ConfigError::new("--admin", "no stack runs in --data; start one, or give the indexer's admin URL");
        let admin = self.admin.clone().or_else(running).ok_or_else(none)?;
        let indexer = Indexer {
            http: reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(ANSWER_MS_MAX)).build()?,
            admin: admin.trim_end_matches('/').to_owned(),
        };
        let begun = Instant::now();
        let asked = indexer.ask().await?;
        let blocks = asked["height"].as_u64().map_or(0, |height| height + 1);
        if !self.no_wait {
            indexer.wait(context, asked["begun_ms"].as_u64().unwrap_or_default(), blocks).await?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let value = json!({"rebuilt": !self.no_wait, "blocks": blocks, "seconds": seconds});
        context.out.show(&value, |out| match self.no_wait {
            true => out.line(format!("{}  {blocks} blocks are derived again", out.tone(Tone::Good, "BEGUN"))),
            false => out
                .line(format!("{}  {blocks} blocks derived again in {seconds:.1} s", out.tone(Tone::Good, "REBUILT"))),
        })?;
        Ok(Outcome::Fine)
    }
}

struct Indexer {
    http: reqwest::Client,
    admin: String,
}

impl Indexer {
    async fn ask(&self) -> anyhow::Result<Value> {
        let failed = || format!("failed to ask the indexer at {}", self.admin);
        let answer = self.http.post(format!("{}/rebuild", self.admin)).json(&json!({})).send().await;
        let answer = answer.with_context(failed)?;
        match answer.status() {
            StatusCode::ACCEPTED => answer.json().await.with_context(failed),
            StatusCode::NOT_FOUND => bail!(
                "the indexer's admin port is open to other machines, so it does not take this; \
                 make the file `rebuild` in the indexer's data folder and restart it"
            ),
            status => bail!("{}: {status}: {}", failed(), answer.text().await.unwrap_or_default()),
        }
    }

    /// Until a turn that began after `before` has `blocks` blocks in the store.
    async fn wait(&self, context: &Context, before: u64, blocks: u64) -> anyhow::Result<()> {
        let bar = context.out.progress(Some(blocks), "deriving blocks");
        let mut answered = Instant::now();
        loop {
            match self.readiness().await {
                Ok(told) => {
                    answered = Instant::now();
                    let done = told["height"].as_u64().map_or(0, |height| height + 1);
                    if told["begun_ms"].as_u64().is_some_and(|begun| begun > before) {
                        bar.set_position(done.min(blocks));
                        if done >= blocks {
                            bar.finish_and_clear();
                            return Ok(());
                        }
                    }
                }
                Err(error) if answered.elapsed() > Duration::from_millis(SILENCE_MS_MAX) => {
                    return Err(error)
                        .context("failed to hear from the indexer; what it began goes on when it is back");
                }
                Err(_) => {}
            }
            sleep(Duration::from_millis(PAUSE_MS)).await;
        }
    }

    async fn readiness(&self) -> anyhow::Result<Value> {
        Ok(self.http.get(format!("{}/readyz", self.admin)).send().await?.json().await?)
    }
}
