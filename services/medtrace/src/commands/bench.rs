//! `medtrace bench`: measures this machine on a stack of its own, in a folder that goes when it is done.

use anyhow::Context as _;

use crate::{
    bench::{Plan, Report, measure, print},
    commands::up::{Start, on_signals},
    context::{Context, Done, Outcome},
    stack::{DEFAULT_ORIGIN, Stack},
};

/// Folder of the measured stack, in the data folder.
const FOLDER: &str = "bench";
/// Most events of one run: their bodies are held in memory.
const EVENTS_MAX: u64 = 500_000;

#[derive(Debug, clap::Args)]
pub struct Bench {
    /// Packs that are stored before packs are verified
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub items: u64,
    /// Events of one run in submissions of 500 and in lists of 500
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(500..=EVENTS_MAX))]
    pub events: u64,
    /// Events of one run in single requests
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=EVENTS_MAX))]
    pub singles: u64,
    /// Length of each measurement of latency, seconds
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Runs of each measurement of throughput; the median is shown
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=25))]
    pub repeats: u8,
    /// Leave the stack's folder as it is in the end
    #[arg(long)]
    pub keep: bool,
}

impl Bench {
    pub async fn run(self, context: &Context) -> Done {
        let plan = Plan {
            items: self.items,
            events: self.events,
            singles: self.singles,
            seconds: self.seconds.into(),
            repeats: self.repeats.into(),
        };
        let shutdown = on_signals()?;
        let measured = Context { data: context.data.join(FOLDER), ..context.clone() };
        let origin = DEFAULT_ORIGIN.parse().context("failed to name the consortium")?;
        let stack = Start { ports: 0, origin, reset: true }.stack(&measured, &shutdown).await?;
        let report = tokio::select! {
            report = measure(plan, &stack, &context.out) => report,
            why = stack.failed() => Err(anyhow::anyhow!(why)),
            () = shutdown.cancelled() => Err(anyhow::anyhow!("stopped")),
        };
        self.end(stack, &measured).await?;
        let report: Report = report?;
        context.out.show(&report, |out| print(&report, out))?;
        Ok(Outcome::Fine)
    }

    async fn end(&self, stack: Stack, measured: &Context) -> anyhow::Result<()> {
        stack.stop(|_| ()).await;
        match self.keep {
            true => Ok(()),
            false => std::fs::remove_dir_all(&measured.data)
                .with_context(|| format!("failed to remove {}", measured.data.display())),
        }
    }
}
