//! Notices that several must sign, each on its own machine: a file that goes from one to the next, or to all at once.
//!
//! ```text
//! {"draft": "medtrace/draft/v1",
//!  "text": "<the submission's text>",                       what everybody signs; names all signers, in its order
//!  "items": [{"kind": "N", "salt": "<base64>", "body": {…}}, …],
//!  "signatures": [{"key": "<base64>", "signature": "<base64>"}, …]}
//! ```
//!
//! Whoever opens a draft holds a genesis: the text must name it, and the items must give the text's root. So what is shown is
//! what is signed. A draft is a whole submission once every signer that its text names has signed.

mod file;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use medtrace_ledger::{
    Genesis, Hash, Item, ItemKind, Note, PartyId, PublicKey, Salt, SigningKey, Submission, SubmissionKind, merkle,
    note::SignatureLine,
    submission::{AGE_MS_MAX, check_time},
};
use medtrace_registry::{Notice, Role};
use serde_json::Value;

pub use words::words;

/// Longest draft, in bytes (4 MiB): what a service takes of notices.
pub const DRAFT_BYTES_MAX: usize = 4 << 20;

/// Notices with the signatures that are there so far; all of them hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    submission: Submission,
    items: Vec<(Salt, Notice)>,
    signatures: BTreeMap<PublicKey, [u8; 64]>,
}

impl Draft {
    /// A new draft, which nobody has signed. `salts` are as many random ones as there are notices.
    pub fn new(
        genesis: &Genesis,
        party: &PartyId,
        signers: &[PublicKey],
        time_ms: u64,
        notices: Vec<(Salt, Notice)>,
    ) -> anyhow::Result<Draft> {
        let mut public_keys = signers.to_vec();
        public_keys.sort_by_cached_key(PublicKey::to_string);
        if let Some(pair) = public_keys.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("{} is named twice; each signer signs once", pair[0]);
        }
        let submission = Submission {
            kind: SubmissionKind::Notices,
            origin: genesis.origin.clone(),
            genesis: genesis.hash(),
            party: party.clone(),
            public_keys,
            time_ms,
            count: u32::try_from(notices.len()).unwrap_or(u32::MAX),
            root: root(&notices),
        };
        submission.check()?;
        Ok(Draft { submission, items: notices, signatures: BTreeMap::new() })
    }

    /// What is signed, in short: H(text), the submission's id.
    pub fn id(&self) -> Hash {
        self.submission.id()
    }

    /// The party in whose name it will be posted.
    pub fn party(&self) -> &PartyId {
        &self.submission.party
    }

    /// What it says.
    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.items.iter().map(|(_, notice)| notice)
    }

    /// Every signer that the text names, and whether it has signed.
    pub fn signers(&self) -> impl Iterator<Item = (&PublicKey, bool)> {
        self.submission.public_keys.iter().map(|key| (key, self.signatures.contains_key(key)))
    }

    /// Until when it must be sealed, Unix milliseconds.
    pub fn ends_ms(&self) -> u64 {
        self.submission.time_ms.saturating_add(AGE_MS_MAX)
    }

    /// Whether it is young enough to be sealed now.
    pub fn check_time(&self, now_ms: u64) -> anyhow::Result<()> {
        check_time(self.submission.time_ms, now_ms)
            .context("it is too old to be sealed, or this clock is wrong; draft it again")
    }

    /// What the authority must be, as far as the genesis tells: each signer of a party notice or a gap has a key of it, or one
    /// of `later`, which are keys of members that joined after the genesis; and a new party or a gap has as many members as
    /// it takes.
    pub fn check_authority(&self, genesis: &Genesis, later: &[PublicKey]) -> anyhow::Result<()> {
        let gives_power: Vec<bool> = self
            .notices()
            .filter_map(|notice| match notice {
                Notice::Party(party) => Some(party.revision == 1),
                Notice::Gap(_) => Some(true),
                _ => None,
            })
            .collect();
        if gives_power.is_empty() {
            return Ok(());
        }
        let keys = &genesis.authority.keys;
        let mut members = BTreeSet::new();
        for key in &self.submission.public_keys {
            members.insert(match keys.iter().find(|known| known.public == *key) {
                Some(known) => known.name.to_string(),
                None if later.contains(key) => key.to_string(),
                None => {
                    bail!("{key} is no key of the authority in the genesis; of a member that joined later, say --later")
                }
            });
        }
        let threshold = genesis.authority.threshold;
        ensure!(
            !gives_power.contains(&true) || members.len() >= threshold,
            "what gives power is signed by {threshold} members of the authority, here {} will sign",
            members.len()
        );
        Ok(())
    }

    /// Signs with one more key.
    pub fn sign(&mut self, key: &SigningKey) -> anyhow::Result<()> {
        let public = key.public();
        ensure!(!self.signatures.contains_key(&public), "{public} has signed already");
        self.expects(&public)?;
        let signature = key.sign(self.submission.text().as_bytes())?;
        self.add(public, signature)
    }

    /// Takes over the signatures of another copy of the same draft.
    pub fn merge(&mut self, other: Draft) -> anyhow::Result<()> {
        ensure!(self.submission == other.submission, "they are two drafts: what they have signed differs");
        self.signatures.extend(other.signatures);
        Ok(())
    }

    /// What an ingest service takes at `POST /v1/notices`.
    pub fn body(&self) -> anyhow::Result<Value> {
        let missing: Vec<String> =
            self.signers().filter(|(_, signed)| !signed).map(|(key, _)| key.to_string()).collect();
        ensure!(missing.is_empty(), "signatures are missing: {}", missing.join(", "));
        let lines = self.submission.verifiers().into_iter().filter_map(|verifier| {
            let signature = self.signatures.get(&verifier.public)?.to_vec();
            Some(SignatureLine { key_id: verifier.key_id(), name: verifier.name, signature })
        });
        let note = Note::new(self.submission.text(), lines.collect())?.to_string();
        let mut body = serde_json::from_slice::<Value>(&self.write()?)?;
        Ok(serde_json::json!({"note": note, "items": body["items"].take()}))
    }

    fn expects(&self, key: &PublicKey) -> anyhow::Result<()> {
        ensure!(self.submission.public_keys.contains(key), "{key} is none of its signers");
        Ok(())
    }

    fn add(&mut self, key: PublicKey, signature: [u8; 64]) -> anyhow::Result<()> {
        self.expects(&key)?;
        ensure!(key.verifies(self.submission.text().as_bytes(), &signature), "the signature of {key} does not verify");
        ensure!(self.signatures.insert(key, signature).is_none(), "{key} has signed twice");
        Ok(())
    }
}

fn root(items: &[(Salt, Notice)]) -> Hash {
    merkle::root(
        items
            .iter()
            .map(|(salt, notice)| Item { kind: ItemKind::Notice, salt: *salt, bytes: &notice.to_jcs() }.leaf_hash()),
    )
}

/// Whether this notice makes somebody a member of the authority: said first of all to whoever signs.
fn makes_a_member(roles: &[Role]) -> bool {
    roles.contains(&Role::Authority)
}

#[cfg(test)]
mod tests;
