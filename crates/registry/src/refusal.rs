//! Why a notice or an event is refused: one type, so that ingest (up front) and whoever reads the log (afterwards) say the
//! same words.

use std::fmt;

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where in the notice or event, as an RFC 6901 pointer (`/glns/2`); empty is the whole.
    pub path: String,
    /// A fixed word for programs, e.g. `revision-gap`. Never reworded.
    pub code: &'static str,
    /// For people: what is wrong and what would be right.
    pub detail: String,
}

impl Refusal {
    /// A refusal of the member at `path`.
    pub fn at(path: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Refusal { path: path.into(), code, detail: detail.into() }
    }

    /// A refusal of the whole.
    pub fn whole(code: &'static str, detail: impl Into<String>) -> Self {
        Refusal::at("", code, detail)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {} ({})", self.detail, self.code)
    }
}

impl std::error::Error for Refusal {}
