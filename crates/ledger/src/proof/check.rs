//! Checking a proof, from the item up to the checkpoint. Every step names its part when it fails.

use super::sections::push_block;
use super::{Broken, KeyProof, Part, Proof, broken};
use crate::block::{Cut, EventRef, Header};
use crate::checkpoint::{Checkpoint, CheckpointError, Cosignature, unmet};
use crate::genesis::Genesis;
use crate::hash::Hash;
use crate::item::{ITEM_BYTES_MAX, Item, ItemKind};
use crate::keys::{Custody, KeyEntry};
use crate::merkle::{root_before, verify_inclusion};
use crate::names::PartyId;
use crate::note::Note;
use crate::submission::{SUBMISSION_NOTE_BYTES_MAX, Submission, SubmissionKind, check_time, submission_leaf};

/// What a proof has shown: this party said these bytes, and the log sealed them. Not shown: that nothing was withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub event: EventRef,
    pub kind: ItemKind,
    /// The item as signed: RFC 8785 JSON.
    pub bytes: String,
    pub party: PartyId,
    /// The signers' key entries, in the order of the submission's keys; events have one.
    pub signers: Vec<KeyEntry>,
    /// H(submission text).
    pub submission: Hash,
    /// The signer's clock, Unix milliseconds.
    pub signed_ms: u64,
    /// The block's clock, Unix milliseconds.
    pub block_ms: u64,
    /// Headers in the log that the checkpoint covers.
    pub checkpoint_size: u64,
    /// Witnesses that cosigned the checkpoint; at least the quorum of the genesis.
    pub cosignatures: Vec<Cosignature>,
}

impl Verified {
    /// Who holds the (first) signer's key.
    pub fn custody(&self) -> Option<&Custody> {
        self.signers.first().map(|entry| &entry.custody)
    }
}

/// A leaf's way up to the log: of a whole item, or of one that is erased.
pub(crate) struct Way<'a> {
    pub event: EventRef,
    pub item_path: &'a [Hash],
    pub submission: &'a Note,
    pub submission_path: &'a [Hash],
    pub keys: &'a [KeyProof],
    pub header: &'a Header,
    pub header_path: &'a [Hash],
    pub checkpoint: &'a Note,
}

/// What stands along the way.
pub(crate) struct Held {
    pub submission: Submission,
    pub checkpoint: Checkpoint,
    pub cosignatures: Vec<Cosignature>,
}

impl Proof {
    /// Verifies the whole proof, given the genesis.
    pub fn check(&self, genesis: &Genesis) -> Result<Verified, Broken> {
        let Held { submission, checkpoint, cosignatures } = self.way().check(genesis, |submission| {
            if !submission.kind.admits(self.kind) || self.bytes.len() > ITEM_BYTES_MAX {
                return Err(Broken::new(Part::Item, "its kind or size may not stand in this submission"));
            }
            Ok(Item { kind: self.kind, salt: self.salt, bytes: self.bytes.as_bytes() }.leaf_hash())
        })?;
        Ok(Verified {
            event: self.event,
            kind: self.kind,
            bytes: self.bytes.clone(),
            submission: submission.id(),
            signed_ms: submission.time_ms,
            party: submission.party,
            signers: self.keys.iter().map(|key| key.entry.clone()).collect(),
            block_ms: self.header.time_ms,
            checkpoint_size: checkpoint.size,
            cosignatures,
        })
    }
}

