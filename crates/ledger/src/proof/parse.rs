//! Reading a proof file, section by section, so that a fault is named by the part it stands in.

use super::{Broken, FORMAT, KeyProof, PROOF_BYTES_MAX, Part, Proof, broken};
use crate::block::Header;
use crate::hash::Hash;
use crate::keys::KeyEntry;
use crate::merkle::PATH_MAX;
use crate::note::{Note, NoteError, SIGNATURE_LINES_MAX};
use crate::text::Lines;

pub(super) fn parse(text: &str) -> Result<Proof, Broken> {
    let mut lines = Lines::new(FORMAT, text, PROOF_BYTES_MAX).map_err(broken(Part::Format))?;

    let event = section(&mut lines, "event ", Part::Event)?.parse().map_err(broken(Part::Event))?;

    let item = section(&mut lines, "item ", Part::Item)?;
    let (kind, salt) = item.split_once(' ').ok_or_else(|| Broken::new(Part::Item, "must be <kind> <salt>"))?;
    let kind = kind.parse().map_err(broken(Part::Item))?;
    let salt = salt.parse().map_err(broken(Part::Item))?;
    let bytes = block(&mut lines, Part::Item)?;
    let bytes = bytes.strip_suffix('\n').unwrap_or(&bytes).to_owned();
    if bytes.bytes().any(|c| c < 0x20) {
        return Err(Broken::new(Part::Item, "the bytes are one line without control characters"));
    }
    let item_path = path(&mut lines, Part::ItemPath)?;

    named(&mut lines, "submission", Part::Submission)?;
    let submission = Note::parse(&block(&mut lines, Part::Submission)?).map_err(|e| match e {
        NoteError::Malformed(_) => Broken::new(Part::Submission, e),
        _ => Broken::new(Part::Signature, e),
    })?;
    let submission_path = path(&mut lines, Part::SubmissionPath)?;

    let mut keys = Vec::new();
    while let Some(index) = lines.next_if("key ") {
        if keys.len() == SIGNATURE_LINES_MAX {
            return Err(Broken::new(Part::Key, "more than 8 keys"));
        }
        let index = crate::text::decimal(index, u64::MAX).ok_or_else(|| Broken::new(Part::Key, "index"))?;
        let entry = KeyEntry::parse(&block(&mut lines, Part::Key)?).map_err(broken(Part::Key))?;
        keys.push(KeyProof { index, entry, path: path(&mut lines, Part::KeyPath)? });
    }

    named(&mut lines, "header", Part::Header)?;
    let header = Header::parse(&block(&mut lines, Part::Header)?).map_err(broken(Part::Header))?;
    let header_path = path(&mut lines, Part::HeaderPath)?;

    named(&mut lines, "checkpoint", Part::Checkpoint)?;
    let checkpoint = Note::parse(&block(&mut lines, Part::Checkpoint)?).map_err(broken(Part::Checkpoint))?;
    lines.end().map_err(broken(Part::Format))?;

    Ok(Proof {
        event,
        kind,
        salt,
        bytes,
        item_path,
        submission,
        submission_path,
        keys,
        header,
        header_path,
        checkpoint,
    })
}

/// The rest of the next line, which must start with `prefix`.
fn section<'a>(lines: &mut Lines<'a>, prefix: &str, part: Part) -> Result<&'a str, Broken> {
    lines.next_if(prefix).ok_or_else(|| Broken::new(part, lines.error(format!("{} must follow", prefix.trim_end()))))
}

/// The next line, which must be `name`.
fn named(lines: &mut Lines<'_>, name: &str, part: Part) -> Result<(), Broken> {
    match section(lines, name, part)? {
        "" => Ok(()),
        _ => Err(Broken::new(part, lines.error(format!("must be {name}")))),
    }
}

/// The lines that start with `|`, without it.
fn block(lines: &mut Lines<'_>, part: Part) -> Result<String, Broken> {
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

fn path(lines: &mut Lines<'_>, part: Part) -> Result<Vec<Hash>, Broken> {
    let mut path = Vec::new();
    while let Some(hash) = lines.next_if("path ") {
        if path.len() == PATH_MAX {
            return Err(Broken::new(part, "a path has at most 64 hashes"));
        }
        path.push(hash.parse().map_err(broken(part))?);
    }
    Ok(path)
}
