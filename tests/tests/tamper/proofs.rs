//! A byte changed in any part of a proof.

use anyhow::Context;
use medtrace_tests::{
    county::County,
    tool::{FINDING, Proofs},
};

/// Where in a line a byte is changed.
#[derive(Clone, Copy)]
enum At {
    Last,
    Middle,
    /// So many bytes before the end of the line.
    Back(usize),
}
use At::{Back, Last, Middle};

/// A byte in every line of a proof: the line that its section begins with, how many lines after it, where in the line,
/// and the part that must be named. A letter becomes another letter and a digit another digit, so that the form stays
/// good wherever it can; what then does not hold is the content.
const CHANGES_OF_A_PROOF: &[(&str, usize, At, &str)] = &[
    ("medtrace/proof/v1", 0, Middle, "format"),
    ("event ", 0, Last, "item-path"),
    ("item E ", 0, Back(10), "item-path"),
    ("item E ", 0, Last, "item"),
    ("|{", 0, Middle, "item-path"),
    // The submission: its first line, origin, genesis, party, time, count, root. (Its key: below, in the key entry. Another
    // point may be none of the curve, or be one; each is refused in another way.)
    ("|medtrace/events/v1", 0, Last, "submission"),
    ("|medtrace/events/v1", 1, Middle, "submission"),
    ("|medtrace/events/v1", 2, Middle, "submission"),
    ("|medtrace/events/v1", 3, Middle, "signature"),
    ("|medtrace/events/v1", 5, Last, "signature"),
    ("|medtrace/events/v1", 6, Last, "signature"),
    ("|medtrace/events/v1", 7, Middle, "signature"),
    // The key: its first line, party, key, custody, roles, height.
    ("key ", 0, Last, "key-path"),
    ("|medtrace/key/v1", 0, Last, "key"),
    ("|medtrace/key/v1", 1, Middle, "key"),
    ("|medtrace/key/v1", 2, Middle, "key"),
    ("|medtrace/key/v1", 3, Back(5), "key-path"),
    ("|medtrace/key/v1", 4, Middle, "key-path"),
    ("|medtrace/key/v1", 5, Last, "key-path"),
    // The header: its first line, origin, height, root of the log, time, keys, cut.
    ("|medtrace/block/v1", 0, Last, "header"),
    ("|medtrace/block/v1", 1, Middle, "header"),
    ("|medtrace/block/v1", 2, Last, "event"),
    ("|medtrace/block/v1", 3, Middle, "header-path"),
    ("|medtrace/block/v1", 4, Last, "header-path"),
    ("|keys ", 0, Back(10), "key-path"),
    ("|cut ", 0, Back(10), "submission-path"),
    // The checkpoint: the section's line, origin, size, root.
    ("checkpoint", 0, Last, "checkpoint"),
    ("checkpoint", 1, Middle, "checkpoint"),
    ("checkpoint", 2, Last, "checkpoint"),
    ("checkpoint", 3, Middle, "checkpoint"),
];

/// Sections with a path, and the part that a changed hash of it must be named as.
const PATHS: &[(&str, &str)] =
    &[("item", "item-path"), ("submission", "submission-path"), ("key", "key-path"), ("header", "header-path")];

