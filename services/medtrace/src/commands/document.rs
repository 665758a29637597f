//! What the commands that read EPCIS documents without any service share: where they read, and what they say.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::Path,
};

use anyhow::Context as _;
use medtrace_event::Fault;
use serde_json::json;

/// Buffer between a file and the reader, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file; `-` is standard input.
pub fn input(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin())));
    }
    let file = File::open(file).with_context(|| format!("failed to open {}", file.display()))?;
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

/// Standard output.
pub fn output() -> impl Write {
    BufWriter::with_capacity(BUFFER_BYTES, io::stdout())
}

/// Whether the work ended because nobody reads on (`| head`), which is no error.
pub fn nobody_reads(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(broken))
}

/// A fault on one line.
pub fn line(fault: &Fault) -> String {
    let path = if fault.path.is_empty() { "/" } else { &fault.path };
    format!("{path}: {} ({}, {})", fault.detail, fault.code, fault.exception)
}

/// A fault for programs.
pub fn value(fault: &Fault) -> serde_json::Value {
    json!({"path": fault.path, "code": fault.code, "exception": fault.exception, "detail": fault.detail})
}

/// Values as one JSON list, written while they come.
pub struct List<W> {
    pub out: W,
    begun: bool,
}

impl<W: Write> List<W> {
    pub fn new(out: W) -> List<W> {
        List { out, begun: false }
    }

    pub fn push(&mut self, value: &serde_json::Value) -> io::Result<()> {
        let before = if std::mem::replace(&mut self.begun, true) { ",\n" } else { "[" };
        write!(self.out, "{before}{value}")
    }

    pub fn end(mut self) -> io::Result<()> {
        let begin = if self.begun { "" } else { "[" };
        writeln!(self.out, "{begin}]")?;
        self.out.flush()
    }
}
