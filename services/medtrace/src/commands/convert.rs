//! `medtrace convert`: the same document in the other syntax, or with the other spelling of its identifiers.

mod json;

use std::{
    io::{BufRead, Write},
    path::PathBuf,
};

use clap::ValueEnum;
use medtrace_event::{
    Fault, Json, Source, SourceEvent,
    document::DocumentKind,
    spelling::respell,
    xml::{WriteError, Writer},
};

use crate::{
    commands::document::{input, line, nobody_reads, output},
    context::{Context, Done, Outcome},
};

#[derive(Debug, clap::Args)]
pub struct Convert {
    /// EPCIS document or event, JSON or XML; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// `json` or `xml`: the syntax; `urn` or `dl` (Digital Link): the spelling of identifiers, in the syntax it has
    #[arg(long, value_enum)]
    pub to: To,
    /// With `--to urn`: digits of the company prefixes, which Digital Links do not show
    #[arg(long, value_name = "DIGITS", value_parser = clap::value_parser!(u8).range(4..=12))]
    pub prefix_digits: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum To {
    Json,
    Xml,
    Urn,
    Dl,
}

impl Convert {
    pub async fn run(self, context: &Context) -> Done {
        let mut tell = |fault: &Fault| eprintln!("{}", context.out.warning(line(fault)));
        match convert(input(&self.file)?, output(), self.to, self.prefix_digits, &mut tell) {
            Ok(true) => Ok(Outcome::Fine),
            Ok(false) => Ok(Outcome::Finding),
            Err(error) if nobody_reads(&error) => Ok(Outcome::Fine),
            Err(error) => Err(error),
        }
    }
}

/// Writes the document and says whether all of it could be. Events that could not be are left out.
fn convert(
    input: impl BufRead,
    out: impl Write,
    to: To,
    prefix_digits: Option<u8>,
    tell: &mut dyn FnMut(&Fault),
) -> anyhow::Result<bool> {
    let source = match Source::open(input) {
        Ok(source) => source,
        Err(fault) => {
            tell(&fault);
            return Ok(false);
        }
    };
    let xml = match to {
        To::Json => false,
        To::Xml => true,
        To::Urn | To::Dl => matches!(source, Source::Xml(_)),
    };
    let mut fine = true;
    let mut tell = |fault: &Fault| {
        fine = false;
        tell(fault);
    };
    let spell = |event: &SourceEvent| {
        let mut json = event.entry().json.clone();
        match to {
            To::Json | To::Xml => {}
            To::Urn => respell(&mut json, &|thing| thing.epc_urn(prefix_digits?.into())),
            To::Dl => respell(&mut json, &|thing| Some(thing.uri())),
        }
        json
    };
    if xml {
        to_xml(source, out, &spell, &mut tell)?
    } else {
        json::write(source, out, &spell, &mut tell)?
    }
    Ok(fine)
}

fn to_xml(
    mut source: Source<impl BufRead>,
    out: impl Write,
    spell: &dyn Fn(&SourceEvent) -> Json,
    tell: &mut dyn FnMut(&Fault),
) -> anyhow::Result<()> {
    let now = jiff::Timestamp::now().to_string();
    let kind = match source.kind() {
        DocumentKind::Event => DocumentKind::Capture,
        kind => kind,
    };
    let mut writer = match Writer::start(out, kind, &source.header(), &now) {
        Ok(writer) => writer,
        Err(WriteError::Fault(fault)) => {
            tell(&fault);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    for event in &mut source {
        match event {
            Ok(event) => match writer.event(&spell(&event), &event.entry().context) {
                Ok(()) => {}
                Err(WriteError::Fault(fault)) => tell(&event.located(fault)),
                Err(error) => return Err(error.into()),
            },
            Err(faults) => faults.iter().for_each(&mut *tell),
        }
    }
    writer.finish()?;
    Ok(())
}
