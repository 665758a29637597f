//! The order of facts, and the cut through them that a question makes.

use serde::{Deserialize, Serialize};

/// Where a fact stands among all facts of a thing.
///
/// ```text
/// instant (µs UTC) · rank of the step · note time (ms) · submission id (first 8 bytes, big endian) · index
/// ```
///
/// All of it is signed content, so the order does not depend on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Order {
    /// eventTime, µs since 1970-01-01 UTC.
    pub at: i64,
    /// Rank of the step ([`medtrace_event::vocab::rank`]): what comes first when instants are equal.
    pub rank: u8,
    /// The signer's clock in the submission, ms since 1970-01-01 UTC.
    pub note_ms: u64,
    /// First 8 bytes of the submission id, big endian.
    pub submission: u64,
    /// Index of the item in its submission.
    pub index: u16,
}

impl Order {
    /// Before every fact of this instant.
    pub const fn start_of(at: i64) -> Self {
        Order { at, rank: 0, note_ms: 0, submission: 0, index: 0 }
    }
}

/// A question's two clocks: what was true at `at`, as known when block `known` was the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// True time T, µs UTC, inclusive.
    pub at: i64,
    /// Known height K, inclusive.
    pub known: u64,
}

impl Cut {
    /// Everything that is sealed.
    pub const ALL: Cut = Cut { at: i64::MAX, known: u64::MAX };
}
