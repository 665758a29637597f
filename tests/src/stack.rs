//! A whole stack of its own: `medtrace up` with free ports and a data folder that goes when the test has passed.

use std::{
    env, fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use medtrace_tool::stack::{Endpoints, Layout};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde_json::Value;

use crate::{
    Client, Speaker,
    wait::{START_MS, until},
};

/// What a stack has to stop in good order before it is killed, in milliseconds.
const STOP_MS_MAX: u64 = 60_000;
/// What is shown of the supervisor's output when it does not start, in lines.
const TAIL_LINES: usize = 30;

/// What may differ from an ordinary start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// An existing data folder, left behind by [`Stack::stop`]; a new one if not given.
    pub data: Option<PathBuf>,
    /// The demo scenario instead of an empty stack.
    pub demo: bool,
    /// The consortium's name.
    pub origin: Option<String>,
    /// Variables of the supervisor, and so of all its processes.
    pub environment: Vec<(String, String)>,
}

/// A running stack. Dropped, it is stopped, and its folder stays for whoever looks into the failure; a test that has
/// passed says so with [`Stack::finish`].
pub struct Stack {
    supervisor: Child,
    layout: Layout,
}

/// A built binary of this workspace: they lie beside the folder of the test executables.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let this = env::current_exe().context("failed to find the running executable")?;
    let found = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found
        .with_context(|| format!("{name} is not built beside {}; run `cargo build --workspace --bins`", this.display()))
}

impl Stack {
    /// Starts a stack and waits until every process is ready for work.
    pub async fn start(options: Options) -> anyhow::Result<Stack> {
        let data = options.data.map_or_else(fresh_folder, Ok)?;
        let output = fs::File::create(data.join("supervisor.log"))?;
        let mut command = Command::new(binary("medtrace")?);
        let start = if options.demo { "demo" } else { "up" };
        command.args([start, "--ports", "0", "--data"]).arg(&data);
        if let Some(origin) = &options.origin {
            command.args(["--origin", origin]);
        }
        command
            .envs(options.environment)
            .env_remove("MEDTRACE_URL")
            .env_remove("MEDTRACE_TOKEN")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C reaches the test first, which then stops its stacks.
            .process_group(0);
        let supervisor = command.spawn().context("failed to start medtrace up")?;
        let mut stack = Stack { supervisor, layout: Layout::new(&data) };
        until("the stack to start", START_MS, async || {
            if let Some(status) = stack.supervisor.try_wait()? {
                bail!("medtrace up ended with {status}:\n{}", stack.tail());
            }
            Ok(stack.endpoints().ok())
        })
        .await
        .with_context(|| stack.tail())?;
        // A witness that has raised an alarm stays unready for ever.
        for process in stack.endpoints()?.admin.keys().filter(|process| *process != "witness") {
            stack.until_ready(process).await?;
        }
        Ok(stack)
    }

    /// Where everything listens and under which process ids, as of now.
    pub fn endpoints(&self) -> anyhow::Result<Endpoints> {
        Endpoints::read(&self.layout.endpoints())
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub fn data(&self) -> &Path {
        self.layout.root()
    }

    /// The query service, asked by nobody in particular.
    pub fn query(&self) -> anyhow::Result<Client> {
        Client::new(&self.endpoints()?.query, None)
    }

    /// A party with the token that was made for it on this machine.
    pub fn speaker(&self, party: &str) -> anyhow::Result<Speaker> {
        let token = fs::read_to_string(self.layout.token(party))
            .with_context(|| format!("failed to read the token of {party}"))?;
        Speaker::new(self.endpoints()?, party, token.trim())
    }

    /// What a process says of itself at `/readyz`; `None` while it does not answer.
    pub async fn readiness(&self, process: &str) -> anyhow::Result<Option<(bool, Value)>> {
        let Some(admin) = self.endpoints()?.admin.get(process).cloned() else { bail!("{process} has no admin port") };
        let answer = Client::new(&admin, None)?.get("/readyz", &[]).await;
        Ok(answer.ok().map(|answer| (answer.status == 200, answer.json().unwrap_or_default())))
    }

    pub async fn until_ready(&self, process: &str) -> anyhow::Result<()> {
        let question = async || Ok(self.readiness(process).await?.filter(|(ready, _)| *ready).map(drop));
        until(&format!("{process} to be ready"), START_MS, question).await
    }

    /// SIGKILLs a process of the stack, and waits until the supervisor has it back and ready.
    pub async fn kill(&self, process: &str) -> anyhow::Result<()> {
        let killed = self.sigkill(process)?;
        self.until_restarted(process, killed).await?;
        self.until_back(process).await
    }

    /// SIGKILLs a process of the stack; the process id that it had.
    pub fn sigkill(&self, process: &str) -> anyhow::Result<u32> {
        let pid = self.pid(process)?.with_context(|| format!("no {process} is running"))?;
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).context("failed to kill")?;
        Ok(pid)
    }

    /// Waits until the supervisor has started a process again that had this id.
    pub async fn until_restarted(&self, process: &str, killed: u32) -> anyhow::Result<()> {
        let again = async || Ok(self.pid(process)?.filter(|now| *now != killed).map(drop));
        until(&format!("{process} to be started again"), START_MS, again).await
    }

    /// Waits until a process that was started again does its work.
    pub async fn until_back(&self, process: &str) -> anyhow::Result<()> {
        match process {
            // Its process id is told once it answers.
            "kafka" => Ok(()),
            "clickhouse" => {
                let client = Client::new(&self.endpoints()?.clickhouse, None)?;
                let answers = async || Ok(client.get("/ping", &[]).await.ok().filter(|a| a.status == 200).map(drop));
                until("clickhouse to answer", START_MS, answers).await
            }
            _ => self.until_ready(process).await,
        }
    }

    fn pid(&self, process: &str) -> anyhow::Result<Option<u32>> {
        Ok(self.endpoints()?.pids.get(process).copied())
    }

    /// Stops everything in good order and removes the folder.
    pub fn finish(self) -> anyhow::Result<()> {
        let data = self.stop()?;
        fs::remove_dir_all(&data).with_context(|| format!("failed to remove {}", data.display()))
    }

    /// Stops everything in good order and leaves the data folder to the caller.
    pub fn stop(mut self) -> anyhow::Result<PathBuf> {
        ensure!(self.end(), "the stack did not stop in {STOP_MS_MAX} ms:\n{}", self.tail());
        Ok(self.data().to_owned())
    }

    /// False if it had to be killed.
    fn end(&mut self) -> bool {
        let pid = Pid::from_raw(self.supervisor.id().cast_signed());
        if matches!(self.supervisor.try_wait(), Ok(Some(_))) {
            return true;
        }
        let _ = kill(pid, Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_millis(STOP_MS_MAX);
        while Instant::now() < deadline {
            if matches!(self.supervisor.try_wait(), Ok(Some(_)) | Err(_)) {
                return true;
            }
            sleep(Duration::from_millis(10));
        }
        // Its children end with it.
        let _ = killpg(pid, Signal::SIGKILL);
        let _ = self.supervisor.wait();
        false
    }

    /// What the supervisor has printed so far.
    pub fn printed(&self) -> String {
        fs::read_to_string(self.data().join("supervisor.log")).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let text = self.printed();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !matches!(self.supervisor.try_wait(), Ok(Some(_))) {
            self.end();
            eprintln!("the stack's folder is kept: {}", self.data().display());
        }
    }
}

fn fresh_folder() -> anyhow::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("medtrace-test-{}-{count}", std::process::id()));
    // Left over from a killed test that had the same process id.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    Ok(folder)
}
