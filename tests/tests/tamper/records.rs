//! Records of the log changed by somebody who has the broker's machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use medtrace_tests::{
    Client, Options, Stack,
    county::County,
    tool::{FINDING, medtrace},
    wait::{SOON_MS, until},
};

use crate::segment::{self, Place};

/// Flips a bit in two records of the stopped broker's log, and starts everything again.
pub async fn changed(county: County) -> anyhow::Result<()> {
    let data = county.stack.stop()?;
    // In the bodies, which stand last in a record, and in the signed note before them.
    let places: [(&str, Place); 2] = [("the bodies", |length| length - 40), ("the note", |_| 60)];
    let segments = segments(&data.join("kafka"), "scan-events")?;
    ensure!(segments.len() >= places.len(), "the parties' records lie in one partition");
    for (segment, (what, place)) in segments.iter().zip(places) {
        let tampered = segment::tampered(&fs::read(segment)?, place).with_context(|| what.to_owned())?;
        fs::write(segment, tampered)?;
    }
    let stack = Stack::start(Options { data: Some(data), ..Options::default() }).await?;
    let audit = medtrace(Some(stack.data()), &["audit"])?;
    assert_eq!(audit.code, Some(FINDING), "{audit:?}");
    let found = audit.json()?;
    let findings = found["chain"]["findings"].as_array().cloned().unwrap_or_default();
    let named = findings.iter().filter(|finding| finding["what"].to_string().contains("scan-events"));
    assert!(named.count() >= places.len(), "each record is named: {found}");
    // The witness has found it by itself, and cosigns no more.
    let alarm = async || {
        let alarms = Client::new(&stack.endpoints()?.witness, None)?.ask("/alarms", &[]).await?;
        Ok(alarms.to_string().contains("scan-events").then_some(()))
    };
    until("the witness to raise an alarm", SOON_MS, alarm).await?;
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
