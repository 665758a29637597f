//! `medtrace check`: is this EPCIS document right, and if not, what is wrong, where, and which exception a server answers.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
};

use medtrace_event::{Fault, Source, seal};
use serde_json::json;

use crate::{
    commands::document::{List, input, line, nobody_reads, output, value},
    context::{Context, Done, Outcome},
};

/// Whose event it would be; no rule of an event depends on it.
const PARTY: &str = "check";

#[derive(Debug, clap::Args)]
pub struct Check {
    /// EPCIS documents or events, JSON or XML; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// How many of each a document has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    events: u64,
    faults: u64,
    warnings: u64,
}

impl Check {
    pub async fn run(self, context: &Context) -> Done {
        match self.files(context) {
            Err(error) if nobody_reads(&error) => Ok(Outcome::Fine),
            done => done,
        }
    }

    fn files(&self, context: &Context) -> Done {
        let mut fine = true;
        let mut list = List::new(output());
        for file in &self.files {
            let name = file.display().to_string();
            let count = check(input(file)?, |fault, warning| {
                if context.out.json {
                    let mut value = value(fault);
                    value["file"] = json!(name);
                    value["warning"] = json!(warning);
                    return list.push(&value);
                }
                let word = if warning { "warning: " } else { "" };
                writeln!(list.out, "{name}: {word}{}", line(fault))
            })?;
            fine &= count.faults == 0;
            if !context.out.json {
                let Count { events, faults, warnings } = count;
                writeln!(list.out, "{name}: {events} events, {faults} faults, {warnings} warnings")?;
            }
        }
        match context.out.json {
            true => list.end()?,
            false => list.out.flush()?,
        }
        Ok(if fine { Outcome::Fine } else { Outcome::Finding })
    }
}

/// Tells every fault and every warning of a document as it is found.
fn check(input: impl BufRead, mut tell: impl FnMut(&Fault, bool) -> std::io::Result<()>) -> anyhow::Result<Count> {
    let mut count = Count::default();
    let mut told = |faults: &[Fault], warning| {
        let number = if warning { &mut count.warnings } else { &mut count.faults };
        *number += faults.len() as u64;
        faults.iter().try_for_each(|fault| tell(fault, warning))
    };
    let events = match Source::open(input) {
        Ok(events) => events,
        Err(fault) => {
            told(&[fault], false)?;
            return Ok(count);
        }
    };
    let mut number = 0;
    for event in events {
        let event = match event {
            Ok(event) => event,
            Err(faults) => {
                told(&faults, false)?;
                continue;
            }
        };
        number += 1;
        let entry = event.entry();
        let located = |faults: Vec<Fault>| faults.into_iter().map(|fault| event.located(fault)).collect::<Vec<_>>();
        match seal(entry.json.clone(), &entry.context, PARTY) {
            Ok(sealed) => told(&located(sealed.event.warnings), true)?,
            Err(faults) => told(&located(faults), false)?,
        }
    }
    count.events = number;
    Ok(count)
}
