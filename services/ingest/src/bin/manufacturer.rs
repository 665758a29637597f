//! The ingest service `manufacturer`: see [`medtrace_ingest::MANUFACTURER`] for whom it serves.

use std::process::ExitCode;

use medtrace_ingest::{Config, MANUFACTURER};
use medtrace_service::life;

fn main() -> ExitCode {
    life::main(MANUFACTURER.name, |env| Config::read(MANUFACTURER, env), medtrace_ingest::main)
}
