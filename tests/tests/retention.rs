//! A stack whose Kafka forgets what is archived: everything works on, and everything can be derived and audited again.
//!
//! 1. The demo is played on a stack that removes events from Kafka as soon as they are archived.
//! 2. An audit of Kafka alone says what it lacks; one with the archive finds every row right.
//! 3. Everything derived is dropped, and derived again from the archive: the same audit finds every row right again.
//! 4. Witness and chainer, killed, come back and do their work.

use anyhow::ensure;
use medtrace_log::Cluster;
use medtrace_log::consumer::{Isolation, bounds};
use medtrace_log::topics::SCAN_EVENTS;
use medtrace_tests::{
    Options, Stack,
    tool::medtrace,
    wait::{START_MS, until},
};

/// With what the story ends.
const LAST: &str = "    medtrace audit\n";
const PARTITIONS: i32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_forgets_what_is_archived_is_enough() -> anyhow::Result<()> {
    // 1.
    let at_once = ("MEDTRACE_RETENTION_DAYS".to_owned(), "0".to_owned());
    let stack = Stack::start(Options { demo: true, environment: vec![at_once], ..Options::default() }).await?;
    until("the story", START_MS, async || Ok(Some(()).filter(|()| stack.printed().contains(LAST)))).await?;
    let kafka = Cluster::new(stack.endpoints()?.kafka);
    let all_gone = async || {
        let all = bounds(&kafka, SCAN_EVENTS, PARTITIONS, Isolation::Everything).await?;
        let gone = all.iter().all(|all| all.low == all.high) && all.iter().any(|all| all.high > 0);
        Ok(gone.then_some(()))
    };
    until("events to leave Kafka", START_MS, all_gone).await?;

    // 2.
    let alone = medtrace(Some(stack.data()), &["audit"])?;
    ensure!(alone.code == Some(1) && alone.stderr.contains("MEDTRACE_ARCHIVE"), "{alone:?}");
    let archive = stack.data().join("archive");
    let audit = ["audit", "--blocks", archive.to_str().unwrap_or_default()];
    let before = medtrace(Some(stack.data()), &audit)?;
    ensure!(before.code == Some(0), "{before:?}");
    ensure!(before.json()?["rows"]["rows"].as_u64() > Some(0), "{before:?}");

    // 3.
    let rebuilt = medtrace(Some(stack.data()), &["rebuild"])?;
    ensure!(rebuilt.code == Some(0), "{rebuilt:?}");
    let after = medtrace(Some(stack.data()), &audit)?;
    ensure!(after.code == Some(0), "{after:?}");

    // 4.
    for process in ["witness", "chainer"] {
        stack.kill(process).await?;
    }
    stack.finish()
}
