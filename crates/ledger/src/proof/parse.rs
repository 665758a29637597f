//! Reading a proof file, section by section, so that a fault is named by the part it stands in.

use super::sections::{block, key, named, note, one_line, path, section};
use super::{Broken, FORMAT, PROOF_BYTES_MAX, Part, Proof, broken};
use crate::block::Header;
use crate::note::{Note, NoteError, SIGNATURE_LINES_MAX};
use crate::text::Lines;

pub(super) fn parse(text: &str) -> Result<Proof, Broken> {
    let mut lines = Lines::new(FORMAT, text, PROOF_BYTES_MAX).map_err(broken(Part::Format))?;

    let event = section(&mut lines, "event ", Part::Event)?.parse().map_err(broken(Part::Event))?;

    let item = section(&mut lines, "item ", Part::Item)?;
    let (kind, salt) = item.split_once(' ').ok_or_else(|| Broken::new(Part::Item, "must be <kind> <salt>"))?;
    let kind = kind.parse().map_err(broken(Part::Item))?;
    let salt = salt.parse().map_err(broken(Part::Item))?;
    let bytes = one_line(&mut lines, Part::Item)?;
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
        keys.push(key(&mut lines, index)?);
    }

    named(&mut lines, "header", Part::Header)?;
    let header = Header::parse(&block(&mut lines, Part::Header)?).map_err(broken(Part::Header))?;
    let header_path = path(&mut lines, Part::HeaderPath)?;

    let checkpoint = note(&mut lines, "checkpoint", Part::Checkpoint)?;
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
