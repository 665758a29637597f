//! One thing that is wrong with an input: where, which rule, and what would be right.

use serde::Serialize;

/// The EPCIS exception for an event or document that breaks the standard (EPCIS 2.0 §12.6.2).
pub const VALIDATION: &str = "epcisException:ValidationException";
/// The EPCIS exception for more than the service takes in one call.
pub const CAPTURE_LIMIT: &str = "epcisException:CaptureLimitExceededException";

/// A rule that an input breaks. In [`crate::Event::warnings`] the same shape says what is stored without effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// RFC 6901 pointer into the value that was read, e.g. `/epcList/3`; empty for the whole value.
    pub path: String,
    /// EPCIS exception, e.g. `epcisException:ValidationException`.
    #[serde(skip)]
    pub exception: &'static str,
    /// Stable name of the rule, e.g. `missing`.
    pub code: &'static str,
    /// A sentence for people that says what would be right.
    pub detail: String,
}

impl Fault {
    /// A validation fault.
    pub fn new(path: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Fault { path: path.into(), exception: VALIDATION, code, detail: detail.into() }
    }

    /// A fault of size: more than a limit of this crate.
    pub fn limit(path: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Fault { path: path.into(), exception: CAPTURE_LIMIT, code, detail: detail.into() }
    }

    /// The same fault, seen from a value that holds the faulty one at `prefix`.
    pub fn under(mut self, prefix: &str) -> Self {
        self.path.insert_str(0, prefix);
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {} ({})", self.detail, self.code)
    }
}

impl From<crate::json::JsonFault> for Fault {
    fn from(fault: crate::json::JsonFault) -> Self {
        Fault::new(fault.path, fault.code, fault.detail)
    }
}
