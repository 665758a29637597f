//! `medtrace delegate`: a party lets another act at its places, or no longer does.

use std::path::PathBuf;

use medtrace_gs1::Gln;
use medtrace_ledger::PartyId;
use medtrace_registry::{Notice, Right, notice::Delegation};

use crate::{
    commands::{
        keys::{own, told},
        notice::Consortium,
    },
    consortium::sealed,
    context::{Context, Done},
};

/// In the name of `--as PARTY`, who lends.
#[derive(Debug, clap::Args)]
pub struct Delegate {
    /// Who may act
    pub to: PartyId,
    /// At this GLN of the lender's and all its extensions; may be repeated
    #[arg(long = "gln", value_name = "GLN", value_parser = |text: &str| Gln::parse(text).map_err(|error| error.to_string()))]
    pub glns: Vec<Gln>,
    /// For this step, such as receive, store or ship; may be repeated. None: nothing any more
    #[arg(long = "step", value_name = "STEP", value_parser = parse_step)]
    pub steps: Vec<Right>,
    /// 1 for the first of these two parties, then one more each time
    #[arg(long, default_value_t = 1)]
    pub revision: u32,
    /// A private key of the lender's, if it signs at home [default: its service signs]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    #[command(flatten)]
    pub consortium: Consortium,
}

impl Delegate {
    pub async fn run(self, context: &Context) -> Done {
        let from = context.party()?;
        let notice = Notice::Delegation(Delegation {
            from: from.clone(),
            to: self.to,
            revision: self.revision,
            glns: self.glns,
            steps: self.steps,
        });
        let body = match &self.key {
            Some(file) => {
                let genesis = self.consortium.read(context)?;
                sealed(&genesis, from, &[own::read(file)?], std::slice::from_ref(&notice))?
            }
            None => serde_json::from_slice(&notice.to_jcs())?,
        };
        let answer = context.client_with_token()?.post_json("/v1/notices", &body).await?;
        told(context, &answer, &[notice])
    }
}

fn parse_step(text: &str) -> Result<Right, String> {
    Right::ALL.iter().copied().find(|right| right.as_str() == text).ok_or_else(|| {
        let all: Vec<&str> = Right::ALL.iter().map(|right| right.as_str()).collect();
        format!("a step is one of {}", all.join(", "))
    })
}
