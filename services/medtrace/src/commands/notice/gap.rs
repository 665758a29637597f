//! `medtrace notice gap`: the notice of a topic that lost its end, for `notice draft`.

use std::path::PathBuf;

use anyhow::Context as _;
use medtrace_archive::Archive;
use medtrace_chainer::find_gap;
use medtrace_ledger::TopicName;
use medtrace_log::Cluster;
use medtrace_registry::Notice;
use medtrace_registry::notice::Texts;
use medtrace_service::{ConfigError, Env, files};
use serde_json::Value;

use super::Consortium;
use crate::context::{Context, Done, Outcome};
use crate::draft::words;

#[derive(Debug, clap::Args)]
pub struct Gap {
    /// scan-events or notices
    topic: TopicName,
    /// What happened; public for ever
    #[arg(long)]
    reason: String,
    /// The archive that holds what was sealed under the lost id [default: MEDTRACE_ARCHIVE]
    #[arg(long, value_name = "DIR")]
    blocks: Option<String>,
    /// The notice
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    consortium: Consortium,
}

impl Gap {
    /// Recomputes the whole chain first: nobody should sign away what an archive lacks.
    pub async fn run(self, context: &Context) -> Done {
        let (env, genesis) = (Env::real(), self.consortium.read(context)?);
        let archive = self.blocks.as_deref().or_else(|| env.text("MEDTRACE_ARCHIVE")).map(Archive::open).transpose();
        let archive = archive.map_err(|error| ConfigError::new("--blocks", error))?;
        let kafka = match context.endpoints() {
            Some(endpoints) => endpoints.kafka,
            None => env.required("MEDTRACE_KAFKA")?,
        };
        let reason = Texts::both(&self.reason);
        let found = find_gap(archive.as_ref(), &Cluster::new(kafka), &genesis, &self.topic, reason).await;
        let notice = Notice::Gap(found.context("failed to find a gap")?);
        let value: Value = serde_json::from_slice(&notice.to_jcs())?;
        let text = format!("{value:#}\n");
        files::replace(&self.output, text.as_bytes(), 0o644)
            .with_context(|| format!("failed to write {}", self.output.display()))?;
        context.out.show(&value, |out| words(&notice).iter().try_for_each(|line| out.line(line)))?;
        Ok(Outcome::Fine)
    }
}
