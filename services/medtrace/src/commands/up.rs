//! `medtrace up`: everything of one machine, until Ctrl-C.

use std::{fs, path::Path};

use anyhow::{Context as _, anyhow, bail};
use medtrace_ledger::Origin;
use medtrace_service::{ConfigError, Env, Shutdown, logging};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    consortium::Consortium,
    context::{Context, Done, Outcome},
    output::{Output, Tone},
    stack::{DEFAULT_BASE, DEFAULT_ORIGIN, Endpoints, Layout, Outside, Settings, Stack, parse_base},
};

/// How a stack is started, by `up` and by `demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct Start {
    /// Base of all ports: the query service listens on it; 0 picks free ones
    #[arg(long, value_name = "BASE", default_value_t = DEFAULT_BASE, value_parser = parse_base)]
    pub ports: u16,
    /// The consortium's name; decided at the first start
    #[arg(long, value_name = "NAME", default_value = DEFAULT_ORIGIN)]
    pub origin: Origin,
    /// Remove what former runs left in the data folder
    #[arg(long)]
    pub reset: bool,
}

#[derive(Debug, clap::Args)]
pub struct Up {
    #[command(flatten)]
    pub start: Start,
}

impl Up {
    pub async fn run(self, context: &Context) -> Done {
        let shutdown = on_signals()?;
        let stack = self.start.stack(context, &shutdown).await?;
        let endpoints = stack.endpoints();
        context.out.show(&endpoints, |out| addresses(out, &endpoints, stack.layout.root()))?;
        until_stopped(context, stack, &shutdown).await
    }
}

/// Cancelled at the first SIGINT or SIGTERM. At the second this process ends at once, and its children with it.
pub fn on_signals() -> anyhow::Result<Shutdown> {
    let listen = |kind| signal(kind).context("failed to listen for signals");
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let shutdown = Shutdown::new();
    let first = shutdown.clone();
    tokio::spawn(async move {
        for second in [false, true] {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            if second {
                eprintln!("stopped at once by a second signal");
                std::process::exit(1);
            }
            first.cancel();
        }
    });
    Ok(shutdown)
}

impl Start {
    /// Starts the stack and enrols its three services.
    pub async fn stack(&self, context: &Context, shutdown: &Shutdown) -> anyhow::Result<Stack> {
        start_log()?;
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let settings = Settings {
            data: context.data.clone(),
            ports: self.ports,
            origin: self.origin.clone(),
            outside: Outside {
                kafka: env("MEDTRACE_KAFKA"),
                clickhouse_url: env("MEDTRACE_CLICKHOUSE_URL"),
                clickhouse_user: env("MEDTRACE_CLICKHOUSE_USER"),
                clickhouse_password: env("MEDTRACE_CLICKHOUSE_PASSWORD"),
                clickhouse_database: env("MEDTRACE_CLICKHOUSE_DATABASE"),
            },
        };
        if self.reset {
            not_outside(&settings.outside)?;
            reset(&settings.data)?;
        }
        let told = |step: &str| say(context, step);
        let stack = Stack::start(&settings, shutdown, told).await?;
        let consortium = Consortium::of_stack(&stack)?;
        let enrolled = tokio::select! {
            enrolled = consortium.enrol_services() => enrolled,
            () = shutdown.cancelled() => Err(anyhow!("stopped")),
        };
        match enrolled.context("failed to enrol the services").and_then(|()| stack.publish()) {
            Ok(()) => Ok(stack),
            Err(error) => {
                stack.stop(told).await;
                Err(error)
            }
        }
    }
}

/// The supervisor's own log. The Kafka client grumbles while the node is not up yet; readiness says it better.
fn start_log() -> Result<(), ConfigError> {
    let env = Env::real();
    let quiet = "info,librdkafka=off,rdkafka=off";
    logging::start(&Env::of([(logging::FILTER, env.text(logging::FILTER).unwrap_or(quiet))]))
}

/// Runs until the shutdown or until a process cannot be kept running; then stops everything in order.
pub async fn until_stopped(context: &Context, stack: Stack, shutdown: &Shutdown) -> Done {
    let failed = tokio::select! {
        () = shutdown.cancelled() => None,
        why = stack.failed() => Some(why),
    };
    say(context, "stopping everything; once more to stop at once");
    stack.stop(|step| say(context, step)).await;
    match failed {
        Some(why) => bail!("{why}"),
        None => Ok(Outcome::Fine),
    }
}

/// Steps go to standard error, so that standard output stays for addresses.
fn say(context: &Context, step: &str) {
    if !context.out.json {
        eprintln!("{step}");
    }
}

/// Prints where everything listens.
pub fn addresses(out: &Output, endpoints: &Endpoints, data: &Path) -> anyhow::Result<()> {
    let data = data.display().to_string();
    let rows = [
        ("query", &endpoints.query, "one address for all clients (MEDTRACE_URL)"),
        ("manufacturer", &endpoints.manufacturer, "ingest of factories"),
        ("distributor", &endpoints.distributor, "ingest of carriers, stores and dealers"),
        ("hospital", &endpoints.hospital, "ingest of hospitals"),
        ("kafka", &endpoints.kafka, "the log"),
        ("clickhouse", &endpoints.clickhouse, "the store; the password is in clickhouse.password"),
        ("data", &data, "keys, tokens, logs, endpoints.json"),
    ];
    let row = |(name, place, what): (&str, &String, &str)| {
        vec![out.tone(Tone::Strong, name), place.clone(), out.tone(Tone::Quiet, what)]
    };
    out.table(&["what", "where", ""], rows.map(row).into())?;
    out.line("up; Ctrl-C stops everything in order")
}

/// What lies outside the data folder is not removed with it, and belongs to a chain whose keys would be gone.
fn not_outside(outside: &Outside) -> anyhow::Result<()> {
    match (&outside.kafka, &outside.clickhouse_url) {
        (None, None) => Ok(()),
        _ => bail!(
            "--reset removes the data folder alone, and MEDTRACE_KAFKA or MEDTRACE_CLICKHOUSE_URL points at servers \
             that would keep the chain of its deleted keys; name another data folder, and empty those servers yourself"
        ),
    }
}

/// Removes a data folder, if it is one of medtrace's and no stack runs in it.
fn reset(data: &Path) -> anyhow::Result<()> {
    if !data.exists() {
        return Ok(());
    }
    let empty = fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_none());
    let lock = Layout::new(data).lock();
    if !empty && !lock.exists() {
        bail!("{} is not a data folder of medtrace; it is left as it is", data.display());
    }
    if let Ok(lock) = fs::File::open(lock)
        && lock.try_lock().is_err()
    {
        bail!("a stack is running in {}; stop it first", data.display());
    }
    fs::remove_dir_all(data).with_context(|| format!("failed to remove {}", data.display()))
}
