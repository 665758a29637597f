//! Enrolling parties: who they are, then the keys under which the ingest services sign for them.

use std::path::PathBuf;

use anyhow::Context;
use medtrace_gs1::Gln;
use medtrace_ledger::{Custody, PartyId, PublicKey, Signer};
use medtrace_registry::notice::{Contact, Party, Prefix, Region, Role, Texts};

use super::{Consortium, Taken, refused_for};
use crate::stack::{INGEST, make_token, protection, signer};

/// Refusal code of a party notice whose subject is further already.
const REVISION: &str = "revision";
/// Refusal code of a key that is enrolled already.
const KEY_TAKEN: &str = "key-taken";

/// A party to be enrolled.
#[derive(Debug, Clone)]
pub struct Enrolment {
    pub party: PartyId,
    /// 1 for a new party; one more than the last for a change.
    pub revision: u32,
    pub name: Texts,
    pub roles: Vec<Role>,
    pub glns: Vec<Gln>,
    pub prefixes: Vec<Prefix>,
    pub regions: Vec<Region>,
    pub contact: Option<Contact>,
    /// The party's own root key, if it signs at home; otherwise one is made and kept on this machine.
    pub root_key: Option<PublicKey>,
    /// Services that get a key to sign for it; none if it signs at home.
    pub hosts: Vec<String>,
}

/// What became of an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    pub party: PartyId,
    /// The consortium has a notice of this revision already; nothing was changed.
    pub already: bool,
}

/// The service that serves a party of these roles, if any does.
pub fn host_of(roles: &[Role]) -> Option<&'static str> {
    let host = |role: &Role| match role {
        Role::Manufacturer | Role::Regulator => Some("manufacturer"),
        Role::Distributor | Role::Carrier | Role::Logistics => Some("distributor"),
        Role::Hospital => Some("hospital"),
        Role::Authority | Role::Service => None,
    };
    // A regulator is served everywhere: its other role decides.
    let others = roles.iter().filter(|role| **role != Role::Regulator);
    others.chain(roles).find_map(host)
}

impl Consortium {
    /// Admits the three ingest services with their receipt keys, unless they are; waits until that is in force.
    pub async fn enrol_services(&self) -> anyhow::Result<()> {
        let mut services = Vec::new();
        for service in INGEST {
            services.push(Enrolment {
                party: service.parse().context("failed to name a service")?,
                revision: 1,
                name: Texts::both(service),
                roles: vec![Role::Service],
                glns: Vec::new(),
                prefixes: Vec::new(),
                regions: Vec::new(),
                contact: None,
                root_key: Some(signer(&self.layout.keys(service), service)?.key.public()),
                hosts: Vec::new(),
            });
        }
        self.enrol(&services).await.map(drop)
    }

    /// Admits parties, then enrols the keys that services hold for them; returns when all of it is in force. What an
    /// interrupted enrolment has done already is left as it is. Tokens for `--as PARTY` are made where there are none.
    pub async fn enrol(&self, parties: &[Enrolment]) -> anyhow::Result<Vec<Enrolled>> {
        let mut last = None;
        let mut enrolled = Vec::new();
        for enrolment in parties {
            let taken = self.admit(self.notice(enrolment)?).await;
            let taken = unless(taken, REVISION).with_context(|| format!("failed to admit {}", enrolment.party))?;
            let already = taken.is_none();
            enrolled.push(Enrolled { party: enrolment.party.clone(), already });
            last = taken.or(last);
        }
        self.settle(last.take()).await?;
        for enrolment in parties {
            last = self.host(enrolment).await?.or(last);
        }
        self.settle(last).await?;
        Ok(enrolled)
    }

    fn notice(&self, enrolment: &Enrolment) -> anyhow::Result<Party> {
        let root_key = match enrolment.root_key {
            Some(key) => key,
            None => self.root_key(&enrolment.party)?.key.public(),
        };
        Ok(Party {
            party: enrolment.party.clone(),
            revision: enrolment.revision,
            name: enrolment.name.clone(),
            root_key,
            roles: enrolment.roles.clone(),
            glns: enrolment.glns.clone(),
            prefixes: enrolment.prefixes.clone(),
            regions: enrolment.regions.clone(),
            contact: enrolment.contact.clone(),
        })
    }

    /// Gives each of its services a key for the party.
    async fn host(&self, enrolment: &Enrolment) -> anyhow::Result<Option<Taken>> {
        let party = &enrolment.party;
        let mut last = None;
        for host in &enrolment.hosts {
            if !self.layout.token(party.as_str()).exists() {
                make_token(&self.layout, party.as_str(), "operator", "medtrace")?;
            }
            let key = signer(&self.layout.keys(host), party.as_str())?;
            let taken = self.enrol_hosted(party, host, &key).await;
            let taken =
                unless(taken, KEY_TAKEN).with_context(|| format!("failed to enrol a key of {party} at {host}"))?;
            last = taken.or(last);
        }
        Ok(last)
    }

    /// Enrols a key that a service holds for the party, for all of its roles.
    pub async fn enrol_hosted(&self, party: &PartyId, host: &str, key: &Signer) -> anyhow::Result<Taken> {
        let custody = Custody::Hosted(host.parse().context("failed to name a service")?);
        self.enrol_key(party, &self.root_key(party)?, key, custody, Vec::new()).await
    }

    /// The root key of a party that was enrolled on this machine; a new one if there is none.
    pub fn root_key(&self, party: &PartyId) -> anyhow::Result<Signer> {
        signer(&self.layout.keys("parties"), party.as_str())
    }

    /// Files of the keys that a service holds for a party, in their order.
    pub fn hosted(&self, party: &PartyId, host: &str) -> anyhow::Result<Vec<PathBuf>> {
        let folder = self.layout.keys(host);
        let (mut files, protection) = (Vec::new(), protection()?);
        for entry in std::fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))? {
            let path = entry?.path();
            let is_key = path.extension().is_some_and(|extension| extension == "key");
            if is_key && medtrace_service::keys::read(&path, &protection)?.name.as_str() == party.as_str() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    async fn settle(&self, taken: Option<Taken>) -> anyhow::Result<()> {
        match taken {
            Some(taken) => self.in_force(&taken).await,
            None => Ok(()),
        }
    }
}

/// `None` where the refusal says that it is done already.
fn unless(taken: anyhow::Result<Taken>, code: &str) -> anyhow::Result<Option<Taken>> {
    match taken {
        Ok(taken) => Ok(Some(taken)),
        Err(error) if refused_for(&error, code) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_served_by_the_service_of_its_trade() {
        assert_eq!(host_of(&[Role::Regulator]), Some("manufacturer"));
        assert_eq!(host_of(&[Role::Regulator, Role::Hospital]), Some("hospital"));
        assert_eq!(host_of(&[Role::Carrier]), Some("distributor"));
        assert_eq!(host_of(&[Role::Service]), None);
    }
}
