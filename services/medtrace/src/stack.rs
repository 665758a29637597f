//! The stack of one machine: every process of medtrace, started in order, kept running, stopped in reverse order.
//!
//! In scope: laying out the data folder, ports, starting and watching processes, enrolling the three services.
//! Out of scope: what the processes do; several machines (each process is configured by its environment alone).
//!
//! ```text
//! Stack::start ─▶ founding (keys, genesis, tokens) ─▶ engines ─▶ topics ─▶ services, each ready before the next
//! enrolment of the services ─▶ Stack::publish: endpoints.json is written, the stack is up
//! Stack::stop  ─▶ endpoints.json is removed ─▶ each group in reverse order, SIGTERM, then SIGKILL after a grace
//! ```

mod deployed;
mod endpoints;
mod founding;
mod keep;
mod layout;
mod plan;
mod ports;
mod process;

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use futures::future::{join_all, select_all, try_join_all};
use medtrace_ledger::Origin;
use medtrace_log::{Cluster, topics};
use medtrace_service::{ConfigError, Shutdown};

pub use deployed::{clickhouse_library, kafka_libs};
pub use endpoints::Endpoints;
pub use founding::{AUTHORITY, DEFAULT_ORIGIN, genesis, make_token, protection, signer};
pub use layout::Layout;
pub use ports::{DEFAULT_BASE, INGEST, PROCESSES, Ports, WITNESS, admin_urls, parse_base};

use endpoints::Board;
use keep::Kept;
use plan::Plan;
use process::Launch;

/// How long a start may take before it is said what is waited for, in milliseconds.
const PATIENCE_MS: u64 = 10_000;

/// Servers that are used instead of the embedded engines.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// `MEDTRACE_KAFKA`: bootstrap servers.
    pub kafka: Option<String>,
    /// `MEDTRACE_CLICKHOUSE_URL`, with `_USER`, `_PASSWORD` and `_DATABASE`.
    pub clickhouse_url: Option<String>,
    pub clickhouse_user: Option<String>,
    pub clickhouse_password: Option<String>,
    pub clickhouse_database: Option<String>,
}

/// What decides a stack.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of all its data; made if it is not there.
    pub data: PathBuf,
    /// Base of its ports; 0 picks free ones.
    pub ports: u16,
    /// The consortium's name, if this is the first start.
    pub origin: Origin,
    pub outside: Outside,
}

/// A running stack. Dropped without [`Stack::stop`], its processes are stopped all at once.
pub struct Stack {
    /// In the order of their start; each group's members started together.
    groups: Vec<Vec<Kept>>,
    board: Arc<Board>,
    pub layout: Layout,
    /// Held as long as it runs: one stack a folder.
    _lock: fs::File,
    /// Keeps picked ports reserved.
    _ports: Ports,
}

impl Stack {
    /// Starts everything and returns when all of it is ready, or stops it again when `shutdown` comes first. `told` hears
    /// of each step, for people.
    pub async fn start(settings: &Settings, shutdown: &Shutdown, told: impl Fn(&str)) -> anyhow::Result<Stack> {
        fs::create_dir_all(&settings.data).with_context(|| format!("failed to make {}", settings.data.display()))?;
        // Processes are told absolute paths.
        let layout = Layout::new(&fs::canonicalize(&settings.data)?);
        let lock = lock(&layout)?;
        founding::lay_out(&layout, &settings.origin)?;
        let ports = Ports::from_base(settings.ports)?;
        let plan = Plan::new(settings, layout.clone(), ports)?;
        let board = Arc::new(Board::new(layout.endpoints(), plan.endpoints.clone()));

        let mut starting = Starting { groups: Vec::new(), board: board.clone(), told: &told };
        let started = tokio::select! {
            started = starting.all(&plan) => started,
            () = shutdown.cancelled() => Err(anyhow!("stopped before everything was ready")),
        };
        let groups = starting.groups;
        if let Err(error) = started {
            stop(groups, &told).await;
            return Err(error);
        }
        Ok(Stack { groups, board, layout, _lock: lock, _ports: plan.ports })
    }

