//! Bad vectors: each breaks one rule, and says which part a checker must name.
#![allow(dead_code, clippy::unwrap_used)]

pub mod evidence;

use medtrace_ledger::checkpoint::cosign;
use medtrace_ledger::note::{SignatureLine, sign_note};
use medtrace_ledger::*;

use crate::common::{self, BLOCKS, ORIGIN, Record, WITNESSES, World, checkpoint, key, signer};

pub struct Bad {
    pub name: &'static str,
    pub format: &'static str,
    /// The part or reason that must be named.
    pub part: &'static str,
    pub text: String,
}

/// Bad texts of every format but the proof.
pub fn texts(world: &World, receipt: &str) -> Vec<Bad> {
    let mut bad = Vec::new();
    let mut put = |format, part, name, text: String| bad.push(Bad { name, format, part, text });

    let note = &world.genesis_note;
    put("genesis", "genesis", "one-signature", without_last_line(note));
    put("genesis", "genesis", "changed", note.replacen("\"threshold\":2", "\"threshold\":1", 1));
    put(
        "genesis",
        "genesis",
        "spaces",
        resign(note, &["authority-a", "authority-b"], |t| t.replacen("\":", "\": ", 1)),
    );
    put("genesis", "genesis", "order", resign(note, &["authority-b", "authority-a"], str::to_owned));
    put("genesis", "genesis", "foreign-signer", resign(note, &["authority-a", "factory"], str::to_owned));
    put("genesis", "genesis", "member", resign(note, &AUTHORITY_2, |t| t.replacen("{", "{\"a\":1,", 1)));

    let again = |from, to| resign(note, &AUTHORITY_2, |t| t.replacen(from, to, 1));
    put("genesis", "genesis", "policy-spaces", again("\\nquorum ", "\\nquorum  "));
    put("genesis", "genesis", "policy-escape", again("\\nquorum ", "\\u000aquorum "));
    put("genesis", "genesis", "quorum-nobody", again("quorum enough", "quorum some"));
    put("genesis", "genesis", "another-origin", again("\nstents.example/county\n", "\nelsewhere\n"));
    let member = again("authority-b", "authority-a");
    let officers = ["authority-a", "authority-b"].map(|name| Signer::new(common::party("authority-a"), key(name)));
    let one = sign_note(Note::parse(&member).unwrap().text().to_owned(), &officers).unwrap();
    put("genesis", "genesis", "one-member-twice", one.to_string());
    for (name, text) in common::policies::refused() {
        put("policy", "policy", name, text);
    }

    // 2-1.submission: two events of the factory, items 5 and 6.
    let Record::Sealed(sealed, _) = &world.blocks[2].cuts[1][0] else { unreachable!() };
    let note = &sealed.note;
    let forge = |change: &dyn Fn(&mut Submission)| {
        let mut submission = sealed.submission.clone();
        change(&mut submission);
        sign_note(submission.text(), &[signer("factory")]).unwrap().to_string()
    };
    let other = Hash::of("other");
    put("submission", "undecodable", "zero", note.replacen("\n2\n", "\n02\n", 1));
    put("submission", "undecodable", "no-newline", note.trim_end().to_owned());
    put("submission", "undecodable", "extra-line", resign(note, &["factory"], |t| format!("{t}more\n")));
    put("submission", "undecodable", "weak-key", note.replacen(&key("factory").public().to_string(), WEAK_KEY, 1));
    put("submission", "undecodable", "base64", note.replacen("=\n", "\n", 1));
    put("submission", "wrong-origin", "origin", forge(&|s| s.origin = "elsewhere".parse().unwrap()));
    put("submission", "wrong-genesis", "genesis", forge(&|s| s.genesis = other));
    put("submission", "wrong-kind", "kind", forge(&|s| s.kind = SubmissionKind::Notices));
    put("submission", "signature-lines", "another-party", forge(&|s| s.party = common::party("hospital")));
    put("submission", "signature-lines", "two-lines", resign(note, &["factory", "hospital"], str::to_owned));
    put("submission", "bad-signature", "signature", note.replacen("\n17672256003", "\n17672256002", 1));
    put("submission", "count", "count", forge(&|s| s.count = 3));
    put("submission", "root", "root", forge(&|s| s.root = other));

    let header = world.blocks[2].header.text();
    put("header", "header", "zero", header.replacen("\n2\n", "\n02\n", 1));
    put("header", "header", "cuts-order", swap_lines(&header, 6));
    put("header", "header", "bad-order", swap_lines(&header, 9));
    put("header", "header", "too-many-records", header.replacen(" 0 2 4 1 ", " 0 2 4 3 ", 1));
    put("header", "header", "empty-cut", header.replacen(" 0 2 4 1 ", " 0 4 4 0 ", 1));
    put("header", "header", "bad-of-another-cut", header.replacen("bad scan-events 0 2", "bad scan-events 1 2", 1));
    put("header", "header", "topic-uuid", header.replacen("AABw ", "AABx ", 1));

    let entry = common::entry("carrier", Custody::Own, &["carrier", "distributor"], 0).text();
    put("key", "key", "roles-order", entry.replacen("carrier,distributor", "distributor,carrier", 1));
    put("key", "key", "no-role", entry.replacen("carrier,distributor", "", 1));
    put("key", "key", "custody", entry.replacen("\nown\n", "\nhosted\n", 1));
    put("key", "key", "weak", entry.replacen(&key("carrier").public().to_string(), WEAK_KEY, 1));

    put("receipt", "receipt", "changed", receipt.replacen("scan-events ", "notices ", 1));
    put("receipt", "receipt", "another-signer", resign(receipt, &["factory"], str::to_owned));

    let note = world.checkpoint.to_string();
    put("checkpoint", "checkpoint", "changed", note.replacen("\n5\n", "\n6\n", 1));
    put("checkpoint", "checkpoint", "size-0", resign(&note, &[ORIGIN], |t| t.replacen("\n5\n", "\n0\n", 1)));
    put("checkpoint", "checkpoint", "another-signer", resign(&note, &["factory"], str::to_owned));
    put("checkpoint", "cosignatures", "order", with_lines(&world.checkpoint, |lines| lines.swap(1, 2)));
    put(
        "checkpoint",
        "cosignatures",
        "stranger",
        with_lines(&world.checkpoint, |lines| {
            lines.push(cosign(&signer("stranger"), world.checkpoint.text(), 1).unwrap());
        }),
    );
    put("checkpoint", "cosignatures", "time", with_lines(&world.checkpoint, |lines| lines[1].signature[7] ^= 1));
    bad
}

