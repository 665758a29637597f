//! Embeds the numbered files of `schemas/clickhouse/`, in order, as `MIGRATIONS`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../schemas/clickhouse");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = match fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    let mut list = String::from("[\n");
    for path in files {
        let path = path.canonicalize()?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        list += &format!("    Migration {{ name: {name:?}, sql: include_str!({:?}) }},\n", path.display().to_string());
    }
    list += "]\n";
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("migrations.rs"), list)
}
