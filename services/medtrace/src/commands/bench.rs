//! `medtrace bench`: measures this machine on a stack of its own, in a folder that goes when it is done.

use anyhow::Context as _;

use crate::{
    bench::{
        CapturePlan, CaptureReport, Plan, QueriesPlan, QueriesReport, Report, measure, measure_capture,
        measure_queries, print, print_capture, print_queries,
    },
    commands::up::{Start, on_signals},
    context::{Context, Done, Outcome},
    stack::{DEFAULT_ORIGIN, Stack},
};

/// Folder of the measured stack, in the data folder.
const FOLDER: &str = "bench";
/// Most events of one run: their bodies are held in memory.
const EVENTS_MAX: u64 = 500_000;

/// Small documents of each syntax that are captured.
const SMALL_DOCUMENTS: u64 = 500;

/// What was found.
enum Measured {
    All(Box<Report>),
    Capture(Box<CaptureReport>),
    Queries(Box<QueriesReport>),
}

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
    /// Measure the capture of EPCIS documents, and nothing else
    #[arg(long)]
    pub capture: bool,
    /// Events of the largest document that is captured: 300,000 are 200 MB
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(500..=350_000))]
    pub document_events: u64,
    /// Measure EPCIS queries while so many events are stored, and nothing else
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub queries: Option<u64>,
    /// Leave the stack's folder as it is in the end
    #[arg(long)]
    pub keep: bool,
}

impl Bench {
    pub async fn run(self, context: &Context) -> Done {
        let shutdown = on_signals()?;
        let measured = Context { data: context.data.join(FOLDER), ..context.clone() };
        let origin = DEFAULT_ORIGIN.parse().context("failed to name the consortium")?;
        let stack = Start { ports: 0, origin, reset: true }.stack(&measured, &shutdown).await?;
        let report = tokio::select! {
            report = self.measure(&stack, context) => report,
            why = stack.failed() => Err(anyhow::anyhow!(why)),
            () = shutdown.cancelled() => Err(anyhow::anyhow!("stopped")),
        };
        self.end(stack, &measured).await?;
        match report? {
            Measured::All(report) => context.out.show(&*report, |out| print(&report, out))?,
            Measured::Queries(report) => context.out.show(&*report, |out| print_queries(&report, out))?,
            Measured::Capture(report) => context.out.show(&*report, |out| print_capture(&report, out))?,
        }
        Ok(Outcome::Fine)
    }

    async fn measure(&self, stack: &Stack, context: &Context) -> anyhow::Result<Measured> {
        if self.capture {
            let plan = CapturePlan { documents: SMALL_DOCUMENTS, events: self.document_events };
            return Ok(Measured::Capture(Box::new(measure_capture(plan, stack, &context.out).await?)));
        }
        if let Some(events) = self.queries {
            let plan = QueriesPlan { events, seconds: self.seconds.into() };
            return Ok(Measured::Queries(Box::new(measure_queries(plan, stack, &context.out).await?)));
        }
        let plan = Plan {
            items: self.items,
            events: self.events,
            singles: self.singles,
            seconds: self.seconds.into(),
            repeats: self.repeats.into(),
        };
        Ok(Measured::All(Box::new(measure(plan, stack, &context.out).await?)))
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
