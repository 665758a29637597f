//! An erased item: its leaf stood at this place, and a notice of the authority took its bytes away and says what stands in
//! their place.
//!
//! ```text
//! medtrace/erased/v1
//! checkpoint                      over both blocks
//! |<line of the note>
//! event <height>-<idx>            the erased item
//! leaf <base64 hash>              what is left of it
//! path <base64 hash>              to the root in the submission
//! submission … key … header …     as in a proof
//! notice <height>-<idx>           the notice: as in a proof, without the checkpoint
//! item N <base64 salt>
//! …
//! ```
//!
//! Both ways up are those of a proof. Not shown, because the bytes are gone: that the replacement gives the same facts. Who
//! had the bytes judged that before the notice took effect.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::block::{EventRef, Header};
use crate::genesis::{AUTHORITY_ROLE, Genesis};
use crate::hash::Hash;
use crate::names::PartyId;
use crate::note::Note;
use crate::proof::check::{Held, Way};
use crate::proof::parse::{Upward, name, sealed, upward};
use crate::proof::sections::{note, path, push_block, push_hashes, section};
use crate::proof::{Broken, KeyProof, PROOF_BYTES_MAX, Part, Proof, Verified, broken};
use crate::submission::SubmissionKind;
use crate::text::Lines;

pub(super) const FORMAT: &str = "medtrace/erased/v1";

/// What is left of an erased item, and the notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    pub event: EventRef,
    pub leaf: Hash,
    /// From the leaf to the root in the submission.
    pub item_path: Vec<Hash>,
    /// The submission's signed note.
    pub submission: Note,
    /// From the submission's leaf to the root of its cut.
    pub submission_path: Vec<Hash>,
    /// One for each public key of the submission, in its order.
    pub keys: Vec<KeyProof>,
    pub header: Header,
    /// From the header's leaf to the root in the checkpoint.
    pub header_path: Vec<Hash>,
    /// The notice that erased it; its checkpoint is that of both.
    pub notice: Proof,
}

/// What it shows: this party said something there that is erased; the authority said this instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    pub event: EventRef,
    pub leaf: Hash,
    pub party: PartyId,
    /// H(submission text).
    pub submission: Hash,
    /// The signer's clock, Unix milliseconds.
    pub signed_ms: u64,
    /// The block's clock, Unix milliseconds.
    pub block_ms: u64,
    pub notice: Verified,
    /// The event that stands in its place.
    pub replacement: Map<String, Value>,
}

/// The members of an erasure notice that say what it erases.
#[derive(Deserialize)]
struct Notice {
    r#type: String,
    event: String,
    #[serde(default)]
    copies: Vec<String>,
    replacement: Map<String, Value>,
}

impl Erased {
    fn way(&self) -> Way<'_> {
        Way {
            event: self.event,
            item_path: &self.item_path,
            submission: &self.submission,
            submission_path: &self.submission_path,
            keys: &self.keys,
            header: &self.header,
            header_path: &self.header_path,
            checkpoint: &self.notice.checkpoint,
        }
    }

    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\ncheckpoint\n");
        push_block(&mut text, &self.notice.checkpoint.to_string(), &[]);
        text.push_str(&format!("event {}\nleaf {}\n", self.event, self.leaf));
        push_hashes(&mut text, "path ", &self.item_path);
        self.way().push(&mut text);
        text.push_str("notice ");
        self.notice.push_sealed(&mut text);
        text
    }

    /// Parses strictly; what is accepted prints to the same bytes.
    pub fn parse(text: &str) -> Result<Erased, Broken> {
        let mut lines = Lines::new(FORMAT, text, PROOF_BYTES_MAX).map_err(broken(Part::Format))?;
        let checkpoint = note(&mut lines, "checkpoint", Part::Checkpoint)?;
        let event = name(&mut lines, "event ")?;
        let leaf = section(&mut lines, "leaf ", Part::Item)?.parse().map_err(broken(Part::Item))?;
        let item_path = path(&mut lines, Part::ItemPath)?;
        let Upward { submission, submission_path, keys, header, header_path } = upward(&mut lines)?;
        let notice = sealed(&mut lines, "notice ", |_| Ok(checkpoint))?;
        lines.end().map_err(broken(Part::Format))?;
        Ok(Erased { event, leaf, item_path, submission, submission_path, keys, header, header_path, notice })
    }

    /// Verifies both ways up, and that the notice erases this item.
    pub fn check(&self, genesis: &Genesis) -> Result<Gone, Broken> {
        let Held { submission, .. } = self.way().check(genesis, |submission| match submission.kind {
            SubmissionKind::Events => Ok(self.leaf),
            SubmissionKind::Notices => Err(Broken::new(Part::Item, "only what stands among events can be erased")),
        })?;
        let notice = self.notice.check(genesis)?;
        let replacement = self.replacement(genesis, &notice)?;
        Ok(Gone {
            event: self.event,
            leaf: self.leaf,
            submission: submission.id(),
            signed_ms: submission.time_ms,
            party: submission.party,
            block_ms: self.header.time_ms,
            notice,
            replacement,
        })
    }

    fn replacement(&self, genesis: &Genesis, said: &Verified) -> Result<Map<String, Value>, Broken> {
        let fault = |detail| Err(Broken::new(Part::Erasure, detail));
        let notice: Notice = serde_json::from_str(&said.bytes).map_err(broken(Part::Erasure))?;
        let name = self.event.to_string();
        if notice.r#type != "erasure" || notice.event != name && !notice.copies.contains(&name) {
            return fault("the notice does not erase this item");
        }
        if said.event.height <= self.event.height {
            return fault("the notice is not of a later block");
        }
        let of_authority =
            said.signers.iter().filter(|key| key.roles.iter().any(|role| role.as_str() == AUTHORITY_ROLE));
        let members: BTreeSet<_> = of_authority.map(|key| &key.party).collect();
        match members.len() >= genesis.authority.threshold {
            true => Ok(notice.replacement),
            false => fault("too few members of the authority signed the notice"),
        }
    }
}