pub async fn changed(county: &County, name: &str) -> anyhow::Result<()> {
    let proofs = Proofs::new(&county.stack.data().join("proofs"), &county.stack.layout().genesis())?;
    let proof = county.query.proof(name).await?;
    proofs.hold(name, &proof)?;
    let mut wrong = Vec::new();
    for (begin, after, at, part) in CHANGES_OF_A_PROOF {
        let byte = byte_at(&proof, begin, *after, *at).with_context(|| format!("a proof has a line {begin:?}"))?;
        wrong.extend(named(&proofs, &proof, byte, &format!("{begin:?} + {after}"), part)?);
    }
    for (section, part) in PATHS {
        for byte in paths_of(&proof, section) {
            wrong.extend(named(&proofs, &proof, byte, &format!("path of {section}"), part)?);
        }
    }
    let [submission, checkpoint, cosignature] = signatures(&proof)?;
    wrong.extend(named(&proofs, &proof, submission, "signature of the submission", "signature")?);
    wrong.extend(named(&proofs, &proof, checkpoint, "signature of the checkpoint", "checkpoint")?);
    wrong.extend(named(&proofs, &proof, cosignature, "cosignature of the witness", "cosignatures")?);
    assert!(wrong.is_empty(), "{}\n{proof}", wrong.join("\n"));
    // Nothing of a proof can be left out either.
    for lines in [1, proof.lines().count() / 2] {
        let kept: String = proof.lines().take(proof.lines().count() - lines).map(|line| format!("{line}\n")).collect();
        let file = proofs.keep("cut-short", kept)?;
        assert_eq!((proofs.by_tool(&file)?.code, proofs.by_python(&file)?.code), (Some(FINDING), Some(FINDING)));
    }
    Ok(())
}

/// Position of a byte: in the line `after` lines behind the first that begins so.
fn byte_at(proof: &str, begin: &str, after: usize, at: At) -> Option<usize> {
    let first = if proof.starts_with(begin) { 0 } else { proof.find(&format!("\n{begin}"))? + 1 };
    let before: usize = proof[first..].split_inclusive('\n').take(after).map(str::len).sum();
    let line = first + before;
    let length = proof[line..].find('\n')?;
    Some(match at {
        Last => line + length - 1,
        Middle => line + length / 2,
        Back(bytes) => line + length - bytes,
    })
}

/// The first and the last hash of a section's path, if it has one.
fn paths_of(proof: &str, section: &str) -> Vec<usize> {
    let mut inside = "";
    let mut found = Vec::new();
    let mut at = 0;
    for line in proof.split_inclusive('\n') {
        match line.split([' ', '\n']).next() {
            Some("path") if inside == section => found.push(at + "path ".len()),
            Some(word @ ("item" | "submission" | "key" | "header" | "checkpoint")) => inside = word,
            _ => {}
        }
        at += line.len();
    }
    found.dedup();
    match found.as_slice() {
        [first, .., last] => vec![*first, *last],
        few => few.to_vec(),
    }
}

/// A byte inside the signature of the submission, of the checkpoint, and of its witness.
fn signatures(proof: &str) -> anyhow::Result<[usize; 3]> {
    let lines: Vec<usize> = proof.match_indices("\n|\u{2014} ").map(|(at, _)| at + 1).collect();
    let [submission, checkpoint, witness] = lines[..] else { anyhow::bail!("a proof has three signature lines") };
    let inside = |line: usize| proof[line..].find('\n').map(|length| line + length - 10).context("a line ends");
    Ok([inside(submission)?, inside(checkpoint)?, inside(witness)?])
}

/// Changes one byte: both checkers must refuse, and both name the part. What is otherwise, as a line for people.
fn named(proofs: &Proofs, proof: &str, at: usize, what: &str, part: &str) -> anyhow::Result<Option<String>> {
    let mut bytes = proof.as_bytes().to_vec();
    bytes[at] = match bytes[at] {
        digit @ b'0'..=b'8' => digit + 1,
        b'9' => b'8',
        b'A' | b'a' => bytes[at] + 1,
        letter @ (b'B'..=b'Z' | b'b'..=b'z') => letter - 1,
        b'+' => b'/',
        b'/' => b'+',
        other => other ^ 1,
    };
    let file = proofs.keep("changed", bytes)?;
    let (ours, theirs) = (proofs.by_tool(&file)?, proofs.by_python(&file)?);
    let said = ours.json().map(|answer| answer["part"].as_str().unwrap_or("no part").to_owned());
    let found = (ours.code, said?, theirs.code);
    let right = found == (Some(FINDING), part.to_owned(), Some(FINDING));
    Ok((!right).then(|| format!("{what}: {found:?}, not {part}; the second checker says {}", theirs.stderr)))
}
