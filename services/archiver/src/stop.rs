//! Why the archiver stops.

use medtrace_archive::ArchiveError;
use medtrace_ledger::Hash;
use medtrace_log::LogError;

/// Why the archiver stops. A supervisor starts it again, and the start finds out what holds.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Kafka needs an operator: it was truncated or exchanged, or lacks what the archive does not hold yet.
    #[error("failed to follow the log")]
    Log(#[from] LogError),
    /// The archive cannot be read or written.
    #[error("failed to keep the archive")]
    Archive(#[from] ArchiveError),
    /// The block does not recompute from its records. It is not kept.
    #[error("refused to keep block {height}: {what}")]
    Block { height: u64, what: String },
    /// The chainer has signed a root that is not that of the blocks: another chain.
    #[error("refused to publish: a checkpoint of {size} headers says {signed}, the blocks give {found}")]
    Fork { size: u64, signed: Hash, found: Hash },
    /// The archive's own checkpoint is not of this consortium, or of more than its block files hold.
    #[error("refused to go on with the archive: {0}")]
    Own(String),
}
