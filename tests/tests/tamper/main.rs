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

mod proofs;
mod records;
mod rows;
mod segment;

use anyhow::ensure;
use medtrace_tests::{
    Options, Scan, Stack,
    codes::{label, sscc},
    county::{AGENT, County, FACTORY, PREFIX, STENT},
    tool::medtrace,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_changed_is_named() -> anyhow::Result<()> {
    let county = County::start(Options::default()).await?;
    let name = fill(&county).await?;
    proofs::changed(&county, &name).await?;
    rows::changed(&county).await?;
    records::changed(county).await
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

/// Nothing is found in what nobody has changed.
fn clean(stack: &Stack) -> anyhow::Result<()> {
    let audit = medtrace(Some(stack.data()), &["audit"])?;
    ensure!(audit.code == Some(0), "the audit is not clean: {audit:?}");
    Ok(())
}
