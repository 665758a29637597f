//! `medtrace bench`: not built yet.

use crate::context::{Context, Done};

/// No options yet.
#[derive(Debug, clap::Args)]
pub struct Bench {}

impl Bench {
    pub async fn run(self, _context: &Context) -> Done {
        anyhow::bail!("bench is not built yet")
    }
}
