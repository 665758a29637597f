//! What a stack needs before anything starts: folders, the authority, the genesis, keys of services, a password, tokens.
//! Each is made once; what is there is kept, so that an interrupted first start simply goes on.

use std::{fs, os::unix::fs::DirBuilderExt, path::Path};

use anyhow::{Context, bail};
use medtrace_ledger::{Genesis, KeyName, Origin, Policy, Signer, VerifierKey, genesis::Quorum, policy::Witness};
use medtrace_service::{
    Env, files,
    keys::{self, Protection},
    tokens::{self, Caller},
    unix_ms,
};
use medtrace_store::client::random_password;

use super::{
    Layout,
    ports::{INGEST, PROCESSES, WITNESS},
};

/// The consortium's name unless another is given at the first start.
pub const DEFAULT_ORIGIN: &str = "medtrace.local";
/// The one member of the authority of a stack on one machine.
pub const AUTHORITY: &str = "authority";
/// Name of the key whose seed makes pseudonyms of operators and devices.
const PSEUDONYMS: &str = "pseudonyms";

/// Lays out the folder; makes what is missing.
pub fn lay_out(layout: &Layout, origin: &Origin) -> anyhow::Result<()> {
    let others =
        [layout.logs(), layout.token_folder(), layout.archive(), layout.own("kafka"), layout.own("clickhouse")];
    for folder in others {
        private_folder(&folder)?;
    }
    for process in PROCESSES {
        private_folder(&layout.own(process))?;
        private_folder(&layout.keys(process))?;
    }
    private_folder(&layout.keys("parties"))?;
    private_folder(&layout.keys(AUTHORITY))?;

    password(&layout.password())?;
    for service in INGEST {
        // Its name is its party: its key signs receipts.
        signer(&layout.keys(service), service)?;
        // A regulator may post to any of the three and must have one pseudonym.
        share(&layout.keys(INGEST[0]), &layout.keys(service), PSEUDONYMS)?;
    }
    found(layout, origin)?;
    if !layout.token(AUTHORITY).exists() {
        make_token(layout, AUTHORITY, "operator", "medtrace-up")?;
    }
    Ok(())
}

/// The genesis of this folder; made at the first start, signed by the authority.
fn found(layout: &Layout, origin: &Origin) -> anyhow::Result<()> {
    let path = layout.genesis();
    if path.exists() {
        let genesis = genesis(layout)?;
        if genesis.origin != *origin && origin.as_str() != DEFAULT_ORIGIN {
            bail!("this folder belongs to the consortium {}, not to {origin}", genesis.origin);
        }
        return Ok(());
    }
    let authority = signer(&layout.keys(AUTHORITY), AUTHORITY)?;
    let chainer = signer(&layout.keys("chainer"), origin.as_str())?;
    let witness = signer(&layout.keys(WITNESS), &witness_name(origin))?;
    let name: KeyName = WITNESS.parse().context("failed to name the witness")?;
    let genesis = Genesis {
        origin: origin.clone(),
        time_ms: unix_ms(),
        authority: Quorum { threshold: 1, keys: vec![authority.verifier()] },
        policy: Policy {
            witnesses: vec![Witness { name: name.clone(), key: witness.verifier(), url: None }],
            quorum: Some(name),
            ..Policy::alone(VerifierKey::new(origin.clone(), chainer.key.public()))
        },
    };
    let note = genesis.sign(&[authority]).context("failed to sign the genesis")?;
    write_new(&path, note.as_bytes(), 0o644)
}

/// The name under which a stack's own witness cosigns.
pub fn witness_name(origin: &Origin) -> String {
    format!("{origin}/{WITNESS}")
}

/// Reads and verifies the folder's genesis.
pub fn genesis(layout: &Layout) -> anyhow::Result<Genesis> {
    let path = layout.genesis();
    let read = || format!("failed to read the genesis {}", path.display());
    let note = fs::read_to_string(&path).with_context(read)?;
    Genesis::parse(&note).with_context(read)
}

/// What opens the key files of this process, and encrypts new ones: from its environment.
pub fn protection() -> anyhow::Result<Protection> {
    Ok(Protection::from_env(&Env::real())?)
}

/// The key of this name in a folder; a new random one if there is none.
pub fn signer(folder: &Path, name: &str) -> anyhow::Result<Signer> {
    let path = folder.join(format!("{}.key", name.replace('/', "_")));
    let protection = protection()?;
    if path.exists() {
        return Ok(keys::read(&path, &protection)?);
    }
    let name: KeyName = name.parse().context("failed to name a key")?;
    let signer = keys::generate(name)?;
    keys::write(&path, &signer, &protection)?;
    Ok(signer)
}

/// Gives a folder the same key of this name as another one has.
fn share(from: &Path, to: &Path, name: &str) -> anyhow::Result<()> {
    let shared = signer(from, name)?;
    let path = to.join(format!("{name}.key"));
    match path.exists() {
        true => Ok(()),
        false => Ok(keys::write(&path, &shared, &protection()?)?),
    }
}

/// Makes a token for the services of this folder and keeps its text for `--as PARTY`.
pub fn make_token(layout: &Layout, party: &str, operator: &str, device: &str) -> anyhow::Result<String> {
    let caller = Caller { party: party.to_owned(), operator: operator.to_owned(), device: device.to_owned() };
    let created = i64::try_from(unix_ms()).unwrap_or(i64::MAX);
    let token = tokens::mint(&layout.tokens(), &caller, created)?;
    write_new(&layout.token(party), format!("{token}\n").as_bytes(), 0o600)?;
    Ok(token)
}

/// ClickHouse's password, made if it is not there.
fn password(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let password = random_password().context("failed to gather random bytes")?;
    write_new(path, password.as_bytes(), 0o600)
}

fn private_folder(path: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("failed to make {}", path.display()))
}

/// Writes a whole file or none.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    files::replace(path, bytes, mode).with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_finds_everything_as_it_was() {
        let root = std::env::temp_dir().join(format!("medtrace-founding-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let layout = Layout::new(&root);
        let origin: Origin = "county.example".parse().unwrap();
        lay_out(&layout, &origin).unwrap();
        let files = [
            layout.genesis(),
            layout.tokens(),
            layout.token(AUTHORITY),
            layout.password(),
            layout.keys("hospital").join("hospital.key"),
        ];
        let read = || files.each_ref().map(|path| fs::read(path).unwrap());
        let first = read();
        lay_out(&layout, &DEFAULT_ORIGIN.parse().unwrap()).unwrap();
        assert_eq!(first, read());
        assert_eq!(genesis(&layout).unwrap().origin, origin);

        let error = lay_out(&layout, &"other.example".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "this folder belongs to the consortium county.example, not to other.example");
        fs::remove_dir_all(&root).unwrap();
    }
}
