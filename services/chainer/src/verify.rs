//! A chain followed block by block, each recomputed from its records: what whoever trusts nothing but the genesis does.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use medtrace_ledger::block::Header;
use medtrace_ledger::{Genesis, SubmissionKind, TopicName};
use medtrace_log::LogError;
use medtrace_log::sealed::SealedBlock;

use crate::chain::{Chain, Part};
use crate::erased::{Claims, erased_of};
use crate::feed::{BATCH_RECORDS, workers};
use crate::inspect::{Consortium, Inspected, inspect_without};

/// The chain as far as it was recomputed.
#[derive(Clone, Debug)]
pub struct Verifier {
    chain: Chain,
    consortium: Arc<Consortium>,
    erased: Claims,
}

/// One block, recomputed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recomputed {
    /// What the block says and its records do not give, in words. Empty: the block is what it must be.
    pub differences: Vec<String>,
    /// Items of its records that are not named bad.
    pub items: u64,
    /// Whether the chain could go on with it. If not, nothing after it can be held against anything.
    pub follows: bool,
}

impl Verifier {
    /// Before the first block.
    pub fn begin(genesis: &Genesis) -> Verifier {
        Verifier::of(Chain::begin(genesis), Arc::new(Consortium::of(genesis)))
    }

    /// Goes on from the end of a chain that was recomputed before.
    pub(crate) fn of(chain: Chain, consortium: Arc<Consortium>) -> Verifier {
        Verifier { chain, consortium, erased: Claims::default() }
    }

    /// The chain up to the last block that followed.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What is left to be found at the end of the chain: items that came as their leaves alone, and no notice erased them.
    pub fn unsettled(&self) -> Vec<(u64, String)> {
        self.erased.unsettled()
    }

    pub(crate) fn into_chain(self) -> Chain {
        self.chain
    }

    /// Recomputes the next block: every leaf, signature, root, key and bad line of it. The block must hold all records of
    /// its cuts.
    ///
    /// # Errors
    /// Only where a worker ended by itself.
    pub async fn next(&mut self, block: &SealedBlock) -> Result<Recomputed, LogError> {
        let header = &block.header;
        let parts = inspect_parts(&self.consortium, block).await?;
        let parts: Vec<Part<'_>> = parts
            .iter()
            .filter_map(|((topic, partition), records)| {
                let cut = header.cuts.iter().find(|cut| cut.topic == *topic && cut.partition == *partition)?;
                Some(Part { topic: topic.clone(), uuid: cut.uuid, partition: *partition, records })
            })
            .collect();
        let mut differences = match self.chain.derive(header.time_ms, &parts) {
            Ok(derived) => compare(header, &derived.header),
            Err(fault) => vec![fault.to_string()],
        };
        let records = block.records.iter().zip(parts.iter().flat_map(|part| part.records));
        let good = records.filter(|(sealed, _)| sealed.bad.is_none());
        let items = good.map(|(_, record)| u64::from(record.weight)).sum();
        self.erased.take(block);
        differences.extend(self.erased.settle(header.height, self.chain.registry()));
        let appended = self.chain.append(header);
        let follows = appended.is_ok();
        differences.extend(appended.err().map(|fault| fault.to_string()));
        Ok(Recomputed { differences, items, follows })
    }
}

type Parts = BTreeMap<(TopicName, u32), Vec<Inspected>>;

async fn inspect_parts(consortium: &Arc<Consortium>, block: &SealedBlock) -> Result<Parts, LogError> {
    let broken = |error: &dyn std::fmt::Display| LogError::Broken(error.to_string());
    let batches = block.records.chunks(BATCH_RECORDS).map(|batch| {
        let erased = batch.iter().map(|record| erased_of(block, record.ordinal));
        let (consortium, batch) = (consortium.clone(), batch.iter().cloned().zip(erased).collect::<Vec<_>>());
        tokio::task::spawn_blocking(move || {
            let inspected = batch.into_iter().map(|(record, erased)| {
                let kind = SubmissionKind::of_topic(&record.topic).unwrap_or(SubmissionKind::Events);
                inspect_without(kind, &consortium, record.offset, record.value, &erased)
            });
            inspected.collect::<Vec<_>>()
        })
    });
    let inspected: Vec<Vec<Inspected>> =
        stream::iter(batches).buffered(workers()).try_collect().await.map_err(|error| broken(&error))?;
    let mut parts = Parts::new();
    for (record, inspected) in block.records.iter().zip(inspected.into_iter().flatten()) {
        let topic = record.topic.parse().map_err(|_| broken(&format!("{} is no topic's name", record.topic)))?;
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
