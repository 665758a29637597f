//! The end of keys: replaced, or revoked.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use medtrace_ledger::{PartyId, PublicKey};
use medtrace_service::keys;
use serde_json::json;

use super::{
    consortium,
    enrol::Host,
    own::{self, Root},
};
use crate::{
    commands::notice::Consortium,
    context::{Context, Done, Outcome},
    output::Tone,
    stack::protection,
};

#[derive(Debug, clap::Args)]
pub struct Rotate {
    pub party: PartyId,
    /// The service that holds the key
    #[arg(long = "hosted-by", value_name = "SERVICE")]
    pub host: Host,
}

#[derive(Debug, clap::Args)]
pub struct Revoke {
    pub party: PartyId,
    /// The key to end: its public side, base64
    #[arg(value_name = "BASE64")]
    pub key: PublicKey,
    /// What it signed in blocks from this height on is suspect
    #[arg(long, value_name = "HEIGHT")]
    pub since: Option<u32>,
    /// The party's private root key, if it does not lie in --data
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    #[command(flatten)]
    pub notice: Consortium,
}

impl Rotate {
    /// The new key first; the old ones end only when it is in force, so that the party can always speak.
    pub async fn run(self, context: &Context) -> Done {
        let consortium = consortium(context)?;
        let host = self.host.to_possible_value().context("a service without a name")?;
        let (party, host) = (&self.party, host.get_name());
        let old = consortium.hosted(party, host)?;
        ensure!(!old.is_empty(), "{host} holds no key of {party}");

        let (folder, protection) = (context.layout().keys(host), protection()?);
        let key = keys::generate(party.clone().into())?;
        let taken = consortium.enrol_hosted(party, host, &key).await?;
        consortium.in_force(&taken).await?;
        keys::write(&free(&folder.join(party.as_str())), &key, &protection)?;

        let root = consortium.root_key(party)?;
        let mut last = None;
        for file in &old {
            let key = keys::read(file, &protection)?.key.public();
            last = Some(consortium.revoke_key(party, &root, key, None).await?);
        }
        if let Some(taken) = last {
            consortium.in_force(&taken).await?;
        }
        for file in &old {
            fs::remove_file(file).with_context(|| format!("failed to remove {}", file.display()))?;
        }
        let value = json!({"party": party, "host": host, "publicKey": key.key.public(), "ended": old.len()});
        context.out.show(&value, |out| {
            let word = out.tone(Tone::Good, "rotated");
            out.line(format!("{word}  {party} at {host} now signs with {}", key.key.public()))
        })?;
        Ok(Outcome::Fine)
    }
}

impl Revoke {
    pub async fn run(self, context: &Context) -> Done {
        if let Some(root) = self.root {
            let root = Root { root, consortium: self.notice };
            return own::revoke(context, root, &self.party, self.key, self.since).await;
        }
        let consortium = consortium(context)?;
        let root = consortium.root_key(&self.party)?;
        let taken = consortium.revoke_key(&self.party, &root, self.key, self.since).await?;
        consortium.in_force(&taken).await?;
        let value = json!({"party": self.party, "publicKey": self.key, "since": self.since});
        context.out.show(&value, |out| {
            out.line(format!("{}  {} of {}", out.tone(Tone::Good, "revoked"), self.key, self.party))
        })?;
        Ok(Outcome::Fine)
    }
}

/// `STEM.key`, or `STEM.2.key`, `STEM.3.key` … if that is there.
fn free(stem: &std::path::Path) -> PathBuf {
    let named = |n: u32| match n {
        1 => format!("{}.key", stem.display()),
        n => format!("{}.{n}.key", stem.display()),
    };
    (1..).map(|n| PathBuf::from(named(n))).find(|path| !path.exists()).unwrap_or_default()
}
