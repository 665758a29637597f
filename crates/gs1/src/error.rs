//! Why a code could not be read, and what would be right.

/// Longest piece of the input that an error repeats, in characters.
const QUOTE_CHARS_MAX: usize = 48;

/// A code that cannot be read. `detail` is written for the person who holds the pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CodeError {
    /// Stable name of the rule: `empty`, `too-long`, `not-a-code`, `unsupported`, `symbology`, `unknown-ai`, `charset`,
    /// `length`, `check-digit`, `date`, `value`, `fnc1`, `repeated`, `companion`, `no-key`, `brackets`, `percent`,
    /// `link`, `epc`, `uri`.
    pub code: &'static str,
    /// One sentence that says what is wrong and what would be right.
    pub detail: String,
}

impl CodeError {
    pub(crate) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// The text as an error repeats it: quoted, control characters escaped, not longer than it needs to be.
pub(crate) fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
