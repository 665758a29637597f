//! The whole chain, recomputed from the log: what a stranger would do who trusts nothing but the genesis.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use medtrace_ledger::block::Header;
use medtrace_ledger::hash::Hash;
use medtrace_ledger::{Checkpoint, Genesis, SubmissionKind, TopicName};
use medtrace_log::consumer::{Isolation, RangeReader, last};
use medtrace_log::sealed::{SealedBlock, SealedLog, read_header};
use medtrace_log::topics::{BLOCKS, CHECKPOINTS};
use medtrace_log::{Cluster, LogError};

use crate::chain::{Chain, Part};
use crate::feed::workers;
use crate::inspect::{Consortium, Inspected, inspect};

/// Bytes of checkpoints read at once.
const READ_BYTES: usize = 1 << 20;
/// Findings after which an audit gives up looking for more.
pub const FINDINGS_MAX: usize = 1_000;

/// One thing that does not recompute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Height of the block; for a checkpoint, of the last block it covers.
    pub height: u64,
    pub what: String,
}

/// What an audit went through, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub blocks: u64,
    pub records: u64,
    /// Items of all records that are not bad.
    pub items: u64,
    pub bad: u64,
    pub checkpoints: u64,
    /// Headers that the last checkpoint covers.
    pub published: u64,
    /// Size and root of the chain, if it has a block.
    pub end: Option<(u64, Hash)>,
    pub findings: Vec<Finding>,
}

/// Recomputes the whole chain from the log as it is now: every leaf, signature, root, key, bad line, header and
/// checkpoint. `visit` sees each block with its records as they stand in the log, verified or not, in order.
///
/// What does not recompute is a finding; an error means that the log could not be read.
pub async fn verify_chain(
    cluster: &Cluster,
    genesis: &Genesis,
    mut visit: impl FnMut(&SealedBlock),
) -> Result<Report, LogError> {
    let consortium = Arc::new(Consortium::of(genesis));
    // The end of the checkpoints before the end of the blocks: a chain that grows meanwhile is not ahead of itself.
    let checkpoints_to = last(cluster, CHECKPOINTS, 0, Isolation::Committed).await?.map_or(0, |end| end.offset + 1);
    let mut report = Report::default();
    let mut roots = Vec::new();
    let mut chain = Chain::begin(genesis);
    if let Some(message) = last(cluster, BLOCKS, 0, Isolation::Committed).await? {
        let size = read_header(&message)?.0.height.saturating_add(1);
        let mut log = SealedLog::open(cluster, 0, None).await?;
        while chain.size() < size && report.findings.len() < FINDINGS_MAX {
            let block = match log.next().await {
                Ok(block) => block,
                // What stands there cannot be read as a block: after it nothing can be held against anything.
                Err(error) if contradicts(&error) => {
                    report.findings.push(Finding { height: chain.size(), what: error.to_string() });
                    break;
                }
                Err(error) => return Err(error),
            };
            let appended = check_block(&mut chain, &consortium, &block, &mut report).await?;
            visit(&block);
            if !appended {
                break;
            }
            roots.push(chain.root());
        }
        report.end = roots.last().map(|root| (chain.size(), *root));
    }
    check_checkpoints(cluster, genesis, checkpoints_to, &roots, &mut report).await?;
    Ok(report)
}

/// Derives the block again from its records and compares; whether the chain could go on with it.
async fn check_block(
    chain: &mut Chain,
    consortium: &Arc<Consortium>,
    block: &SealedBlock,
    report: &mut Report,
) -> Result<bool, LogError> {
    let header = &block.header;
    let height = header.height;
    let parts = inspect_parts(consortium, block).await?;
    let parts: Vec<Part<'_>> = parts
        .iter()
        .filter_map(|((topic, partition), records)| {
            let cut = header.cuts.iter().find(|cut| cut.topic == *topic && cut.partition == *partition)?;
            Some(Part { topic: topic.clone(), uuid: cut.uuid, partition: *partition, records })
        })
        .collect();
    let mut note = |what: String| report.findings.push(Finding { height, what });
    match chain.derive(header.time_ms, &parts) {
        Ok(derived) => compare(header, &derived.header).into_iter().for_each(&mut note),
        Err(fault) => note(fault.to_string()),
    }
    report.blocks += 1;
    report.records += block.records.len() as u64;
    report.bad += header.bad.len() as u64;
    let records = block.records.iter().zip(parts.iter().flat_map(|part| part.records));
    let good = records.filter(|(sealed, _)| sealed.bad.is_none());
    report.items += good.map(|(_, record)| u64::from(record.weight)).sum::<u64>();
    match chain.append(header) {
        Ok(()) => Ok(true),
        Err(fault) => {
            report.findings.push(Finding { height, what: fault.to_string() });
            Ok(false)
        }
    }
}

