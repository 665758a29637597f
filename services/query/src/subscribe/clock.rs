//! The time by which subscriptions run: the machine's, or a test's.

use std::time::Duration;

use tokio::sync::watch;

/// Longest wait of one piece, milliseconds: so that a clock that was put right is noticed.
const PIECE_MS_MAX: u64 = 60_000;

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<watch::Receiver<u64>>);

impl Clock {
    /// The machine's.
    pub fn real() -> Clock {
        Clock(None)
    }

    /// Shows what is sent last, Unix milliseconds.
    pub fn manual(shown: watch::Receiver<u64>) -> Clock {
        Clock(Some(shown))
    }

    /// Unix milliseconds.
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            None => u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0),
            Some(shown) => *shown.borrow(),
        }
    }

    /// Returns once it is this time.
    pub async fn until(&self, ms: u64) {
        match &self.0 {
            None => loop {
                let left = ms.saturating_sub(self.now_ms());
                if left == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left.min(PIECE_MS_MAX))).await;
            },
            Some(shown) => {
                let reached = shown.clone().wait_for(|now| *now >= ms).await.is_ok();
                if !reached {
                    // Nobody moves it any more.
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}
