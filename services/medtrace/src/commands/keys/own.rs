//! Key notices of a party that holds its root key itself: signed here, posted to whatever stack `MEDTRACE_URL` names.

use std::path::{Path, PathBuf};

use medtrace_ledger::{Custody, Genesis, PartyId, PublicKey, Signer};
use medtrace_registry::{
    Notice,
    notice::{Key, KeyAction, Role},
};
use medtrace_service::keys;
use serde_json::Value;

use super::enrol::{Host, parse_role};
use crate::{
    commands::notice::Consortium,
    consortium::sealed,
    context::{Context, Done, Outcome},
    output::Tone,
    stack::protection,
};

/// What every notice of this kind needs.
#[derive(Debug, clap::Args)]
pub struct Root {
    /// The party's private root key; encrypted or not
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    #[command(flatten)]
    pub consortium: Consortium,
}

#[derive(Debug, clap::Args)]
pub struct Add {
    pub party: PartyId,
    /// The new private key, which signs its own enrolment
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The service that will hold it for the party [default: the party itself]
    #[arg(long = "hosted-by", value_name = "SERVICE")]
    pub host: Option<Host>,
    /// Only this role of the party's; may be repeated [default: all it has]
    #[arg(long = "role", value_name = "ROLE", value_parser = parse_role)]
    pub roles: Vec<Role>,
    #[command(flatten)]
    pub root: Root,
}

#[derive(Debug, clap::Args)]
pub struct Replace {
    pub party: PartyId,
    /// The key to end: its public side, base64
    #[arg(long, value_name = "BASE64")]
    pub old: PublicKey,
    /// The new private key, which signs its own enrolment
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// What the old one signed in blocks from this height on is suspect
    #[arg(long, value_name = "HEIGHT")]
    pub since: Option<u32>,
    #[command(flatten)]
    pub root: Root,
}

impl Add {
    pub async fn run(self, context: &Context) -> Done {
        let key = read(&self.key)?;
        let custody = match self.host {
            Some(host) => Custody::Hosted(host.party()?),
            None => Custody::Own,
        };
        let notice = enrolment(&self.party, &key, custody, self.roles);
        self.root.post(context, &self.party, Some(&key), &[notice]).await
    }
}

impl Replace {
    /// One submission: the new key is enrolled and the old one ended, or neither.
    pub async fn run(self, context: &Context) -> Done {
        let key = read(&self.key)?;
        let enrolment = enrolment(&self.party, &key, Custody::Own, Vec::new());
        let notices = [enrolment, revocation(&self.party, self.old, self.since)];
        self.root.post(context, &self.party, Some(&key), &notices).await
    }
}

/// Ends a key with the root key of this file.
pub async fn revoke(context: &Context, root: Root, party: &PartyId, key: PublicKey, since: Option<u32>) -> Done {
    root.post(context, party, None, &[revocation(party, key, since)]).await
}

impl Root {
    /// Signs with the root key, and with a new one if there is one; posts; shows what was taken.
    async fn post(&self, context: &Context, party: &PartyId, new: Option<&Signer>, notices: &[Notice]) -> Done {
        let genesis: Genesis = self.consortium.read(context)?;
        let signers: Vec<Signer> = [Some(&read(&self.root)?), new].into_iter().flatten().cloned().collect();
        let body = sealed(&genesis, party, &signers, notices)?;
        let answer = context.speaking_for(party).client_with_token()?.post_json("/v1/notices", &body).await?;
        told(context, &answer, notices)
    }
}

/// Shows what the log has taken.
pub fn told(context: &Context, answer: &Value, notices: &[Notice]) -> Done {
    context.out.show(answer, |out| {
        notices.iter().try_for_each(|notice| {
            let (subject, revision) = (notice.subject(), notice.revision());
            out.line(format!("{}  {subject}, revision {revision}", out.tone(Tone::Good, "taken")))
        })
    })?;
    Ok(Outcome::Fine)
}

fn enrolment(party: &PartyId, key: &Signer, custody: Custody, roles: Vec<Role>) -> Notice {
    let action = KeyAction::Enrol { custody, roles };
    Notice::Key(Key { party: party.clone(), revision: 1, public_key: key.key.public(), action })
}

fn revocation(party: &PartyId, public_key: PublicKey, since: Option<u32>) -> Notice {
    Notice::Key(Key { party: party.clone(), revision: 2, public_key, action: KeyAction::Revoke { since } })
}

/// Reads a private key with what the environment names to open it.
pub fn read(file: &Path) -> anyhow::Result<Signer> {
    Ok(keys::read(file, &protection()?)?)
}
