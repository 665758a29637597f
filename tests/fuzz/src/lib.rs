//! What the targets share: each takes any bytes, must answer without a panic, and what it accepts must survive printing.

/// The record of the log from its own source, because the crate as a whole brings the Kafka client.
#[path = "../../../crates/log/src/frame.rs"]
pub mod frame;
#[path = "../../../crates/log/src/record.rs"]
pub mod record;

/// The cursor of queries from its own source, because the query service as a whole brings the Kafka client, too.
#[path = "../../../services/query/src/epcis/cursor.rs"]
pub mod cursor;
#[path = "../../../services/query/src/token.rs"]
pub mod token;

/// As in `medtrace-log`.
pub const RECORD_BYTES_MAX: usize = 4 << 20;

/// The input as text, if it is.
pub fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
