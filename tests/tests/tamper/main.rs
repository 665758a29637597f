//! Tampering is found, named, and ends with exit code 3.
//!
//! ```text
//! a proof             a byte flipped in any part of it            `proof check` and the Python checker name that part
//! a ClickHouse row    deleted, changed, or one too many           `audit` names table and key
//! a Kafka record      a byte flipped in the log segment of the    `audit` names the block and its topic
//!                     stopped broker, its checksum made right
//! ```
//!
//! Each is clean before, so that what is found is what was done.

mod segment;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use medtrace_tests::{
    Client, Options, Scan, Stack,
    codes::{label, sscc, uri},
    county::{AGENT, County, FACTORY, PREFIX, STENT},
    tool::{FINDING, Proofs, medtrace},
};
use medtrace_tool::stack::Endpoints;

/// Every part of a proof whose bytes can be flipped, with what a checker may call it. A flip in the middle of a line can
/// break the line's form, or what the line says: both are that part's.
const PARTS: &[(&str, &[&str])] = &[
    ("medtrace/proof/v1", &["format"]),
    ("event ", &["format", "event", "item-path"]),
    ("item E ", &["format", "item", "item-path"]),
    ("|{", &["item", "item-path"]),
    ("|medtrace/events/v1", &["submission", "signature"]),
    ("|medtrace/block/v1", &["header", "header-path"]),
    ("|cut ", &["header", "submission-path", "header-path", "event", "submission"]),
    ("|keys ", &["header", "key-path", "header-path"]),
    ("|medtrace/key/v1", &["key", "key-path"]),
    ("key ", &["format", "key", "key-path"]),
    ("checkpoint", &["format", "checkpoint"]),
];

/// What somebody does to the store, and the table that the audit must name.
const CHANGES: &[(&str, &str, &str)] = &[
    ("a fact is gone", "fact", "DELETE FROM fact WHERE id = 'T7'"),
    ("a stent is used", "lot_item", "ALTER TABLE lot_item UPDATE condition = 'dispensed' WHERE id = 'T7'"),
    ("an event happened elsewhere", "event", "ALTER TABLE event UPDATE read_point = 'urn:x:1' WHERE step = 'shipping'"),
    (
        "a note reads otherwise",
        "submission",
        "ALTER TABLE submission UPDATE note = concat(note, ' ') WHERE ordinal = 0",
    ),
    (
        "a box holds one more",
        "containment",
        "INSERT INTO containment SELECT * REPLACE ('X' AS child_id) FROM containment LIMIT 1",
    ),
    ("a shipment goes elsewhere", "delivery", "ALTER TABLE delivery UPDATE destinations = ['urn:x:1'] WHERE 1"),
];
/// Well inside the signed note of a record whose bodies are short, in bytes before the record's end.
const NOTE_BACK_BYTES: usize = 900;

