//! Taking the log over: everything between holding the lease and sealing.

use std::sync::Arc;
use std::time::Duration;

use medtrace_log::topics::Topic;
use tokio::time::{Instant, sleep};

use crate::commit::Sealer;
use crate::inspect::Consortium;
use crate::outside::Outside;
use crate::recover::{Followed, Published, recover};
use crate::standing::Standing;
use crate::stop::Stop;
use crate::{Config, Status};

/// Pause before witnesses that were too few are asked again, milliseconds.
const RETRY_MS: u64 = 500;

/// Shuts out whoever led before, finds the end of the chain, asks the witnesses, and concludes what was committed and not
/// signed. Everything up to here can be repeated, by this process or another.
pub async fn take_over<O: Outside>(
    outside: O,
    config: &Config,
    consortium: &Arc<Consortium>,
    status: &Status,
    standing: Option<Standing>,
    followed: Followed<O>,
) -> Result<(Sealer<O>, Vec<Topic>), Stop> {
    // First of all: from here on nobody else can add to `blocks`, so that what is read there stays the end.
    let writer = outside.writer().await?;
    let now_ms = config.clock.now_ms();
    let known = standing.as_ref().map_or(0, |standing| standing.size).max(followed.seen);
    let recovered = recover(&outside, &config.genesis, consortium, standing, followed, now_ms).await?;
    let published = recovered.published.as_ref().map_or(0, |published| published.checkpoint.size);
    let remembers = known > 0 && known >= published;
    ask_witnesses(&outside, config, status, recovered.published.as_ref(), remembers).await?;
    let topics = outside.topics().await?;
    let blocks = outside.headers(recovered.blocks_to).await?;
    let mut sealer = Sealer {
        chain: recovered.chain,
        signer: config.signer.clone(),
        genesis: config.genesis.clone(),
        outside,
        writer,
        blocks,
        last: recovered.last,
        told: None,
        published: Instant::now(),
        checkpoint: recovered.published.map(|published| published.note),
    };
    match published < sealer.chain.size() {
        true => sealer.conclude().await?,
        false => sealer.remember()?,
    }
    Ok((sealer, topics))
}

/// Nothing is signed before the witnesses are asked. A process that remembers itself what was published goes on
/// without those that do not answer; one that does not waits until so many agree as the policy wants.
async fn ask_witnesses<O: Outside>(
    outside: &O,
    config: &Config,
    status: &Status,
    published: Option<&Published>,
    remembers: bool,
) -> Result<(), Stop> {
    loop {
        let agreed = outside.ask_witnesses(published).await?.into_iter().collect();
        if remembers || config.genesis.policy.is_met(&agreed) {
            return Ok(());
        }
        status.does("waiting for witnesses");
        tracing::warn!("nothing is signed: this process does not remember the chain, and too few witnesses answer");
        sleep(Duration::from_millis(RETRY_MS)).await;
    }
}
