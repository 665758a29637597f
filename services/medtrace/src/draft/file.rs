//! Drafts as files: nothing is taken from one that does not hold.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use medtrace_event::Json;
use medtrace_ledger::{
    Genesis, ItemKind, PublicKey, Salt, Submission, SubmissionKind,
    hash::{base64, from_base64},
};
use medtrace_registry::{Notice, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DRAFT_BYTES_MAX, Draft, root};

const FORMAT: &str = "medtrace/draft/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    draft: String,
    text: String,
    items: Vec<FileItem>,
    signatures: Vec<FileSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileItem {
    kind: String,
    salt: Salt,
    body: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSignature {
    key: PublicKey,
    signature: String,
}

impl Draft {
    /// Reads a draft of this consortium; everything in it must hold.
    pub fn read(bytes: &[u8], genesis: &Genesis) -> anyhow::Result<Draft> {
        ensure!(bytes.len() <= DRAFT_BYTES_MAX, "a draft has at most {DRAFT_BYTES_MAX} bytes");
        // I-JSON first: serde alone would take the last of two members of the same name.
        Json::parse(bytes).map_err(|fault| anyhow::anyhow!("{}: {}", fault.path, fault.detail))?;
        let file: File = serde_json::from_slice(bytes).context("it is no draft of notices")?;
        ensure!(file.draft == FORMAT, "it is no draft of the form {FORMAT}");
        let submission = Submission::parse(&file.text).context("its text is not that of a submission")?;
        ensure!(submission.kind == SubmissionKind::Notices, "its text is not that of notices");
        ensure!(
            submission.origin == genesis.origin && submission.genesis == genesis.hash(),
            "it belongs to another consortium: {} with the genesis {}, here is {} with {}",
            submission.origin,
            submission.genesis,
            genesis.origin,
            genesis.hash()
        );
        let items = file.items.into_iter().enumerate().map(|(index, item)| {
            let bytes = item.body.to_string();
            let notice = Notice::read(bytes.as_bytes());
            let notice = notice.map_err(|faults| anyhow::anyhow!("notice {}: {}", index + 1, list(&faults)))?;
            ensure!(item.kind == "N", "item {} is no notice", index + 1);
            Ok((item.salt, notice))
        });
        let items = items.collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(
            items.len() == submission.count as usize && root(&items) == submission.root,
            "its notices are not those of the text that is signed: one of the two was changed"
        );
        let mut draft = Draft { submission, items, signatures: BTreeMap::new() };
        for FileSignature { key, signature } in file.signatures {
            let signature = from_base64(&signature).and_then(|bytes| bytes.try_into().ok());
            draft.add(key, signature.with_context(|| format!("the signature of {key} is not 64 bytes as base64"))?)?;
        }
        Ok(draft)
    }

    /// As a file.
    pub fn write(&self) -> anyhow::Result<Vec<u8>> {
        let items = self.items.iter().map(|(salt, notice)| {
            let body = serde_json::from_slice(&notice.to_jcs())?;
            Ok(FileItem { kind: ItemKind::Notice.to_string(), salt: *salt, body })
        });
        let signature = |(key, bytes): (&PublicKey, &[u8; 64])| FileSignature { key: *key, signature: base64(bytes) };
        let file = File {
            draft: FORMAT.to_owned(),
            text: self.submission.text(),
            items: items.collect::<anyhow::Result<_>>()?,
            signatures: self.signatures.iter().map(signature).collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&file)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn list(faults: &[Refusal]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
