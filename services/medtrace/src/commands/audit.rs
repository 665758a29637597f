//! `medtrace audit`: not built yet.

use crate::context::{Context, Done};

/// No options yet.
#[derive(Debug, clap::Args)]
pub struct Audit {}

impl Audit {
    pub async fn run(self, _context: &Context) -> Done {
        anyhow::bail!("audit is not built yet")
    }
}
