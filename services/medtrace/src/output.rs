//! What is printed: one JSON value a command with `--json`, tables and colours on a terminal, plain columns elsewhere.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use comfy_table::{ContentArrangement, presets};
use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::{OwoColorize, Style};
use serde::Serialize;

/// How often a spinner moves, in milliseconds.
const TICK_MS: u64 = 100;

/// Where output goes and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub json: bool,
    /// Standard output is a terminal and JSON was not asked for.
    pub terminal: bool,
    colours: bool,
}

/// What a word means to the reader; decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Doubtful,
    Bad,
    Quiet,
    Strong,
}

impl Output {
    pub fn new(json: bool) -> Output {
        let terminal = !json && io::stdout().is_terminal();
        Output { json, terminal, colours: terminal && colours_wanted() }
    }

    /// Prints `value` with `--json`; otherwise lets `human` print.
    pub fn show<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce(&Output) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self.json {
            true => self.line(serde_json::to_string(value)?),
            false => human(self),
        }
    }

    /// One line on standard output. A reader that has gone away (`| head`) is no error.
    pub fn line(&self, text: impl Display) -> anyhow::Result<()> {
        match writeln!(io::stdout(), "{text}") {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Colours a text on a terminal.
    pub fn tone(&self, tone: Tone, text: impl Display) -> String {
        let style = match tone {
            Tone::Good => Style::new().green(),
            Tone::Doubtful => Style::new().yellow(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Quiet => Style::new().dimmed(),
            Tone::Strong => Style::new().bold(),
        };
        match self.colours {
            true => text.style(style).to_string(),
            false => text.to_string(),
        }
    }

    /// A line for standard error.
    pub fn warning(&self, text: impl Display) -> String {
        match io::stderr().is_terminal() && colours_wanted() {
            true => text.style(Style::new().red()).to_string(),
            false => text.to_string(),
        }
    }

    /// Rows under a header: a table on a terminal, else lines of columns parted by tabs without the header.
    pub fn table(&self, header: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
        match rows.is_empty() && !self.terminal {
            true => Ok(()),
            false => self.line(self.columns(header, rows)),
        }
    }

    /// What [`Output::table`] prints.
    pub fn columns(&self, header: &[&str], rows: Vec<Vec<String>>) -> String {
        if !self.terminal {
            let lines = rows.iter().map(|row| row.join("\t").replace('\n', "; "));
            return lines.collect::<Vec<_>>().join("\n");
        }
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).add_rows(rows);
        if header.iter().any(|title| !title.is_empty()) {
            table.set_header(header.iter().map(|title| self.tone(Tone::Quiet, title)));
        }
        table.trim_fmt()
    }

    /// Progress of long work on standard error: a bar if the end is known. Nothing is drawn where nobody looks.
    pub fn progress(&self, total: Option<u64>, what: &'static str) -> ProgressBar {
        if !self.terminal || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let (bar, form) = match total {
            Some(total) => (ProgressBar::new(total), "{msg} {bar:32} {human_pos}/{human_len} {per_sec} eta {eta}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos} {elapsed}"),
        };
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(TICK_MS));
        bar
    }
}

/// <https://no-color.org>
fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