/// Bad proofs: each part broken once, then the file itself.
pub fn proofs(world: &World) -> Vec<Bad> {
    let prove = |height, ordinal, index| world.prove(EventRef::new(height, ordinal, index).unwrap()).unwrap();
    let (good, other) = (prove(2, 5, 0), prove(2, 4, 1));
    let wrong = Hash::of("wrong");
    let mut bad = Vec::new();
    let mut put = |part, name, text: String| bad.push(Bad { name, format: "proof", part, text });
    let change = |change: &dyn Fn(&mut Proof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof.text()
    };

    put("event", "height", change(&|p| p.event = EventRef::new(3, 5, 0).unwrap()));
    put("event", "ordinal", change(&|p| p.event = EventRef::new(2, 99, 0).unwrap()));
    put("item-path", "index", change(&|p| p.event = EventRef::new(2, 5, 1).unwrap()));
    put("submission-path", "another-ordinal", change(&|p| p.event = EventRef::new(2, 4, 0).unwrap()));
    put("item-path", "bytes", change(&|p| p.bytes = p.bytes.replacen("shipping", "receiving", 1)));
    put("item-path", "salt", change(&|p| p.salt.0[15] ^= 1));
    put("item-path", "item-kind", change(&|p| p.kind = ItemKind::Document));
    put("item", "notice", change(&|p| p.kind = ItemKind::Notice));
    put("item-path", "longer-path", change(&|p| p.item_path.push(wrong)));
    put("submission-path", "cut-path", change(&|p| p.submission_path[0] = wrong));
    put("submission-path", "shorter-path", change(&|p| p.submission_path.clear()));
    put("item-path", "another-submission", change(&|p| p.submission = other.submission.clone()));
    put("signature", "signature", change(&|p| p.submission = resigned(&p.submission, "hospital")));
    put(
        "submission",
        "other-consortium",
        change(&|p| {
            let mut submission = Submission::parse(p.submission.text()).unwrap();
            submission.genesis = wrong;
            p.submission = sign_note(submission.text(), &[signer("carrier")]).unwrap();
        }),
    );
    put("key", "another-key", change(&|p| p.keys = other.keys.clone()));
    put("key", "no-key", change(&|p| p.keys.clear()));
    put("key-path", "custody", change(&|p| p.keys[0].entry.custody = Custody::Own));
    put("key-path", "key-index", change(&|p| p.keys[0].index += 1));
    put("key-path", "key-path", change(&|p| p.keys[0].path[0] = wrong));
    put("key", "enrolled-later", change(&|p| p.keys[0].entry.enrolled = 3));
    put("header", "other-origin", change(&|p| p.header.origin = "elsewhere".parse().unwrap()));
    put("header-path", "header-time", change(&|p| p.header.time_ms += 1));
    put("time", "too-late", change(&|p| p.header.time_ms += 7 * 24 * 3_600_000));
    put("header-path", "hidden-bad-line", change(&|p| p.header.bad.truncate(1)));
    put("header-path", "log-path", change(&|p| p.header_path[0] = wrong));
    put(
        "header-path",
        "smaller-log",
        change(&|p| p.checkpoint = checkpoint(&world.genesis, &world.log, 3, &WITNESSES)),
    );
    put("checkpoint", "another-chainer", change(&|p| p.checkpoint = forged_checkpoint(&p.checkpoint)));
    put("cosignatures", "no-witness", change(&|p| p.checkpoint = checkpoint(&world.genesis, &world.log, BLOCKS, &[])));
    put("bad", "named-bad", named_bad());
    put("log-root", "another-past", another_past());

    let text = good.text();
    put("format", "version", text.replacen("/v1", "/v2", 1));
    put("format", "more", format!("{text}\n"));
    put("event", "name-zero", text.replacen("event 2-", "event 02-", 1));
    put("item", "two-lines", text.replacen("|{\"action\"", "|{\n|\"action\"", 1));
    put("item-path", "path-base64", text.replacen("\nsubmission\n", "\npath A\nsubmission\n", 1));
    put("submission", "unquoted", text.replacen("\n|medtrace/events/v1", "\nmedtrace/events/v1", 1));
    put("header", "no-header", text.replacen("\nheader\n", "\n", 1));
    put("checkpoint", "cut-short", text[..text.find("checkpoint\n").unwrap()].to_owned());
    bad
}

