//! `place`: master data of a place. Signed by the party that owns its GLN (or URI prefix).

use medtrace_gs1::{Scheme, Thing};
use medtrace_ledger::PartyId;
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::text::{Geo, Region, Texts};

/// A place as of one revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The place, in canonical spelling (`https://id.gs1.org/414/…`).
    pub place: Thing,
    /// 1, then exactly one more each time.
    pub revision: u32,
    /// Whose place it is.
    pub party: PartyId,
    /// What people call it.
    pub name: Texts,
    /// Postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Texts>,
    /// ISO 3166 region.
    pub region: Region,
    /// Where on the globe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo: Option<Geo>,
}

impl Place {
    pub(super) fn shape(&self, faults: &mut Faults) {
        if !matches!(self.place.scheme(), Scheme::Place | Scheme::Uri) {
            faults.add("/place", "not-a-place", "a place is a GLN (AI 414) or a URI of its own");
        }
        faults.title("/name", &self.name);
        if let Some(address) = &self.address {
            faults.prose("/address", address);
        }
    }
}
