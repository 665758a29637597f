//! The query service's process.

use std::process::ExitCode;

use medtrace_query::{Config, run};
use medtrace_service::life;

fn main() -> ExitCode {
    life::main("query", Config::read, run::main)
}
