//! What a process does while another leads: it follows what that one signs, so that it can take over at once.

use std::convert::Infallible;

use medtrace_log::Cluster;
use medtrace_log::consumer::{Follower, Isolation, last};
use medtrace_log::topics::CHECKPOINTS;

use crate::inspect::Consortium;
use crate::outside::Machine;
use crate::recover::{Claim, Followed, Published};
use crate::standing::Standing;
use crate::stop::Stop;
use crate::{Config, Status};

/// Follows the chain as far as it is signed, until it is cancelled, which loses nothing.
pub(crate) async fn stand_by(
    config: &Config,
    machine: &Machine,
    consortium: &Consortium,
    standing: Option<&Standing>,
    followed: &mut Followed<Machine>,
    status: &Status,
) -> Result<Infallible, Stop> {
    let cluster: &Cluster = &config.kafka;
    let newest = last(cluster, CHECKPOINTS, 0, Isolation::Committed).await?.map(|message| message.offset);
    let checkpoints =
        Follower::open(cluster, CHECKPOINTS, Isolation::Committed, &[(0, newest.unwrap_or_default())]).await?;
    loop {
        let message = checkpoints.next().await?;
        let told_ms = message.timestamp_ms;
        let stood_there = newest.is_some_and(|newest| message.offset <= newest);
        let claim = Claim::from(&Published::read(message, &config.genesis)?);
        let size = claim.size;
        let claims: Vec<Claim> = standing.map(Claim::from).into_iter().chain([claim]).collect();
        followed.follow(machine, consortium, size, &claims).await?;
        if !stood_there {
            followed.seen = followed.seen.max(size);
        }
        status.follows(followed.chain.size(), told_ms);
    }
}