type Parts = BTreeMap<(TopicName, u32), Vec<Inspected>>;

async fn inspect_parts(consortium: &Arc<Consortium>, block: &SealedBlock) -> Result<Parts, LogError> {
    let tasks = block.records.iter().map(|record| {
        let kind = SubmissionKind::of_topic(&record.topic).unwrap_or(SubmissionKind::Events);
        let (consortium, offset, value) = (consortium.clone(), record.offset, record.value.clone());
        tokio::task::spawn_blocking(move || inspect(kind, &consortium, offset, value))
    });
    let inspected: Vec<_> = stream::iter(tasks).buffered(workers()).collect().await;
    let mut parts = Parts::new();
    for (record, inspected) in block.records.iter().zip(inspected) {
        let broken = |error: String| LogError::Broken(error);
        let inspected = inspected.map_err(|error| broken(error.to_string()))?;
        let topic = record.topic.parse().map_err(|_| broken(format!("{} is no topic's name", record.topic)))?;
        parts.entry((topic, record.partition.cast_unsigned())).or_default().push(inspected);
    }
    Ok(parts)
}

/// What differs between a header and what its records give.
fn compare(found: &Header, derived: &Header) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |what: String, found: String, derived: String| {
        if found != derived {
            differences.push(format!("{what}: the header says {found}, the log gives {derived}"));
        }
    };
    differ("origin".into(), found.origin.to_string(), derived.origin.to_string());
    differ("time".into(), found.time_ms.to_string(), derived.time_ms.to_string());
    differ("keys".into(), crate::chain::show(found.keys), crate::chain::show(derived.keys));
    differ("number of cuts".into(), found.cuts.len().to_string(), derived.cuts.len().to_string());
    for (found, derived) in found.cuts.iter().zip(&derived.cuts) {
        let name = format!("cut {}/{} {}..{}", found.topic, found.partition, found.from, found.to);
        differ(format!("{name}, end"), found.to.to_string(), derived.to.to_string());
        differ(format!("{name}, records"), found.records.to_string(), derived.records.to_string());
        differ(format!("{name}, root"), found.root.to_string(), derived.root.to_string());
    }
    let bad = |header: &Header| {
        let lines =
            header.bad.iter().map(|bad| format!("{} {} {} {}", bad.topic, bad.partition, bad.ordinal, bad.reason));
        lines.collect::<Vec<_>>().join(", ")
    };
    differ("bad records".into(), bad(found), bad(derived));
    differences
}

/// Every published checkpoint must be this chainer's, of this chain, and none may go back.
async fn check_checkpoints(
    cluster: &Cluster,
    genesis: &Genesis,
    to: u64,
    roots: &[Hash],
    report: &mut Report,
) -> Result<(), LogError> {
    let mut reader = RangeReader::open(cluster, CHECKPOINTS, 0, Isolation::Committed)?;
    let (mut at, mut before) = (0, 0);
    while at < to {
        let (messages, next) = reader.read(at, to, READ_BYTES).await?;
        at = next;
        for message in messages {
            report.checkpoints += 1;
            let note = String::from_utf8_lossy(&message.value).into_owned();
            let (height, what) = match Checkpoint::open(&note, genesis) {
                Err(error) => (before, format!("the checkpoint at offset {} is none: {error}", message.offset)),
                Ok((checkpoint, _)) => {
                    let Checkpoint { size, root, .. } = checkpoint;
                    let earlier = std::mem::replace(&mut before, size);
                    let held = usize::try_from(size - 1).ok().and_then(|index| roots.get(index));
                    let what = match held {
                        _ if size < earlier => format!("the checkpoint of {size} headers follows one of {earlier}"),
                        None => format!("a checkpoint of {size} headers was signed, blocks holds {}", roots.len()),
                        Some(held) if *held != root => {
                            format!("the checkpoint of {size} headers says {root}, the log gives {held}")
                        }
                        Some(_) => continue,
                    };
                    (size - 1, what)
                }
            };
            report.findings.push(Finding { height, what });
        }
    }
    report.published = before;
    Ok(())
}

/// Errors that say something about what stands in the log, not about the connection to it.
fn contradicts(error: &LogError) -> bool {
    use LogError::{Broken, Damaged, OutOfRange, Topic};
    matches!(error, Broken(_) | Damaged { .. } | OutOfRange { .. } | Topic { .. })
}
