//! The tables' rows, field for field as in `schemas/clickhouse/`.
//!
//! `ver` is `block · 2³² + idx` of the event that made the row what it is, so that the newest wins however often and
//! in whatever order rows are inserted.

mod erasure;
mod fact;

pub use erasure::ErasureRow;
pub use fact::{BadFact, FactRow, voided};

use clickhouse::Row;
use medtrace_event::CbvVersion;
use medtrace_ledger::EventRef;
use medtrace_timeline::Order;
use serde::{Deserialize, Serialize};

/// `ver` of what the event at this position says.
pub fn version(position: EventRef) -> u64 {
    position.height << 32 | u64::from(position.idx)
}

/// An instant and the rank of its step (below 128) as one number that orders alike: µs × 128 + rank; 0 for never.
pub fn moment(order: Option<Order>) -> i64 {
    order.map_or(0, |order| order.at.saturating_mul(128).saturating_add(order.rank.into()))
}

/// A sealed block, and the next offset of each partition after it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct BlockRow {
    pub height: u64,
    pub time_ms: u64,
    pub header: String,
    pub leaf: [u8; 32],
    pub submissions: u32,
    pub events: u32,
    pub notices: u32,
    pub positions: Vec<(String, i32, i64)>,
}

/// Evidence of one submission.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct SubmissionRow {
    pub block: u64,
    pub ordinal: u32,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub party: String,
    pub id: [u8; 32],
    pub leaf: [u8; 32],
    pub bad: String,
    pub note: String,
    #[serde(with = "serde_bytes")]
    pub salts: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub frame: Vec<u8>,
    /// Items of which the frame holds the leaf alone.
    pub erased: u16,
}

/// The bodies alone of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct FrameRow {
    pub block: u64,
    pub ordinal: u32,
    #[serde(with = "serde_bytes")]
    pub frame: Vec<u8>,
}

/// What a 32-byte digest in `event_ref` is of. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RefKind {
    EventKey = 1,
    /// SHA-256 of the eventID.
    EventId = 2,
    Submission = 3,
}

#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct EventRefRow {
    pub prefix: u64,
    pub kind: u8,
    pub digest: [u8; 32],
    pub block: u64,
    pub idx: u32,
}

impl EventRefRow {
    pub fn new(kind: RefKind, digest: [u8; 32], position: EventRef) -> Self {
        let prefix = prefix(&digest);
        EventRefRow { prefix, kind: kind as u8, digest, block: position.height, idx: position.idx }
    }
}

/// The first 8 bytes, by which a digest is looked up before the whole is compared.
pub fn prefix(digest: &[u8; 32]) -> u64 {
    u64::from_be_bytes(std::array::from_fn(|i| digest[i]))
}

/// An event's header columns.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct EventRow {
    pub block: u64,
    pub idx: u32,
    pub t: i64,
    pub record_ms: u64,
    pub kind: String,
    pub action: String,
    pub step: String,
    pub disposition: String,
    pub read_point: String,
    pub biz_location: String,
    pub party: String,
    pub event_id: String,
    pub things: u32,
    pub flags: u32,
    pub void_block: u64,
    pub void_idx: u32,
    pub erased_block: u64,
    pub erased_idx: u32,
    pub ver: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ReplayRow {
    pub of_block: u64,
    pub of_idx: u32,
    pub block: u64,
    pub idx: u32,
}

/// The CBV event hash of an event under one edition of the rules.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct EventHashRow {
    pub prefix: u64,
    pub digest: [u8; 32],
    /// See [`edition`].
    pub edition: u8,
    pub block: u64,
    pub idx: u32,
    pub declaration: bool,
}

/// Edition of an event hash as tables hold it.
pub const fn edition(version: CbvVersion) -> u8 {
    match version {
        CbvVersion::V2_0 => 20,
        CbvVersion::V2_1 => 21,
    }
}

/// An event that says what an earlier one said.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct DuplicateRow {
    pub block: u64,
    pub idx: u32,
    pub of_block: u64,
    pub of_idx: u32,
}

/// What a document's header says of one place, product or party.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct MasterDataRow {
    pub id: String,
    pub kind: String,
    pub party: String,
    pub block: u64,
    pub idx: u32,
    /// The id was the party's own then.
    pub entitled: bool,
    pub names: Vec<String>,
    /// As many as `names`.
    pub texts: Vec<String>,
    pub children: Vec<String>,
}

/// How far events are hashed; `one` is 1.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct HashedRow {
    pub one: u8,
    pub next: u64,
}

/// An item with the fold of its own facts.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct LotItemRow {
    pub class: u64,
    pub lot: String,
    pub id: String,
    pub container_class: u64,
    pub container_id: String,
    /// Since when it is in the container, µs; 0 if it is in none.
    pub since: i64,
    pub condition: String,
    pub place: String,
    pub holder: String,
    pub heading: String,
    /// [`moment`] at which place and heading were last said; the same of holder and condition.
    pub placed: i64,
    pub held: i64,
    pub disposed: i64,
    pub irregular: u32,
    /// A commissioning of it is in force.
    pub commissioned: bool,
    /// Another code of the same pack, the smallest by class and id, stands for it.
    pub alias: bool,
    pub last_t: i64,
    pub last_block: u64,
    pub last_idx: u32,
    pub ver: u64,
    pub is_deleted: u8,
}

/// A container's own state, as JSON of [`medtrace_timeline::State`].
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct UnitStateRow {
    pub class: u64,
    pub id: String,
    pub state: String,
    pub ver: u64,
}

/// A lot's balances, as JSON of [`medtrace_timeline::Balance`].
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct LotBalanceRow {
    pub class: u64,
    pub lot: String,
    pub balance: String,
    pub ver: u64,
}

/// `until_t` of a stay that is not over.
pub const OPEN: i64 = i64::MAX;

#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct ContainmentRow {
    pub parent_class: u64,
    pub parent_id: String,
    pub child_class: u64,
    pub child_id: String,
    pub from_t: i64,
    pub until_t: i64,
    pub block: u64,
    pub idx: u32,
    pub sign: i8,
}

#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct DeliveryRow {
    pub block: u64,
    pub idx: u32,
    pub t: i64,
    pub party: String,
    pub source: String,
    pub destinations: Vec<String>,
    pub documents: Vec<String>,
    pub things: u32,
    pub void_block: u64,
    pub void_idx: u32,
    pub ver: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct NoticeRow {
    pub block: u64,
    pub idx: u32,
    pub time_ms: u64,
    pub kind: String,
    pub subject: String,
    pub revision: u64,
    pub party: String,
    /// Public keys of the submission, base64.
    pub signers: Vec<String>,
    pub body: String,
    /// Empty if it took effect.
    pub refusal: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct AlertRow {
    pub block: u64,
    pub idx: u32,
    pub code: String,
    pub class: u64,
    pub id: String,
    pub party: String,
    pub place: String,
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct RefusedRow {
    pub block: u64,
    pub target: String,
    pub reason: String,
    pub content: String,
}
