//! Programs in Go, those of others and one of ours on the libraries of others, built for a test that holds ours against them.
//! Where Go is not installed, or a module cannot be had, the test is skipped and says so.
#![allow(dead_code)]

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
    let module = format!("{package}@{version}");
    built(&module, |go| go.args(["install", &module]).env("GOBIN", &folder)).then_some(tool)
}

/// The program of a module that is checked in, built below `folder` as its `go.sum` pins it; `None` as of [`tool`].
pub fn program(folder: &str, module: &Path) -> Option<PathBuf> {
    let program = Path::new(folder).join(module.file_name()?);
    let build = ["build", "-mod=readonly", "-o"];
    let what = module.display().to_string();
    built(&what, |go| go.args(build).arg(&program).arg(".").current_dir(module)).then_some(program)
}

fn built(what: &str, command: impl for<'a> FnOnce(&'a mut Command) -> &'a mut Command) -> bool {
    let Some(go) = GO.into_iter().find(|go| Command::new(go).arg("version").output().is_ok()) else {
        eprintln!("skipped: Go is not installed");
        return false;
    };
    match command(&mut Command::new(go)).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            eprintln!("skipped: {what} cannot be built: {}", String::from_utf8_lossy(&output.stderr));
            false
        }
        Err(error) => {
            eprintln!("skipped: {what} cannot be built: {error}");
            false
        }
    }
}
