//! Small files that must outlive the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Ending of a file that is being written. One that is found at start was never finished and may be removed.
pub const UNFINISHED: &str = ".new";

/// Replaces a file as a whole: written beside it, synced, renamed, its folder synced. Durable, with its name, when it
/// returns; whatever happens meanwhile, the former or this is there. A new file gets `mode` (`0o600` if it may hold a
/// secret).
///
/// # Errors
/// The system's own; the former file is there then, or this one.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let fresh = unfinished(path);
    // What a write that was cut off has left has a mode of its own.
    remove_if_there(&fresh)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Removes a file; it is no failure that it is not there.
///
/// # Errors
/// The system's own.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes what was made, renamed or removed in a folder durable.
///
/// # Errors
/// The system's own.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_former_stays_until_the_new_one_is_whole() {
        let folder = std::env::temp_dir().join(format!("medtrace-files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let path = folder.join("state");
        replace(&path, b"former", 0o600).unwrap();
        // A write that was cut off does no harm.
        fs::write(folder.join("state.new"), b"longer than what follows").unwrap();
        replace(&path, b"new", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        // It cannot be written: the former is untouched.
        fs::create_dir(folder.join("state.new")).unwrap();
        assert!(replace(&path, b"lost", 0o600).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::remove_dir_all(folder).unwrap();
    }
}
