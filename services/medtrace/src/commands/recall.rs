//! `medtrace recall`: issue, follow, acknowledge, lift and close.

mod ask;
mod say;

use clap::Subcommand;

use crate::context::{Context, Done};

#[derive(Debug, Subcommand)]
pub enum Recall {
    /// Call goods back, or change the scope of a recall
    Issue(say::Issue),
    /// Answer a recall as a holder
    Ack(say::Ack),
    /// End a recall: the goods may move again
    Lift(say::End),
    /// Close a recall for good
    Close(say::End),
    /// List recalls
    List(ask::List),
    /// Show one recall with its notices and acknowledgements
    Show(ask::Show),
    /// Show who holds what of it now, in which state, sealed inside what
    Reach(ask::Reach),
}

impl Recall {
    pub async fn run(self, context: &Context) -> Done {
        match self {
            Recall::Issue(issue) => issue.run(context).await,
            Recall::Ack(ack) => ack.run(context).await,
            Recall::Lift(end) => end.run(context, "lift").await,
            Recall::Close(end) => end.run(context, "close").await,
            Recall::List(list) => list.run(context).await,
            Recall::Show(show) => show.run(context).await,
            Recall::Reach(reach) => reach.run(context).await,
        }
    }
}
