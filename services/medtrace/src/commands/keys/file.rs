//! Key files: made, shown, encrypted. What opens them, and what new ones are encrypted with, is named by
//! `MEDTRACE_KEYS_PASSPHRASE_FILE` and `MEDTRACE_KEYS_IDENTITY_FILE`; never by the command line itself.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use medtrace_ledger::{KeyName, Signer};
use medtrace_service::{
    ConfigError, files,
    keys::{self, IDENTITY_FILE, PASSPHRASE_FILE, Protection},
};
use serde_json::{Value, json};

use crate::{
    context::{Context, Done, Outcome},
    output::Tone,
    stack::protection,
};

#[derive(Debug, clap::Args)]
pub struct Make {
    /// The key's name: the party's id, or the consortium's name for a chainer
    pub name: KeyName,
    /// The new file [default: NAME.key]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Files {
    /// Key files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Change {
    /// Key files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// File with the new passphrase
    #[arg(long, value_name = "FILE", required_unless_present = "to_identity")]
    pub to_passphrase: Option<PathBuf>,
    /// File with the new identity
    #[arg(long, value_name = "FILE", conflicts_with = "to_passphrase")]
    pub to_identity: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Identity {
    /// The new file; must not be there
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

impl Make {
    pub fn run(self, context: &Context) -> Done {
        let file = self.output.unwrap_or_else(|| format!("{}.key", self.name.as_str().replace('/', "_")).into());
        let signer = keys::generate(self.name)?;
        keys::write(&file, &signer, &protection()?)?;
        show(context, vec![(file, signer)])
    }
}

impl Files {
    pub fn show(self, context: &Context) -> Done {
        show(context, read(self.files, &protection()?)?)
    }

    /// In place: each file is the former or the encrypted one, whatever happens.
    pub fn encrypt(self, context: &Context) -> Done {
        let protection = protection()?;
        let set = format!("name what to encrypt with: this or {IDENTITY_FILE}");
        ensure!(!protection.is_none(), ConfigError::new(PASSPHRASE_FILE, set));
        write(context, "encrypted", self.files, &protection, &protection)
    }

    /// In place, too.
    pub fn decrypt(self, context: &Context) -> Done {
        write(context, "decrypted", self.files, &protection()?, &Protection::default())
    }
}

impl Change {
    pub fn run(self, context: &Context) -> Done {
        let new = match (&self.to_passphrase, &self.to_identity) {
            (Some(file), _) => Protection::passphrase(file)?,
            (None, Some(file)) => Protection::identities(file)?,
            (None, None) => Protection::default(),
        };
        write(context, "changed", self.files, &protection()?, &new)
    }
}

impl Identity {
    pub fn run(self, context: &Context) -> Done {
        ensure!(!self.file.exists(), "{} is there already", self.file.display());
        let text = Protection::new_identity();
        files::replace(&self.file, text.as_bytes(), 0o600)
            .with_context(|| format!("failed to write {}", self.file.display()))?;
        context.out.show(&json!({"file": self.file}), |out| {
            out.line(format!("{}  {}", out.tone(Tone::Good, "made"), self.file.display()))
        })?;
        Ok(Outcome::Fine)
    }
}

/// All of the files, or the first reason.
fn read(files: Vec<PathBuf>, protection: &Protection) -> anyhow::Result<Vec<(PathBuf, Signer)>> {
    let read = |file: PathBuf| keys::read(&file, protection).map(|signer| (file, signer));
    Ok(files.into_iter().map(read).collect::<Result<_, _>>()?)
}

/// Opens all of the files, then writes each anew.
fn write(context: &Context, word: &str, files: Vec<PathBuf>, old: &Protection, new: &Protection) -> Done {
    let opened = read(files, old)?;
    for (file, signer) in &opened {
        keys::rewrite(file, signer, new)?;
    }
    let values: Vec<Value> = opened.iter().map(|(file, signer)| json!({"file": file, "name": signer.name})).collect();
    context.out.show(&values, |out| {
        let mut files = opened.iter().map(|(file, _)| file);
        files.try_for_each(|file| out.line(format!("{}  {}", out.tone(Tone::Good, word), file.display())))
    })?;
    Ok(Outcome::Fine)
}

fn show(context: &Context, keys: Vec<(PathBuf, Signer)>) -> Done {
    let value = |(file, signer): &(PathBuf, Signer)| {
        let id: String = signer.verifier().key_id().iter().map(|byte| format!("{byte:02x}")).collect();
        let encrypted = keys::is_encrypted(file)?;
        let (name, key) = (&signer.name, signer.key.public());
        Ok(json!({"file": file, "name": name, "publicKey": key, "keyId": id, "encrypted": encrypted}))
    };
    let values: Vec<Value> = keys.iter().map(value).collect::<anyhow::Result<_>>()?;
    context.out.show(&values, |out| {
        let cell = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let row = |value: &Value| {
            let encrypted = if value["encrypted"] == true { "yes" } else { "no" };
            let [name, key, id, file] = ["name", "publicKey", "keyId", "file"].map(|name| cell(value, name));
            [name, key, id, encrypted.to_owned(), file].into()
        };
        out.table(&["name", "public key", "key id", "encrypted", "file"], values.iter().map(row).collect())
    })?;
    Ok(Outcome::Fine)
}
