//! Why the chainer stops. Most reasons end the process; a supervisor starts it again, and the start finds out what holds.

use medtrace_archive::ArchiveError;
use medtrace_ledger::KeyName;
use medtrace_ledger::note::NoteError;
use medtrace_log::LogError;
use medtrace_log::transactions::TransactionError;

use crate::chain::Fault;

/// Why the chainer stops.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Kafka does not answer, or needs an operator.
    #[error("failed to use the log")]
    Log(#[from] LogError),
    /// The archive does not answer, or needs an operator.
    #[error("failed to use the archive")]
    Archive(#[source] ArchiveError),
    /// The transaction's outcome is unknown, or another leader has taken over.
    #[error("failed to seal block {height}")]
    Commit { height: u64, source: TransactionError },
    /// `blocks` holds something that does not follow from the chain, or this process has derived two different roots.
    #[error("failed to follow the chain")]
    Chain(#[from] Fault),
    /// After the commit `blocks` does not hold what was committed.
    #[error("failed to read back block {height}: {found} stands in its place")]
    ReadBack { height: u64, found: String },
    /// What was signed or sealed before is no longer in `blocks`: the log was truncated or exchanged.
    #[error(
        "refused to go on: {who} says {said} headers, blocks holds {held}; nothing is sealed until an operator has found out why"
    )]
    Ahead { who: &'static str, said: u64, held: u64 },
    /// What was signed or sealed before is not what `blocks` holds.
    #[error(
        "refused to go on: {who} says that the chain's first {size} headers are {said}, blocks holds {held}; nothing is sealed until an operator has found out why"
    )]
    Differs { who: &'static str, size: u64, said: String, held: String },
    /// A block that nobody has signed is not what its records give.
    #[error("refused to sign block {height}, which this process has not sealed: {what}")]
    Foreign { height: u64, what: String },
    /// A witness has cosigned more headers than the log knows of: what was signed before has been lost.
    #[error(
        "refused to go on: witness {witness} has cosigned {has} headers, of which {published} have been published; nothing is sealed until an operator has found out why"
    )]
    WitnessAhead { witness: KeyName, has: u64, published: u64 },
    /// A witness has cosigned another log by the same key.
    #[error(
        "refused to go on: what witness {witness} has cosigned is no beginning of what was published; nothing is sealed until an operator has found out why"
    )]
    WitnessDiffers { witness: KeyName },
    /// Witnesses cannot be asked at all.
    #[error("failed to make a client for witnesses: {0}")]
    Client(String),
    /// The lease has gone to another process, or Kafka has not heard of this one for too long.
    #[error("the lease was lost; another process may lead")]
    Lost,
    /// The last record of `checkpoints` is not a checkpoint by this chainer.
    #[error("refused to go on: the last record of checkpoints is none of this chainer's: {0}")]
    Checkpoint(String),
    /// The own folder cannot be used.
    #[error("failed to {doing}")]
    Folder { doing: String, source: std::io::Error },
    /// A checkpoint cannot be signed.
    #[error("failed to sign the checkpoint")]
    Sign(#[from] NoteError),
}

impl From<ArchiveError> for Stop {
    fn from(error: ArchiveError) -> Stop {
        match error {
            ArchiveError::Log(error) => Stop::Log(error),
            error => Stop::Archive(error),
        }
    }
}

impl Stop {
    /// Whether nothing is wrong but the connection: the same process may start over.
    pub fn passes(&self) -> bool {
        match self {
            Stop::Log(error) => error.passes(),
            Stop::Archive(error) => error.passes(),
            _ => false,
        }
    }
}
