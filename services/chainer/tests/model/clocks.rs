//! The processes' clocks: a clock is a plain function, so what they read is kept with the test's thread.

use std::cell::Cell;

use crate::log::PROCESSES;

thread_local! {
    static TRUE_MS: Cell<u64> = const { Cell::new(0) };
    static AHEAD_MS: [Cell<i64>; PROCESSES] = const { [Cell::new(0), Cell::new(0), Cell::new(0)] };
    static BEGUN: Cell<Option<tokio::time::Instant>> = const { Cell::new(None) };
}

pub const OF: [fn() -> u64; PROCESSES] = [|| read(0), || read(1), || read(2)];

fn read(id: usize) -> u64 {
    let passed = BEGUN.get().map_or(0, |begun| u64::try_from(begun.elapsed().as_millis()).unwrap());
    (TRUE_MS.get() + passed).saturating_add_signed(AHEAD_MS.with(|all| all[id].get()))
}

/// From now on the true time is this, and passes.
pub fn set(true_ms: u64) {
    TRUE_MS.set(true_ms);
    BEGUN.set(Some(tokio::time::Instant::now()));
}

/// From now on a process's clock is so far ahead.
pub fn jump(id: usize, ahead_ms: i64) {
    AHEAD_MS.with(|all| all[id].set(ahead_ms));
}
