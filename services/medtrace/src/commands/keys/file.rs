//! Key files.

use std::path::PathBuf;

use medtrace_ledger::{KeyName, Signer};
use medtrace_service::keys;
use serde_json::{Value, json};

use crate::context::{Context, Done, Outcome};

#[derive(Debug, clap::Args)]
pub struct Make {
    /// The key's name: the party's id, or the consortium's name for a chainer
    pub name: KeyName,
    /// The new file [default: NAME.key]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Show {
    /// Key files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

impl Make {
    pub fn run(self, context: &Context) -> Done {
        let file = self.output.unwrap_or_else(|| format!("{}.key", self.name).into());
        let signer = keys::generate(self.name)?;
        keys::write(&file, &signer)?;
        show(context, vec![(file, signer)])
    }
}

impl Show {
    pub fn run(self, context: &Context) -> Done {
        let read = |file: PathBuf| keys::read(&file).map(|signer| (file, signer));
        show(context, self.files.into_iter().map(read).collect::<Result<_, _>>()?)
    }
}

fn show(context: &Context, keys: Vec<(PathBuf, Signer)>) -> Done {
    let value = |(file, signer): &(PathBuf, Signer)| {
        let id: String = signer.verifier().key_id().iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"file": file, "name": signer.name, "publicKey": signer.key.public(), "keyId": id})
    };
    let values: Vec<Value> = keys.iter().map(value).collect();
    context.out.show(&values, |out| {
        let cell = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let row = |value: &Value| ["name", "publicKey", "keyId", "file"].map(|name| cell(value, name)).into();
        out.table(&["name", "public key", "key id", "file"], values.iter().map(row).collect())
    })?;
    Ok(Outcome::Fine)
}
