//! `medtrace proof check`: any evidence, offline.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use medtrace_ledger::{
    Broken, Cosignature, Evidence, Genesis, Part, Shown, Verified,
    evidence::{Absent, EVIDENCE_BYTES_MAX, Forked, Gone, Grown},
};
use serde_json::{Value, json};

use super::genesis;
use crate::{
    context::{Context, Done, Outcome},
    output::Tone,
};

#[derive(Debug, clap::Args)]
pub struct Check {
    /// The evidence; its first line says what kind it is
    pub file: PathBuf,
    /// The consortium's genesis note, from a source you trust
    #[arg(long, value_name = "FILE")]
    pub genesis: PathBuf,
}

impl Check {
    pub fn run(self, context: &Context) -> Done {
        let genesis = genesis(&self.genesis)?;
        match self.checked(&genesis)? {
            Ok(Shown::Item(shown)) => item(context, &genesis, &shown),
            Ok(Shown::Batch(shown)) => batch(context, &genesis, &shown),
            Ok(Shown::Consistency(shown)) => grown(context, &genesis, &shown),
            Ok(Shown::Fork(shown)) => forked(context, &genesis, &shown),
            Ok(Shown::Missing(shown)) => absent(context, &genesis, &shown),
            Ok(Shown::Erased(shown)) => gone(context, &genesis, &shown),
            Err(Broken { part, detail }) => {
                let value = json!({"proven": false, "part": part.as_str(), "detail": detail});
                context
                    .out
                    .show(&value, |out| out.line(format!("{}  {part}: {detail}", out.tone(Tone::Bad, "NOT PROVEN"))))?;
                Ok(Outcome::Finding)
            }
        }
    }

    fn checked(&self, genesis: &Genesis) -> anyhow::Result<Result<Shown, Broken>> {
        let read = || format!("failed to read {}", self.file.display());
        // Nothing longer is evidence, and nothing longer is read.
        if fs::metadata(&self.file).with_context(read)?.len() > EVIDENCE_BYTES_MAX as u64 {
            let detail = format!("longer than {EVIDENCE_BYTES_MAX} bytes");
            return Ok(Err(Broken { part: Part::Format, detail }));
        }
        let bytes = fs::read(&self.file).with_context(read)?;
        Ok(Evidence::from_bytes(&bytes).and_then(|evidence| evidence.check(genesis)))
    }
}

fn batch(context: &Context, genesis: &Genesis, shown: &[Verified]) -> Done {
    let size = shown.first().map_or(0, |one| one.checkpoint_size);
    let one = |shown: &Verified| {
        let (signed, sealed) = (time(shown.signed_ms), time(shown.block_ms));
        let item: Value = serde_json::from_str(&shown.bytes).context("failed to read an item as JSON")?;
        Ok(json!({
            "event": shown.event, "party": shown.party, "custody": shown.custody().map(ToString::to_string),
            "signed": signed, "sealed": sealed, "submission": shown.submission, "item": item,
        }))
    };
    let items: Vec<Value> = shown.iter().map(one).collect::<anyhow::Result<_>>()?;
    let value = json!({
        "proven": true, "kind": "batch", "origin": genesis.origin, "checkpointSize": size, "items": items,
    });
    context.out.show(&value, |out| {
        let count = shown.len();
        out.line(format!("{}  {count} items of {}", out.tone(Tone::Good, "PROVEN"), genesis.origin))?;
        let row = |one: &Verified| {
            let strong = out.tone(Tone::Strong, one.event);
            vec![strong, one.party.to_string(), time(one.signed_ms), one.bytes.clone()]
        };
        out.table(&["event", "said by", "signed", "said"], shown.iter().map(row).collect())
    })?;
    Ok(Outcome::Fine)
}

fn grown(context: &Context, genesis: &Genesis, shown: &Grown) -> Done {
    let (from, to) = (shown.from.size, shown.to.size);
    let value = json!({
        "proven": true, "kind": "consistency", "origin": genesis.origin, "from": from, "to": to,
        "root": shown.to.root, "cosignatures": cosignatures(&shown.cosignatures),
    });
    context.out.show(&value, |out| {
        out.line(format!("{}  {} only grew", out.tone(Tone::Good, "PROVEN"), genesis.origin))?;
        let covered = covered(to, &shown.cosignatures);
        let rows = [("from", format!("{from} blocks")), ("to", covered)];
        out.table(&["", ""], rows.map(|(name, value)| vec![out.tone(Tone::Strong, name), value]).into())
    })?;
    Ok(Outcome::Fine)
}

fn forked(context: &Context, genesis: &Genesis, shown: &Forked) -> Done {
    let (smaller, larger) = (&shown.smaller, &shown.larger);
    let value = json!({
        "proven": true, "kind": "fork", "origin": genesis.origin, "sizes": [smaller.size, larger.size],
        "roots": [smaller.root, shown.other_root],
    });
    context.out.show(&value, |out| {
        let log = &genesis.origin;
        out.line(format!("{}  the key of {log} signed two histories", out.tone(Tone::Good, "PROVEN")))?;
        let one = format!("{} at {} blocks", smaller.root, smaller.size);
        let other = format!("{} at {} blocks, by a checkpoint of {}", shown.other_root, smaller.size, larger.size);
        let rows = [("one root", one), ("another", other)];
        out.table(&["", ""], rows.map(|(name, value)| vec![out.tone(Tone::Strong, name), value]).into())
    })?;
    Ok(Outcome::Fine)
}

