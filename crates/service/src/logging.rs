//! One log format for all processes, on stderr: a person's on a terminal, else one JSON object a line.
//!
//! ```text
//! {"timestamp":"2026-03-01T08:00:00.000000Z","level":"INFO","message":"listening","port":"public","listening":"127.0.0.1:7081","target":"…"}
//! ```
//!
//! What goes into a line: a sentence and fields with dotted names, units in the names; never tokens, keys or anything
//! about a patient; nothing per event.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::Directive, fmt};

use crate::config::{ConfigError, Env};

/// Which lines are written (`tracing-subscriber` directives, e.g. `info,medtrace_log=debug`). Default `info`.
pub const FILTER: &str = "MEDTRACE_LOG";

/// The `listening` lines of [`crate::life`] are written whatever the filter says: tests and scripts rely on them.
const ALWAYS: &str = "medtrace_service::life=info";

/// Installs the process's subscriber. Call it once.
pub fn start(env: &Env) -> Result<(), ConfigError> {
    let wrong = |e: tracing_subscriber::filter::ParseError| ConfigError::new(FILTER, e);
    let always: Directive = ALWAYS.parse().map_err(wrong)?;
    let filter = EnvFilter::try_new(env.text(FILTER).unwrap_or("info")).map_err(wrong)?.add_directive(always);
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    installed.map_err(|e| ConfigError::new(FILTER, e))
}
