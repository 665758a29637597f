//! `medtrace rebuild`: not built yet.

use crate::context::{Context, Done};

/// No options yet.
#[derive(Debug, clap::Args)]
pub struct Rebuild {}

impl Rebuild {
    pub async fn run(self, _context: &Context) -> Done {
        anyhow::bail!("rebuild is not built yet")
    }
}
