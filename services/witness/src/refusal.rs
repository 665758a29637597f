//! Why a checkpoint is not cosigned, and with which status C2SP's tlog-witness has it said.
//!
//! ```text
//! 400  not in the form, or the old size is beyond the checkpoint's     409  the old size is not the latest: that size
//! 403  no valid signature of a key of this log                         409  another root at the latest size
//! 404  nobody told this witness of the log                             422  the consistency path does not hold
//! 403  recomputing said otherwise: its keys are no longer believed      beyond C2SP: 503 not recomputed yet, 500 not durable
//!                                                                       or not signed
//! ```

use axum::http::header;
use axum::response::{IntoResponse, Response};
use medtrace_ledger::add_checkpoint::ADD_CHECKPOINT_BYTES_MAX;
use medtrace_ledger::{FormatError, SignError};
use medtrace_service::Kind;

/// Media type of the size in a 409.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Malformed(#[from] FormatError),
    #[error("the body is not UTF-8")]
    NotText,
    #[error("the body has at most {ADD_CHECKPOINT_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the body did not come in time")]
    Late,
    #[error("the old size is {old}, beyond the checkpoint's {new}")]
    OldSize { old: u64, new: u64 },
    #[error("the log {0} is not witnessed here")]
    UnknownLog(String),
    #[error("no valid signature of a key of {0}")]
    Unsigned(String),
    /// The client answers with a path from this size.
    #[error("the latest size is {latest}")]
    Stale { latest: u64 },
    /// Two checkpoints of one size: `latest` is the note that was cosigned before.
    #[error("another root was cosigned at this size")]
    Fork { latest: String },
    #[error("the consistency path from {old} to {new} does not hold")]
    Unproven { old: u64, new: u64 },
    /// Only of a full witness. Found now or before; it does not pass.
    #[error("refused for ever: the log does not recompute to what was signed; see /alarms")]
    Contradicted,
    /// Only of a full witness.
    #[error("the log is recomputed up to {verified}; ask again")]
    Behind { verified: u64 },
    /// Nothing was cosigned.
    #[error("failed to make the checkpoint durable")]
    NotDurable(#[source] std::io::Error),
    /// The key's holder is away; nothing was cosigned.
    #[error(transparent)]
    Unsigning(#[from] SignError),
    #[error("too many checkpoints are being looked at; ask again")]
    Busy,
}

impl Refusal {
    fn kind(&self) -> Kind {
        match self {
            Refusal::Malformed(_) | Refusal::NotText | Refusal::OldSize { .. } => Kind::Validation,
            Refusal::TooLarge => Kind::CaptureLimitExceeded,
            Refusal::Late => Kind::RequestTimeout,
            Refusal::UnknownLog(_) => Kind::NoSuchResource,
            Refusal::Unsigned(_) | Refusal::Contradicted => Kind::Forbidden,
            Refusal::Stale { .. } | Refusal::Fork { .. } => Kind::Conflict,
            Refusal::Unproven { .. } => Kind::Unprocessable,
            Refusal::Behind { .. } => Kind::Unavailable,
            Refusal::NotDurable(_) | Refusal::Unsigning(_) => Kind::Implementation,
            Refusal::Busy => Kind::TooManyRequests,
        }
    }

    /// The label that it is counted under.
    pub fn status(&self) -> u16 {
        self.kind().status().as_u16()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Stale { latest } => {
                let kind = [(header::CONTENT_TYPE, SIZE_MEDIA_TYPE)];
                (self.kind().status(), kind, format!("{latest}\n")).into_response()
            }
            // No size here: a client that is told one comes again with a path from it.
            refused => refused.kind().because(refused.to_string()).into_response(),
        }
    }
}
