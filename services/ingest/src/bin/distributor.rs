//! The ingest service `distributor`: see [`medtrace_ingest::DISTRIBUTOR`] for whom it serves.

use std::process::ExitCode;

use medtrace_ingest::{Config, DISTRIBUTOR};
use medtrace_service::life;

fn main() -> ExitCode {
    life::main(DISTRIBUTOR.name, |env| Config::read(DISTRIBUTOR, env), medtrace_ingest::main)
}
