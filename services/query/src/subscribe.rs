//! Subscriptions to named queries (EPCIS 2.0 § 12.7.5): webhooks that outlive the process, and WebSockets that do not.
//!
//! ```text
//! MEDTRACE_DATA/lock                         one process at a time
//!               queries/<name>.json          named queries
//!               subscriptions/<id>.json      webhooks: controls, secret, place, failures
//!
//! book.rs      what there is, within limits       feed.rs      a place in the chain → the next document
//! record.rs    a subscription as it is kept       worker.rs    a webhook's life: read, send, pass; back-off, dead
//! entry.rs     in memory and in its file          send.rs      one signed POST
//! schedule.rs  when a scheduled query runs        address.rs   where a webhook may be
//! clock.rs     the machine's time, or a test's    resume.rs     where a WebSocket's client stands, in an id
//! ```

pub mod address;
pub mod book;
pub mod clock;
pub mod entry;
pub mod feed;
pub mod record;
pub mod resume;
pub mod schedule;
pub mod send;
pub mod worker;
