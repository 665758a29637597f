//! The witness's process: see the library.

use std::process::ExitCode;

use medtrace_service::life;
use medtrace_witness::{Config, run};

fn main() -> ExitCode {
    life::main("witness", Config::read, run::main)
}
