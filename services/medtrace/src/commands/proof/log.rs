//! Evidence about the log itself, asked of the query service or made from two files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use medtrace_ledger::{Checkpoint, Evidence, Fork as Forked, Note};

use super::{genesis, put, read};
use crate::{
    client::Body,
    context::{Context, Done, Outcome},
};

const CONSISTENCY: &str = "/v1/log/consistency";

#[derive(Debug, clap::Args)]
pub struct Consistency {
    /// A checkpoint that you hold, as it was served
    pub checkpoint: PathBuf,
    /// Write it here [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Fork {
    /// A checkpoint
    pub one: PathBuf,
    /// Another one. Of another size, the query service is asked which of them is not of its history
    pub other: PathBuf,
    /// The consortium's genesis note, from a source you trust
    #[arg(long, value_name = "FILE")]
    pub genesis: PathBuf,
    /// Write it here [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct Missing {
    /// The receipt, as it was answered
    pub receipt: PathBuf,
    /// Write it here [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl Consistency {
    pub async fn run(self, context: &Context) -> Done {
        let evidence = asked(context, CONSISTENCY, read(&self.checkpoint)?).await?;
        put(context, self.output.as_deref(), &evidence)?;
        match Evidence::from_bytes(evidence.as_bytes()) {
            Ok(Evidence::Consistency(_)) => Ok(Outcome::Fine),
            _ => Ok(Outcome::Finding),
        }
    }
}

impl Fork {
    pub async fn run(self, context: &Context) -> Done {
        let genesis = genesis(&self.genesis)?;
        let open = |file: &Path| -> anyhow::Result<(u64, Note)> {
            let note = Note::parse(&read(file)?).with_context(|| format!("failed to read {}", file.display()))?;
            let opened = Checkpoint::open_note(&note, &genesis);
            let (checkpoint, _) = opened.with_context(|| format!("failed to verify {}", file.display()))?;
            Ok((checkpoint.size, note))
        };
        let ((size, one), (other_size, other)) = (open(&self.one)?, open(&self.other)?);
        if size == other_size {
            let fork = Forked::between(&one, &other, &genesis, &mut |_, _| None)?;
            put(context, self.output.as_deref(), &fork.text())?;
            return Ok(Outcome::Fine);
        }
        for note in [one, other] {
            let evidence = asked(context, CONSISTENCY, note.to_string()).await?;
            if let Ok(Evidence::Fork(fork)) = Evidence::from_bytes(evidence.as_bytes()) {
                fork.check(&genesis)?;
                put(context, self.output.as_deref(), &evidence)?;
                return Ok(Outcome::Fine);
            }
        }
        bail!("both belong to the history that is served; they do not contradict each other")
    }
}

impl Missing {
    pub async fn run(self, context: &Context) -> Done {
        let evidence = asked(context, "/v1/log/missing", read(&self.receipt)?).await?;
        put(context, self.output.as_deref(), &evidence)?;
        Ok(Outcome::Fine)
    }
}

/// What the query service answers to a text.
async fn asked(context: &Context, path: &str, text: String) -> anyhow::Result<String> {
    let body = Body { bytes: text.into_bytes(), media_type: "text/plain; charset=utf-8" };
    let answer = context.client()?.post(path, &body).await?;
    answer.text().await.context("failed to read the answer")
}
