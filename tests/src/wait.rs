//! Waiting for something that another process does: ask until it is so, fail at a deadline.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

/// Pause between two questions, in milliseconds.
const PAUSE_MS: u64 = 10;
/// Longest wait for what a healthy stack does within a second, in milliseconds (machines of CI are slow and shared).
pub const SOON_MS: u64 = 30_000;
/// Longest wait for a stack to start or for a process to come back, in milliseconds.
pub const START_MS: u64 = 120_000;

/// Asks until `question` answers `Some`; `what` completes "waited for …". An error of the question ends the wait.
pub async fn until<T>(
    what: &str,
    limit_ms: u64,
    mut question: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + Duration::from_millis(limit_ms);
    loop {
        if let Some(answer) = question().await? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("waited {limit_ms} ms for {what}");
        }
        sleep(Duration::from_millis(PAUSE_MS)).await;
    }
}
