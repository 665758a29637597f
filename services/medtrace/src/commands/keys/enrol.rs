//! `medtrace keys enrol`: who takes part, and which keys speak for it.

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use medtrace_gs1::Gln;
use medtrace_ledger::{PartyId, PublicKey};
use medtrace_registry::notice::{Contact, Prefix, Region, Role, Texts};
use serde_json::json;

use super::consortium;
use crate::{
    consortium::{Enrolment, host_of},
    context::{Context, Done, Outcome},
    output::Tone,
};

#[derive(Debug, clap::Args)]
pub struct Enrol {
    /// The party's id: a-z 0-9 . -
    pub party: PartyId,
    /// What it is called
    #[arg(long)]
    pub name: String,
    /// What it is called in Chinese [default: the same]
    #[arg(long)]
    pub name_zh: Option<String>,
    /// What it is; may be repeated
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = parse_role)]
    pub roles: Vec<Role>,
    /// A GLN of its own; may be repeated
    #[arg(long = "gln", value_name = "GLN", value_parser = |text: &str| Gln::parse(text).map_err(|error| error.to_string()))]
    pub glns: Vec<Gln>,
    /// A GS1 company prefix or URI prefix under which it issues identifiers; may be repeated
    #[arg(long = "prefix", value_name = "PREFIX", value_parser = |text: &str| Prefix::new(text))]
    pub prefixes: Vec<Prefix>,
    /// Where it works (ISO 3166, such as CN-43); may be repeated
    #[arg(long = "region", value_name = "REGION", value_parser = |text: &str| Region::new(text))]
    pub regions: Vec<Region>,
    /// Whom to call about a recall
    #[arg(long)]
    pub phone: Option<String>,
    /// Whom to write to about a recall
    #[arg(long)]
    pub email: Option<String>,
    /// It signs at home, with the key whose public side this is (see `keys show`)
    #[arg(long, value_name = "BASE64", conflicts_with = "hosts")]
    pub public_key: Option<PublicKey>,
    /// A service that gets a key to sign for it; may be repeated [default: the one of its first role]
    #[arg(long = "hosted-by", value_name = "SERVICE")]
    pub hosts: Vec<Host>,
    /// 1 for a new party; one more than the last to change it
    #[arg(long, default_value_t = 1)]
    pub revision: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Host {
    Manufacturer,
    Distributor,
    Hospital,
}

impl Host {
    /// The service as a party.
    pub fn party(self) -> anyhow::Result<PartyId> {
        let value = self.to_possible_value().context("a service without a name")?;
        value.get_name().parse().context("failed to name a service")
    }
}

impl Enrol {
    pub async fn run(self, context: &Context) -> Done {
        let enrolment = self.enrolment();
        let consortium = consortium(context)?;
        let enrolled = consortium.enrol(std::slice::from_ref(&enrolment)).await?;
        if enrolled.iter().any(|party| party.already) {
            bail!("{} is enrolled already; give the next --revision to change it", enrolment.party);
        }
        let value = json!({"party": enrolment.party, "revision": enrolment.revision, "hosts": enrolment.hosts});
        context.out.show(&value, |out| {
            let keys = match enrolment.hosts.is_empty() {
                true => "signs at home".to_owned(),
                false => format!("{} signs for it", enrolment.hosts.join(", ")),
            };
            out.line(format!("{}  {}; {keys}", out.tone(Tone::Good, "enrolled"), enrolment.party))
        })?;
        Ok(Outcome::Fine)
    }

    fn enrolment(&self) -> Enrolment {
        let host = |host: &Host| host.to_possible_value().map(|value| value.get_name().to_owned());
        let mut hosts: Vec<String> = self.hosts.iter().filter_map(host).collect();
        if hosts.is_empty() && self.public_key.is_none() {
            hosts.extend(host_of(&self.roles).map(str::to_owned));
        }
        let contact = Contact { phone: self.phone.clone(), email: self.email.clone() };
        Enrolment {
            party: self.party.clone(),
            revision: self.revision,
            name: Texts {
                zh_cn: Some(self.name_zh.as_ref().unwrap_or(&self.name).clone()),
                en: Some(self.name.clone()),
            },
            roles: self.roles.clone(),
            glns: self.glns.clone(),
            prefixes: self.prefixes.clone(),
            regions: self.regions.clone(),
            contact: (contact != Contact::default()).then_some(contact),
            root_key: self.public_key,
            hosts,
        }
    }
}

pub fn parse_role(text: &str) -> Result<Role, String> {
    Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
        let all: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("a role is one of {}", all.join(", "))
    })
}
