//! The ingest service `hospital`: see [`medtrace_ingest::HOSPITAL`] for whom it serves.

use std::process::ExitCode;

use medtrace_ingest::{Config, HOSPITAL};
use medtrace_service::life;

fn main() -> ExitCode {
    life::main(HOSPITAL.name, |env| Config::read(HOSPITAL, env), medtrace_ingest::main)
}
