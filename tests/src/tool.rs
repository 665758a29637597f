//! The two checkers that need no network: the tool, and the Python one that was written from the format document alone.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::stack::binary;

/// Exit code of a finding: rejected, tampered, not proven.
pub const FINDING: i32 = 3;

/// How a program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON: {self:?}"))
    }
}

/// The folder of the built binaries.
pub fn folder() -> anyhow::Result<PathBuf> {
    Ok(binary("medtrace")?.parent().context("a binary lies in a folder")?.to_owned())
}

/// Runs the tool with `--json`, on a stack's data folder if one is given.
pub fn medtrace(data: Option<&Path>, arguments: &[&str]) -> anyhow::Result<Ran> {
    medtrace_with(data, arguments, &[])
}

/// The same with variables that name files.
pub fn medtrace_with(data: Option<&Path>, arguments: &[&str], variables: &[(&str, &Path)]) -> anyhow::Result<Ran> {
    let mut command = Command::new(binary("medtrace")?);
    command.arg("--json").args(arguments).env_remove("MEDTRACE_URL").env_remove("MEDTRACE_TOKEN");
    command.envs(variables.iter().copied());
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    Ok(Ran::of(command.output().context("failed to run medtrace")?))
}

/// The Python checker on a proof.
pub fn python(proof: &Path, genesis: &Path) -> anyhow::Result<Ran> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/check.py");
    let output = Command::new("python3").arg(script).args([proof, genesis]).output();
    Ok(Ran::of(output.context("failed to run python3")?))
}

/// A folder of proofs to be checked, beside the genesis that they are checked against.
pub struct Proofs {
    folder: PathBuf,
    genesis: PathBuf,
}

impl Proofs {
    pub fn new(folder: &Path, genesis: &Path) -> anyhow::Result<Proofs> {
        fs::create_dir_all(folder)?;
        Ok(Proofs { folder: folder.to_owned(), genesis: genesis.to_owned() })
    }

    /// Writes a proof as it was fetched; the path of its file.
    pub fn keep(&self, name: &str, proof: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(format!("{name}.proof"));
        fs::write(&path, proof)?;
        Ok(path)
    }

    /// What the tool says of a proof.
    pub fn by_tool(&self, file: &Path) -> anyhow::Result<Ran> {
        medtrace(None, &["proof", "check", text(file)?, "--genesis", text(&self.genesis)?])
    }

    /// What the Python checker says of it.
    pub fn by_python(&self, file: &Path) -> anyhow::Result<Ran> {
        python(file, &self.genesis)
    }

    /// Checks a proof in both ways; returns the item's JSON, which both must show.
    pub fn hold(&self, name: &str, proof: &str) -> anyhow::Result<Value> {
        let file = self.keep(name, proof)?;
        let (ours, theirs) = (self.by_tool(&file)?, self.by_python(&file)?);
        ensure!(ours.code == Some(0), "the tool does not accept the proof of {name}: {ours:?}");
        ensure!(theirs.code == Some(0), "the Python checker does not accept the proof of {name}: {theirs:?}");
        let (ours, theirs) = (ours.json()?, theirs.json()?);
        let bytes: Value = serde_json::from_str(theirs["bytes"].as_str().unwrap_or_default())?;
        ensure!(ours["item"] == bytes, "the two show different items: {ours} and {theirs}");
        ensure!(ours["event"] == name, "the proof of {name} is of {}", ours["event"]);
        Ok(ours["item"].clone())
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path is not UTF-8")
}
