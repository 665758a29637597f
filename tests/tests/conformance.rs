//! Foreign EPCIS 2.0 documents on a running stack: everything under `$MEDTRACE_CONFORMANCE/epcis/documents` and `events`,
//! posted by one party whose places and prefixes are enrolled by ordinary notices. No rule is switched off.
//!
//! `conformance.toml` beside this folder says what becomes of each event, in the order of its document:
//!
//! ```text
//! stored         in force, whole
//! warning        in force, but a part of it has no effect (a persistentDisposition where the standard forbids one)
//! declaration    withdraws another
//! replay         the same bytes were stored before: it counts once
//! conflict       the same eventID was stored before with other content: shown, flagged, not in force
//! ```
//!
//! Every event, whatever becomes of it, comes back with equal JSON, and every stored one is proven by the tool and by the
//! Python checker. Where the variable is not set, the test says that it was skipped.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use medtrace_event::Json;
use medtrace_registry::Role;
use medtrace_tests::{
    Client, Options, Placed, Speaker, Stack,
    county::{Member, admit},
    placed,
    tool::Proofs,
};
use serde_json::Value;

/// Files that there must be: fewer would mean that something was not read.
const FILES: usize = 43;

/// Company prefixes under which the documents issue identifiers or name places.
const PREFIXES: &[&str] =
    &["0012345", "0037000", "0614141", "4012345", "4023333", "952005385", "9524567", "9529999", "9520001", "9521141"];

/// One event: where it stands in the files, what was sent, and its name in the chain.
struct Sent {
    file: String,
    index: usize,
    json: Json,
    name: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_documents_come_back_as_they_were_sent() -> anyhow::Result<()> {
    let Some(root) = env::var_os("MEDTRACE_CONFORMANCE") else {
        // Past the capture of the test's output.
        writeln!(
            std::io::stderr(),
            "skipped: MEDTRACE_CONFORMANCE is not set, so there are no foreign documents to post"
        )?;
        return Ok(());
    };
    let stack = Stack::start(Options::default()).await?;
    let party = Member { party: "openepcis", role: Role::Manufacturer, glns: &[], prefixes: PREFIXES, root_key: None };
    let roles = vec![Role::Manufacturer, Role::Distributor, Role::Hospital];
    let mut enrolment = party.enrolment()?;
    enrolment.roles = roles;
    admit(&stack, &[enrolment]).await?;
    let (speaker, query) = (stack.speaker("openepcis")?, stack.query()?);

    let sent = post_all(Path::new(&root), &speaker, &query).await?;
    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let proofs = Proofs::new(&stack.data().join("proofs"), &stack.layout().genesis())?;
    for event in &sent {
        let shown = query.get(&format!("/v1/events/{}", event.name), &[]).await?;
        shown.good()?;
        let shown = Json::parse(&shown.body).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let outcome = outcome(&shown).with_context(|| format!("{} {}", event.file, event.index))?;
        let back = shown.get("json").context("an event is shown as JSON")?;
        assert_eq!(content(back, &event.json), content(&event.json, &event.json), "{} {}", event.file, event.index);
        if outcome != "replay" {
            let proven = proofs.hold(&event.name, &query.proof(&event.name).await?)?;
            let proven = Json::try_from(&proven).map_err(|fault| anyhow::anyhow!("{fault}"))?;
            assert_eq!(
                content(&proven, &event.json),
                content(&event.json, &event.json),
                "{} {}",
                event.file,
                event.index
            );
        }
        outcomes.entry(event.file.clone()).or_default().push(outcome);
    }
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance.toml");
    let expected: BTreeMap<String, Vec<String>> = toml::from_str(&fs::read_to_string(table)?)?;
    let differs = outcomes.iter().filter(|(file, found)| expected.get(*file) != Some(found));
    let differs: Vec<String> = differs.map(|(file, found)| format!("{file:?} = {found:?}")).collect();
    assert!(differs.is_empty(), "otherwise than in conformance.toml:\n{}", differs.join("\n"));
    assert_eq!(outcomes.len(), expected.len(), "every file of the table was posted");
    stack.finish()
}

/// Posts every file in the order of the names, and finds where each event was sealed.
async fn post_all(root: &Path, speaker: &Speaker, query: &Client) -> anyhow::Result<Vec<Sent>> {
    let mut taken = Vec::new();
    for path in files(root)? {
        let file = path.strip_prefix(root.join("epcis"))?.display().to_string();
        let bytes = fs::read(&path)?;
        let document =
            medtrace_event::Document::parse(&bytes).map_err(|faults| anyhow::anyhow!("{file}: {faults:?}"))?;
        let events: Vec<Json> = document.events.into_iter().map(|entry| entry.json).collect();
        let (receipt, first) = match file.starts_with("documents/") {
            true => {
                let job = speaker.capture_into_log(bytes).await?;
                ensure!(job["errors"] == serde_json::json!([]), "{file}: {}", job["errors"]);
                // The document's own item stands before its events.
                (job["receipts"][0].as_str().map(str::to_owned), 1)
            }
            false => {
                let answer = speaker.client.post_bytes("/events", "application/ld+json", bytes).await?;
                let answer = answer.good().with_context(|| file.clone())?;
                (answer["receipt"].as_str().map(str::to_owned), answer["index"][0].as_u64().unwrap_or(0))
            }
        };
        taken.push((file, events, placed(&receipt.context("no receipt")?)?, first));
    }
    ensure!(taken.len() == FILES, "{} files where {FILES} are known", taken.len());
    let names = names(query, taken.iter().map(|(_, _, placed, _)| placed)).await?;
    let mut sent = Vec::new();
    for ((file, events, ..), (height, ordinal, first)) in
        taken.iter().zip(&names).map(|(taken, (height, ordinal))| (taken, (height, ordinal, taken.3)))
    {
        for (index, json) in events.iter().enumerate() {
            let idx = ordinal * 512 + first + index as u64;
            sent.push(Sent { file: file.clone(), index, json: json.clone(), name: format!("{height}-{idx}") });
        }
    }
    Ok(sent)
}

fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["documents", "events"] {
        let folder = root.join("epcis").join(folder);
        let entries = fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))?;
        let mut found: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

