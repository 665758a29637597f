//! `delegation`: a party lets another act at its places. Signed by the one who lends.

use medtrace_gs1::Gln;
use medtrace_ledger::PartyId;
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use crate::limits::DELEGATION_GLNS_MAX;
use crate::rights::Right;

/// What one party lets another do, as of one revision. No steps: nothing any more.
///
/// The receiver's own roles still decide which steps it may say at all. Lending `commission` or `transform` also lends the
/// prefixes of `from`, as a contract manufacturer needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Who lends.
    pub from: PartyId,
    /// Who may act.
    pub to: PartyId,
    /// 1 for this pair, then exactly one more each time.
    pub revision: u32,
    /// At which of its GLNs (all their extensions too).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub glns: Vec<Gln>,
    /// For which steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Right>,
}

impl Delegation {
    pub(super) fn shape(&self, faults: &mut Faults) {
        faults.list("/glns", &self.glns, DELEGATION_GLNS_MAX);
        faults.list("/steps", &self.steps, Right::ALL.len());
        if self.from == self.to {
            faults.add("/to", "same-party", "a party needs no delegation from itself");
        }
    }
}
