//! What every command is given: how to print, where the services are, and in whose name it speaks.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use medtrace_ledger::PartyId;
use medtrace_service::ConfigError;

use crate::{
    client::Client,
    output::Output,
    stack::{Endpoints, Layout},
};

/// Where the query service listens if nothing says otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:7080";

/// How a command ended when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Fine,
    /// Something is rejected, tampered with or not proven: exit 3.
    Finding,
}

/// The result of a command.
pub type Done = anyhow::Result<Outcome>;

/// The global options of a call.
#[derive(Debug, Clone)]
pub struct Context {
    pub out: Output,
    /// Folder of the stack on this machine.
    pub data: PathBuf,
    /// `MEDTRACE_URL`, if set.
    pub url: Option<String>,
    /// `MEDTRACE_TOKEN`, if set.
    pub token: Option<String>,
    pub token_file: Option<PathBuf>,
    /// In whose name the command speaks.
    pub party: Option<PartyId>,
}

impl Context {
    pub fn layout(&self) -> Layout {
        Layout::new(&self.data)
    }

    /// The stack that runs in the data folder, if one does.
    pub fn endpoints(&self) -> Option<Endpoints> {
        Endpoints::read(&self.layout().endpoints()).ok()
    }

    /// The base URL of all questions: `MEDTRACE_URL`, else the stack in the data folder, else the default address.
    pub fn url(&self) -> String {
        let url = self.url.clone();
        url.or_else(|| self.endpoints().map(|running| running.query)).unwrap_or_else(|| DEFAULT_URL.to_owned())
    }

    /// A client of the query service, with a token if one is to be found.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::new(&self.url(), self.token()?)
    }

    /// As [`Context::client`], for calls that nobody may make without a token.
    pub fn client_with_token(&self) -> anyhow::Result<Client> {
        let token = self.token()?.ok_or_else(|| {
            ConfigError::new("MEDTRACE_TOKEN", "is not set; set it, or give --token-file FILE or --as PARTY")
        })?;
        Client::new(&self.url(), Some(token))
    }

    /// Whose name the command speaks in, where it must be known.
    pub fn party(&self) -> anyhow::Result<&PartyId> {
        let missing = || ConfigError::new("--as", "say in whose name: --as PARTY");
        Ok(self.party.as_ref().ok_or_else(missing)?)
    }

    /// The same with the token that was made on this machine for this party, unless another is given.
    pub fn speaking_for(&self, party: &PartyId) -> Context {
        Context { party: self.party.clone().or_else(|| Some(party.clone())), ..self.clone() }
    }

    /// `MEDTRACE_TOKEN`, else the token file, else the token that was made for the party on this machine.
    fn token(&self) -> anyhow::Result<Option<String>> {
        match (&self.token, &self.token_file, &self.party) {
            (Some(token), ..) => Ok(Some(token.clone())),
            (None, Some(file), _) => read_token(file, "--token-file").map(Some),
            (None, None, Some(party)) => read_token(&self.layout().token(party.as_str()), "--as").map(Some),
            (None, None, None) => Ok(None),
        }
    }
}

fn read_token(file: &Path, option: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| ConfigError::new(option, format!("{}: {error}", file.display())))
        .context("failed to read the token")?;
    Ok(text.trim().to_owned())
}
