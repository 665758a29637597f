//! `medtrace demo`: the stack with the county consortium's story.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::{
    client::Client,
    commands::up::{Start, addresses, on_signals, until_stopped},
    consortium::Consortium,
    context::{Context, Done},
    output::Tone,
    scenario::{self, Line, Poster, Script},
    stack::{Endpoints, Stack},
};

/// What was played, kept in the data folder so that a second start finds it.
const PLAYED: &str = "demo.json";

#[derive(Debug, clap::Args)]
pub struct Demo {
    #[command(flatten)]
    pub start: Start,
    /// Packs that the story is about
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    pub items: u32,
    /// Everything random in the story follows from it
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Played {
    script: Script,
    /// The height at which the late packing event was not known yet.
    before_late: u64,
}

/// What is printed once the stack is up.
#[derive(Debug, Serialize)]
struct Shown {
    endpoints: Endpoints,
    lines: Vec<Line>,
}

impl Demo {
    pub async fn run(self, context: &Context) -> Done {
        let shutdown = on_signals()?;
        let stack = self.start.stack(context, &shutdown).await?;
        let shown = tokio::select! {
            shown = self.show(context, &stack) => shown,
            () = shutdown.cancelled() => Ok(()),
        };
        if let Err(error) = shown {
            stack.stop(|step| eprintln!("{step}")).await;
            return Err(error);
        }
        until_stopped(context, stack, &shutdown).await
    }

    async fn show(&self, context: &Context, stack: &Stack) -> anyhow::Result<()> {
        let file = stack.layout.root().join(PLAYED);
        let client = Client::new(&stack.endpoints().query, None)?;
        let found = read(&file)?;
        let played = match found {
            Some(played) => played,
            None => {
                let played = self.play(context, stack).await?;
                std::fs::write(&file, serde_json::to_vec(&played)?)
                    .with_context(|| format!("failed to write {}", file.display()))?;
                played
            }
        };
        if played.script != self.script() {
            let Script { items, seed } = played.script;
            eprintln!("found the story of {items} packs and seed {seed}; --reset plays another");
        }
        let lines = scenario::tell(played.script, played.before_late, &client, &stack.layout.genesis()).await?;
        if found.is_none()
            && let Some(wrong) = lines.iter().find(|line| !line.holds)
        {
            bail!("the story is not true: {}", wrong.told);
        }
        print(context, stack, lines)
    }

    fn script(&self) -> Script {
        Script { items: self.items, seed: self.seed }
    }

    async fn play(&self, context: &Context, stack: &Stack) -> anyhow::Result<Played> {
        let script = self.script();
        let consortium = Consortium::of_stack(stack)?;
        let mut poster = Poster::new(stack.layout.clone(), stack.endpoints().query);
        scenario::enrol(&consortium, &mut poster).await.context("failed to enrol the cast")?;
        poster.indexed().await?;
        let bar = context.out.progress(Some(scenario::requests(script)), "playing the scenario");
        let before_late =
            scenario::play(script, &mut poster, bar.clone()).await.context("failed to play the scenario")?;
        bar.finish_and_clear();
        Ok(Played { script, before_late })
    }
}

fn read(file: &Path) -> anyhow::Result<Option<Played>> {
    if !file.exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
    serde_json::from_slice(&bytes).map(Some).with_context(|| format!("failed to read {}", file.display()))
}

fn print(context: &Context, stack: &Stack, lines: Vec<Line>) -> anyhow::Result<()> {
    let shown = Shown { endpoints: stack.endpoints(), lines };
    context.out.show(&shown, |out| {
        addresses(out, &shown.endpoints, stack.layout.root())?;
        let mut who = "";
        for line in &shown.lines {
            if line.who != who {
                who = line.who;
                out.line(format!("\n{}", out.tone(Tone::Strong, format!("what the {who} sees"))))?;
            }
            out.line(format!("  {}\n    {}", line.told, out.tone(Tone::Quiet, &line.command)))?;
        }
        Ok(())
    })
}