impl Way<'_> {
    /// Prints the submission, the keys and the header, each with its path.
    pub fn push(&self, text: &mut String) {
        text.push_str("submission\n");
        push_block(text, &self.submission.to_string(), self.submission_path);
        for key in self.keys {
            text.push_str(&format!("key {}\n", key.index));
            push_block(text, &key.entry.text(), &key.path);
        }
        text.push_str("header\n");
        push_block(text, &self.header.text(), self.header_path);
    }

    /// Verifies every step from the leaf, which may depend on the submission, up to the checkpoint.
    pub fn check(
        &self,
        genesis: &Genesis,
        leaf: impl FnOnce(&Submission) -> Result<Hash, Broken>,
    ) -> Result<Held, Broken> {
        let (cut, index_in_cut) = self.locate()?;
        let submission = self.check_submission(genesis, cut)?;
        self.check_item(&submission, leaf(&submission)?)?;
        self.check_cut(cut, index_in_cut)?;
        self.check_keys(&submission)?;
        self.check_header(genesis)?;
        if let Some(reason) = self.header.bad_reason(self.event.ordinal()) {
            return Err(Broken::new(Part::Bad, format!("the submission is sealed as bad: {reason}")));
        }
        check_time(submission.time_ms, self.header.time_ms).map_err(broken(Part::Time))?;
        let (checkpoint, cosignatures) = self.check_log(genesis)?;
        Ok(Held { submission, checkpoint, cosignatures })
    }

    fn locate(&self) -> Result<(&Cut, u32), Broken> {
        if self.event.height != self.header.height {
            return Err(Broken::new(Part::Event, format!("the header is of height {}", self.header.height)));
        }
        let found = self.header.locate(self.event.ordinal());
        found.ok_or_else(|| Broken::new(Part::Event, "the header has no such record"))
    }

    fn check_submission(&self, genesis: &Genesis, cut: &Cut) -> Result<Submission, Broken> {
        let fault = |detail: &str| Err(Broken::new(Part::Submission, detail));
        if self.submission.to_string().len() > SUBMISSION_NOTE_BYTES_MAX {
            return fault("the note is longer than 4,096 bytes");
        }
        let submission = Submission::parse(self.submission.text()).map_err(broken(Part::Submission))?;
        if submission.origin != genesis.origin || submission.genesis != genesis.hash() {
            return fault("it is of another consortium");
        }
        if SubmissionKind::of_topic(cut.topic.as_str()) != Some(submission.kind) {
            return fault("its kind is not what the topic of its cut carries");
        }
        self.submission.verify_exactly(&submission.verifiers()).map_err(broken(Part::Signature))?;
        Ok(submission)
    }

    fn check_item(&self, submission: &Submission, leaf: Hash) -> Result<(), Broken> {
        let (index, count) = (self.event.index().into(), submission.count.into());
        match verify_inclusion(index, count, leaf, self.item_path, submission.root) {
            true => Ok(()),
            false => Err(Broken::new(Part::ItemPath, "it does not lead to the root in the submission")),
        }
    }

    fn check_cut(&self, cut: &Cut, index: u32) -> Result<(), Broken> {
        let leaf = submission_leaf(&self.submission.to_string());
        match verify_inclusion(index.into(), cut.records.into(), leaf, self.submission_path, cut.root) {
            true => Ok(()),
            false => Err(Broken::new(Part::SubmissionPath, "it does not lead to the root of the cut")),
        }
    }

    fn check_keys(&self, submission: &Submission) -> Result<(), Broken> {
        let fault = |detail: &str| Err(Broken::new(Part::Key, detail));
        if !self.keys.iter().map(|key| &key.entry.public_key).eq(&submission.public_keys) {
            return fault("the entries are not those of the submission's public keys");
        }
        for key in self.keys {
            if submission.kind == SubmissionKind::Events && key.entry.party != submission.party {
                return fault("the entry is of another party");
            }
            check_key(key, self.header)?;
        }
        Ok(())
    }

    fn check_header(&self, genesis: &Genesis) -> Result<(), Broken> {
        match self.header.origin == genesis.origin {
            true => Ok(()),
            false => Err(Broken::new(Part::Header, "it is of another consortium")),
        }
    }

    fn check_log(&self, genesis: &Genesis) -> Result<(Checkpoint, Vec<Cosignature>), Broken> {
        let (checkpoint, cosignatures) = open_checkpoint(self.checkpoint, genesis)?;
        enough(&cosignatures, genesis)?;
        check_in_log(self.header, self.header_path, &checkpoint, genesis)?;
        Ok((checkpoint, cosignatures))
    }
}

/// A checkpoint of the genesis's log, with all its lines verified.
pub(crate) fn open_checkpoint(note: &Note, genesis: &Genesis) -> Result<(Checkpoint, Vec<Cosignature>), Broken> {
    Checkpoint::open_note(note, genesis).map_err(|e| match e {
        CheckpointError::Cosignature { .. } => Broken::new(Part::Cosignatures, e),
        _ => Broken::new(Part::Checkpoint, e),
    })
}

/// The quorum of the policy is reached.
pub(crate) fn enough(cosignatures: &[Cosignature], genesis: &Genesis) -> Result<(), Broken> {
    unmet(cosignatures, &genesis.policy).map_or(Ok(()), |unmet| Err(Broken::new(Part::Cosignatures, unmet)))
}

/// The header is in the log of the checkpoint, and follows from the headers before it.
pub(crate) fn check_in_log(
    header: &Header,
    path: &[Hash],
    checkpoint: &Checkpoint,
    genesis: &Genesis,
) -> Result<(), Broken> {
    let (height, size) = (header.height, checkpoint.size);
    if !verify_inclusion(height, size, header.leaf(), path, checkpoint.root) {
        return Err(Broken::new(Part::HeaderPath, "it does not lead to the root in the checkpoint"));
    }
    let before = if height == 0 { Some(genesis.hash()) } else { root_before(height, size, path) };
    match before == Some(header.log_root) {
        true => Ok(()),
        false => Err(Broken::new(Part::LogRoot, "the header names another root for the headers before it")),
    }
}

/// The entry is among the keys of the header.
pub(crate) fn check_key(key: &KeyProof, header: &Header) -> Result<(), Broken> {
    let KeyProof { index, entry, path } = key;
    if entry.enrolled > header.height {
        return Err(Broken::new(Part::Key, "the key was enrolled after the block"));
    }
    let (size, root) = header.keys;
    match verify_inclusion(*index, size, entry.leaf(), path, root) {
        true => Ok(()),
        false => Err(Broken::new(Part::KeyPath, "it does not lead to the root of the keys in the header")),
    }
}
