//! Files that only their owner may use.

use std::{fs::File, io::Read, os::unix::fs::MetadataExt, path::Path};

use zeroize::Zeroizing;

use super::KeysError;

/// Any of these bits of the mode lets others use the file.
const OTHERS_MODE: u32 = 0o077;

/// The whole file, if its mode is private and it is no longer than that. What was read is wiped when it is dropped.
pub(super) fn read(path: &Path, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, KeysError> {
    let failed = |source| KeysError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    let mode = meta.mode() & 0o777;
    if mode & OTHERS_MODE != 0 {
        return Err(KeysError::Readable { path: path.to_owned(), mode });
    }
    // Room for all of it at once: what a growing vector leaves behind is not wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max as usize + 1));
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 <= bytes_max {
        true => Ok(bytes),
        false => Err(KeysError::Format { path: path.to_owned(), reason: "longer than any such file" }),
    }
}
