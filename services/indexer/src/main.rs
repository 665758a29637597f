//! The indexer's process.

use std::process::ExitCode;

use medtrace_indexer::{Config, run};
use medtrace_service::life;

fn main() -> ExitCode {
    life::main("indexer", Config::read, run::main)
}
