//! Marker comments in the sources of tests.

use super::root;
use std::path::{Path, PathBuf};

const MARK: &str = "// epcis: ";
/// Where tests are.
const FOLDERS: [&str; 3] = ["crates", "services", "tests"];

/// One comment, and the test that it stands at.
pub struct Marker {
    pub method: String,
    pub paths: Vec<String>,
    pub names: Vec<String>,
    file: PathBuf,
    function: String,
    body: String,
}

impl Marker {
    /// `services/query/tests/service/epcis.rs every_parameter_narrows_down`.
    pub fn test(&self) -> String {
        let file = self.file.strip_prefix(root()).unwrap_or(&self.file);
        format!("{} {}", file.display(), self.function)
    }

    /// Whether the test, or for exceptions a snapshot beside it, holds the words that are claimed.
    pub fn check(&self) -> Result<(), String> {
        let text = self.body.to_lowercase();
        for name in &self.names {
            let word = name.trim_end_matches('*').to_lowercase();
            let held = text.contains(&word) || (self.method == "exception" && self.in_snapshots(name));
            if !held {
                return Err(format!("{} is marked with {name} and does not hold it", self.test()));
            }
        }
        Ok(())
    }

    fn in_snapshots(&self, word: &str) -> bool {
        let folder = self.file.with_file_name("snapshots");
        let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let own = |file: &PathBuf| {
            let stem = self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            file.file_name().is_some_and(|name| name.to_string_lossy().contains(&stem))
        };
        files.filter(own).any(|file| std::fs::read_to_string(file).is_ok_and(|text| text.contains(word)))
    }
}

/// Every marker of the repository.
pub fn markers() -> Vec<Marker> {
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| sources(&root().join(folder), &mut files));
    files.sort();
    let found: Vec<Marker> = files.iter().flat_map(|file| in_file(file)).collect();
    assert!(!found.is_empty(), "there are no markers");
    found
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("fuzz") {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn in_file(file: &Path) -> Vec<Marker> {
    let text = std::fs::read_to_string(file).expect("a source");
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(claim) = line.trim_start().strip_prefix(MARK) else { continue };
        let Some((start, function)) = function(&lines, at) else {
            panic!("{}:{}: the marker stands at no function", file.display(), at + 1);
        };
        let indent = lines[start].len() - lines[start].trim_start().len();
        let end = (start + 1..lines.len()).find(|line| lines[*line] == format!("{}}}", " ".repeat(indent)));
        // Attributes hold table rows, too.
        let body = lines[start.min(at)..end.unwrap_or(lines.len())].iter().filter(|line| !line.contains(MARK));
        let mut words = claim.split_whitespace().map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let (paths, names) = words.partition(|word| word.starts_with('/'));
        let body = body.copied().collect::<Vec<_>>().join("\n");
        found.push(Marker { method, paths, names, file: file.to_owned(), function, body });
    }
    found
}

/// The function below the comments and attributes that follow a marker, else the one that it stands in.
fn function(lines: &[&str], at: usize) -> Option<(usize, String)> {
    let name = |line: usize| {
        let (_, rest) = lines[line].split_once("fn ")?;
        let name = rest.split(['(', '<']).next()?;
        (!lines[line].trim_start().starts_with("//")).then(|| (line, name.to_owned()))
    };
    let dressing =
        |line: &&usize| lines[**line].trim_start().starts_with("//") || lines[**line].trim_start().starts_with("#[");
    let below: Vec<usize> = (at..lines.len()).collect();
    let next = below.iter().find(|line| !dressing(line)).copied();
    next.and_then(name).or_else(|| (0..at).rev().find_map(name))
}
