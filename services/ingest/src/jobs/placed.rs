//! What the log has acknowledged of a job: one line for each submission, in the order of the plan.
//!
//! ```text
//! [partition, offset, "signed receipt"]⏎
//! ```
//!
//! Lines are only appended, and are on disk before the job is called published. A line that is torn, and whatever follows
//! it, does not count: those submissions go out again with the same bytes, and their events count once.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::log::Placed;

/// Longest line, in bytes: a receipt is a few hundred.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// One submission that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line(pub u32, pub u64, pub Option<String>);

/// How far a job is in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Submissions.
    pub count: usize,
    /// The highest offset of each partition.
    pub last: BTreeMap<u32, u64>,
    /// Of the lines that count.
    bytes: u64,
}

impl Progress {
    pub fn add(&mut self, partition: u32, offset: u64) {
        self.count += 1;
        let last = self.last.entry(partition).or_default();
        *last = offset.max(*last);
    }
}

/// Reads the lines that count; none if there is no file.
pub(super) fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<(Line, u64)>>> {
    let mut input = match File::open(path) {
        Ok(file) => Some(BufReader::new(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    Ok(std::iter::from_fn(move || {
        text.clear();
        let read = io::Read::take(input.as_mut()?, LINE_BYTES_MAX).read_until(b'\n', &mut text);
        let line = read.map(|_| text.strip_suffix(b"\n").and_then(|line| serde_json::from_slice(line).ok()));
        match line {
            Ok(line) => line.map(|line| Ok((line, text.len() as u64))),
            Err(error) => Some(Err(error)),
        }
    })
    .fuse())
}

/// How far the file says that a job is.
pub(super) fn progress(path: &Path) -> io::Result<Progress> {
    let mut progress = Progress::default();
    for line in lines(path)? {
        let (Line(partition, offset, _), bytes) = line?;
        progress.add(partition, offset);
        progress.bytes += bytes;
    }
    Ok(progress)
}

/// At most so many receipts from this submission on, and whether there are more submissions.
pub(super) fn receipts(path: &Path, from: usize, count: usize) -> io::Result<(Vec<String>, bool)> {
    let mut lines = lines(path)?.skip(from);
    let mut found = Vec::new();
    for line in lines.by_ref().take(count) {
        found.extend(line?.0.2);
    }
    Ok((found, lines.next().is_some()))
}

/// Writes on where the file's good lines end.
pub(super) struct Writer(File);

impl Writer {
    pub fn open(path: &Path, progress: &Progress) -> io::Result<Writer> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        file.set_len(progress.bytes)?;
        Ok(Writer(file))
    }

    pub fn add(&mut self, placed: Placed, receipt: Option<String>) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line(placed.partition, placed.offset, receipt))?;
        line.push(b'\n');
        self.0.write_all(&line)
    }

    /// All lines are on disk when it returns.
    pub fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use medtrace_ledger::TopicUuid;

    use super::*;

    #[test]
    fn a_torn_line_does_not_count_nor_does_what_follows_it() {
        let path = std::env::temp_dir().join(format!("medtrace-placed-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        assert_eq!(progress(&path).unwrap(), Progress::default());
        let good = "[3,7,\"a\\nb\"]\n[1,9,null]\n[3,5,\"c\"]\n";
        for tail in ["", "[3,8,\"d\"]", "[3,8", "\0\0\0", "[3]\n[3,8,\"d\"]\n", "\n", &"x".repeat(1 << 17)] {
            std::fs::write(&path, format!("{good}{tail}")).unwrap();
            let found = progress(&path).unwrap();
            assert_eq!((found.count, found.last.clone()), (3, BTreeMap::from([(1, 9), (3, 7)])), "{tail:?}");
            let mut writer = Writer::open(&path, &found).unwrap();
            writer.add(Placed { uuid: TopicUuid([0; 16]), partition: 0, offset: 1 }, Some("e".into())).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{good}[0,1,\"e\"]\n"));
        }
        assert_eq!(receipts(&path, 0, 2).unwrap(), (vec!["a\nb".to_owned()], true));
        assert_eq!(receipts(&path, 2, 9).unwrap(), (vec!["c".to_owned(), "e".to_owned()], false));
        assert_eq!(receipts(&path, 9, 9).unwrap(), (vec![], false));
        std::fs::remove_file(&path).unwrap();
    }
}
