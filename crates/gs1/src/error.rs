//! Why a code could not be read, and what would be right.

/// A code that cannot be read. `detail` is written for the person who holds the pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CodeError {
    /// Stable name of the rule: `empty`, `too-long`, `not-a-code`, `unsupported`, `unknown-ai`, `charset`, `length`,
    /// `check-digit`, `date`, `value`, `fnc1`, `repeated`, `companion`, `no-key`, `brackets`, `percent`, `epc`, `uri`.
    pub code: &'static str,
    /// One sentence that says what is wrong and what would be right.
    pub detail: String,
}

impl CodeError {
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}
