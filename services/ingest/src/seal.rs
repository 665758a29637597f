//! Items to a record: salts, leaves, note and the Kafka value (`medtrace_log::record`), and its receipt.

use std::sync::Arc;

use medtrace_ledger::{
    Genesis, Hash, Item, ItemKind, Origin, PartyId, Receipt, Salt, Signer, SigningKey,
    submission::{SUBMISSION_BYTES_MAX, SUBMISSION_ITEMS_MAX, SubmissionKind, seal_submission},
};
use medtrace_log::record::Record;

use crate::log::Placed;

/// Identifiers of all events of a submission together.
pub const SUBMISSION_IDENTIFIERS_MAX: usize = medtrace_event::IDENTIFIERS_MAX;

/// Most that one submission may hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub items: usize,
    /// Bytes of all items.
    pub bytes: usize,
    pub identifiers: usize,
}

impl Size {
    pub const MAX: Size =
        Size { items: SUBMISSION_ITEMS_MAX, bytes: SUBMISSION_BYTES_MAX, identifiers: SUBMISSION_IDENTIFIERS_MAX };

    pub fn plus(self, other: Size) -> Size {
        Size {
            items: self.items + other.items,
            bytes: self.bytes + other.bytes,
            identifiers: self.identifiers + other.identifiers,
        }
    }

    /// Within all three limits of a submission.
    pub fn fits(self) -> bool {
        let Size { items, bytes, identifiers } = Size::MAX;
        self.items <= items && self.bytes <= bytes && self.identifiers <= identifiers
    }

    /// Nothing more can be added.
    pub fn is_full(self) -> bool {
        self.items >= Size::MAX.items || self.bytes >= Size::MAX.bytes
    }
}

/// One item to be sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    pub kind: ItemKind,
    pub bytes: Vec<u8>,
    pub identifiers: usize,
}

impl Body {
    pub fn with(&self, salt: Salt) -> Item<'_> {
        Item { kind: self.kind, salt, bytes: &self.bytes }
    }

    pub fn size(&self) -> Size {
        Size { items: 1, bytes: self.bytes.len(), identifiers: self.identifiers }
    }
}

/// The consortium that every signed text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consortium {
    pub origin: Origin,
    /// H(genesis text).
    pub genesis: Hash,
}

impl From<&Genesis> for Consortium {
    fn from(genesis: &Genesis) -> Self {
        Consortium { origin: genesis.origin.clone(), genesis: genesis.hash() }
    }
}

/// A submission as it goes into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub stamp: Stamp,
    /// The Kafka value.
    pub value: Vec<u8>,
}

/// Why items cannot be sealed: an error of this service, as admission has checked every limit.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("failed to gather random salts: {0}")]
    Random(getrandom::Error),
    #[error(transparent)]
    Submission(#[from] medtrace_ledger::submission::SealError),
    #[error(transparent)]
    Record(#[from] medtrace_log::record::RecordError),
}

/// Seals items under one key of the party, with fresh salts.
pub fn seal<'a>(
    consortium: &Consortium,
    kind: SubmissionKind,
    party: &PartyId,
    key: &SigningKey,
    now_ms: u64,
    bodies: impl Iterator<Item = &'a Body> + Clone,
) -> Result<Sealed, SealError> {
    let mut random = vec![[0; 16]; bodies.clone().count()];
    getrandom::fill(random.as_flattened_mut()).map_err(SealError::Random)?;
    let items = bodies.zip(random).map(|(body, salt)| body.with(Salt(salt)));
    let leaves: Vec<_> = items.clone().map(|item| item.leaf()).collect();
    let Consortium { origin, genesis } = consortium;
    let sealed = seal_submission(kind, origin, *genesis, party, std::slice::from_ref(key), now_ms, &leaves)?;
    Ok(Sealed { stamp: Stamp { id: sealed.id, leaf: sealed.leaf }, value: Record::pack(sealed.note, items)?.encode()? })
}

/// What a receipt says of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Submission id: H(text).
    pub id: Hash,
    /// What the cut will hold: H(0x00 ‖ 'S' ‖ note).
    pub leaf: Hash,
}

/// Signs receipts with the service's own key.
#[derive(Clone)]
pub struct Receipts {
    pub origin: Origin,
    pub signer: Signer,
}

impl Receipts {
    /// The signed receipt for a record that the log has taken. `None` is an error of this service (an unusable key).
    pub fn sign(&self, kind: SubmissionKind, stamp: Stamp, placed: Placed, now_ms: u64) -> Option<Arc<str>> {
        let receipt = Receipt {
            origin: self.origin.clone(),
            submission: stamp.id,
            leaf: stamp.leaf,
            topic: kind.topic().parse().ok()?,
            uuid: placed.uuid,
            partition: placed.partition,
            offset: placed.offset,
            time_ms: now_ms,
        };
        receipt.sign(&self.signer).ok().map(Arc::from)
    }
}
