//! Whether this machine's clock can be believed. Blocks carry its time, time never goes back, and what is signed is judged
//! by it: one bad reading would spoil all that follow. So it is held against the broker's before each block.

use std::time::Duration;

use tokio::time::Instant;

/// Farther apart than this, nothing is sealed, milliseconds.
pub(crate) const APART_MS_MAX: u64 = 60_000;
/// The broker is asked again when its last word is older than this, milliseconds.
const FRESH_MS: u64 = 10_000;

/// Where the time comes from: Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Clock(pub fn() -> u64);

impl Default for Clock {
    /// This machine's clock.
    fn default() -> Clock {
        Clock(medtrace_service::unix_ms)
    }
}

impl Clock {
    pub fn now_ms(self) -> u64 {
        (self.0)()
    }
}

/// The broker's time, and when it was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub broker_ms: u64,
    pub at: Instant,
}

impl Told {
    pub fn now(broker_ms: i64) -> Told {
        Told { broker_ms: u64::try_from(broker_ms).unwrap_or_default(), at: Instant::now() }
    }

    /// How far a clock that reads `clock_ms` is ahead of the broker's, milliseconds; negative if it is behind.
    pub fn ahead_ms(self, clock_ms: u64) -> i64 {
        let passed = u64::try_from(self.at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let broker_ms = self.broker_ms.saturating_add(passed);
        i64::try_from(i128::from(clock_ms) - i128::from(broker_ms)).unwrap_or(i64::MAX)
    }

    /// Whether a clock that reads `clock_ms` is the broker's, as far as is known without asking again.
    pub fn agrees(self, clock_ms: u64) -> bool {
        self.at.elapsed() <= Duration::from_millis(FRESH_MS) && together(self.ahead_ms(clock_ms))
    }
}

/// This machine's time, beside the broker's.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Unix milliseconds.
    pub now_ms: u64,
    /// So far ahead of the broker's, milliseconds; negative if behind.
    pub ahead_ms: i64,
}

impl Reading {
    /// Whether nothing keeps a block from carrying this time.
    pub fn agrees(self) -> bool {
        together(self.ahead_ms)
    }
}

/// Whether two clocks so far apart are one.
pub(crate) fn together(ahead_ms: i64) -> bool {
    ahead_ms.unsigned_abs() <= APART_MS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_is_held_against_the_brokers() {
        let told = Told::now(1_000_000);
        for (clock_ms, ahead_ms, agrees) in [
            (1_000_000, 0, true),
            (1_060_000, 60_000, true),
            (1_060_001, 60_001, false),
            (940_000, -60_000, true),
            (939_999, -60_001, false),
            (u64::MAX, i64::MAX, false),
            (0, -1_000_000, false),
        ] {
            assert_eq!((told.ahead_ms(clock_ms), told.agrees(clock_ms)), (ahead_ms, agrees), "{clock_ms}");
        }
        // Time passes for both; after a while the broker has to be asked again.
        tokio::time::advance(Duration::from_millis(FRESH_MS)).await;
        assert_eq!((told.ahead_ms(1_010_000), told.agrees(1_010_000)), (0, true));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!told.agrees(1_010_001));
    }
}
