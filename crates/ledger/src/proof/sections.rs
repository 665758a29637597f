//! What all evidence files are made of: sections of a line, a text behind `|`, hashes; so that a fault is named by the
//! part it stands in.

use super::{Broken, Part, broken};
use crate::hash::Hash;
use crate::keys::KeyEntry;
use crate::merkle::PATH_MAX;
use crate::note::Note;
use crate::proof::KeyProof;
use crate::text::{Lines, decimal};

/// The rest of the next line, which must start with `prefix`.
pub(crate) fn section<'a>(lines: &mut Lines<'a>, prefix: &str, part: Part) -> Result<&'a str, Broken> {
    lines.next_if(prefix).ok_or_else(|| Broken::new(part, lines.error(format!("{} must follow", prefix.trim_end()))))
}

/// The next line, which must be `name`.
pub(crate) fn named(lines: &mut Lines<'_>, name: &str, part: Part) -> Result<(), Broken> {
    match section(lines, name, part)? {
        "" => Ok(()),
        _ => Err(Broken::new(part, lines.error(format!("must be {name}")))),
    }
}

/// The lines that start with `|`, without it.
pub(crate) fn block(lines: &mut Lines<'_>, part: Part) -> Result<String, Broken> {
    let mut block = String::new();
    while let Some(line) = lines.next_if("|") {
        block.push_str(line);
        block.push('\n');
    }
    match block.is_empty() {
        true => Err(Broken::new(part, lines.error("lines with | must follow"))),
        false => Ok(block),
    }
}

/// An item: one line after `|`, without control characters.
pub(crate) fn one_line(lines: &mut Lines<'_>, part: Part) -> Result<String, Broken> {
    let bytes = block(lines, part)?;
    let bytes = bytes.strip_suffix('\n').unwrap_or(&bytes);
    match bytes.bytes().any(|c| c < 0x20) {
        true => Err(Broken::new(part, lines.error("the bytes are one line without control characters"))),
        false => Ok(bytes.to_owned()),
    }
}

/// A note under the line `name`.
pub(crate) fn note(lines: &mut Lines<'_>, name: &str, part: Part) -> Result<Note, Broken> {
    named(lines, name, part)?;
    Note::parse(&block(lines, part)?).map_err(broken(part))
}

/// A key entry and its path, after `key `.
pub(crate) fn key(lines: &mut Lines<'_>, index: &str) -> Result<KeyProof, Broken> {
    let index = decimal(index, u64::MAX).ok_or_else(|| Broken::new(Part::Key, lines.error("index")))?;
    let entry = KeyEntry::parse(&block(lines, Part::Key)?).map_err(broken(Part::Key))?;
    Ok(KeyProof { index, entry, path: path(lines, Part::KeyPath)? })
}

/// The lines that start with `path `.
pub(crate) fn path(lines: &mut Lines<'_>, part: Part) -> Result<Vec<Hash>, Broken> {
    hashes(lines, "path ", PATH_MAX, part)
}

/// At most `max` lines of a hash after `prefix`.
pub(crate) fn hashes(lines: &mut Lines<'_>, prefix: &str, max: usize, part: Part) -> Result<Vec<Hash>, Broken> {
    let mut found = Vec::new();
    while let Some(hash) = lines.next_if(prefix) {
        if found.len() == max {
            return Err(Broken::new(part, lines.error(format!("more than {max} hashes"))));
        }
        found.push(hash.parse().map_err(broken(part))?);
    }
    Ok(found)
}

/// Prints a text behind `|`, then its path.
pub(crate) fn push_block(text: &mut String, block: &str, path: &[Hash]) {
    for line in block.strip_suffix('\n').unwrap_or(block).split('\n') {
        text.push('|');
        text.push_str(line);
        text.push('\n');
    }
    push_hashes(text, "path ", path);
}

pub(crate) fn push_hashes(text: &mut String, prefix: &str, hashes: &[Hash]) {
    for hash in hashes {
        text.push_str(&format!("{prefix}{hash}\n"));
    }
}
