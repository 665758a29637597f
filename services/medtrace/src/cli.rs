//! The command line: the tree of commands, the global options, and the exit codes.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use medtrace_ledger::PartyId;
use medtrace_service::{ConfigError, config::EXIT_CONFIG};

use crate::{
    client::explain,
    commands::{
        audit, bench, check, convert, delegate, demo, engine, erase, hash, health, keys, notice, parse, post, proof,
        rebuild, recall, trace, up, verify,
    },
    context::{Context, Done, Outcome},
    output::Output,
};

/// Exit code of a finding: rejected, tampered, not proven.
pub const EXIT_FINDING: u8 = 3;

/// Who had which pack of medicine or medical consumable, when and where: signed, sealed, provable.
#[derive(Debug, Parser)]
#[command(name = "medtrace", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// Print one JSON value instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Base URL of the query service [default: the stack in --data, else http://127.0.0.1:7080]
    #[arg(long, global = true, env = "MEDTRACE_URL", value_name = "URL")]
    url: Option<String>,
    /// Folder of the stack on this machine
    #[arg(long, global = true, env = "MEDTRACE_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// In whose name: its token was made by `keys token` on this machine, unless one is given
    #[arg(long = "as", global = true, value_name = "PARTY")]
    party: Option<PartyId>,
    /// File with the bearer token [or MEDTRACE_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine, print addresses, run until Ctrl-C
    Up(up::Up),
    /// Start everything and play the demo scenario
    Demo(demo::Demo),
    /// Post EPCIS documents, single events, scan lists or notices
    Post(post::Post),
    /// Check EPCIS documents, JSON or XML, without sending them anywhere
    Check(check::Check),
    /// Convert an EPCIS document to the other syntax, or its identifiers to the other spelling
    Convert(convert::Convert),
    /// Print the CBV event hash of every event of an EPCIS document
    Hash(hash::Hash),
    /// Ask whether a pack may be accepted
    Verify(verify::Verify),
    /// Say everything that is known about a code from its text alone; needs no stack
    Parse(parse::Parse),
    /// Show the whole way of an item, containers included
    Trace(trace::Trace),
    /// Issue, follow, acknowledge, lift and close recalls
    #[command(subcommand)]
    Recall(Box<recall::Recall>),
    /// Fetch and check proofs
    #[command(subcommand)]
    Proof(proof::Proof),
    /// Take what should never have been posted out of an event, in the authority's name
    Erase(erase::Erase),
    /// Recompute the whole chain from the log and compare every derived row with it
    Audit(audit::Audit),
    /// Drop everything derived and derive it again from the log
    Rebuild(rebuild::Rebuild),
    /// Show whether every process can do its work, and how far behind it is
    Health(health::Health),
    /// Make, encrypt, enrol, rotate and revoke keys; make tokens
    #[command(subcommand)]
    Keys(Box<keys::Keys>),
    /// Let another party act at your places, or no longer
    Delegate(delegate::Delegate),
    /// Notices that several must sign, each on its own machine
    #[command(subcommand)]
    Notice(Box<notice::Notice>),
    /// Measure this machine
    Bench(bench::Bench),
    /// The embedded engines, as processes of their own
    #[command(subcommand, hide = true)]
    Engine(engine::Engine),
}

/// The whole `main` of the tool.
pub fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    // The engine is a process of its own with its own life and log.
    if let Command::Engine(engine) = command {
        return engine.main();
    }
    let context = Context {
        out: Output::new(global.json),
        data: global.data,
        url: global.url,
        token: std::env::var("MEDTRACE_TOKEN").ok().filter(|token| !token.is_empty()),
        token_file: global.token_file,
        party: global.party,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(command, &context)),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Finding) => ExitCode::from(EXIT_FINDING),
        Err(error) => failed(&context, &error),
    }
}

async fn run(command: Command, context: &Context) -> Done {
    match command {
        Command::Up(command) => command.run(context).await,
        Command::Demo(command) => command.run(context).await,
        Command::Post(command) => command.run(context).await,
        Command::Check(command) => command.run(context).await,
        Command::Convert(command) => command.run(context).await,
        Command::Hash(command) => command.run(context).await,
        Command::Verify(command) => command.run(context).await,
        Command::Parse(command) => command.run(context),
        Command::Trace(command) => command.run(context).await,
        Command::Recall(command) => command.run(context).await,
        Command::Proof(command) => command.run(context).await,
        Command::Erase(command) => command.run(context).await,
        Command::Audit(command) => command.run(context).await,
        Command::Rebuild(command) => command.run(context).await,
        Command::Health(command) => command.run(context).await,
        Command::Keys(command) => command.run(context).await,
        Command::Delegate(command) => command.run(context).await,
        Command::Notice(command) => command.run(context).await,
        Command::Bench(command) => command.run(context).await,
        Command::Engine(_) => Ok(Outcome::Fine),
    }
}

fn failed(context: &Context, error: &anyhow::Error) -> ExitCode {
    for line in explain(error) {
        eprintln!("{}", context.out.warning(line));
    }
    match error.chain().any(|cause| cause.is::<ConfigError>()) {
        true => ExitCode::from(EXIT_CONFIG),
        false => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_tree_of_commands_is_sound() {
        Cli::command().debug_assert();
    }
}