/// Height of the block and ordinal in it, of each submission.
async fn names(query: &Client, all: impl Iterator<Item = &Placed>) -> anyhow::Result<Vec<(u64, u64)>> {
    let all: Vec<&Placed> = all.collect();
    let mut height = 0;
    for placed in &all {
        height = height.max(query.until_indexed(placed).await?);
    }
    let mut found: BTreeMap<(usize, u64), (u64, u64)> = BTreeMap::new();
    for height in 0..=height {
        let block = query.ask(&format!("/v1/blocks/{height}"), &[]).await?;
        for submission in
            block["submissionsList"].as_array().into_iter().flatten().filter(|s| s["topic"] == "scan-events")
        {
            let number = |name: &str| submission[name].as_u64().context("a submission has its place");
            ensure!(submission["bad"] == Value::Null, "block {height} names a submission bad: {submission}");
            found.insert((number("partition")? as usize, number("offset")?), (height, number("ordinal")?));
        }
    }
    let name = |placed: &&Placed| found.get(&(placed.partition, placed.offset)).copied();
    all.iter().map(|placed| name(placed).with_context(|| format!("{placed:?} is in no block"))).collect()
}

/// What became of an event, as it is shown.
fn outcome(shown: &Json) -> anyhow::Result<String> {
    if shown.get("replayOf").is_some_and(|of| *of != Json::Null) {
        return Ok("replay".to_owned());
    }
    let flags = shown.get("flags").and_then(Json::as_array).context("an event in force or not has flags")?;
    let flags: Vec<&str> = flags.iter().filter_map(Json::as_str).collect();
    Ok(match flags.as_slice() {
        [] => "stored".to_owned(),
        ["part-ignored"] => "warning".to_owned(),
        ["declaration"] => "declaration".to_owned(),
        other => other.join("+"),
    })
}

/// An event but for what may differ: the time at which it was recorded, the context (each stands with the one in force for
/// it), and an eventID where none was sent.
fn content(json: &Json, sent: &Json) -> String {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut() {
        members.remove("recordTime");
        members.remove("@context");
        if sent.get("eventID").is_none() {
            members.remove("eventID");
        }
    }
    // One spelling for each value: doubles hold every number that is taken exactly.
    String::from_utf8_lossy(&json.to_jcs()).into_owned()
}
