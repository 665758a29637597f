//! `medtrace notice`: notices that several must sign, each on its own machine. `draft`, `show` and `sign` need no network,
//! only the genesis; `gap` needs Kafka and the archive.

mod gap;
mod tell;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use medtrace_ledger::{Genesis, Hash, PartyId, PublicKey, Salt};
use medtrace_registry::Notice as Content;
use medtrace_service::{files, keys, unix_ms};
use serde_json::{Value, json};

use tell::tell;

use crate::{
    commands::keys::told,
    context::{Context, Done},
    draft::{DRAFT_BYTES_MAX, Draft},
    stack::{genesis, protection},
};

#[derive(Debug, Subcommand)]
pub enum Notice {
    /// Write the notice of a topic that lost its end and was made anew, once the archive holds what was sealed of it
    Gap(gap::Gap),
    /// Write notices and who must sign them into a draft
    Draft(New),
    /// Show what drafts say, who has signed and who has not
    Show(Show),
    /// Show what a draft says, and sign it
    Sign(Sign),
    /// Put the signatures of several copies of a draft together and post it
    Submit(Show),
}

/// For which consortium notices are signed.
#[derive(Debug, clap::Args)]
pub struct Consortium {
    /// The consortium's genesis note [default: that of --data]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct New {
    /// A JSON file with a notice or a list of them
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Who signs: a public key, or a member of the authority as the genesis names it; may be repeated
    #[arg(long = "signer", value_name = "KEY", required = true)]
    signers: Vec<String>,
    /// A key of a member of the authority that joined after the genesis; may be repeated
    #[arg(long, value_name = "KEY")]
    later: Vec<PublicKey>,
    /// The draft
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    consortium: Consortium,
}

#[derive(Debug, clap::Args)]
pub struct Show {
    /// Copies of one draft
    #[arg(required = true, value_name = "DRAFT")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    consortium: Consortium,
}

#[derive(Debug, clap::Args)]
pub struct Sign {
    #[arg(value_name = "DRAFT")]
    file: PathBuf,
    /// The private key; encrypted or not
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Sign exactly what was shown under this id; without it nothing is signed
    #[arg(long, value_name = "ID")]
    yes: Option<Hash>,
    /// Write the signed draft here [default: in place]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    consortium: Consortium,
}

impl Notice {
    pub async fn run(self, context: &Context) -> Done {
        match self {
            Notice::Gap(gap) => gap.run(context).await,
            Notice::Draft(new) => new.run(context),
            Notice::Show(show) => show.show(context),
            Notice::Sign(sign) => sign.run(context),
            Notice::Submit(show) => show.submit(context).await,
        }
    }
}

impl New {
    fn run(self, context: &Context) -> Done {
        let genesis = self.consortium.read(context)?;
        let signers: Vec<PublicKey> =
            self.signers.iter().map(|text| signer(text, &genesis)).collect::<anyhow::Result<_>>()?;
        let party = match &context.party {
            Some(party) => party.clone(),
            None => member(&genesis, &signers).context("say in whose name it is posted: --as PARTY")?,
        };
        let notices = notices(&self.file)?;
        let draft = Draft::new(&genesis, &party, &signers, unix_ms(), notices)?;
        draft.check_authority(&genesis, &self.later)?;
        files::replace(&self.output, &draft.write()?, 0o644)
            .with_context(|| format!("failed to write {}", self.output.display()))?;
        tell(context, &draft, &genesis, json!({"file": self.output}))
    }
}

impl Show {
    fn show(self, context: &Context) -> Done {
        let genesis = self.consortium.read(context)?;
        tell(context, &self.merged(&genesis)?, &genesis, json!({}))
    }

    async fn submit(self, context: &Context) -> Done {
        let genesis = self.consortium.read(context)?;
        let draft = self.merged(&genesis)?;
        draft.check_time(unix_ms())?;
        let body = draft.body()?;
        let client = context.speaking_for(draft.party()).client_with_token()?;
        let answer = client.post_json("/v1/notices", &body).await?;
        told(context, &answer, &draft.notices().cloned().collect::<Vec<_>>())
    }