fn absent(context: &Context, genesis: &Genesis, shown: &Absent) -> Done {
    let Absent { receipt, service, height, .. } = shown;
    let (acknowledged, place) = (time(receipt.time_ms), format!("{}-{}", receipt.topic, receipt.partition));
    let value = json!({
        "proven": true, "kind": "missing", "origin": genesis.origin, "service": service,
        "submission": receipt.submission, "topic": receipt.topic, "partition": receipt.partition,
        "offset": receipt.offset, "acknowledged": acknowledged, "height": height,
    });
    context.out.show(&value, |out| {
        let title = "acknowledged, and not in the log";
        out.line(format!("{}  {title}", out.tone(Tone::Good, "PROVEN")))?;
        let rows = [
            ("submission", receipt.submission.to_string()),
            ("said by", service.to_string()),
            ("said at", acknowledged.clone()),
            ("place", format!("offset {} of {place}", receipt.offset)),
            ("sealed as", format!("block {height} of {}, which does not hold it", genesis.origin)),
        ];
        out.table(&["", ""], rows.map(|(name, value)| vec![out.tone(Tone::Strong, name), value]).into())?;
        out.line(out.tone(Tone::Quiet, "service and log contradict each other; which of them is wrong is not shown"))
    })?;
    Ok(Outcome::Fine)
}

fn gone(context: &Context, genesis: &Genesis, shown: &Gone) -> Done {
    let (signed, sealed) = (time(shown.signed_ms), time(shown.block_ms));
    let notice = &shown.notice;
    let mut members: Vec<&str> = notice.signers.iter().map(|signer| signer.party.as_str()).collect();
    members.dedup();
    let value = json!({
        "proven": true, "kind": "erased", "event": shown.event, "leaf": shown.leaf, "party": shown.party,
        "signed": signed, "sealed": sealed, "origin": genesis.origin, "submission": shown.submission,
        "erasedBy": notice.event, "erased": time(notice.block_ms), "authority": members,
        "checkpointSize": notice.checkpoint_size, "cosignatures": cosignatures(&notice.cosignatures),
        "replacement": shown.replacement,
    });
    context.out.show(&value, |out| {
        out.line(format!("{}  event {} stood here, and was erased", out.tone(Tone::Good, "PROVEN"), shown.event))?;
        let rows = [
            ("said by", shown.party.to_string()),
            ("signed", signed.clone()),
            ("sealed", format!("{sealed}, block {} of {}", shown.event.height, genesis.origin)),
            ("what is left", format!("the leaf {}", shown.leaf)),
            ("erased by", format!("notice {} of {}, {}", notice.event, members.join(" and "), time(notice.block_ms))),
            ("covered by", format!("a checkpoint of {}", covered(notice.checkpoint_size, &notice.cosignatures))),
            ("replaced by", Value::Object(shown.replacement.clone()).to_string()),
        ];
        out.table(&["", ""], rows.map(|(name, value)| vec![out.tone(Tone::Strong, name), value]).into())?;
        out.line(out.tone(Tone::Quiet, "that the replacement gives the same facts was seen by whoever had the bytes"))
    })?;
    Ok(Outcome::Fine)
}

fn item(context: &Context, genesis: &Genesis, shown: &Verified) -> Done {
    let item: Value = serde_json::from_str(&shown.bytes).context("failed to read the item as JSON")?;
    let custody = shown.custody().map(ToString::to_string).unwrap_or_default();
    let (signed, sealed) = (time(shown.signed_ms), time(shown.block_ms));
    let event = shown.event.to_string();
    let value = json!({
        "proven": true, "kind": "item", "event": event, "party": shown.party, "custody": custody, "signed": signed, "sealed": sealed,
        "origin": genesis.origin, "submission": shown.submission, "checkpointSize": shown.checkpoint_size,
        "cosignatures": cosignatures(&shown.cosignatures), "item": item,
    });
    context.out.show(&value, |out| {
        out.line(format!("{}  event {event}", out.tone(Tone::Good, "PROVEN")))?;
        let rows = [
            ("said by", format!("{} (key: {custody})", shown.party)),
            ("signed", signed.clone()),
            ("sealed", format!("{sealed}, block {} of {}", shown.event.height, genesis.origin)),
            ("covered by", format!("a checkpoint of {}", covered(shown.checkpoint_size, &shown.cosignatures))),
            ("said", shown.bytes.clone()),
        ];
        out.table(&["", ""], rows.map(|(name, value)| vec![out.tone(Tone::Strong, name), value]).into())?;
        out.line(out.tone(Tone::Quiet, "that nothing was withheld is shown only by a full witness or an audit"))
    })?;
    Ok(Outcome::Fine)
}

/// A size, and who has cosigned it.
fn covered(size: u64, cosignatures: &[Cosignature]) -> String {
    let witnesses: Vec<&str> = cosignatures.iter().map(|cosignature| cosignature.witness.as_str()).collect();
    match witnesses.is_empty() {
        true => format!("{size} blocks, without witnesses"),
        false => format!("{size} blocks, cosigned by {}", witnesses.join(", ")),
    }
}

fn cosignatures(cosignatures: &[Cosignature]) -> Vec<Value> {
    let one = |one: &Cosignature| json!({"witness": one.witness.as_str(), "time": time(one.time_s * 1000)});
    cosignatures.iter().map(one).collect()
}

/// RFC 3339 of Unix milliseconds.
fn time(unix_ms: u64) -> String {
    let at = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}