/// A section of a proof, for the lines that occur in several.
const SECTIONS: &[(&str, &[&str])] = &[
    ("item", &["item-path"]),
    ("submission", &["submission-path"]),
    ("key", &["key-path"]),
    ("header", &["header-path", "log-root"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_changed_is_named() -> anyhow::Result<()> {
    let county = County::start(Options::default()).await?;
    let name = fill(&county).await?;
    proofs(&county, &name).await?;
    rows(&county).await?;
    records(county).await
}

/// Goods in several blocks; the name of an event in the middle of a submission of several.
async fn fill(county: &County) -> anyhow::Result<String> {
    let time = "2026-03-01T08:00:00+08:00";
    let serials: Vec<String> = (1..=20).map(|n| format!("(01){STENT}(10)A(21)T{n}")).collect();
    let case = label(&sscc(PREFIX, 1));
    let commission = Scan::new("commission", time, FACTORY, &serials);
    county.query.until_indexed(&county.factory.scan(&[commission]).await?).await?;
    let scans = [
        Scan::new("pack", "2026-03-01T09:00:00+08:00", FACTORY, &serials).with("parent", case.as_str()),
        Scan::new("inspect", "2026-03-01T09:30:00+08:00", FACTORY, &serials).with("result", "pass"),
        Scan::new("ship", "2026-03-01T10:00:00+08:00", FACTORY, [&case]).with("to", AGENT),
    ];
    county.query.until_indexed(&county.factory.scan(&scans).await?).await?;
    let receive = Scan::new("receive", "2026-03-02T08:00:00+08:00", AGENT, [&case]);
    county.query.until_indexed(&county.agent.scan(&[receive]).await?).await?;
    county.query.name_of(&scans[1].event_id()).await
}

async fn proofs(county: &County, name: &str) -> anyhow::Result<()> {
    let proofs = Proofs::new(&county.stack.data().join("proofs"), &county.stack.layout().genesis())?;
    let proof = county.query.proof(name).await?;
    proofs.hold(name, &proof)?;
    for (begin, parts) in PARTS {
        let at = line_of(&proof, begin).with_context(|| format!("a proof has a line {begin:?}"))?;
        named(&proofs, &proof, at, begin, parts)?;
    }
    for (section, parts) in SECTIONS {
        // The first and the last hash of the section's path, if it has one.
        for at in paths_of(&proof, section) {
            named(&proofs, &proof, at, &format!("path of {section}"), parts)?;
        }
    }
    for (at, what, parts) in signatures(&proof)? {
        named(&proofs, &proof, at, what, parts)?;
    }
    // Nothing of a proof can be left out either.
    for lines in [1, proof.lines().count() / 2] {
        let kept: String = proof.lines().take(proof.lines().count() - lines).map(|line| format!("{line}\n")).collect();
        let file = proofs.keep("cut-short", kept)?;
        assert_eq!((proofs.by_tool(&file)?.code, proofs.by_python(&file)?.code), (Some(FINDING), Some(FINDING)));
    }
    Ok(())
}

/// Where a line that begins so can be flipped: its last byte.
fn line_of(proof: &str, begin: &str) -> Option<usize> {
    let at = if proof.starts_with(begin) { 0 } else { proof.find(&format!("\n{begin}"))? + 1 };
    let length = proof[at..].find('\n')?;
    Some(at + length - 1)
}

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

type Flip = (usize, &'static str, &'static [&'static str]);

/// The signature lines: of the submission, of the checkpoint.
fn signatures(proof: &str) -> anyhow::Result<Vec<Flip>> {
    let lines: Vec<usize> = proof.match_indices("\n|\u{2014} ").map(|(at, _)| at + 1).collect();
    let [submission, checkpoint] = lines[..] else { anyhow::bail!("a proof has two signature lines") };
    // Ten bytes before the end of the line: inside the signature.
    let inside = |line: usize| proof[line..].find('\n').map(|length| line + length - 10).context("a line ends");
    Ok(vec![
        (inside(submission)?, "signature of the submission", &["signature"]),
        (inside(checkpoint)?, "signature of the checkpoint", &["checkpoint"]),
    ])
}

/// Flips a bit of one byte; both checkers must refuse, and the tool must name one of the parts.
fn named(proofs: &Proofs, proof: &str, at: usize, what: &str, parts: &[&str]) -> anyhow::Result<()> {
    let mut bytes = proof.as_bytes().to_vec();
    bytes[at] ^= 1;
    let file = proofs.keep("flipped", bytes)?;
    let (ours, theirs) = (proofs.by_tool(&file)?, proofs.by_python(&file)?);
    assert_eq!(ours.code, Some(FINDING), "{what}: {ours:?}");
    assert_eq!(theirs.code, Some(FINDING), "{what}: {theirs:?}");
    let answer = ours.json()?;
    let part = answer["part"].as_str().unwrap_or_default();
    assert!(answer["proven"] == false && parts.contains(&part), "{what}: named {part}, not one of {parts:?}: {answer}");
    Ok(())
}

/// Changes rows as somebody would who has the store's password.
async fn rows(county: &County) -> anyhow::Result<()> {
    clean(&county.stack)?;
    let endpoints = county.stack.endpoints()?;
    for (what, table, sql) in CHANGES {
        execute(&endpoints, sql).await.with_context(|| (*what).to_owned())?;
        let audit = medtrace(Some(county.stack.data()), &["audit"])?;
        assert_eq!(audit.code, Some(FINDING), "{what}: {audit:?}");
        let found = audit.json()?;
        let differences = found["rows"]["differences"].as_array().cloned().unwrap_or_default();
        assert!(differences.iter().any(|row| row["table"] == *table), "{what}: {table} is not named: {found}");
        assert_eq!(found["chain"]["findings"], serde_json::json!([]), "{what}: the chain is sound");
    }
    // A rebuild derives what should be there, and the audit is clean again.
    let rebuilt = medtrace(Some(county.stack.data()), &["rebuild"])?;
    assert_eq!(rebuilt.code, Some(0), "{rebuilt:?}");
    clean(&county.stack)?;
    let answer = county.query.verify(&uri::item(STENT, "T7")).await?;
    assert_eq!(answer["verdict"], "accept", "{answer}");
    Ok(())
}

fn clean(stack: &Stack) -> anyhow::Result<()> {
    let audit = medtrace(Some(stack.data()), &["audit"])?;
    ensure!(audit.code == Some(0), "the audit is not clean: {audit:?}");
    Ok(())
}

async fn execute(endpoints: &Endpoints, sql: &str) -> anyhow::Result<()> {
    let password = fs::read_to_string(&endpoints.clickhouse_password_file)?;
    let client = Client::new(&endpoints.clickhouse, None)?;
    let path = format!("/?database={}&mutations_sync=2", endpoints.clickhouse_database);
    let answer = client
        .send(reqwest::Method::POST, &path, |request| {
            request.basic_auth(&endpoints.clickhouse_user, Some(password.trim())).body(sql.to_owned())
        })
        .await?;
    ensure!(answer.status == 200, "{sql}: {}: {}", answer.status, answer.text());
    Ok(())
}

/// Flips a bit in two records of the stopped broker's log, and starts everything again.
async fn records(county: County) -> anyhow::Result<()> {
    let data = county.stack.stop()?;
    // In the bodies, which stand last in a record, and in the signed note before them.
    let places = [("the bodies", 40), ("the note", NOTE_BACK_BYTES)];
    let segments = segments(&data.join("kafka"), "scan-events")?;
    ensure!(segments.len() >= places.len(), "the parties' records lie in one partition");
    for (segment, (what, back)) in segments.iter().zip(places) {
        let tampered = segment::tampered(&fs::read(segment)?, back).with_context(|| what.to_owned())?;
        fs::write(segment, tampered)?;
    }
    let stack = Stack::start(Options { data: Some(data), ..Options::default() }).await?;
    let audit = medtrace(Some(stack.data()), &["audit"])?;
    assert_eq!(audit.code, Some(FINDING), "{audit:?}");
    let found = audit.json()?;
    let findings = found["chain"]["findings"].as_array().cloned().unwrap_or_default();
    let named = findings.iter().filter(|finding| finding["what"].to_string().contains("scan-events"));
    assert!(named.count() >= places.len(), "each record is named: {found}");
    stack.finish()
}

/// The first segments of a topic's partitions that hold records.
fn segments(kafka: &Path, topic: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![kafka.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let partition = name.rsplit_once('-').filter(|(of, _)| *of == topic).map(|(_, number)| number);
            match partition.is_some_and(|number| number.parse::<u32>().is_ok()) {
                true => found.push(path.join("00000000000000000000.log")),
                false if path.is_dir() => open.push(path),
                false => {}
            }
        }
    }
    found.retain(|log| fs::metadata(log).is_ok_and(|meta| meta.len() > 0));
    found.sort();
    Ok(found)
}
