//! Tools that others wrote in Go, built for a test that holds ours against them. Where Go is not installed, or a module cannot
//! be had, the test is skipped and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Go is looked for.
const GO: [&str; 2] = ["go", "/usr/local/go/bin/go"];

/// The program of this package in this version, built once below `folder` (a test's `CARGO_TARGET_TMPDIR`); `None`, said
/// aloud, where it cannot be.
pub fn tool(folder: &str, package: &str, version: &str) -> Option<PathBuf> {
    let folder = Path::new(folder).join(format!("go-{version}"));
    let tool = folder.join(package.rsplit('/').next().unwrap_or(package));
    if tool.is_file() {
        return Some(tool);
    }
    let Some(go) = GO.into_iter().find(|go| Command::new(go).arg("version").output().is_ok()) else {
        eprintln!("skipped: Go is not installed");
        return None;
    };
    let module = format!("{package}@{version}");
    match Command::new(go).args(["install", &module]).env("GOBIN", &folder).output() {
        Ok(output) if output.status.success() => Some(tool),
        Ok(output) => {
            eprintln!("skipped: {module} cannot be built: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            eprintln!("skipped: {module} cannot be built: {error}");
            None
        }
    }
}