    fn merged(&self, genesis: &Genesis) -> anyhow::Result<Draft> {
        let mut drafts = self.files.iter().map(|file| read(file, genesis).map(|draft| (file, draft)));
        let (_, mut merged) = drafts.next().context("no draft is named")??;
        for draft in drafts {
            let (file, draft) = draft?;
            merged.merge(draft).with_context(|| format!("failed to add {}", file.display()))?;
        }
        Ok(merged)
    }
}

impl Sign {
    fn run(self, context: &Context) -> Done {
        let genesis = self.consortium.read(context)?;
        let mut draft = read(&self.file, &genesis)?;
        draft.check_time(unix_ms())?;
        let Some(id) = self.yes else {
            tell(context, &draft, &genesis, json!({"signed": false}))?;
            bail!("nothing was signed; to sign what is shown, add --yes {}", draft.id());
        };
        ensure!(
            id == draft.id(),
            "the draft is {} and no longer the one that was shown; nothing was signed",
            draft.id()
        );
        let signer = keys::read(&self.key, &protection()?)?;
        draft.sign(&signer.key)?;
        let file = self.output.unwrap_or(self.file);
        files::replace(&file, &draft.write()?, 0o644).with_context(|| format!("failed to write {}", file.display()))?;
        tell(context, &draft, &genesis, json!({"signed": true, "file": file}))
    }
}

impl Consortium {
    /// Its genesis.
    pub fn read(&self, context: &Context) -> anyhow::Result<Genesis> {
        let Some(path) = &self.genesis else { return genesis(&context.layout()) };
        let read = || format!("failed to read the genesis {}", path.display());
        Genesis::parse(&fs::read_to_string(path).with_context(read)?).with_context(read)
    }
}

/// A public key, or the one key of a member of the authority.
fn signer(text: &str, genesis: &Genesis) -> anyhow::Result<PublicKey> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let of = genesis.authority.keys.iter().filter(|key| key.name.as_str() == text);
    match of.collect::<Vec<_>>()[..] {
        [key] => Ok(key.public),
        [] => bail!("{text} is neither a public key nor a member of the authority in the genesis"),
        _ => bail!("{text} has several keys in the genesis; name the key"),
    }
}

/// The member of the authority whose key signs first.
fn member(genesis: &Genesis, signers: &[PublicKey]) -> Option<PartyId> {
    let known = genesis.authority.keys.iter().find(|key| signers.contains(&key.public))?;
    known.name.as_str().parse().ok()
}

/// The notices of a file, each with a fresh salt.
fn notices(file: &Path) -> anyhow::Result<Vec<(Salt, Content)>> {
    let name = || format!("failed to read the notices of {}", file.display());
    let value: Value = serde_json::from_slice(&limited(file)?).with_context(name)?;
    let list = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    let mut salts = vec![[0; 16]; list.len()];
    getrandom::fill(salts.as_flattened_mut()).context("failed to gather random bytes")?;
    let read = |(index, (one, salt)): (usize, (Value, [u8; 16]))| {
        let notice = Content::read(one.to_string().as_bytes());
        let said = |faults: Vec<medtrace_registry::Refusal>| {
            let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("notice {}: {}", index + 1, said.join("; "))
        };
        Ok((Salt(salt), notice.map_err(said)?))
    };
    list.into_iter().zip(salts).enumerate().map(read).collect::<anyhow::Result<_>>().with_context(name)
}

fn read(file: &Path, genesis: &Genesis) -> anyhow::Result<Draft> {
    Draft::read(&limited(file)?, genesis).with_context(|| format!("failed to read the draft {}", file.display()))
}

fn limited(file: &Path) -> anyhow::Result<Vec<u8>> {
    let length = fs::metadata(file).with_context(|| format!("failed to open {}", file.display()))?.len();
    ensure!(length <= DRAFT_BYTES_MAX as u64, "{} is longer than any draft", file.display());
    fs::read(file).with_context(|| format!("failed to read {}", file.display()))
}
