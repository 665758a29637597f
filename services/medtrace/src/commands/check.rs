//! `medtrace check`: is this EPCIS document right, and if not, what is wrong, where, and which exception a server answers.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
};

use medtrace_event::{Fault, Source, seal, semantics};
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
            Ok(sealed) => {
                let advice = semantics::check(&sealed.event).advice;
                told(&located(sealed.event.warnings), true)?;
                told(&located(advice), true)?;
            }
            Err(faults) => told(&located(faults), false)?,
        }
    }
    count.events = number;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_path_and_exception_and_advice_is_a_warning() {
        let event = |id: &str, members: &str| {
            format!(
                r#"{{"type":"ObjectEvent","action":"OBSERVE","eventTime":"2026-03-01T00:15:00Z","eventTimeZoneOffset":"+08:00",
                    "eventID":"{id}","epcList":["urn:epc:id:sgtin:0614141.107346.2017"],{members}}}"#
            )
        };
        let lot = r#""epcClass":"urn:epc:class:lgtin:4012345.011111.4""#;
        let events = [
            event("urn:x:1", r#""bizStep":"shipping""#),
            event("urn:x:2", &format!(r#""quantityList":[{{{lot},"quantity":1,"uom":"BOX"}}]"#)),
            event("urn:x:3", r#""action":"STEAL""#).replacen(r#""action":"OBSERVE","#, "", 1),
            event("urn:x:4", r#""sensorElementList":[{"sensorReport":[{"type":"Temperature","value":5}]}]"#),
        ];
        let document = format!(
            r#"{{"@context":"https://ref.gs1.org/standards/epcis/epcis-context.jsonld","type":"EPCISDocument",
                "schemaVersion":"2.0","creationDate":"2026-03-01T08:00:00Z","epcisBody":{{"eventList":[{}]}}}}"#,
            events.join(",")
        );
        let mut told = Vec::new();
        let count = check(document.as_bytes(), |fault, warning| {
            told.push((warning, line(fault)));
            Ok(())
        });
        assert_eq!(count.unwrap(), Count { events: 4, faults: 2, warnings: 1 });
        let list = "/epcisBody/eventList";
        for ((warning, line), (expected, path)) in told.iter().zip([
            (false, format!("{list}/1/quantityList/0/uom: ")),
            (false, format!("{list}/2/action: ")),
            (true, format!("{list}/3/sensorElementList/0/sensorReport/0/value: ")),
        ]) {
            assert_eq!((*warning, line.starts_with(&path)), (expected, true), "{line}");
            assert!(line.ends_with("epcisException:ValidationException)"), "{line}");
        }
    }
}
