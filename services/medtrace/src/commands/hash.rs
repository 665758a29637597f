//! `medtrace hash`: the CBV event hash of every event of a document, one a line, in the document's order.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
};

use clap::ValueEnum;
use medtrace_event::{
    CbvVersion, Source,
    hash::{HashRules, event_hash_in},
};
use serde_json::json;

use crate::{
    commands::document::{List, input, line, nobody_reads, output},
    context::{Context, Done, Outcome},
};

#[derive(Debug, clap::Args)]
pub struct Hash {
    /// EPCIS document or event, JSON or XML; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Edition of the rules, named in the hash
    #[arg(long, value_enum, default_value = "2.0")]
    pub cbv: Cbv,
    /// Leave ! ( ) * + , : in serials as they are, as a newer draft of the rules wants
    #[arg(long)]
    pub raw_delimiters: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Cbv {
    #[value(name = "2.0")]
    V2_0,
    #[value(name = "2.1")]
    V2_1,
}

impl Hash {
    pub async fn run(self, context: &Context) -> Done {
        let version = match self.cbv {
            Cbv::V2_0 => CbvVersion::V2_0,
            Cbv::V2_1 => CbvVersion::V2_1,
        };
        let rules = HashRules { version, raw_delimiters: self.raw_delimiters };
        let mut tell = |text: String| eprintln!("{}", context.out.warning(text));
        match hash(input(&self.file)?, output(), rules, context.out.json, &mut tell) {
            Ok(true) => Ok(Outcome::Fine),
            Ok(false) => Ok(Outcome::Finding),
            Err(error) if nobody_reads(&error) => Ok(Outcome::Fine),
            Err(error) => Err(error),
        }
    }
}

/// Writes the hashes and says whether every event had one. The line of an event that cannot be read is empty.
fn hash(
    input: impl BufRead,
    mut out: impl Write,
    rules: HashRules,
    json: bool,
    tell: &mut dyn FnMut(String),
) -> anyhow::Result<bool> {
    let mut fine = true;
    let mut list = List::new(&mut out);
    let events = match Source::open(input) {
        Ok(events) => Some(events),
        Err(fault) => {
            tell(line(&fault));
            fine = false;
            None
        }
    };
    for event in events.into_iter().flatten() {
        let hash = match event {
            Ok(event) => {
                let entry = event.entry();
                let hash = event_hash_in(&entry.json, &entry.context, rules).to_string();
                if json {
                    list.push(&json!({"path": entry.path, "hash": hash}))?;
                }
                hash
            }
            Err(faults) => {
                faults.iter().for_each(|fault| tell(line(fault)));
                fine = false;
                String::new()
            }
        };
        if !json {
            writeln!(list.out, "{hash}")?;
        }
    }
    match json {
        true => list.end()?,
        false => out.flush()?,
    }
    Ok(fine)
}
