//! What must outlive the process: one small file for each thing, in a folder of its own.
//!
//! ```text
//! <folder>/<name>.json        0600: it may hold a secret
//! ```
//!
//! Names come from here only, never from a request unchecked.

use std::fs::{self, DirBuilder};
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use medtrace_service::files;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest file that is read, bytes: far above what is ever written.
const FILE_BYTES_MAX: u64 = 1 << 20;
const ENDING: &str = ".json";

/// A file that cannot be used, and why.
#[derive(Debug, thiserror::Error)]
#[error("failed to use {}: {reason}", path.display())]
pub struct KeptError {
    path: PathBuf,
    reason: String,
}

/// Things by their names, in order.
pub type Things<T> = Vec<(String, T)>;

/// Files of one kind.
pub struct Kept<T> {
    path: PathBuf,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    /// Makes the folder if it is not there, and reads everything in it: each thing with its name.
    ///
    /// # Errors
    /// The first file that is none of ours or cannot be read, by its path. Nothing is skipped.
    pub fn open(path: &Path) -> Result<(Kept<T>, Things<T>), KeptError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |reason: String| KeptError { path, reason }
        };
        let failed = |error: io::Error| at(path)(error.to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let mut things = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if name.strip_suffix(files::UNFINISHED).is_some_and(|name| name.ends_with(ENDING)) {
                // A write that did not come to its end: the former file, if any, is whole.
                fs::remove_file(&file).map_err(|error| at(&file)(error.to_string()))?;
                continue;
            }
            let name = name.strip_suffix(ENDING).ok_or_else(|| at(&file)("it does not belong here".to_owned()))?;
            things.push((name.to_owned(), read(&file).map_err(at(&file))?));
        }
        things.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok((Kept { path: path.to_owned(), of: PhantomData }, things))
    }

    /// Writes a thing as a whole. Durable when it returns, and either the former or this whatever happens meanwhile.
    pub fn write(&self, name: &str, thing: &T) -> io::Result<()> {
        files::replace(&self.file(name), &serde_json::to_vec(thing)?, 0o600)
    }

    /// Takes a thing away; it is no failure that it is not there. Durable when it returns.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        files::remove_if_there(&self.file(name))?;
        files::sync_folder(&self.path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}{ENDING}"))
    }
}

/// The text of an error never quotes values, so no secret reaches a log.
fn read<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let length = fs::metadata(file).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("larger than {FILE_BYTES_MAX} bytes"));
    }
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| format!("it is not in its form, line {}", error.line()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("medtrace-kept-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn what_is_written_is_read_at_the_next_start() {
        let path = folder("whole");
        let (kept, none) = Kept::<Vec<u8>>::open(&path).unwrap();
        assert!(none.is_empty());
        kept.write("b", &vec![1]).unwrap();
        kept.write("a", &vec![2]).unwrap();
        kept.write("b", &vec![3, 4]).unwrap();
        kept.write("c", &vec![5]).unwrap();
        kept.remove("c").unwrap();
        kept.remove("c").unwrap();
        // A write that was cut off.
        fs::write(path.join("a.json.new"), b"[9").unwrap();
        let (_, things) = Kept::<Vec<u8>>::open(&path).unwrap();
        assert_eq!(things, [("a".to_owned(), vec![2]), ("b".to_owned(), vec![3, 4])]);
        assert!(!path.join("a.json.new").exists());
        assert_eq!(fs::metadata(path.join("a.json")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        for (name, bytes) in [("a.json", &b"[1, "[..]), ("a.json", b"{\"secret\": 1}"), ("notes.txt", b"")] {
            let path = folder("damaged");
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(name), bytes).unwrap();
            let error = Kept::<Vec<u8>>::open(&path).err().unwrap().to_string();
            assert!(error.contains(name) && !error.contains("secret"), "{error}");
            fs::remove_dir_all(path).unwrap();
        }
    }
}
