//! Measuring this machine: how much goes through, how soon it can be asked, what it costs, and where the time goes.
//!
//! ```text
//! machine ─▶ stack of its own ─▶ submissions of 500 ─▶ lists of 500 ─▶ single requests ─▶ the same at half the load
//!         ─▶ items preloaded ─▶ verify ─▶ Kafka's own producer ─▶ report
//! ```
//!
//! In scope: making the load (bounded, made before the clock starts), watching the chain and the index, reading `/proc`
//! and `/metrics`, and the report. Load generator, services, broker and store share the machine: that is what is measured.
//!
//! Out of scope: other machines, other people's products (but for Kafka's producer), and profiles inside a process.

mod capture;
mod documents;
mod figures;
mod goods;
mod kafka;
mod load;
mod machine;
mod paced;
mod print;
mod print_capture;
mod print_queries;
mod queries;
mod report;
mod scrape;
mod usage;
mod verify;
mod watch;

pub use capture::{CapturePlan, CaptureReport, measure_capture};
pub use figures::Quantiles;
pub use load::Form;
pub use print::print;
pub use print_capture::print_capture;
pub use print_queries::print_queries;
pub use queries::{QueriesPlan, QueriesReport, measure_queries};
pub use report::{Plan, Report, measure};
