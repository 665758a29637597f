//! Foreign test data, found through `MEDTRACE_CONFORMANCE`.

use std::path::{Path, PathBuf};

/// The folder; says so where it is absent.
pub fn root() -> Option<PathBuf> {
    let root = std::env::var_os("MEDTRACE_CONFORMANCE").map(PathBuf::from);
    if root.is_none() {
        println!("skipped: MEDTRACE_CONFORMANCE is not set");
    }
    root
}

/// The files of a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    files
}

pub fn read(file: &Path) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