    /// Where everything listens, with the process ids of this moment.
    pub fn endpoints(&self) -> Endpoints {
        self.board.endpoints()
    }

    /// Writes `endpoints.json`, which from now on follows the process ids: whoever finds it may use the stack.
    pub fn publish(&self) -> anyhow::Result<()> {
        self.board.publish()
    }

    /// Resolves when a process has failed for good, with the reason. The stack should then be stopped.
    pub async fn failed(&self) -> String {
        let all = self.groups.iter().flatten();
        select_all(all.map(|kept| Box::pin(kept.failed()))).await.0
    }

    /// Stops every process, in reverse order.
    pub async fn stop(self, told: impl Fn(&str)) {
        self.board.withdraw();
        stop(self.groups, &told).await;
    }
}

/// A stack on its way up: what has been started so far can be stopped again.
struct Starting<'a, T: Fn(&str)> {
    groups: Vec<Vec<Kept>>,
    board: Arc<Board>,
    told: &'a T,
}

impl<T: Fn(&str)> Starting<'_, T> {
    async fn all(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let mut engines = Vec::new();
        if plan.own_kafka {
            engines.push(("kafka", plan.kafka()?));
        }
        if plan.own_clickhouse {
            engines.push(("clickhouse", plan.clickhouse()));
        }
        self.group(engines).await?;

        let begun = Instant::now();
        topics::ensure(&Cluster::new(plan.endpoints.kafka.clone())).await.context("failed to make the topics")?;
        self.tell(&["topics"], begun);

        self.group(["chainer", WITNESS].map(|name| (name, plan.service(name))).into()).await?;
        self.group(["archiver", "indexer"].map(|name| (name, plan.service(name))).into()).await?;
        self.group(INGEST.map(|name| (name, plan.service(name))).into()).await?;
        self.group(vec![("query", plan.service("query"))]).await
    }

    /// Starts processes together and waits until all are ready.
    async fn group(&mut self, members: Vec<(&str, Launch)>) -> anyhow::Result<()> {
        let begun = Instant::now();
        let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let start = |(name, launch)| Kept::start(name, launch, self.board.clone());
        let group: Vec<Kept> = members.into_iter().map(start).collect();
        self.groups.push(group);
        let group = self.groups.last().map(Vec::as_slice).unwrap_or_default();
        let ready = try_join_all(group.iter().map(Kept::ready));
        tokio::pin!(ready);
        loop {
            tokio::select! {
                all = &mut ready => {
                    all?;
                    break;
                }
                () = tokio::time::sleep(Duration::from_millis(PATIENCE_MS)) => {
                    let late = group.iter().filter(|kept| !kept.is_ready()).map(|kept| kept.name.as_str());
                    let logs = self.board.endpoints().logs;
                    let late = late.collect::<Vec<_>>().join(", ");
                    (self.told)(&format!("still waiting for {late}; what hinders is in {}", logs.display()));
                }
            }
        }
        self.tell(&names, begun);
        Ok(())
    }

    fn tell(&self, names: &[&str], begun: Instant) {
        if !names.is_empty() {
            let seconds = begun.elapsed().as_secs_f64();
            (self.told)(&format!("{} ready after {seconds:.1} s", names.join(", ")));
        }
    }
}

async fn stop(groups: Vec<Vec<Kept>>, told: &impl Fn(&str)) {
    for group in groups.into_iter().rev() {
        let names: Vec<String> = group.iter().map(|kept| kept.name.clone()).collect();
        join_all(group.into_iter().map(Kept::stop)).await;
        if !names.is_empty() {
            told(&format!("{} stopped", names.join(", ")));
        }
    }
}

/// Takes the folder, or says that another stack has it.
fn lock(layout: &Layout) -> anyhow::Result<fs::File> {
    let path = layout.lock();
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path);
    let file = file.with_context(|| format!("failed to open {}", path.display()))?;
    let held = || {
        let folder = layout.root().display();
        ConfigError::new("--data", format!("a stack is running in {folder} already; stop it or give another folder"))
    };
    file.try_lock().map_err(|_| held())?;
    Ok(file)
}
