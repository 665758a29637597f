//! `party`: who takes part, with which root key, roles, places and prefixes. Signed by the authority.

use medtrace_gs1::Gln;
use medtrace_ledger::{PartyId, PublicKey};
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::text::{Prefix, Region, Texts};
use crate::limits::{PARTY_GLNS_MAX, PARTY_PREFIXES_MAX, PARTY_REGIONS_MAX};

/// What a party is; what each may say stands in `rights/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A member of the authority: admits parties.
    Authority,
    /// Moves goods.
    Carrier,
    /// Buys, stores and sells goods.
    Distributor,
    /// Receives and uses goods.
    Hospital,
    /// Stores and handles goods for others (third-party logistics).
    Logistics,
    /// Makes goods.
    Manufacturer,
    /// Inspects, seizes, recalls.
    Regulator,
    /// Runs a service: its key signs receipts, it says nothing of goods.
    Service,
}

impl Role {
    /// Every role, in the order of their names.
    pub const ALL: [Role; 8] = [
        Role::Authority,
        Role::Carrier,
        Role::Distributor,
        Role::Hospital,
        Role::Logistics,
        Role::Manufacturer,
        Role::Regulator,
        Role::Service,
    ];

    /// As written in notices and key entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Authority => "authority",
            Role::Carrier => "carrier",
            Role::Distributor => "distributor",
            Role::Hospital => "hospital",
            Role::Logistics => "logistics",
            Role::Manufacturer => "manufacturer",
            Role::Regulator => "regulator",
            Role::Service => "service",
        }
    }
}

/// How to reach an organisation about a recall. Never a patient's details.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Telephone, as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// A party as of one revision: the whole of it, not a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Party {
    /// The party's id, also its keys' name.
    pub party: PartyId,
    /// 1, then exactly one more each time.
    pub revision: u32,
    /// What people call it.
    pub name: Texts,
    /// Signs the party's key notices. Changing it is for the authority and ends the old one.
    pub root_key: PublicKey,
    /// None at all: the party is suspended and may say nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// GLNs of its places and of itself; all extensions of such a GLN are its own too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub glns: Vec<Gln>,
    /// GS1 company prefixes and URI prefixes that it may issue identifiers under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<Prefix>,
    /// Where it works; for a regulator: its jurisdiction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// Whom to call about a recall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

impl Party {
    pub(super) fn shape(&self, faults: &mut Faults) {
        faults.title("/name", &self.name);
        faults.list("/roles", &self.roles, Role::ALL.len());
        faults.list("/glns", &self.glns, PARTY_GLNS_MAX);
        faults.list("/prefixes", &self.prefixes, PARTY_PREFIXES_MAX);
        faults.list("/regions", &self.regions, PARTY_REGIONS_MAX);
        if let Some(contact) = &self.contact {
            faults.contact("/contact/phone", contact.phone.as_deref());
            faults.contact("/contact/email", contact.email.as_deref());
            if contact.phone.is_none() && contact.email.is_none() {
                faults.add("/contact", "empty", "a contact has a phone or an email");
            }
        }
    }
}
