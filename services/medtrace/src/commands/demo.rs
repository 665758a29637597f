//! `medtrace demo`: the stack with the county consortium's story. The story is not built yet.

use crate::{
    commands::up::Start,
    context::{Context, Done},
};

#[derive(Debug, clap::Args)]
pub struct Demo {
    #[command(flatten)]
    pub start: Start,
    /// Packs that the story is about
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    pub items: u32,
    /// Everything random in the story follows from it
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Demo {
    pub async fn run(self, _context: &Context) -> Done {
        anyhow::bail!("demo is not built yet; `medtrace up` starts everything")
    }
}
