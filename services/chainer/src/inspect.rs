//! What can be said of one record alone, wherever it stands: its leaf, and whether it is a sound submission. Workers do
//! this in parallel; nothing here depends on the chain.

use medtrace_ledger::hash::Hash;
use medtrace_ledger::submission::{Expected, open_submission, reason, submission_leaf, undecodable_leaf};
use medtrace_ledger::{Genesis, ItemKind, Origin, Refused, Submission, SubmissionKind};
use medtrace_log::frame::Body;
use medtrace_log::record::Record;

/// What every submission is held against.
#[derive(Clone, Debug)]
pub struct Consortium {
    pub origin: Origin,
    /// H(genesis text).
    pub genesis: Hash,
}

impl Consortium {
    pub fn of(genesis: &Genesis) -> Consortium {
        Consortium { origin: genesis.origin.clone(), genesis: genesis.hash() }
    }
}

/// One record, inspected.
#[derive(Clone, Debug)]
pub struct Inspected {
    pub offset: u64,
    /// The record's value, so that roots can be derived again from it.
    pub value: Vec<u8>,
    /// Its leaf in the cut.
    pub leaf: Hash,
    /// Number of items, 1 for what cannot be decoded: what the record counts towards a block's limit.
    pub weight: u32,
    /// Bytes towards a block's limit: unpacked, of what cannot be decoded the value's.
    pub bytes: usize,
    /// The submission, or why it is bad wherever it stands.
    pub opened: Result<Submission, Refused>,
    /// Index and bytes of each notice.
    pub notices: Vec<(u32, Vec<u8>)>,
}

/// Inspects the record at `offset` of the topic that carries `kind`.
pub fn inspect(kind: SubmissionKind, consortium: &Consortium, offset: u64, value: Vec<u8>) -> Inspected {
    inspect_without(kind, consortium, offset, value, &[])
}

/// As [`inspect`], of a record of which these items may have come as their leaves alone, because they are erased.
pub(crate) fn inspect_without(
    kind: SubmissionKind,
    consortium: &Consortium,
    offset: u64,
    value: Vec<u8>,
    erased: &[u32],
) -> Inspected {
    let unpacked = match Record::decode(&value) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            let refused = Refused { reason: reason::UNDECODABLE, detail: error.to_string() };
            let (leaf, bytes, notices) = (undecodable_leaf(&value), value.len(), Vec::new());
            return Inspected { offset, value, leaf, weight: 1, bytes, opened: Err(refused), notices };
        }
    };
    let expected = Expected { kind, origin: &consortium.origin, genesis: consortium.genesis };
    let missing = |(index, body): (u32, Body<'_>)| matches!(body, Body::Erased(_)) && !erased.contains(&index);
    let whole = |submission| match (0u32..).zip(unpacked.bodies.iter()).any(missing) {
        true => Err(Refused { reason: reason::ERASED, detail: "an item came as its leaf alone".into() }),
        false => Ok(submission),
    };
    let opened = open_submission(&unpacked.record.note, &unpacked.leaves(), &expected).and_then(whole);
    let notices = (0u32..)
        .zip(unpacked.bodies.iter())
        .filter_map(|(index, body)| match body {
            Body::Whole(ItemKind::Notice, bytes) => Some((index, bytes.to_vec())),
            _ => None,
        })
        .collect();
    let leaf = submission_leaf(&unpacked.record.note);
    let weight = u32::try_from(unpacked.len()).unwrap_or(u32::MAX);
    Inspected { offset, value, leaf, weight, bytes: unpacked.bytes(), opened, notices }
}

/// The leaf of a record, from its bytes and nothing else.
pub fn leaf_of(value: &[u8]) -> Hash {
    match Record::decode(value) {
        Ok(unpacked) => submission_leaf(&unpacked.record.note),
        Err(_) => undecodable_leaf(value),
    }
}
