//! Reading a proof file, section by section, so that a fault is named by the part it stands in.

use super::sections::{block, key, named, note, one_line, path, section};
use super::{Broken, FORMAT, KeyProof, PROOF_BYTES_MAX, Part, Proof, broken};
use crate::block::{EventRef, Header};
use crate::hash::Hash;
use crate::note::{Note, NoteError, SIGNATURE_LINES_MAX};
use crate::text::Lines;

/// The sections from the submission to the header, of one item.
pub(crate) struct Upward {
    pub submission: Note,
    pub submission_path: Vec<Hash>,
    pub keys: Vec<KeyProof>,
    pub header: Header,
    pub header_path: Vec<Hash>,
}

pub(super) fn parse(text: &str) -> Result<Proof, Broken> {
    let mut lines = Lines::new(FORMAT, text, PROOF_BYTES_MAX).map_err(broken(Part::Format))?;
    let proof = sealed(&mut lines, "event ", |lines| note(lines, "checkpoint", Part::Checkpoint))?;
    lines.end().map_err(broken(Part::Format))?;
    Ok(proof)
}

/// All sections of a proof, its name after `prefix`; `checkpoint` gives the one that it stands under.
pub(crate) fn sealed<'a>(
    lines: &mut Lines<'a>,
    prefix: &str,
    checkpoint: impl FnOnce(&mut Lines<'a>) -> Result<Note, Broken>,
) -> Result<Proof, Broken> {
    let event = name(lines, prefix)?;
    let item = section(lines, "item ", Part::Item)?;
    let (kind, salt) = item.split_once(' ').ok_or_else(|| Broken::new(Part::Item, "must be <kind> <salt>"))?;
    let kind = kind.parse().map_err(broken(Part::Item))?;
    let salt = salt.parse().map_err(broken(Part::Item))?;
    let bytes = one_line(lines, Part::Item)?;
    let item_path = path(lines, Part::ItemPath)?;
    let Upward { submission, submission_path, keys, header, header_path } = upward(lines)?;
    let checkpoint = checkpoint(lines)?;
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

/// The name of an item after `prefix`.
pub(crate) fn name(lines: &mut Lines<'_>, prefix: &str) -> Result<EventRef, Broken> {
    section(lines, prefix, Part::Event)?.parse().map_err(broken(Part::Event))
}

pub(crate) fn upward(lines: &mut Lines<'_>) -> Result<Upward, Broken> {
    named(lines, "submission", Part::Submission)?;
    let submission = Note::parse(&block(lines, Part::Submission)?).map_err(|e| match e {
        NoteError::Malformed(_) => Broken::new(Part::Submission, e),
        _ => Broken::new(Part::Signature, e),
    })?;
    let submission_path = path(lines, Part::SubmissionPath)?;

    let mut keys = Vec::new();
    while let Some(index) = lines.next_if("key ") {
        if keys.len() == SIGNATURE_LINES_MAX {
            return Err(Broken::new(Part::Key, "more than 8 keys"));
        }
        keys.push(key(lines, index)?);
    }

    named(lines, "header", Part::Header)?;
    let header = Header::parse(&block(lines, Part::Header)?).map_err(broken(Part::Header))?;
    let header_path = path(lines, Part::HeaderPath)?;
    Ok(Upward { submission, submission_path, keys, header, header_path })
}
