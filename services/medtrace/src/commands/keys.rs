//! `medtrace keys`: keys and tokens, on the machine whose data folder holds the authority's and the root keys.

mod enrol;
mod file;
mod life;
pub mod own;

pub use own::told;

use anyhow::Context as _;
use clap::Subcommand;
use medtrace_ledger::PartyId;
use serde_json::json;

use crate::{
    consortium::Consortium,
    context::{Context, Done, Outcome},
    stack::make_token,
};

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key, in a file that only its owner may read
    #[command(visible_alias = "generate")]
    Make(file::Make),
    /// Show the public side of key files
    Show(file::Files),
    /// Encrypt key files in place, with what MEDTRACE_KEYS_PASSPHRASE_FILE or MEDTRACE_KEYS_IDENTITY_FILE names
    Encrypt(file::Files),
    /// Decrypt key files in place
    Decrypt(file::Files),
    /// Encrypt key files with another passphrase or identity than so far
    Change(file::Change),
    /// Make an age identity, which opens key files at once where a passphrase takes its time
    Identity(file::Identity),
    /// Admit a party, or change it; make and enrol the keys under which services sign for it
    Enrol(Box<enrol::Enrol>),
    /// Make a bearer token; its text is printed once
    Token(Token),
    /// Enrol a further key of a party, on the machine that has its root key
    Add(own::Add),
    /// Replace the key that a service holds for a party
    Rotate(life::Rotate),
    /// Replace a key that a party holds itself, on the machine that has its root key
    Replace(own::Replace),
    /// End a key for good
    Revoke(life::Revoke),
}

#[derive(Debug, clap::Args)]
pub struct Token {
    #[arg(long)]
    pub party: PartyId,
    /// Login of the person, never a name; the log sees only a pseudonym of it
    #[arg(long, value_name = "LOGIN")]
    pub operator: String,
    /// Id of the scanner or system; the log sees only a pseudonym of it
    #[arg(long, value_name = "ID")]
    pub device: String,
}

impl Keys {
    pub async fn run(self, context: &Context) -> Done {
        match self {
            Keys::Make(make) => make.run(context),
            Keys::Show(files) => files.show(context),
            Keys::Encrypt(files) => files.encrypt(context),
            Keys::Decrypt(files) => files.decrypt(context),
            Keys::Change(change) => change.run(context),
            Keys::Identity(identity) => identity.run(context),
            Keys::Enrol(enrol) => enrol.run(context).await,
            Keys::Token(token) => token.run(context),
            Keys::Add(add) => add.run(context).await,
            Keys::Replace(replace) => replace.run(context).await,
            Keys::Rotate(rotate) => rotate.run(context).await,
            Keys::Revoke(revoke) => revoke.run(context).await,
        }
    }
}

impl Token {
    fn run(self, context: &Context) -> Done {
        let layout = context.layout();
        let token = make_token(&layout, self.party.as_str(), &self.operator, &self.device)?;
        let value = json!({
            "party": self.party, "operator": self.operator, "device": self.device, "token": token,
            "file": layout.token(self.party.as_str()),
        });
        context.out.show(&value, |out| out.line(&token))?;
        Ok(Outcome::Fine)
    }
}

/// The consortium whose authority's key lies in the data folder, with its running stack.
pub(super) fn consortium(context: &Context) -> anyhow::Result<Consortium> {
    let endpoints = context
        .endpoints()
        .with_context(|| format!("failed to find a running stack in {} (see --data)", context.data.display()))?;
    Consortium::new(context.layout(), endpoints)
}
