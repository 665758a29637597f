//! Making a proof from what the log and the store hold.

use super::parse::Upward;
use super::{Broken, KeyProof, Part, Proof, broken};
use crate::block::{EventRef, Header};
use crate::evidence::Erased;
use crate::hash::Hash;
use crate::item::Item;
use crate::keys::KeySet;
use crate::merkle::{Tree, inclusion_path_with};
use crate::note::Note;
use crate::submission::Submission;

/// Everything that a proof is made from, but the item itself.
pub struct Parts<'a> {
    pub event: EventRef,
    /// Leaves of all items of the submission.
    pub item_leaves: &'a [Hash],
    /// The submission's signed note.
    pub note: &'a str,
    /// Leaves of all records of the cut that holds the submission.
    pub cut_leaves: &'a [Hash],
    /// All keys valid after the block.
    pub keys: &'a KeySet,
    pub header: &'a Header,
    /// Perfect subtrees of the header log, as in [`Tree::node`].
    pub log_nodes: &'a mut dyn FnMut(u32, u64) -> Option<Hash>,
    /// Size of the log in the checkpoint.
    pub checkpoint_size: u64,
    /// The checkpoint's signed note, with cosignatures.
    pub checkpoint: &'a Note,
}

impl Parts<'_> {
    /// The proof. It is made, not checked: a part that does not fit the others shows in [`Proof::check`]; an error here
    /// names the part that is missing.
    pub fn prove(self, item: Item<'_>) -> Result<Proof, Broken> {
        let item_path = self.item_path()?;
        let (event, checkpoint) = (self.event, self.checkpoint.clone());
        let Upward { submission, submission_path, keys, header, header_path } = self.upward()?;
        Ok(Proof {
            event,
            kind: item.kind,
            salt: item.salt,
            bytes: std::str::from_utf8(item.bytes).map_err(broken(Part::Item))?.to_owned(),
            item_path,
            submission,
            submission_path,
            keys,
            header,
            header_path,
            checkpoint,
        })
    }

    /// What is left of an erased item, with the proof of the notice that erased it, which stands under the same checkpoint.
    /// Errors as of [`Parts::prove`].
    pub fn prove_erased(self, notice: Proof) -> Result<Erased, Broken> {
        let item_path = self.item_path()?;
        let event = self.event;
        let leaf = *self.item_leaves.get(event.index() as usize).ok_or_else(no_item)?;
        let Upward { submission, submission_path, keys, header, header_path } = self.upward()?;
        Ok(Erased { event, leaf, item_path, submission, submission_path, keys, header, header_path, notice })
    }

    fn item_path(&self) -> Result<Vec<Hash>, Broken> {
        path(self.item_leaves, self.event.index()).ok_or_else(no_item)
    }

    fn upward(self) -> Result<Upward, Broken> {
        let missing = |part, detail| move || Broken::new(part, detail);
        let submission = Note::parse(self.note).map_err(broken(Part::Submission))?;
        let text = Submission::parse(submission.text()).map_err(broken(Part::Submission))?;
        let (_, index_in_cut) = self
            .header
            .locate(self.event.ordinal())
            .ok_or_else(missing(Part::Event, "the header has no such record"))?;
        let keys = text.public_keys.iter().map(|key| {
            let entry = self.keys.entry(key)?;
            let (index, path) = self.keys.path(entry)?;
            Some(KeyProof { index, entry: entry.clone(), path })
        });
        Ok(Upward {
            submission_path: path(self.cut_leaves, index_in_cut)
                .ok_or_else(missing(Part::SubmissionPath, "the cut has no such record"))?,
            keys: keys
                .collect::<Option<_>>()
                .ok_or_else(missing(Part::Key, "a signer's key is not valid after the block"))?,
            header: self.header.clone(),
            header_path: inclusion_path_with(self.header.height, self.checkpoint_size, self.log_nodes)
                .ok_or_else(missing(Part::HeaderPath, "the header is not in the log at this size"))?,
            submission,
        })
    }
}

fn no_item() -> Broken {
    Broken::new(Part::ItemPath, "the submission has no such item")
}

fn path(leaves: &[Hash], index: u32) -> Option<Vec<Hash>> {
    let tree: Tree = leaves.iter().copied().collect();
    tree.inclusion_path(index.into(), tree.size())
}