const AUTHORITY_2: [&str; 2] = ["authority-a", "authority-b"];
/// A point of order 4.
const WEAK_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A proof in which all holds, but for a bad line of its submission.
fn named_bad() -> String {
    let mut world = common::world();
    let block = &mut world.blocks[2];
    let stranger = common::entry("stranger", Custody::Own, &["hospital"], 0);
    block.keys = KeySet::new(block.keys.entries().cloned().chain([stranger]).collect::<Vec<_>>());
    block.header.keys = block.keys.count_and_root();
    world.rebuild_log();
    world.prove(EventRef::new(2, 3, 0).unwrap()).unwrap().text()
}

/// A proof in which all holds, but the header names another past.
fn another_past() -> String {
    let mut world = common::world();
    world.blocks[4].header.log_root = Hash::of("another past");
    world.rebuild_log();
    world.prove(EventRef::new(4, 0, 0).unwrap()).unwrap().text()
}

fn without_last_line(note: &str) -> String {
    let lines: Vec<&str> = note.split_inclusive('\n').collect();
    lines[..lines.len() - 1].concat()
}

fn swap_lines(text: &str, first: usize) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.swap(first, first + 1);
    lines.concat()
}

/// The note with a changed text, signed by others.
fn resign(note: &str, by: &[&str], change: impl Fn(&str) -> String) -> String {
    let signers: Vec<Signer> = by.iter().map(|name| signer(name)).collect();
    sign_note(change(Note::parse(note).unwrap().text()), &signers).unwrap().to_string()
}

fn with_lines(note: &Note, change: impl Fn(&mut Vec<SignatureLine>)) -> String {
    let mut lines = note.signatures().to_vec();
    change(&mut lines);
    Note::new(note.text().into(), lines).unwrap().to_string()
}

/// The right name and key id, another's signature.
pub fn resigned(note: &Note, who: &str) -> Note {
    let mut line = note.signatures()[0].clone();
    line.signature = signer(who).sign(note.text()).unwrap().signature;
    Note::new(note.text().into(), vec![line]).unwrap()
}

/// The checkpoint signed by another under the chainer's name.
pub fn forged_checkpoint(note: &Note) -> Note {
    let forger = Signer::new(ORIGIN.parse::<KeyName>().unwrap(), key("factory"));
    let line = SignatureLine { key_id: note.signatures()[0].key_id, ..forger.sign(note.text()).unwrap() };
    Note::new(note.text().into(), vec![line]).unwrap()
}
