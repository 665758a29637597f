//! The tool `medtrace`.

use std::process::ExitCode;

fn main() -> ExitCode {
    medtrace_tool::cli::main()
}
