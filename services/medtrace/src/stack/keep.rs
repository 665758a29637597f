//! Keeps one process running: starts it, waits until it is ready, starts it again when it ends by itself.
//!
//! ```text
//!            start            ready (200)             ends by itself
//! Starting ────────▶ Starting ───────────▶ Ready ─────────────────────▶ Starting, after a pause
//!                        │ ends START_TRIES_MAX times, or exit 78, or not ready in READY_MS_MAX
//!                        ▼
//!                     Failed                      stop ────▶ Stopped
//! ```
//!
//! The pause doubles from RESTART_MS_MIN to RESTART_MS_MAX; a life of STEADY_MS makes it small again.

use std::{fs, path::Path, sync::Arc, time::Duration};

use medtrace_service::Shutdown;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    endpoints::Board,
    process::{Ended, Launch, Running},
};

/// Pause before the first restart, in milliseconds.
const RESTART_MS_MIN: u64 = 100;
/// Longest pause before a restart, in milliseconds.
const RESTART_MS_MAX: u64 = 3_000;
/// Whoever ran that long did not end because it was started, in milliseconds.
const STEADY_MS: u64 = 5_000;
/// How often a process may end before it was ever ready.
const START_TRIES_MAX: u32 = 3;
/// Longest wait until a process is ready for the first time, in milliseconds (a rebuild from a long log is not waited
/// out: it serves while it catches up).
const READY_MS_MAX: u64 = 120_000;
/// Pause between two questions whether it is ready, in milliseconds.
const READY_PAUSE_MS: u64 = 25;
/// Longest wait for one answer to that question, in milliseconds.
const READY_ANSWER_MS_MAX: u64 = 2_000;
/// What is shown of the log of a process that does not start, in lines.
const TAIL_LINES: usize = 12;

/// Where a process is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    Starting,
    Ready,
    /// It will not be started again; the text says why.
    Failed(String),
    Stopped,
}

/// A process that is kept running until it is stopped.
pub struct Kept {
    pub name: String,
    life: watch::Receiver<Life>,
    stop: Shutdown,
    task: JoinHandle<()>,
}

impl Kept {
    /// Starts it; does not wait until it is ready.
    pub fn start(name: &str, launch: Launch, board: Arc<Board>) -> Kept {
        let (told, life) = watch::channel(Life::Starting);
        let stop = Shutdown::new();
        let keeper = Keeper { name: name.to_owned(), launch, board, told, stop: stop.clone(), was_ready: false };
        Kept { name: name.to_owned(), life, stop, task: tokio::spawn(keeper.keep()) }
    }

    /// Waits until it is ready for work, or says why it will not be.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let mut life = self.life.clone();
        let settled = life.wait_for(|life| *life != Life::Starting).await;
        match settled.as_deref() {
            Ok(Life::Failed(why)) => anyhow::bail!("{why}"),
            Ok(Life::Ready) => Ok(()),
            Ok(Life::Starting | Life::Stopped) | Err(_) => anyhow::bail!("{} was stopped", self.name),
        }
    }

    pub fn is_ready(&self) -> bool {
        *self.life.borrow() == Life::Ready
    }

    /// Resolves when it has failed for good, with the reason.
    pub async fn failed(&self) -> String {
        let mut life = self.life.clone();
        let failed = life.wait_for(|life| matches!(life, Life::Failed(_))).await;
        let why = failed.ok().and_then(|life| match &*life {
            Life::Failed(why) => Some(why.clone()),
            _ => None,
        });
        match why {
            Some(why) => why,
            // Stopped on purpose: never fails.
            None => std::future::pending().await,
        }
    }

    /// Ends it in good order.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // The keeper never panics; if it did, its process is killed as it is dropped.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Keeper {
    name: String,
    launch: Launch,
    board: Arc<Board>,
    told: watch::Sender<Life>,
    stop: Shutdown,
    was_ready: bool,
}

impl Keeper {
    async fn keep(mut self) {
        let mut pause = Duration::from_millis(RESTART_MS_MIN);
        let mut tries = 0;
        loop {
            let begun = Instant::now();
            let ended = self.run().await;
            self.board.pid(&self.name, None);
            let Some(Ended { misconfigured, status }) = ended else { return };
            tries += 1;
            if misconfigured || (!self.was_ready && tries >= START_TRIES_MAX) {
                self.fail(format!("failed to start {}: {status}", self.name));
                return;
            }
            if begun.elapsed() >= Duration::from_millis(STEADY_MS) {
                pause = Duration::from_millis(RESTART_MS_MIN);
            }
            let pause_ms = pause.as_millis() as u64;
            tracing::warn!(process = self.name, status, pause_ms, "a process ended by itself and is started again");
            self.told.send_replace(Life::Starting);
            tokio::select! { () = sleep(pause) => {}, () = self.stop.cancelled() => {} }
            pause = (pause * 2).min(Duration::from_millis(RESTART_MS_MAX));
        }
    }

    /// One life of the process; `None` if it was stopped or given up here.
    async fn run(&mut self) -> Option<Ended> {
        let started = tokio::select! {
            started = self.launch.start() => started,
            () = self.stop.cancelled() => {
                self.told.send_replace(Life::Stopped);
                return None;
            }
        };
        let mut running = match started {
            Ok(running) => running,
            Err(error) => {
                return Some(Ended { misconfigured: false, status: format!("{error:#}") });
            }
        };
        self.board.pid(&self.name, Some(running.pid()));
        let deadline = Instant::now() + Duration::from_millis(READY_MS_MAX);
        let ready = ready(self.launch.ready());
        tokio::pin!(ready);
        let mut is_ready = false;
        loop {
            tokio::select! {
                ended = running.ended() => return Some(ended),
                () = self.stop.cancelled() => {
                    self.end(running).await;
                    return None;
                }
                () = &mut ready, if !is_ready => {
                    is_ready = true;
                    self.was_ready = true;
                    self.told.send_replace(Life::Ready);
                }
                () = tokio::time::sleep_until(deadline), if !self.was_ready => {
                    running.stop().await;
                    self.fail(format!("failed to start {}: not ready within {READY_MS_MAX} ms", self.name));
                    return None;
                }
            }
        }
    }

    async fn end(&self, running: Running) {
        if !running.stop().await {
            tracing::warn!(process = self.name, "did not end in time and was killed");
        }
        self.told.send_replace(Life::Stopped);
    }

    fn fail(&self, why: String) {
        let log = self.launch.log();
        let tail = tail(log);
        let shown = match tail.is_empty() {
            true => why,
            false => format!("{why}; the end of {}:\n{tail}", log.display()),
        };
        self.told.send_replace(Life::Failed(shown));
    }
}

/// Asks until the answer is 200; at once where nothing is to be asked.
async fn ready(url: Option<&str>) {
    let Some(url) = url else { return };
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(READY_ANSWER_MS_MAX))
        .build()
        .unwrap_or_default();
    while !http.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
        sleep(Duration::from_millis(READY_PAUSE_MS)).await;
    }
}

fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests;
